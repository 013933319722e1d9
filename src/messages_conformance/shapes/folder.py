"""Checks the folder of kept shapes before a run sends anything."""

from __future__ import annotations

from pathlib import Path

SUFFIX = "shape"


def unreadable(folder: Path) -> str:
    """The first kept shape that cannot be read, with the reason; empty when all can be read."""
    for path in sorted(folder.glob(f"*.{SUFFIX}")):
        try:
            path.read_text("utf-8")
        except (OSError, UnicodeError) as error:
            return f"{path} ({error})"
    return ""
