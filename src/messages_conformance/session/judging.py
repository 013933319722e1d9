"""The whole way of a source that only has recordings: judge all of them and report."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from rich.console import Console

from messages_conformance.exchange import Exchange
from messages_conformance.report import Report
from messages_conformance.session.session import Session
from messages_conformance.session.source import Clock, SessionOptions, Source

KEPT_BYTES: Final = 64 * 1024 * 1024
"""Bodies of this size stay in memory, and are released then (our own; typical reports need a tenth of it)."""


def judge_recordings(
    source: Source,
    exchanges: Iterable[Exchange],
    *,
    options: SessionOptions,
    clock: Clock,
    out: Console | None = None,
) -> tuple[int, Report]:
    """Returns (exit code, report) for recorded exchanges; raises UsageError when an option cannot be used."""
    session = Session(source, options=options, clock=clock, out=out)
    try:
        session.begin()
        session.announce()
        judge_all(session, exchanges)
        exit_code = session.finish()
    finally:
        session.close()
    assert session.result is not None
    return exit_code, session.result


def judge_all(session: Session, exchanges: Iterable[Exchange]) -> None:
    """Records and judges exchanges one by one, in bounded memory if they come from captures or are many."""
    kept_bytes = windows = 0
    for exchange in exchanges:
        session.judged((session.record(exchange),))
        kept_bytes += exchange.size_bytes
        if (kept_bytes > KEPT_BYTES and exchange.capture) or session.judge.full_windows > windows:
            session.release()
            kept_bytes, windows = 0, session.judge.full_windows
