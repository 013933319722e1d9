"""The feature matrix: for each feature of a request, whole and streamed, whether it works, and why not.

- `works`: such requests are accepted, and the answers show the effect where the API promises one.
- `refused`: they are refused with 4xx. This is honest: the caller knows it.
- `ignored`: they are accepted, and an answer shows that the feature had no effect.
- `broken`: they are answered with 5xx, an error or a redirect, cut off, not answered, or the answer is malformed.
- `unknown`: none was sent, or they are accepted and the effect could not be seen. The reason says which.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from messages_conformance import contract
from messages_conformance.exchange import LEFT, REFUSED, Exchange
from messages_conformance.report.causes import SILENCE, plainness, shortfall_of
from messages_conformance.report.text import counted, inline, without_numbers
from messages_conformance.rules.accessors import json_key, near_miss, once_per_exchange
from messages_conformance.rules.catalogue import CATALOGUE, RUN
from messages_conformance.rules.verdict import NOT_APPLICABLE, NOT_VERIFIED, PASS, Finding, Verdict

WORKS: Final = "works"
REFUSES: Final = "refused"
IGNORED: Final = "ignored"
BROKEN: Final = "broken"
UNKNOWN: Final = "unknown"
RESULTS: Final = (BROKEN, IGNORED, REFUSES, UNKNOWN, WORKS)

WHOLE: Final = "whole"
STREAMED: Final = "streamed"
MODES: Final = (WHOLE, STREAMED)

NOT_SENT: Final = "not sent"
"""The reason of an unknown result when the run had no such request."""

MOMENTARY: Final = frozenset({401, 403, 408, 429, 503, 529})
"""Statuses that say nothing about the request: the key, or the load of the target."""

_FOUND_CHARACTERS: Final = 120


@dataclass(frozen=True, kw_only=True)
class Cell:
    """The result for a feature in one mode; `requirement` decided it, if one did; `exchange` is an example, or 0."""

    result: str
    reason: str = ""
    requirement: str = ""
    exchange: int = 0


@dataclass(frozen=True, kw_only=True)
class Row:
    """A feature with its results, whole (one JSON answer) and streamed."""

    feature: str
    title: str
    area: str
    whole: Cell
    streamed: Cell

    @property
    def cells(self) -> tuple[Cell, Cell]:
        """Both results, in the order of MODES."""
        return self.whole, self.streamed


def matrix(verdicts: Iterable[Verdict], exchanges: Iterable[Exchange]) -> tuple[Row, ...]:
    """The rows of all features, in the order of contract/features.toml.

    There is none for the two sides of a gateway: its scripted upstream shows no effect of a feature.
    """
    exchanges = tuple(exchanges)
    if any(exchange.behind is not None for exchange in exchanges):
        return ()
    by_id = {verdict.requirement: verdict for verdict in verdicts}
    by_feature: dict[str, list[Exchange]] = {name: [] for name in contract.features()}
    for exchange in exchanges:
        for name in used_features(exchange) if _counts(exchange) else ():
            by_feature[name].append(exchange)
    return tuple(_row(contract.features()[name], by_id, asked) for name, asked in by_feature.items())


@once_per_exchange
def used_features(exchange: Exchange) -> tuple[str, ...]:
    """The names of the features that a request uses."""
    body = exchange.request.fields
    return tuple(name for name, feature in contract.features().items() if feature.used_by(body))


def _counts(exchange: Exchange) -> bool:
    """True for a valid request to the Messages path whose answer says something about the request."""
    if not exchange.creates_message or near_miss(exchange) or exchange.expect == REFUSED or exchange.intermittent:
        return False
    if exchange.response is None:
        return exchange.failure is not None and exchange.failure.kind in SILENCE
    return exchange.response.status not in MOMENTARY and exchange.response.ending != LEFT


def _row(feature: contract.Feature, verdicts: Mapping[str, Verdict], asked: Sequence[Exchange]) -> Row:
    whole = _cell(feature, verdicts, [one for one in asked if not one.request.streamed], asked)
    stream = _cell(feature, verdicts, [one for one in asked if one.request.streamed], asked)
    return Row(feature=feature.name, title=feature.title, area=feature.area, whole=whole, streamed=stream)


def _cell(
    feature: contract.Feature, verdicts: Mapping[str, Verdict], here: Sequence[Exchange], both: Sequence[Exchange]
) -> Cell:
    if not here:
        return Cell(result=UNKNOWN, reason=NOT_SENT)
    problems = {one.number: problem for one in here if (problem := _problem(one))}
    answered = [one for one in here if one.number not in problems]
    if not answered:
        return _without_answer(here, problems)
    numbers = {one.number for one in answered}
    for name in feature.form:
        if found := _finding(verdicts.get(name), numbers):
            return _judged(BROKEN, name, found)
    return _effect(feature, verdicts, answered, both)


def _problem(exchange: Exchange) -> str:
    """What became of a request that got no complete answer; empty when it got one."""
    response = exchange.response
    if response is None:
        return "gets no answer"
    return f"is answered with {response.status}" if response.status >= 300 else shortfall_of(exchange)


def _without_answer(here: Sequence[Exchange], problems: Mapping[int, str]) -> Cell:
    """The result where no request got a complete answer: refused only when every one of them was."""
    example = min(here, key=plainness)
    refused = all(one.response is not None and 400 <= one.response.status < 500 for one in here)
    words = list(dict.fromkeys(problems[one.number] for one in here))
    reason = f"{counted(len(here), 'request')}: {', '.join(words)}"
    return Cell(result=REFUSES if refused else BROKEN, reason=reason, exchange=example.number)


def _effect(
    feature: contract.Feature, verdicts: Mapping[str, Verdict], answered: Sequence[Exchange], both: Sequence[Exchange]
) -> Cell:
    """The result of accepted requests, from the requirements that show the effect."""
    numbers, example = {one.number for one in answered}, answered[0].number
    judged = [verdicts[name] for name in feature.effect if name in verdicts]
    for verdict in judged:
        about = replace(verdict, findings=tuple(one for one in verdict.findings if _concerns(one, feature)))
        if found := _finding(about, numbers) or _compared(
            about, {one.number for one in both}, is_alone=len(feature.effect) == 1
        ):
            return _judged(IGNORED, verdict.requirement, found)
    if not feature.is_visible:
        return Cell(result=WORKS, reason="accepted; the API promises no effect that an answer shows", exchange=example)
    passed = next((verdict for verdict in judged if _holds(verdict, answered, both)), None)
    if passed is not None:
        return Cell(result=WORKS, requirement=passed.requirement, exchange=example)
    reasons = [verdict.reason for verdict in judged if verdict.outcome in (NOT_VERIFIED, NOT_APPLICABLE)]
    why = f": {inline(reasons[0], _FOUND_CHARACTERS)}" if reasons and reasons[0] else ""
    return Cell(result=UNKNOWN, reason=f"accepted; its effect was not seen{why}", exchange=example)


def _concerns(finding: Finding, feature: contract.Feature) -> bool:
    """False when the finding names a part of the request that is not the feature."""
    return not (finding.part and feature.parts) or finding.part in feature.parts


def _holds(verdict: Verdict, answered: Iterable[Exchange], both: Iterable[Exchange]) -> bool:
    """Whether a requirement was seen to hold: everywhere, or here on the request that fails in the other mode.

    An answer to another request may comply by chance, as an answer without a call does with a limit on calls.
    """
    if not verdict.findings:
        return verdict.outcome == PASS
    failing = {finding.exchange for finding in verdict.findings}
    twins = {_without_mode(one) for one in both if one.number in failing}
    return any(one.number in verdict.passed_on and _without_mode(one) in twins for one in answered)


@once_per_exchange
def _without_mode(exchange: Exchange) -> bytes:
    """A key that a request has with and without streaming."""
    return json_key({name: value for name, value in exchange.request.fields.items() if name != "stream"})


def _finding(verdict: Verdict | None, numbers: set[int]) -> Finding | None:
    """The first finding of a requirement on one of these exchanges."""
    findings = () if verdict is None else verdict.findings
    return next((finding for finding in findings if finding.exchange in numbers), None)


def _compared(verdict: Verdict, both: set[int], *, is_alone: bool) -> Finding | None:
    """A finding of a rule that compares requests: it counts for both modes.

    A requirement may be about several features. Then its finding counts where its request uses the feature.
    """
    if verdict.requirement in CATALOGUE and CATALOGUE[verdict.requirement].over != RUN:
        return None
    return next((finding for finding in verdict.findings if is_alone or finding.exchange in both), None)


def _judged(result: str, requirement: str, finding: Finding) -> Cell:
    found = inline(without_numbers(finding.found), _FOUND_CHARACTERS)
    return Cell(result=result, reason=found, requirement=requirement, exchange=finding.exchange)


def was_sent(found: Cell) -> bool:
    """True when the run had a request of this feature and mode."""
    return found.reason != NOT_SENT


def summary(rows: Iterable[Row]) -> dict[str, tuple[str, ...]]:
    """Result -> titles of the features with it, the worst first; a feature has the worse result of its two modes."""
    found: dict[str, list[str]] = {result: [] for result in RESULTS}
    for row in rows:
        whole, stream = (cell.result for cell in row.cells)
        known = [result for result in (whole, stream) if result != UNKNOWN] or [UNKNOWN]
        worst = min(known, key=RESULTS.index)
        is_partial = len(set(known)) > 1
        mode = WHOLE if whole == worst else STREAMED
        found[worst].append(f"{row.title} ({mode} only)" if is_partial else row.title)
    return {result: tuple(titles) for result, titles in found.items() if titles}
