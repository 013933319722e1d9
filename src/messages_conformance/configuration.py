"""Finds the value of each option: on the command line, in the environment, in a file, else in the profile or defaults.

The file is messages-conformance.toml, or the table [tool.messages-conformance] of a pyproject.toml. It is searched in
the current folder and the folders above it, up to the root of the repository. Its keys are the names of the options.
[targets.NAME] has the options of one target; they override those for all targets.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final

from msgspec import Meta

from messages_conformance import axes
from messages_conformance.axes import Axes, AxesError
from messages_conformance.input_files import (
    MAX_WRITTEN_BYTES,
    SHOWN_CHARACTERS,
    InputError,
    parsed_toml,
    read_bytes,
    shown,
    typed,
)
from messages_conformance.options import ENVIRONMENT_PREFIX, OPTIONS, SEVERAL, Option, variable

FILE_NAME: Final = "messages-conformance.toml"
PROJECT_FILE: Final = "pyproject.toml"
TABLE: Final = "messages-conformance"
TARGETS: Final = "targets"
MAP: Final = "map"
"""The table with the paths of fields in JSON lines, for `check`."""

ROOT_MARKER: Final = ".git"
"""The search for a file ends at a folder that contains this."""

COMMAND_LINE: Final = "command line"
ENVIRONMENT: Final = "environment"

YES: Final = frozenset({"1", "true", "yes", "on"})
NO: Final = frozenset({"0", "false", "no", "off"})

_BY_NAME: Final = {option.name: option for option in OPTIONS}
_IN_FILES: Final = {name: option for option in OPTIONS for name in option.names if option.name != "config"}
"""The options of a file by name and alias. A file cannot name another file."""

_VALID_KEYS: Final = tuple(option.name for option in OPTIONS if option.name != "config")


class ConfigurationError(Exception):
    """A file or a variable cannot be used; the message names it, the cure, and the valid values."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """The value of one option and its origin."""

    value: Any
    origin: str


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """The options of a file: `common` for all targets, and `targets` by name. Without a file, `path` is None.

    `map` has the paths of fields in JSON lines, by field. `problems` say, by name, why targets of the file cannot be
    used. `axes` has the targets of which `run --all` makes several runs.
    """

    path: Path | None = None
    common: Mapping[str, Any] = field(default_factory=dict)
    targets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    map: Mapping[str, str] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    axes: Mapping[str, Axes] = field(default_factory=dict)

    def checked(self) -> Configuration:
        """The same; raises ConfigurationError when one of its targets cannot be used."""
        if self.problems:
            raise ConfigurationError(next(iter(self.problems.values())))
        return self

    def options_of(self, target: str | None) -> Mapping[str, Any]:
        """The options of the target with that name; empty when `target` is an address instead of a name.

        Raises ConfigurationError for a name that the file does not have.
        """
        if target is None or target in self.targets:
            return self.targets.get(target or "", {})
        if self.path is None and _is_name(target):
            raise ConfigurationError(
                f"{shown(target)} is no URL, and no configuration file has a target with this name. Write a URL, such "
                f"as https://staging.example.com or http://127.0.0.1:8000, or add [{TARGETS}.{target}] to "
                f"{FILE_NAME} in this folder or a folder above it"
            )
        if self.targets and not set(target) & set(":/.\\"):
            raise ConfigurationError(
                f"no target is named {shown(target)} in {_shown(self.path)}{_near(target, self.targets)}; "
                f"it has {', '.join(self.targets)}"
            )
        return {}


def _is_name(target: str) -> bool:
    """Whether a target can only be the name of one in a file. Words with _ are faults, which `run` explains."""
    return re.fullmatch(r"[A-Za-z0-9-]+", target) is not None and target != "localhost" and not target.isdigit()


def settings(
    given: Mapping[str, Any], configuration: Configuration, environment: Mapping[str, str]
) -> dict[str, Setting]:
    """The options that are set, by name. `given` are those of the command line, by name.

    The target can be a name in the file; then the options of that table apply. Raises ConfigurationError.
    """
    variables = _from_environment(environment)
    by_variable = variables["target"].value if "target" in variables else None
    named = given.get("target", by_variable or configuration.common.get("target"))
    table = configuration.options_of(named)
    place = _shown(configuration.path)
    found: dict[str, Setting] = {}
    for name in _BY_NAME:
        if name in given and not (name == "target" and table):
            found[name] = Setting(value=given[name], origin=COMMAND_LINE)
        elif name in variables and not (name == "target" and table):
            found[name] = variables[name]
        elif name in table:
            found[name] = Setting(value=table[name], origin=f"{place}, [{TARGETS}.{named}]")
        elif name in configuration.common:
            found[name] = Setting(value=configuration.common[name], origin=place)
    return found


# -- the environment ------------------------------------------------------------------------------------------------


def _from_environment(environment: Mapping[str, str]) -> dict[str, Setting]:
    """The options that environment variables set; an empty variable sets nothing."""
    known = {variable(name): option for option in OPTIONS for name in reversed(option.names)}
    key_variable = environment.get(_BY_NAME["api-key-env"].variable)
    for name in environment:
        near = get_close_matches(name, known, n=1, cutoff=0.9)
        if name.startswith(ENVIRONMENT_PREFIX) and name not in known and near and name != key_variable:
            raise ConfigurationError(f"the environment variable {name} is not an option; did you mean {near[0]}?")
    # The documented name of an option comes after its aliases and so overrides them.
    return {
        option.name: Setting(value=_parsed(environment[name], name, option), origin=f"{ENVIRONMENT}, {name}")
        for name, option in known.items()
        if environment.get(name, "").strip()
    }


def _parsed(text: str, name: str, option: Option) -> Any:
    """The value of the environment variable `name`; raises ConfigurationError for a value of another kind."""
    try:
        match option.kind:
            case "whole number":
                return int(text)
            case "number":
                return float(text)
            case "flag" if text.lower() in YES | NO:
                return text.lower() in YES
            case "flag":
                raise ValueError
            case "headers":
                return [line.strip() for line in text.splitlines() if line.strip()]
            case "globs" | "paths":
                return [part for part in text.replace(",", " ").split() if part]
    except ValueError:
        raise ConfigurationError(f"{name} is {shown(text)}; it is {_expected(option)}") from None
    return text


# -- files ----------------------------------------------------------------------------------------------------------


def file_of(given: Mapping[str, Any], environment: Mapping[str, str]) -> str | None:
    """The file that the command line or the environment names; None without one."""
    named: str | None = given.get("config") or environment.get(_BY_NAME["config"].variable) or None
    return named


def read(start: Path, named: str | None = None) -> Configuration:
    """Reads the file `named`, or the nearest file in `start` and the folders above it; raises ConfigurationError."""
    if named is not None:
        path = Path(named)
        return _configuration(path, _table(path, _document(path)))
    for folder in (start, *start.parents):
        own, project = folder / FILE_NAME, folder / PROJECT_FILE
        if _exists(own):
            return _configuration(own, _document(own))
        table = _project_table(project) if _exists(project) else None
        if table is not None:
            return _configuration(project, table)
        if _exists(folder / ROOT_MARKER):
            break
    return Configuration()


def _exists(path: Path) -> bool:
    """Whether there is such a file or folder. In a folder that may not be searched, there is none."""
    try:
        return path.exists()
    except OSError:
        return False


def _table(path: Path, document: Mapping[str, Any]) -> Mapping[str, Any]:
    return _in_project(document) or {} if path.name == PROJECT_FILE else document


def _project_table(path: Path) -> Mapping[str, Any] | None:
    """Our table of a pyproject.toml; None when it has none. Other mistakes in that file are ignored."""
    try:
        return _in_project(_document(path))
    except ConfigurationError:
        if _names_our_table(path):
            raise
        return None


def _names_our_table(path: Path) -> bool:
    try:
        return f"tool.{TABLE}".encode() in read_bytes(path, limit_bytes=MAX_WRITTEN_BYTES)
    except InputError:
        return False


def _in_project(document: Mapping[str, Any]) -> Mapping[str, Any] | None:
    tools = document.get("tool")
    table = tools.get(TABLE) if isinstance(tools, dict) else None
    return table if isinstance(table, dict) else None


def _document(path: Path) -> dict[str, Any]:
    try:
        data = read_bytes(path, limit_bytes=MAX_WRITTEN_BYTES)
    except InputError as error:
        raise ConfigurationError(f"{_shown(path)} cannot be read: {error}; name another file with --config") from error
    try:
        return parsed_toml(data)
    except InputError as error:
        raise ConfigurationError(f"{_shown(path)} cannot be used: {error}") from error


def _configuration(path: Path, table: Mapping[str, Any]) -> Configuration:
    place = _shown(path)
    targets = table.get(TARGETS, {})
    if not isinstance(targets, dict) or not all(isinstance(each, dict) for each in targets.values()):
        raise ConfigurationError(f"{place}: targets are tables, such as [{TARGETS}.staging]")
    paths = table.get(MAP, {})
    if not isinstance(paths, dict) or not all(isinstance(each, str) for each in paths.values()):
        raise ConfigurationError(f"{place}, [{MAP}]: each field has a path, such as request = '$.req.body'")
    common = {key: value for key, value in table.items() if key not in (TARGETS, MAP)}
    usable: dict[str, Mapping[str, Any]] = {}
    problems: dict[str, str] = {}
    varying: dict[str, Axes] = {}
    for name, each in targets.items():
        own = f"{place}, [{TARGETS}.{name}]"
        try:
            options, found = axes.separated(each)
            usable[name] = _checked_target(name, options, own, path.parent)
            if found is not None:
                varying[name] = _with_paths(found, path.parent)
        except AxesError as error:
            problems[name] = f"{own}: {error}"
        except ConfigurationError as error:
            problems[name] = str(error)
    return Configuration(
        path=path,
        common=_checked(common, place, path.parent, more=(TARGETS, MAP)),
        map=paths,
        targets=usable,
        problems=problems,
        axes=varying,
    )


def _with_paths(found: Axes, folder: Path) -> Axes:
    """The axes, with the paths of profiles resolved from the folder of the file."""
    option = _BY_NAME[axes.OF[axes.PROFILES]]
    return replace(found, profiles=tuple(_placed(each, option, folder) for each in found.profiles))


def _checked_target(name: str, table: Mapping[str, Any], place: str, folder: Path) -> Mapping[str, Any]:
    if set(name) & set(":/.\\") or not name.strip():
        raise ConfigurationError(f"{place}: a target's name is a word without {', '.join(':/.')} and backslashes")
    checked = _checked(table, place, folder, more=axes.KEYS)
    if "target" not in checked:
        raise ConfigurationError(f'{place} has no target; add one, such as target = "https://staging.example.com"')
    return checked


def _checked(table: Mapping[str, Any], place: str, folder: Path, *, more: Iterable[str] = ()) -> dict[str, Any]:
    """The options of a table by name; raises ConfigurationError for an unknown key or a value of another kind."""
    checked = {}
    for key, value in table.items():
        name = key.replace("_", "-")
        if name not in _IN_FILES:
            valid = (*_VALID_KEYS, *more)
            raise ConfigurationError(
                f"{place}: unknown key {shown(key)}{_near(name, valid)}; valid: {', '.join(valid)}"
            )
        option = _IN_FILES[name]
        if option.name in checked:
            raise ConfigurationError(f"{place}: {key} sets --{option.name} a second time; keep one of them")
        several = [value] if option.kind in SEVERAL and isinstance(value, str) else value
        if not _fits(several, option):
            # The message does not show the value: it could be a key.
            raise ConfigurationError(f"{place}: {key} is {_kind(value)}; it is {_expected(option)}")
        if not _is_text(several):
            raise ConfigurationError(f"{place}: {key} has a null character; remove it")
        checked[option.name] = _placed(several, option, folder)
    return checked


_TYPES: Final[Mapping[str, Any]] = {
    "whole number": int,
    "number": Annotated[float, Meta(ge=-sys.float_info.max, le=sys.float_info.max)],
    "flag": bool,
    "globs": list[str],
    "paths": list[str],
    "headers": list[str],
}
"""The type of each kind of option in a file; text for every other kind."""


def _fits(value: Any, option: Option) -> bool:
    try:
        typed(value, _TYPES.get(option.kind, str))
    except InputError:
        return False
    return True


def _is_text(value: Any) -> bool:
    """Whether a text or each text of a list can be an argument of a command: a null character cannot."""
    texts = value if isinstance(value, list) else [value]
    return not any(isinstance(text, str) and "\0" in text for text in texts)


def _placed(value: Any, option: Option, folder: Path) -> Any:
    """The value, with paths resolved from the folder of the file."""
    if option.kind == "paths":
        return [str(folder / each) for each in value]
    is_path = option.kind == "path" or (option.kind == "name or path" and value.endswith(".toml"))
    if is_path and value:
        return str(folder / value)
    scheme, colon, rest = value.partition(":") if option.name == "target" else ("", "", "")
    return f"{scheme}:{folder / rest}" if colon and scheme == "replay" and rest else value


_KINDS: Final = ((bool, "true or false"), (str, "text"), (int | float, "a number"), (list, "a list"), (dict, "a table"))


def _kind(value: Any) -> str:
    return next((name for kind, name in _KINDS if isinstance(value, kind)), "a date or time")


def _expected(option: Option) -> str:
    match option.kind:
        case "whole number" | "number":
            return f"a {option.kind}"
        case "flag":
            return "true or false"
        case "globs" | "paths" | "headers":
            return f"a list of {option.kind}"
    return "text"


def _near(word: str, valid: Iterable[str]) -> str:
    near = get_close_matches(word[:SHOWN_CHARACTERS], list(valid), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _shown(path: Path | None) -> str:
    """A path for messages: relative when it is below the current folder."""
    if path is None:
        return "no file"
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except (ValueError, OSError, RuntimeError):  # elsewhere, or a loop of links
        return str(path)
