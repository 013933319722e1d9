"""Finds the situations that are enough to show a failure of a rule over several exchanges again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from fnmatch import fnmatchcase

from messages_conformance.exchange import Exchange
from messages_conformance.report.causes import is_preflight
from messages_conformance.report.generated_requests import escape_glob
from messages_conformance.rules.catalogue import RUN
from messages_conformance.rules.judge import Judge
from messages_conformance.rules.verdict import Verdict


def with_situations(verdicts: Iterable[Verdict], judge: Judge) -> tuple[Verdict, ...]:
    """The verdicts; the first finding of a rule over several exchanges has the glob of situations that show it."""
    by_number = {exchange.number: exchange for exchange in judge.exchanges}
    return tuple(_with_situations(verdict, judge, by_number) for verdict in verdicts)


def _with_situations(verdict: Verdict, judge: Judge, by_number: dict[int, Exchange]) -> Verdict:
    row = judge.catalogue.get(verdict.requirement)
    if row is None or row.over != RUN or not verdict.findings:
        return verdict
    first = verdict.findings[0]
    for glob in _globs(by_number.get(first.exchange)):
        if judge.shown_by(verdict.requirement, lambda exchange, glob=glob: _is_of(exchange, glob)):  # type: ignore[misc]
            return replace(verdict, findings=(replace(first, ask_again=glob), *verdict.findings[1:]))
    return verdict


def _globs(exchange: Exchange | None) -> Iterator[str]:
    """The situation of the exchange itself, then all situations whose names begin alike."""
    names = () if exchange is None else tuple(name for name in exchange.situations if not is_preflight(name))
    yield from map(escape_glob, names)
    yield from dict.fromkeys(f"{escape_glob(name.partition('.')[0])}*" for name in names)


def _is_of(exchange: Exchange, glob: str) -> bool:
    return any(fnmatchcase(name, glob) for name in exchange.situations)
