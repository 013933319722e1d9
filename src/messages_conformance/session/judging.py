"""The whole way of a source that only has recordings: judge all of them and report."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console

from messages_conformance.exchange import Exchange
from messages_conformance.report import Report
from messages_conformance.session.session import Session
from messages_conformance.session.source import Clock, SessionOptions, Source


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
        for exchange in exchanges:
            session.judged((session.record(exchange),))
        exit_code = session.finish()
    finally:
        session.close()
    assert session.result is not None
    return exit_code, session.result
