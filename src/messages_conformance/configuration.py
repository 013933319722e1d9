"""Where each option of a run comes from: the command line, the environment, a file, and then the profile and defaults.

The file is messages-conformance.toml, or the table [tool.messages-conformance] of a pyproject.toml, in this folder or
the nearest one above it, no further up than a repository's root. Its keys are the options' names; [targets.NAME] holds
the options of one target, which come before those that stand for all.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from messages_conformance.options import ENVIRONMENT_PREFIX, OPTIONS, SEVERAL, Option

FILE_NAME: Final = "messages-conformance.toml"
PROJECT_FILE: Final = "pyproject.toml"
TABLE: Final = "messages-conformance"
TARGETS: Final = "targets"
ROOT_MARK: Final = ".git"

COMMAND_LINE: Final = "command line"
ENVIRONMENT: Final = "environment"

YES: Final = frozenset({"1", "true", "yes", "on"})
NO: Final = frozenset({"0", "false", "no", "off"})

_BY_NAME: Final = {option.name: option for option in OPTIONS}
_OF_FILES: Final = tuple(name for name in _BY_NAME if name != "config")
"""A file does not name another one."""


class ConfigurationError(Exception):
    """A file or a variable cannot be used; the message names it, the cure, and what would have been valid."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """The value of one option, and where it came from."""

    value: Any
    origin: str


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """What a file says: `common` for all targets, and `targets` by name. Without a file `path` is None."""

    path: Path | None = None
    common: Mapping[str, Any] = field(default_factory=dict)
    targets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def named(self, target: str | None) -> Mapping[str, Any]:
        """The options of the target of that name; nothing for what is no name but a target itself."""
        if target is None or target in self.targets:
            return self.targets.get(target or "", {})
        if self.targets and not set(target) & set(":/.\\"):
            raise ConfigurationError(
                f"no target is named {target!r} in {_shown(self.path)}{_near(target, self.targets)}; "
                f"it has {', '.join(self.targets)}"
            )
        return {}


def settings(
    given: Mapping[str, Any], configuration: Configuration, environment: Mapping[str, str]
) -> dict[str, Setting]:
    """The options that somebody set, by name. `given` are those of the command line, by name.

    A target that is given by its name in the file becomes the target that it names, with the options that stand there.
    """
    variables = _of_environment(environment)
    asked_for = given.get("target", variables.get("target", configuration.common.get("target")))
    table = configuration.named(asked_for)
    place = _shown(configuration.path)
    found: dict[str, Setting] = {}
    for name in _BY_NAME:
        if name in given and not (name == "target" and table):
            found[name] = Setting(value=given[name], origin=COMMAND_LINE)
        elif name in variables and not (name == "target" and table):
            found[name] = Setting(value=variables[name], origin=f"{ENVIRONMENT}, {_BY_NAME[name].variable}")
        elif name in table:
            found[name] = Setting(value=table[name], origin=f"{place}, [{TARGETS}.{asked_for}]")
        elif name in configuration.common:
            found[name] = Setting(value=configuration.common[name], origin=place)
    return found


# -- the environment ------------------------------------------------------------------------------------------------


def _of_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """The options that variables set; an empty variable sets nothing."""
    known = {option.variable: option for option in OPTIONS}
    key_variable = environment.get(_BY_NAME["api-key-env"].variable)
    for name in environment:
        near = get_close_matches(name, known, n=1, cutoff=0.9)
        if name.startswith(ENVIRONMENT_PREFIX) and name not in known and near and name != key_variable:
            raise ConfigurationError(f"the environment variable {name} is no option; did you mean {near[0]}?")
    return {
        option.name: _parsed(environment[variable], option)
        for variable, option in known.items()
        if environment.get(variable, "").strip()
    }


def _parsed(text: str, option: Option) -> Any:
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
            case "globs" | "paths":
                return [part for part in text.replace(",", " ").split() if part]
    except ValueError:
        raise ConfigurationError(f"{option.variable} is {text!r}; it is {_wanted(option)}") from None
    return text


# -- files ----------------------------------------------------------------------------------------------------------


def file_of(given: Mapping[str, Any], environment: Mapping[str, str]) -> str | None:
    """The file that is named, if one is."""
    named: str | None = given.get("config") or environment.get(_BY_NAME["config"].variable) or None
    return named


def read(start: Path, named: str | None = None) -> Configuration:
    """What the file called `named` says, or the one that is found from the folder `start` upwards."""
    if named is not None:
        path = Path(named)
        return _configuration(path, _table(path, _document(path)))
    for folder in (start, *start.parents):
        own, project = folder / FILE_NAME, folder / PROJECT_FILE
        if own.is_file():
            return _configuration(own, _document(own))
        table = _project_table(project) if project.is_file() else None
        if table is not None:
            return _configuration(project, table)
        if (folder / ROOT_MARK).exists():
            break
    return Configuration()


def _table(path: Path, document: Mapping[str, Any]) -> Mapping[str, Any]:
    return _in_project(document) or {} if path.name == PROJECT_FILE else document


def _project_table(path: Path) -> Mapping[str, Any] | None:
    """Our table of somebody's project file. What else is wrong with the file is not ours to say."""
    try:
        return _in_project(_document(path))
    except ConfigurationError:
        if f"tool.{TABLE}" in path.read_text("utf-8", "replace"):
            raise
        return None


def _in_project(document: Mapping[str, Any]) -> Mapping[str, Any] | None:
    tools = document.get("tool")
    table = tools.get(TABLE) if isinstance(tools, dict) else None
    return table if isinstance(table, dict) else None


def _document(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8"))
    except OSError as error:
        raise ConfigurationError(
            f"{_shown(path)} cannot be read: {error.strerror}; name another file with --config"
        ) from error
    except ValueError as error:  # no TOML, or no UTF-8
        raise ConfigurationError(f"{_shown(path)} is not TOML: {error}") from error


def _configuration(path: Path, table: Mapping[str, Any]) -> Configuration:
    place = _shown(path)
    targets = table.get(TARGETS, {})
    if not isinstance(targets, dict) or not all(isinstance(each, dict) for each in targets.values()):
        raise ConfigurationError(f"{place}: targets are tables, such as [{TARGETS}.staging]")
    common = {key: value for key, value in table.items() if key != TARGETS}
    return Configuration(
        path=path,
        common=_checked(common, place, path.parent, more=(TARGETS,)),
        targets={
            name: _checked_target(name, each, f"{place}, [{TARGETS}.{name}]", path.parent)
            for name, each in targets.items()
        },
    )


def _checked_target(name: str, table: Mapping[str, Any], place: str, folder: Path) -> Mapping[str, Any]:
    if set(name) & set(":/.\\") or not name.strip():
        raise ConfigurationError(f"{place}: a target's name is a word without {', '.join(':/.')} and backslashes")
    checked = _checked(table, place, folder)
    if "target" not in checked:
        raise ConfigurationError(f'{place} has no target; add one, such as target = "https://staging.example.com"')
    return checked


def _checked(table: Mapping[str, Any], place: str, folder: Path, *, more: Iterable[str] = ()) -> dict[str, Any]:
    """The options of a table by name, each with a value of its kind."""
    checked = {}
    for key, value in table.items():
        name = key.replace("_", "-")
        if name not in _OF_FILES:
            valid = (*_OF_FILES, *more)
            raise ConfigurationError(f"{place}: unknown key {key!r}{_near(name, valid)}; valid: {', '.join(valid)}")
        option = _BY_NAME[name]
        several = [value] if option.kind in SEVERAL and isinstance(value, str) else value
        if not _fits(several, option):
            # Never the value: somebody may have put a key there.
            raise ConfigurationError(f"{place}: {key} is {_kind(value)}; it is {_wanted(option)}")
        checked[name] = _placed(several, option, folder)
    return checked


def _fits(value: Any, option: Option) -> bool:
    match option.kind:
        case "whole number":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        case "flag":
            return isinstance(value, bool)
        case "globs" | "paths":
            return isinstance(value, list) and all(isinstance(each, str) for each in value)
    return isinstance(value, str)


def _placed(value: Any, option: Option, folder: Path) -> Any:
    """The value, with paths meant from the folder of the file that has them."""
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


def _wanted(option: Option) -> str:
    match option.kind:
        case "whole number" | "number":
            return f"a {option.kind}"
        case "flag":
            return "true or false"
        case "globs" | "paths":
            return f"a list of {option.kind}"
    return "text"


def _near(word: str, valid: Iterable[str]) -> str:
    near = get_close_matches(word, list(valid), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _shown(path: Path | None) -> str:
    """A path as its reader knows it: from here, where it lies below."""
    if path is None:
        return "no file"
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
