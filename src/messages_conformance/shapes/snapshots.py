"""Shapes as syrupy snapshots: one readable file for each situation, in the folder of the option --snapshots.

By default syrupy writes snapshots next to the test file, but the folder of an installed package is not writable.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode
from syrupy.location import PyTestLocation

from messages_conformance.shapes.drift import Drift, drifts
from messages_conformance.shapes.folder import SUFFIX

FOLDER_OPTION: Final = "snapshots"


class ShapeExtension(SingleFileSnapshotExtension):
    """Writes and reads `SITUATION.shape` in the folder of `--snapshots`."""

    _write_mode = WriteMode.TEXT
    file_extension = SUFFIX

    @classmethod
    def dirname(cls, *, test_location: PyTestLocation) -> str:
        """The folder of all snapshots."""
        return str(Path(test_location.item.config.getoption(FOLDER_OPTION)).absolute())

    @classmethod
    def matches_test_location(cls, *, test_location: PyTestLocation, snapshot_location: str) -> bool:
        """True: a file is named after its situation, not after its test."""
        return True

    @classmethod
    def get_snapshot_name(cls, *, test_location: PyTestLocation, index: Any = 0) -> str:
        """The name of the file, which is the situation."""
        return cls._sanitize_filename(str(index).replace(":", "-"))


def drifts_from_snapshot(snapshot: SnapshotAssertion, situation: str, text: str) -> tuple[Drift, ...]:
    """Compares a shape with the kept one and returns the differences; with --snapshot-update, keeps the new shape.

    Raises OSError when the file cannot be read or written; `unreadable` checks the files before the run.
    """
    compared = snapshot.use_extension(ShapeExtension)
    if compared(name=situation) == text:
        return ()
    result = list(compared.executions.values())[-1]
    if result.exception is not None:
        raise result.exception
    before = result.recalled_data
    return drifts(situation, before if isinstance(before, str) else None, text)
