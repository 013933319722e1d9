"""The options of a run as arguments of a command; `config` shows each value and its origin, but never the key."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Collection, Mapping
from dataclasses import MISSING, fields, replace
from pathlib import Path
from typing import Any, Final

import click

from messages_conformance import configuration
from messages_conformance.cli.commands import OTHERS, Command
from messages_conformance.cli.completion_words import profiles, requirements, targets
from messages_conformance.cli.parameters import (
    FILE,
    NUMBER,
    WHOLE_NUMBER,
    ArgumentOfCommand,
    Parsed,
    Words,
    argument,
    flag,
)
from messages_conformance.cli.parameters import option as click_option
from messages_conformance.cli.parsing import TARGETS, remember_keys, wrong_usage
from messages_conformance.configuration import Configuration, ConfigurationError, Setting
from messages_conformance.options import OPTIONS, SEVERAL, Option, parsed_header, problem

NAMES: Final = f"{TARGETS}, or the name of a target in messages-conformance.toml"

SOURCES: Final = (
    f"Every option can also be set in the environment, such as {OPTIONS[1].variable}, and in "
    f"{configuration.FILE_NAME} or pyproject.toml; `messages-conformance config` shows the values in use."
)
"""What the help of commands with options of a run says at its end."""


def commands() -> tuple[Command, ...]:
    """Declares `config`."""
    return (Command("config", _show, [target_argument(), *run_options()], text=SOURCES),)


def target_argument(sentence: str = NAMES) -> ArgumentOfCommand:
    """The target of a command. The command says what is missing without it."""
    return argument("target", metavar="TARGET", required=False, words=targets, help=sentence)


GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "target": (
        *("model", "profile", "api-key-env", "header", "base-path", "ca-bundle", "client-cert", "client-key"),
        *("insecure", "wait-for-target"),
    ),
    "what is judged": (
        *(
            "depth",
            "only",
            "skip",
            "situation",
            "include",
            "vendors",
            "last-failed",
            "suite",
            "seed",
            "generated",
            "generate",
        ),
        *("max-shrink-requests", "snapshots", "snapshot-update"),
    ),
    "verdict": ("fail-on", "waivers", "baseline", "edition"),
    "limits": (
        *("concurrency", "rate", "timeout", "minutes", "max-requests", "max-output-tokens", "max-cost", "max-failures"),
        *("price-in", "price-out"),
    ),
    "output": ("report", "output", "quiet", "events", "open", "show-trace"),
    "other options": ("config",),
}
"""The options of a run in the groups of `--help`."""

PROFILE: Final = "tokmodel"
"""The profile that the help of the options names; some commands have another default."""

GROUP_OF: Final = {name: title for title, names in GROUPS.items() for name in names}
METAVARS: Final = {
    **{"globs": "GLOB", "paths": "PATH", "headers": "NAME:VALUE", "path": "PATH", "name or path": "NAME"},
    **{"whole number": "N", "number": "NUMBER", "text": "TEXT"},
}
KINDS: Final[Mapping[str, click.ParamType[Any]]] = {
    "whole number": WHOLE_NUMBER,
    "number": NUMBER,
    "path": FILE,
    "paths": FILE,
}
COMPLETED: Final[Mapping[str, Words]] = {"profile": profiles, "only": requirements, "skip": requirements}
FIRST_FAILURE: Final = "stop_at_first_failure"
SHORT: Final = {"show-trace": ("-v",), "quiet": ("-q",)}


def open_page(folder: str) -> None:
    """Opens the page of a report in a browser. Without a browser, it says where the page is."""
    import webbrowser

    page = Path(folder, "report.html").resolve()
    if page.is_file() and not webbrowser.open(page.as_uri()):
        print(f"no browser can be opened; the page is {page}", file=sys.stderr)


def run_options(names: Collection[str] | None = None, *, profile: str = "") -> list[click.Parameter]:
    """All options of a run except the target; with `names`, only these. `profile` is the default, where it differs."""
    used = [each for each in OPTIONS if each.name != "target" and (names is None or each.name in names)]
    if profile:
        used = [
            replace(each, help=each.help.replace(PROFILE, profile)) if each.name == "profile" else each for each in used
        ]
    rank = {name: number for number, name in enumerate(GROUP_OF)}
    params: list[click.Parameter] = []
    for each in sorted(used, key=lambda one: rank.get(one.name, len(rank))):
        group = GROUP_OF.get(each.name, OTHERS)
        params += _parameters(each, group)
        if each.name == "max-failures" and names is None:
            params.append(flag("-x", field=FIRST_FAILURE, group=group, help="stop after the first failed MUST"))
    return params


def _parameters(option: Option, group: str) -> list[click.Parameter]:
    """The parameter of an option, and hidden ones for its older names."""
    field = option.destination
    if option.kind == "flag":
        return [flag(*SHORT.get(option.name, ()), option.flag, field=field, help=option.help, group=group)]
    values: dict[str, Any] = {
        "kind": KINDS.get(option.kind),
        "metavar": METAVARS[option.kind],
        "multiple": option.kind in SEVERAL,
        "words": _words(option),
    }
    shown = click_option(option.flag, field=field, help=option.help, group=group, **values)
    aliases = [click_option(f"--{alias}", field=field, help="", hidden=True, **values) for alias in option.aliases]
    return [shown, *aliases]


def _words(option: Option) -> Words | None:
    """What completes the value of an option, besides files."""
    if option.choices:
        return lambda incomplete: option.choices
    return COMPLETED.get(option.name)


def given(parsed: Parsed) -> dict[str, Any]:
    """The options of the command line, by name."""
    values = {option.name: getattr(parsed, option.destination, None) for option in OPTIONS}
    if values["max-failures"] is None and getattr(parsed, FIRST_FAILURE, False):
        values["max-failures"] = 1
    return {name: value for name, value in values.items() if value is not None and value is not False and value != []}


def configured(parsed: Parsed) -> Configuration:
    """The file that applies to a command; raises ConfigurationError when it cannot be used."""
    return configuration.read(Path.cwd(), configuration.file_of(given(parsed), os.environ))


def effective(parsed: Parsed) -> dict[str, Setting]:
    """Every option that is set; raises ConfigurationError when a file or a variable cannot be used."""
    found = configuration.settings(given(parsed), configured(parsed).checked(), os.environ)
    if variable := found.get("api-key-env"):
        remember_keys(variable.value)
    return found


def _show(parsed: Parsed) -> int:
    from messages_conformance.run import Options, UsageError, checked_profile

    try:
        file, found = configured(parsed), effective(parsed)
        standard = {field.name: field.default for field in fields(Options) if field.default is not MISSING}
        values = {option.destination: found[option.name].value for option in OPTIONS if option.name in found}
        if wrong := problem(values):
            raise UsageError(wrong)
        profile = checked_profile(str(found["profile"].value if "profile" in found else standard["profile"]))
    except (ConfigurationError, UsageError) as error:
        return wrong_usage(error)
    unset = Setting(value=None, origin="default")
    rows = {option.name: found.get(option.name) or _default(option.destination, standard) for option in OPTIONS}
    if rows["model"] == unset and profile.default_model is not None:
        rows["model"] = Setting(value=profile.default_model, origin=f"profile {profile.name}")
    if rows["config"] == unset and file.path is not None:
        rows["config"] = Setting(value=str(file.path), origin="the nearest file")
    secret = {option.name for option in OPTIONS if option.secret}
    key = _key(rows["api-key-env"].value)
    if rows["output"].value == "json":
        from messages_conformance.ci_commands import disarmed
        from messages_conformance.masking import masked

        shown = json.dumps({name: _plain(row, name in secret) for name, row in (rows | key).items()}, indent=1)
        print(disarmed(masked(shown)))
        return 0
    _print({name: (_shown(row.value, name in secret), row.origin) for name, row in (rows | key).items()})
    return 0


def _default(destination: str, standard: Mapping[str, Any]) -> Setting:
    return Setting(value=standard.get(destination), origin="default")


def _key(variable: str) -> dict[str, Setting]:
    state = "set, not shown" if os.environ.get(variable) else "not set"
    return {"(the key)": Setting(value=state, origin=f"environment, {variable}")}


def _print(rows: Mapping[str, tuple[str, str]]) -> None:
    from messages_conformance.masking import masked
    from messages_conformance.report.text import visible

    widths = [
        max(map(len, column)) for column in zip(*((name, value) for name, (value, _) in rows.items()), strict=True)
    ]
    for name, (value, origin) in rows.items():
        print(visible(masked(f"{name:<{widths[0]}}  {value:<{widths[1]}}  {origin}")))


def _plain(row: Setting, secret: bool) -> dict[str, Any]:
    """A value and its origin, as JSON has them."""
    value = [parsed_header(text)[0] for text in row.value or ()] if secret else row.value
    return {"value": _without_password(value) if isinstance(value, str) else value, "origin": row.origin}


def _shown(value: Any, secret: bool) -> str:
    if value is None or value is False or value == ():
        return "-"
    if secret:
        return ", ".join(f"{parsed_header(text)[0]}: (not shown)" for text in value)
    if isinstance(value, list | tuple):
        return " ".join(map(str, value))
    return "yes" if value is True else _without_password(str(value))


def _without_password(text: str) -> str:
    """The text of a target without the part before an @, which may contain a password."""
    return re.sub(r"//[^/@]*@", "//", text)
