"""Checks the folder of kept shapes before a run sends anything."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from messages_conformance.input_files import InputError, decoded, read_bytes

SUFFIX: Final = "shape"

MAX_SHAPE_BYTES: Final = 1024 * 1024
"""The limit for one file (our own choice: the largest shape of a real answer has 6 kB)."""


def unreadable(folder: Path) -> str:
    """The first kept shape that cannot be read, with the reason; empty when all can be read."""
    try:
        paths = sorted(folder.glob(f"*.{SUFFIX}"))
    except OSError as error:
        return f"{folder} ({error.strerror})"
    for path in paths:
        try:
            decoded(read_bytes(path, limit_bytes=MAX_SHAPE_BYTES))
        except InputError as error:
            return f"{path} ({error})"
    return ""
