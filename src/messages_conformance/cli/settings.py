"""The options of a run as arguments of a command; `config` shows each value and its origin, but never the key."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Collection, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, Final

from messages_conformance import configuration
from messages_conformance.cli.parsing import TARGETS, Commands, Parser, wrong_usage
from messages_conformance.configuration import Configuration, ConfigurationError, Setting
from messages_conformance.options import OPTIONS, parsed_header, problem

NAMES = f"{TARGETS}, or the name of a target in messages-conformance.toml"


def add(commands: Commands) -> None:
    """Declares `config`."""
    show = commands.add_parser("config", help="show the value of each option and its origin", allow_abbrev=False)
    show.set_defaults(command=_show, parser=show)
    show.add_argument("target", metavar="TARGET", nargs="?", help=NAMES)
    add_options(show)


GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "target": (
        *("model", "profile", "api-key-env", "header", "base-path", "ca-bundle", "client-cert", "client-key"),
        *("insecure", "wait-for-target"),
    ),
    "what is judged": (
        *("depth", "only", "skip", "situation", "last-failed", "suite", "seed", "generated", "generate"),
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

OTHERS: Final = "other options"
GROUP_OF: Final = {name: title for title, names in GROUPS.items() for name in names}
METAVARS: Final = {
    **{"globs": "GLOB", "paths": "PATH", "headers": "NAME:VALUE", "path": "PATH", "name or path": "NAME"},
    **{"whole number": "N", "number": "NUMBER", "text": "TEXT"},
}
SHORT: Final = {"show-trace": ("-v",), "quiet": ("-q",)}


def open_page(folder: str) -> None:
    """Opens the page of a report in a browser. Without a browser, it says where the page is."""
    import webbrowser

    page = Path(folder, "report.html").resolve()
    if page.is_file() and not webbrowser.open(page.as_uri()):
        print(f"no browser can be opened; the page is {page}", file=sys.stderr)


def add_options(parser: Parser, names: Collection[str] | None = None) -> None:
    """Declares all options of a run except the target; with `names`, only these."""
    parser.epilog = (
        f"Every option can also be set in the environment, such as {OPTIONS[1].variable}, and in "
        f"{configuration.FILE_NAME} or pyproject.toml; `messages-conformance config` shows the values in use."
    )
    used = {option.name for option in OPTIONS if names is None or option.name in names}
    groups = {
        title: parser.add_argument_group(title) for title, members in GROUPS.items() if used.intersection(members)
    }
    for option in OPTIONS:
        if option.name != "target" and (names is None or option.name in names):
            group = groups[GROUP_OF.get(option.name, OTHERS)]
            shown: dict[str, Any] = {"metavar": METAVARS[option.kind]} if option.kind in METAVARS else {}
            group.add_argument(*SHORT.get(option.name, ()), option.flag, **option.settings, **shown)
            for alias in option.aliases:
                group.add_argument(f"--{alias}", **option.hidden_settings)
    if names is None:
        groups["limits"].add_argument(
            "-x",
            dest="max_failures",
            action="store_const",
            const=1,
            help="stop after the first failed MUST",
        )


def given(parsed: argparse.Namespace) -> dict[str, Any]:
    """The options of the command line, by name."""
    values = {option.name: getattr(parsed, option.destination, None) for option in OPTIONS}
    return {name: value for name, value in values.items() if value is not None}


def configured(parsed: argparse.Namespace) -> Configuration:
    """The file that applies to a command; raises ConfigurationError when it cannot be used."""
    return configuration.read(Path.cwd(), configuration.file_of(given(parsed), os.environ))


def effective(parsed: argparse.Namespace) -> dict[str, Setting]:
    """Every option that is set; raises ConfigurationError when a file or a variable cannot be used."""
    return configuration.settings(given(parsed), configured(parsed).checked(), os.environ)


def _show(parsed: argparse.Namespace) -> int:
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
    shown = {
        name: (_names(row.value) if name in secret else _shown(row.value), row.origin) for name, row in rows.items()
    }
    _print(shown | _key(rows["api-key-env"].value))
    return 0


def _default(destination: str, standard: Mapping[str, Any]) -> Setting:
    return Setting(value=standard.get(destination), origin="default")


def _key(variable: str) -> dict[str, tuple[str, str]]:
    state = "set, not shown" if os.environ.get(variable) else "not set"
    return {"(the key)": (state, f"environment, {variable}")}


def _print(rows: Mapping[str, tuple[str, str]]) -> None:
    widths = [
        max(map(len, column)) for column in zip(*((name, value) for name, (value, _) in rows.items()), strict=True)
    ]
    for name, (value, origin) in rows.items():
        print(f"{name:<{widths[0]}}  {value:<{widths[1]}}  {origin}")


def _names(headers: Any) -> str:
    """The names of headers; their values are secret."""
    return ", ".join(f"{parsed_header(text)[0]}: (not shown)" for text in headers or ()) or "-"


def _shown(value: Any) -> str:
    if value is None or value is False or value == ():
        return "-"
    if isinstance(value, list | tuple):
        return " ".join(map(str, value))
    # The part before an @ may contain a password.
    return "yes" if value is True else re.sub(r"//[^/@]*@", "//", str(value))
