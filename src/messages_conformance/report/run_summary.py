"""The summary of a run in a few labelled lines: what works, what breaks and for which clients, and what it cost."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from messages_conformance.exchange import ASKED_AGAIN, Exchange
from messages_conformance.report import feature_matrix
from messages_conformance.report.clients import FAILS, WORKS, WORKS_WITH_LOSS
from messages_conformance.report.model import Report, clients_of, counts, failures, harm_of
from messages_conformance.report.run_info import Spent
from messages_conformance.report.text import counted, inline, listed, sentence
from messages_conformance.rules.catalogue import HARMS

NOT_WORKING: Final = (feature_matrix.BROKEN, feature_matrix.IGNORED, feature_matrix.REFUSES)
WORKING: Final = feature_matrix.WORKS
UNSEEN: Final = feature_matrix.UNKNOWN

FEATURES: Final = 3
"""Features that are named for a result (our own choice)."""

CLIENTS: Final = 4
"""Clients that are named for a status."""

OTHERS: Final = 2
"""If at most this many clients have another status, they are named instead of the others: `10 of 11` does not say which
one is missing (our own)."""

_WAITED: Final = re.compile(r"waited ([\d.]+) s after (\d+|a closed connection)")
"""How a run notes that it waited out a refusal, or a gateway that accepts no more connections."""


def run_summary(report: Report) -> Iterator[tuple[str, str]]:
    """(label, text) of each line. A run that could not be judged only has its cost."""
    if not report.unjudged:
        yield "works", _works(report)
        if failures(report):
            yield "fails", _fails(report)
        if features := _features(report):
            yield "features", features
    spent = report.spent
    if report.run.judged_by and not spent.input_tokens and not spent.output_tokens:
        yield "judged", counted(spent.requests, "exchange")  # nothing was sent
    else:
        yield "cost", _cost(report)


def _works(report: Report) -> str:
    total = counts(report)
    applicable = total.verified + total.not_verified
    text = f"{total.passed:,} passed, {total.failed:,} failed, {total.warned:,} warned, "
    text += f"{total.not_verified:,} not verified of {counted(applicable, 'requirement')}"
    if total.harness_errors:
        text += f", {counted(total.harness_errors, 'harness error')}"
    return f"{text}{_clients(report, WORKS, 'works with')}"


def _fails(report: Report) -> str:
    harms = Counter(harm_of(report, verdict.requirement) for verdict in failures(report))
    text = ", ".join(f"{harms[harm]:,} {harm}" for harm in (*HARMS, "") if harms[harm])
    failing = _clients(report, FAILS, "fails with")
    return text + (failing or _clients(report, WORKS_WITH_LOSS, "loses something with"))


def _features(report: Report) -> str:
    """How many features of a request work, and which do not; empty without a feature matrix."""
    found = feature_matrix.summary(report.features)
    parts = [f"{len(found[WORKING])} work"] if WORKING in found else []
    for result in NOT_WORKING:
        if result in found:
            parts.append(f"{len(found[result])} {result}: {listed(_titles(found[result]), FEATURES)}")
    if UNSEEN in found:
        parts.append(f"{len(found[UNSEEN])} not seen")
    return "; ".join(parts)


def _titles(titles: Iterable[str]) -> tuple[str, ...]:
    """Titles without commas, for a list that has commas."""
    return tuple(inline(title).replace(", ", " as ") for title in titles)


def _clients(report: Report, status: str, words: str) -> str:
    found = clients_of(report)
    names = [sentence(one.client) for one in found if one.status == status]
    if not names:
        return ""
    others = [f"{sentence(one.client)}: {one.status}" for one in found if one.status != status]
    # The names of the few others say more than those of the many; a terminal cuts a long line.
    named = f" ({', '.join(others)})" if 0 < len(others) <= OTHERS < len(names) else f": {listed(names, CLIENTS)}"
    return f"; {words} {len(names):,} of {len(found):,} clients{named}"


def _cost(report: Report) -> str:
    spent = report.spent
    text = (
        f"{counted(spent.requests, 'request')}, {spent.input_tokens:,} input and {spent.output_tokens:,} output tokens"
    )
    text += f", {money(spent)}" if spent.money is not None else ""
    return f"{text}, {spent.elapsed_s:.1f} s{''.join(f'; {part}' for part in _retries(report))}"


def money(spent: Spent) -> str:
    """What a run cost in words; empty without prices."""
    return "" if spent.money is None else f"{spent.money:,.4f} {sentence(spent.currency) or 'at your prices'}"


def _retries(report: Report) -> Iterator[str]:
    """What was waited for and what was asked again: `429 four times`, counted once for each request."""
    notes = [note for exchange in _last_attempts(report) for note in exchange.waits]
    waits = [found for note in notes if (found := _WAITED.search(note))]
    for status, number in sorted(Counter(found.group(2) for found in waits).items()):
        yield f"{status} {counted(number, 'time')}"
    if waits:
        yield f"{sum(float(found.group(1)) for found in waits):.0f} s waited"
    if repeated := sum(note.startswith(ASKED_AGAIN) for note in notes):
        yield f"{counted(repeated, 'answer')} asked for again"


def _last_attempts(report: Report) -> list[Exchange]:
    """The exchanges whose notes are complete: a later attempt repeats the notes of the earlier ones."""
    last: dict[object, Exchange] = {}
    for exchange in report.exchanges.values():
        kept = last.get(exchange.request.identity)
        if kept is None or len(kept.waits) < len(exchange.waits):
            last[exchange.request.identity] = exchange
    return list(last.values())
