"""The arguments and the environment of the process that runs the suites with the options of a user."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from messages_conformance import resources
from messages_conformance.configuration import ConfigurationError, Setting
from messages_conformance.options import OPTIONS, problem
from messages_conformance.suite_process import OWN_SUITES


def arguments_of(found: Mapping[str, Setting]) -> list[str]:
    """The arguments of the process that runs the suites with these options.

    They are those of pytest where it is needed: for suites of the user, and for snapshots. Raises
    ConfigurationError for a wrong value.
    """
    values = {option.destination: found[option.name].value for option in OPTIONS if option.name in found}
    if wrong := problem(values):  # found here, it costs no process
        raise ConfigurationError(wrong)
    user_suites = found["suite"].value if "suite" in found else []
    missing = [path for path in user_suites if not os.path.exists(path)]
    if missing:
        raise ConfigurationError(f"--suite: there is no file or folder {missing[0]!r}")
    with_snapshots = "snapshots" in found or "snapshot-update" in found
    if not user_suites and not with_snapshots:
        return [OWN_SUITES, *_arguments(found)]
    suites = resources.path("suites")
    arguments = [str(suites), *user_suites]
    arguments += ["-c", str(suites / "pytest.ini"), "--rootdir", os.getcwd(), "--confcutdir", str(suites)]
    arguments += ["-p", "messages_conformance.plugin", "-p", "no:cacheprovider", "-p", "no:terminal", "-s"]
    if with_snapshots:
        arguments += ["-p", "syrupy"]
    return [*arguments, *_arguments(found)]


def _arguments(found: Mapping[str, Setting]) -> list[str]:
    """The options that are set, one argument for each value."""
    passed = []
    for option in OPTIONS:
        value = found[option.name].value if option.name in found else None
        if option.belongs_to == "command line" or option.secret or value is None or value is False:
            continue
        values = value if isinstance(value, list) else [value]
        passed += [option.flag] if value is True else [f"{option.flag}={one}" for one in values]
    return passed


def secrets_of(found: Mapping[str, Setting]) -> dict[str, str]:
    """The variables that pass secret options on: other users of the machine can read the arguments of a process."""
    return {
        option.variable: "\n".join(found[option.name].value)
        for option in OPTIONS
        if option.secret and option.name in found
    }


def environment(secrets: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
    """The environment of the subprocess: ours without other pytest plugins and pytest options of the user."""
    package = str(Path(__file__).resolve().parents[2])
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS")}
    paths = [package, *filter(None, [kept.get("PYTHONPATH")])]
    return {**kept, **secrets, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": os.pathsep.join(paths)}
