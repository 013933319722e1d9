"""What happens in a session as JSON lines, written while it runs: one object with `event` and `at` on each line."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from messages_conformance.ci_commands import disarmed
from messages_conformance.masking import masked
from messages_conformance.session.selection import UsageError


class EventLog:
    """Appends events to a file. Any thread may write. A write error ends the log, and not the session.

    Raises UsageError when the file cannot be opened.
    """

    def __init__(self, path: str, *, now: Callable[[], datetime]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self.problem = ""
        """The write error that ended the log; empty while there is none."""
        try:
            # It is open for the whole session. A lone surrogate is written as its escape, as in JSON.
            self._file: IO[str] | None = Path(path).open("w", encoding="utf-8", errors="backslashreplace")  # noqa: SIM115
        except OSError as error:
            raise UsageError(f"--events: {path!r} cannot be written ({error.strerror}); name another file") from error

    def write(self, event: str, **fields: Any) -> None:
        """Writes one event; `fields` are JSON values."""
        line = json.dumps({"event": event, "at": self._now().isoformat(), **fields}, ensure_ascii=False)
        with self._lock:
            if self._file is None:
                return
            try:
                self._file.write(f"{disarmed(masked(line))}\n")
                self._file.flush()
            except (OSError, ValueError) as error:
                self.problem = getattr(error, "strerror", None) or str(error)
                self._end()

    def close(self) -> None:
        """Closes the file; harmless when called again."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError, ValueError):
                self._file.close()
        self._file = None
