"""Shapes as syrupy snapshots: one readable file for each situation, in the folder that the user names.

syrupy keeps snapshots beside the test file, which for an installed package is a folder that nobody may write to.
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
        return str(Path(test_location.item.config.getoption(FOLDER_OPTION)).absolute())

    @classmethod
    def matches_test_location(cls, *, test_location: PyTestLocation, snapshot_location: str) -> bool:
        """Every file of the folder is named by its situation, whichever test asked for it."""
        return True

    @classmethod
    def get_snapshot_name(cls, *, test_location: PyTestLocation, index: Any = 0) -> str:
        return cls._sanitize_filename(str(index).replace(":", "-"))


def kept(snapshot: SnapshotAssertion, situation: str, text: str) -> tuple[Drift, ...]:
    """Compares a shape with the one that is kept, and keeps it where the run was told to; what differs otherwise.

    Raises OSError when the file cannot be read or written any longer: `unreadable` has looked at it before the run.
    """
    compared = snapshot.use_extension(ShapeExtension)
    if compared(name=situation) == text:
        return ()
    result = list(compared.executions.values())[-1]
    if result.exception is not None:
        raise result.exception
    before = result.recalled_data
    return drifts(situation, before if isinstance(before, str) else None, text)
