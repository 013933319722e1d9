"""The rows of the table of options as arguments of pytest's addoption."""

from __future__ import annotations

import argparse
from typing import Any

from messages_conformance.options import Option


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
