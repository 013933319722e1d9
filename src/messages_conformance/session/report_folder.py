"""The folder of a report: claimed by one session, emptied at its start, kept current while it runs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

from messages_conformance import report
from messages_conformance.exchange import Exchange
from messages_conformance.report.recording import FILE_NAME as RECORDING
from messages_conformance.report.recording import digest
from messages_conformance.session.selection import UsageError

MAX_RECORDING_BYTES: Final = 512 * 1024 * 1024
"""Where a recording ends: a thousand times that of a standard run (origin: our own)."""

REPORT_FILES: Final = ("report.json", "junit.xml", "matrix.json", "report.html", RECORDING)


class ReportFolder:
    """Writes the report of one session. `problem` is the first write error; empty while there is none.

    Made with `opened`. A session without a report has no ReportFolder.
    """

    def __init__(self, path: Path, release: Callable[[], None]) -> None:
        self.path = path
        self.problem = ""
        self._release = release
        self._records = True
        self.recorded_bytes = 0
        self.last_recorded: int | None = None
        """The number of the last exchange in a recording that is full; None while there is room."""

    @classmethod
    def opened(cls, name: str) -> ReportFolder:
        """Makes the folder, proves that it is writable, and locks it; raises UsageError when that is impossible."""
        try:
            path = report.prepare(name)
        except report.ReportError as error:
            raise UsageError(str(error)) from error
        for file in REPORT_FILES:
            if (path / file).is_dir():
                raise UsageError(f"reports cannot go to {str(path)!r}: it has a folder named {file}; name another one")
        try:
            return cls(path, report.claim(path))
        except report.ReportError as error:
            raise UsageError(str(error)) from error

    def remove_earlier_report(self) -> None:
        """Deletes the files of an earlier report: an aborted session must not leave an old verdict behind."""
        for name in REPORT_FILES:
            with contextlib.suppress(OSError):
                (self.path / name).unlink(missing_ok=True)

    def append(self, exchange: Exchange) -> None:
        """Adds an exchange to exchanges.jsonl. After a write error, or when the file is full, nothing more is added."""
        if not self._records:
            return
        if self.recorded_bytes > MAX_RECORDING_BYTES:
            self._records, self.last_recorded = False, exchange.number - 1
            return
        try:
            report.append(self.path / RECORDING, exchange)
            self.recorded_bytes = (self.path / RECORDING).stat().st_size
        except OSError as error:
            self._records, self.problem = False, f"{RECORDING} cannot be read: {error.strerror}"
        except report.ReportError as error:
            # The file may now end in half a line. A reader could not parse a line after it.
            self._records, self.problem = False, str(error)

    def write(self, result: report.Report, *, final: bool) -> None:
        """Writes the report files, all of them when it is final; keeps the first write error in `problem`."""
        try:
            (report.write_all if final else report.write_interim)(result, self.path)
        except report.ReportError as error:
            self.problem = self.problem or str(error)
        except Exception as error:  # our own; the verdicts are still printed
            self.problem = self.problem or f"a part could not be made: {type(error).__name__}: {error}"

    @property
    def recording_sha256(self) -> str:
        """The digest of the recording as it is now; empty without one."""
        return digest(self.path / RECORDING)

    def release(self) -> None:
        """Unlocks the folder; harmless when called again."""
        self._release()
        self._release = lambda: None
