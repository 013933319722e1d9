"""The rows of the table of options as arguments of pytest's addoption, and their values as the options of a run."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from messages_conformance.options import OPTIONS, Option

if TYPE_CHECKING:
    from messages_conformance.run import Options


def settings(option: Option) -> dict[str, Any]:
    """The arguments of addoption for an option; one that is not given is None."""
    common: dict[str, Any] = {"help": option.help, "dest": option.destination, "default": None}
    match option.kind:
        case "flag":
            return {**common, "action": "store_true"}
        case "globs" | "paths" | "headers":
            return {**common, "action": "append"}
        case "whole number":
            return {**common, "type": int}
        case "number":
            return {**common, "type": float}
    return common


def hidden_settings(option: Option) -> dict[str, Any]:
    """The same for an alias, which `--help` does not show. pytest's parser is argparse, which has this value for it."""
    return {**settings(option), "help": argparse.SUPPRESS}


def run_options(values: Mapping[str, Any]) -> Options:
    """The options of a run: from the command line by name (None: not given), the environment and the nearest file.

    Raises ConfigurationError.
    """
    from messages_conformance import configuration
    from messages_conformance.run import Options

    given = {name: value for name, value in values.items() if value is not None}
    file = configuration.read(Path.cwd(), configuration.file_of(given, os.environ))
    found = configuration.settings(given, file, os.environ)
    fields: dict[str, Any] = {"target": None}
    for option in OPTIONS:
        if option.name in found and option.belongs_to != "command line":
            value = found[option.name].value
            fields[option.destination] = tuple(value) if isinstance(value, list) else value
    fields.pop("config", None)
    return Options(**fields)
