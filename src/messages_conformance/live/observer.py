"""Collects exchanges while they happen, judges each when it ends, and makes one report."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from rich.console import Console

from messages_conformance import report
from messages_conformance.exchange import Exchange
from messages_conformance.internal_errors import described
from messages_conformance.masking import bounded
from messages_conformance.report.failure_text import as_text
from messages_conformance.rules import Finding
from messages_conformance.session import Clock, Session, SessionOptions, Source
from messages_conformance.session.judging import KEPT_BYTES

DEFAULT_PROFILE: Final = "anthropic-2023-06-01"
"""The profile of traffic for which the user names none."""

EXAMPLE_URL: Final = "https://your-endpoint.example"
"""The address in commands when the endpoint of an exchange is not known: its reader fills in the true one."""

NAMED_MODELS: Final = 20
"""At most this many models are named in the report: a client may ask for any number (origin: our own)."""

SYSTEM_CLOCK: Final = Clock(now=lambda: datetime.now(UTC), monotonic_s=time.monotonic)


class Observer:
    """Judges exchanges of any thread, in the order in which they end.

    Raises UsageError when an option cannot be used. Without `out` nothing is printed.
    """

    def __init__(
        self, name: str, options: SessionOptions, *, out: Console | None = None, base_url: str = EXAMPLE_URL
    ) -> None:
        source = Source(name=name, base_url=base_url, judged_by=report.NO_COMMAND)
        quiet = Console(file=io.StringIO(), quiet=True)
        self.session = Session(source, options=options, clock=SYSTEM_CLOCK, out=out or quiet)
        self.session.begin()
        self._lock = threading.Lock()
        self._number = 0
        self._kept_bytes = 0
        self._models: dict[str, None] = {}

    def took(self, make: Callable[[int], Exchange]) -> tuple[Exchange, tuple[Finding, ...]]:
        """Numbers and judges an exchange; `make` builds it from its number. Returns it with its findings."""
        with self._lock:
            self._number += 1
            exchange = self.session.record(make(self._number))
            if exchange.requested_model and len(self._models) < NAMED_MODELS:
                self._models[exchange.requested_model] = None
                self.session.describe(model=", ".join(self._models))
            findings = self.session.judged((exchange,))
            self._kept_bytes += exchange.size_bytes
            if self._kept_bytes > KEPT_BYTES:
                self.session.judge.end_capture()
                self.session.release()
                self._kept_bytes = 0
            return exchange, findings

    def fail(self, error: Exception) -> str:
        """Notes an error of our own, which keeps the report from being green; returns it in words."""
        text = bounded(described(error))
        with self._lock:
            self.session.harness_errors.append(text)
        return text

    @property
    def taken(self) -> int:
        """The number of exchanges so far."""
        return self._number

    def violates(self, findings: tuple[Finding, ...]) -> bool:
        """Whether one of the findings is about a MUST."""
        levels = self.session.judge.catalogue
        return any(levels[finding.requirement].level == "MUST" for finding in findings)

    def report(self) -> report.Report:
        """The report as of now."""
        with self._lock:
            return self.session.report()

    def failures(self) -> tuple[str, ...]:
        """Each failure as the text of every report, the worst first; empty when nothing fails so far."""
        made = self.report()
        return tuple(as_text(report.describe_failure(made, verdict)) for verdict in report.failures(made))

    def finish(self) -> int:
        """Writes and prints the report; returns the exit code."""
        with self._lock:
            return self.session.finish()

    def close(self) -> None:
        """Releases the folder of the report; harmless when called again."""
        self.session.close()
