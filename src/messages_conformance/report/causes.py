"""One cause, one headline: what explains several failures is said once, and the requirement it belongs to is blamed.

1. The exchanges that should have succeeded are divided by what became of them: answered, refused, answered with 5xx or
   an error, cut off, or not answered.
2. `feature_search` finds what all failures share and no success has, such as streaming or tools.
3. The requirement that is blamed is the one whose plainest failing request has the fewest other features.
4. A requirement that fails only on those exchanges is a bystander: it becomes `not-verified`, with the cause as its
   reason. So does the reason of a requirement that was not provoked because every such request failed.

A run never becomes green by this. Another requirement becomes not verified only while the blamed requirement itself
fails the run, with the same weight or more, and without an excuse. A leak is never a bystander.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from messages_conformance.exchange import ACCEPTED, COMPLETE, LEFT, REFUSED, STALLED, Exchange
from messages_conformance.report.cause_words import cause_sentence, said_to_all
from messages_conformance.report.chance import Chance, chance_failures
from messages_conformance.report.copied_answers import COPIES, UNIQUE_ID, copied_answers
from messages_conformance.report.failing_requests import with_pattern
from messages_conformance.report.feature_search import MIN_REQUESTS, Shared, shared_features
from messages_conformance.report.model_or_server import marked_uncertain
from messages_conformance.report.refused_keys import refusals_of_valid_keys
from messages_conformance.report.request_features import features
from messages_conformance.rules.accessors import (
    beyond_context,
    carries_error,
    near_miss,
    response_of,
    streamed,
    walk_of,
)
from messages_conformance.rules.catalogue import CATALOGUE, HARMS, LEAKS
from messages_conformance.rules.foreign_bodies import unlike_message
from messages_conformance.rules.gateway.request_content import refuses_a_feature
from messages_conformance.rules.probe_rules import VALID_REQUEST
from messages_conformance.rules.recording_parts import PROBES, has
from messages_conformance.rules.verdict import FAIL, NOT_VERIFIED, STATUS, UNSHOWN, WARN, Finding, Verdict

PREFLIGHT: Final = "preflight"

MOMENTARY: Final = frozenset({429, 529})
"""Statuses that refuse the moment, not the request."""

SILENCE: Final = frozenset({"timeout", "disconnected"})
"""Failures of an exchange that the target causes; the others are the network's or a limit of the run."""

BAD_INPUT: Final = "errors.no-5xx-on-bad-input"
"""The requirement of requests that are odd on purpose: their answers are not compared with those of valid ones."""

COME_AND_GO: Final = (
    "errors.status.5xx-of-one-kind",
    "errors.type.temporary",
    "errors.status.intermittent-5xx",
)
"""The requirements that failures which come and go violate; the first one that fails is blamed, else VALID_REQUEST."""

SENT: Final = "gateway.request."
UPSTREAM_VALID: Final = "gateway.request.valid"
"""What a gateway sent to the upstream is judged whatever the answer is, so no refusal explains it. Only the requirement
about the upstream's own refusal is about the answer."""

ANSWERED: Final = "answered"
NOT_COMPARED: Final = ""


@dataclass(frozen=True, kw_only=True)
class Cause:
    """What explains the failures of several exchanges, in a sentence; `requirement` is the one to blame.

    `features` name what the requests share. `always` is false when some requests with these features succeed: then the
    cause is only a hint, and explains nothing. `exchanges` are numbers; `example` is the plainest of them. `explains`
    are ids of requirements that are not verified because of it. `by_chance` is true for failures that come and go.
    """

    requirement: str
    sentence: str
    features: tuple[str, ...]
    exchanges: tuple[int, ...]
    example: int
    explains: tuple[str, ...] = ()
    always: bool = True
    by_chance: bool = False

    @property
    def clause(self) -> str:
        """The sentence as a part of another one: `every streamed request is answered with 500`."""
        return self.sentence[0].lower() + self.sentence[1:].rstrip(".")


def finding_of(verdict: Verdict, cause: Cause) -> Finding | None:
    """The finding of the blamed requirement that shows a cause best; None when it has none of these exchanges."""
    here = [finding for finding in verdict.findings if finding.exchange in cause.exchanges]
    return next((one for one in here if one.exchange == cause.example), here[0] if here else None)


def find_causes(verdicts: Iterable[Verdict], exchanges: Iterable[Exchange]) -> tuple[Cause, ...]:
    """The causes of a run, the one with most failures first; empty when nothing is shared."""
    failing = [verdict for verdict in verdicts if verdict.findings]
    if not failing:
        return ()
    known = {exchange.number: exchange for exchange in exchanges}
    outcomes = {number: outcome_of(exchange) for number, exchange in known.items()}
    chance = chance_failures(known.values(), lambda exchange: outcomes[exchange.number] == ANSWERED)
    keys = refusals_of_valid_keys(known.values(), lambda exchange: outcomes[exchange.number] == ANSWERED)
    come_and_go = [one for one in (chance, keys) if one is not None]
    by_chance = frozenset(number for one in come_and_go for number in one.exchanges)
    good = [exchange for number, exchange in known.items() if outcomes[number] == ANSWERED]
    bad = [
        exchange
        for number, exchange in known.items()
        if outcomes[number] not in (ANSWERED, NOT_COMPARED) and number not in by_chance
    ]
    alike = [exchange for number, exchange in known.items() if outcomes[number] == NOT_COMPARED]
    causes = [
        _cause_of_copies(failing, known),
        *(_cause_by_chance(one, failing, known) for one in come_and_go),
        *(_with_alike(_cause(shared, failing, known, outcomes), alike, known) for shared in _shared(bad, good)),
    ]
    return tuple(cause for cause in causes if cause is not None)


def _shared(bad: Sequence[Exchange], good: Sequence[Exchange]) -> Iterator[Shared]:
    """What failing requests share; first all requests for a message, when none of them succeeds.

    Requests for a message are compared with each other: that count_tokens accepts an image shows nothing about them.
    """
    messages = [exchange for exchange in bad if exchange.creates_message]
    good_messages = [exchange for exchange in good if exchange.creates_message]
    requests = {exchange.request.identity for exchange in messages}
    if len(requests) >= MIN_REQUESTS and not good_messages:
        numbers = tuple(exchange.number for exchange in messages)
        yield Shared(names=("messages",), words=("for a message",), exchanges=numbers)
        yield from shared_features([exchange for exchange in bad if not exchange.creates_message], good)
        return
    found: set[int] = set()
    for shared in shared_features(messages, good_messages):
        beside = [
            exchange.number
            for exchange in bad
            if not exchange.creates_message and all(name in features(exchange) for name in shared.names)
        ]
        found.update(shared.exchanges, beside)
        yield shared if shared.requests else replace(shared, exchanges=(*shared.exchanges, *beside))
    yield from shared_features([exchange for exchange in bad if exchange.number not in found], good)


def outcome_of(exchange: Exchange) -> str:
    """What became of a valid request: ANSWERED, words for its failure, or NOT_COMPARED when nothing can be said."""
    if (
        BAD_INPUT in exchange.probes
        or near_miss(exchange)
        or exchange.expect == REFUSED
        or exchange.intermittent
        or beyond_context(exchange)
        or _fails_by_script(exchange)
    ):
        return NOT_COMPARED
    response = exchange.response
    if response is None:
        silent = exchange.failure is not None and exchange.failure.kind in SILENCE
        return "gets no answer" if silent else NOT_COMPARED
    if response.ending == LEFT or (response.status in MOMENTARY and not _is_final(exchange)):
        return NOT_COMPARED
    if response.status >= 500:
        return f"is answered with {response.status}"
    if response.status >= 400:
        must_accept = (has(exchange, PROBES) and exchange.expect == ACCEPTED) or _must_arrive(exchange)
        return f"is refused with {response.status}" if must_accept else NOT_COMPARED
    if response.status >= 300:
        return f"is answered with {response.status}" if exchange.expect == ACCEPTED else NOT_COMPARED
    return shortfall_of(exchange) or ANSWERED


def _is_final(exchange: Exchange) -> bool:
    """Whether a 529 is the answer to a request; one that was waited out is recorded without the probes."""
    return exchange.response is not None and exchange.response.status == 529 and bool(exchange.probes)


def _fails_by_script(exchange: Exchange) -> bool:
    """Whether the upstream behind a gateway had to fail, so that no answer can be a success."""
    behind = exchange.behind
    return behind is not None and (behind.said.status != 200 or bool(behind.said.broken))


def _must_arrive(exchange: Exchange) -> bool:
    """Whether a gateway has no reason to refuse a request: it is valid, and what it has every model takes."""
    behind = exchange.behind
    return behind is not None and not behind.inexpressible and not refuses_a_feature(exchange)


def shortfall_of(exchange: Exchange) -> str:
    """Why a response with a success status is no complete answer; empty for a complete one."""
    response = response_of(exchange)
    if response.ending == STALLED and streamed(exchange) and walk_of(exchange).complete:
        return "gets an answer that stays open after its last event"
    if response.ending != COMPLETE:
        return "is cut off"
    if exchange.creates_message and (foreign := unlike_message(response)):
        return f"gets {foreign}"
    if carries_error(exchange) or (streamed(exchange) and walk_of(exchange).error is not None):
        return f"is answered with {response.status} and an error"
    return ""


def _cause(
    shared: Shared, failing: Sequence[Verdict], known: Mapping[int, Exchange], outcomes: Mapping[int, str]
) -> Cause | None:
    """The cause with the requirement to blame; None when no requirement fails on these exchanges."""
    covered = frozenset(shared.exchanges)
    concerned = [verdict for verdict in failing if _is_about(verdict, covered, outcomes)]
    if not concerned:
        return None
    blamed = min(concerned, key=lambda verdict: _distance(verdict, covered, known))
    # The routes beside it may be missing: then all their requests fail, with other statuses.
    of_messages = [number for number in shared.exchanges if known[number].creates_message]
    words = list(dict.fromkeys(outcomes[number] for number in of_messages or shared.exchanges))
    said = said_to_all([known[number] for number in of_messages or shared.exchanges])
    return Cause(
        requirement=blamed.requirement,
        sentence=cause_sentence(shared, words, len({known[number].request.identity for number in covered}), said),
        features=shared.names,
        exchanges=shared.exchanges,
        example=min(covered, key=lambda number: plainness(known[number])),
        always=not shared.requests,
    )


def _with_alike(cause: Cause | None, others: Iterable[Exchange], known: Mapping[int, Exchange]) -> Cause | None:
    """The cause, with the odd requests that have its features and get its 5xx: they fail before they are read."""
    if cause is None or not cause.always or not cause.features:
        return cause
    statuses = {one.response.status for number in cause.exchanges if (one := known[number]).response is not None}
    alike = [
        one.number
        for one in others
        if one.response is not None
        and one.response.status >= 500
        and one.response.status in statuses
        and all(name in features(one) for name in cause.features)
    ]
    return replace(cause, exchanges=(*cause.exchanges, *alike))


def _is_about(verdict: Verdict, covered: frozenset[int], outcomes: Mapping[int, str]) -> bool:
    """Whether a requirement fails on these exchanges, and not mainly on successful ones, as a header that all lack."""
    here = sum(finding.exchange in covered for finding in verdict.findings)
    return here > 0 and here >= sum(outcomes.get(finding.exchange) == ANSWERED for finding in verdict.findings)


def _cause_by_chance(chance: Chance, failing: Sequence[Verdict], known: Mapping[int, Exchange]) -> Cause | None:
    """The cause of failures that come and go; None when no requirement fails on them."""
    covered = frozenset(chance.exchanges)
    concerned = {
        verdict.requirement: verdict
        for verdict in failing
        if any(finding.exchange in covered for finding in verdict.findings)
    }
    blamed = next(
        (name for outcome in (FAIL, WARN) for name in (*COME_AND_GO, VALID_REQUEST) if _has(concerned, name, outcome)),
        None,
    )
    if blamed is None and not concerned:
        return None
    return Cause(
        requirement=blamed or min(concerned.values(), key=lambda one: _distance(one, covered, known)).requirement,
        sentence=chance.sentence,
        features=(),
        exchanges=chance.exchanges,
        example=min(covered, key=lambda number: plainness(known[number])),
        by_chance=True,
    )


def _cause_of_copies(failing: Iterable[Verdict], known: Mapping[int, Exchange]) -> Cause | None:
    """The cause of answers that are copies of earlier ones; None without them."""
    if not any(verdict.requirement == UNIQUE_ID for verdict in failing):
        return None
    copies = copied_answers(known.values())
    if copies is None:
        return None
    return Cause(
        requirement=UNIQUE_ID,
        sentence=copies.sentence,
        features=(COPIES,),
        exchanges=copies.exchanges,
        example=min(copies.exchanges, key=lambda number: plainness(known[number])),
    )


def _has(verdicts: Mapping[str, Verdict], name: str, outcome: str) -> bool:
    return name in verdicts and verdicts[name].outcome == outcome


def _distance(
    verdict: Verdict, covered: frozenset[int], known: Mapping[int, Exchange]
) -> tuple[bool, bool, int, int, int, str]:
    """How far a requirement is from a cause: level, whether it is about the status, its plainest request, harm."""
    here = [finding for finding in verdict.findings if finding.exchange in covered]
    plainest = min((known[finding.exchange] for finding in here), key=plainness)
    return (
        verdict.outcome != FAIL,
        not any(finding.place == STATUS for finding in here),
        len(features(plainest)),
        len(plainest.request.body),
        HARMS.index(row.harm) if (row := CATALOGUE.get(verdict.requirement)) else len(HARMS),
        verdict.requirement,
    )


def plainness(exchange: Exchange) -> tuple[bool, bool, bool, bool, int, int]:
    """A key that sorts the plainest exchange first.

    Reproducible, in the usual wire form, one that an option selects, written by hand, few bytes, early.
    """
    request = exchange.request
    size = len(request.body) + len(request.path)
    is_generated = exchange.origin is not None and not exchange.origin.shrunk
    begins_a_run = bool(exchange.situations) and all(map(is_preflight, exchange.situations))
    return exchange.intermittent, bool(request.wire), begins_a_run, is_generated, size, exchange.number


def is_preflight(situation: str) -> bool:
    """Whether a situation is a request that begins every run: no option selects it."""
    return situation.partition(".")[0] == PREFLIGHT


# -- what follows from the causes ------------------------------------------------------------------------------------


def explained(
    verdicts: Sequence[Verdict], exchanges: Iterable[Exchange], *, kept: Callable[[Verdict, str], bool]
) -> tuple[tuple[Verdict, ...], tuple[Cause, ...]]:
    """(verdicts in which bystanders are `not-verified`, causes).

    `kept(bystander, blamed)` returns True for a verdict that must stay as it is, such as when the blamed requirement
    has an excuse. The plainest failing exchange of each requirement becomes its first finding.
    """
    known = {exchange.number: exchange for exchange in exchanges}
    verdicts = tuple(
        with_pattern(marked_uncertain(_plainest_first(verdict, known), known), known) for verdict in verdicts
    )
    causes = find_causes(verdicts, known.values())
    if not causes:
        return verdicts, ()
    outcomes = {verdict.requirement: verdict.outcome for verdict in verdicts}
    changed = tuple(_explained(verdict, causes, outcomes, known, kept) for verdict in verdicts)
    because: dict[str, list[str]] = {}
    for verdict in changed:
        because.setdefault(verdict.cause, []).append(verdict.requirement)
    first = {cause.requirement: cause.sentence for cause in reversed(causes)}
    # A requirement that is blamed for two causes has its bystanders under the first of them.
    return changed, tuple(
        replace(cause, explains=tuple(because.get(cause.requirement, ())))
        if first[cause.requirement] == cause.sentence
        else cause
        for cause in causes
    )


def _plainest_first(verdict: Verdict, known: Mapping[int, Exchange]) -> Verdict:
    if len(verdict.findings) < 2:
        return verdict
    last = (True, True, True, True, 0, 0)
    ordered = sorted(
        verdict.findings,
        key=lambda finding: plainness(known[finding.exchange]) if finding.exchange in known else last,
    )
    return replace(verdict, findings=tuple(ordered))


def _explained(
    verdict: Verdict,
    causes: Sequence[Cause],
    outcomes: Mapping[str, str],
    known: Mapping[int, Exchange],
    kept: Callable[[Verdict, str], bool],
) -> Verdict:
    if verdict.outcome == NOT_VERIFIED and verdict.reason in UNSHOWN:
        cause = next((cause for cause in causes if cause.always and _prevents(cause, verdict, known)), None)
        return verdict if cause is None else _because_of(verdict, cause)
    if not verdict.findings or any(cause.requirement == verdict.requirement for cause in causes):
        return verdict
    if verdict.requirement.startswith(SENT) and verdict.requirement != UPSTREAM_VALID:
        return verdict
    cause = _cause_of(verdict, causes)
    if cause is not None and cause.by_chance and not _is_about_status(verdict):
        return verdict
    if cause is None or kept(verdict, cause.requirement) or not _may_explain(cause, outcomes, verdict):
        return verdict
    return _because_of(verdict, cause)


def _is_about_status(verdict: Verdict) -> bool:
    """Whether a requirement wants another status, and neither another form nor fewer failures that come and go."""
    return verdict.requirement not in COME_AND_GO and all(finding.place == STATUS for finding in verdict.findings)


def _cause_of(verdict: Verdict, causes: Sequence[Cause]) -> Cause | None:
    """The cause on whose exchanges most findings are, when the causes together cover all findings; else None."""
    numbers = {finding.exchange for finding in verdict.findings}
    causes = [cause for cause in causes if cause.always]
    if not causes or not numbers <= {number for cause in causes for number in cause.exchanges}:
        return None
    return max(causes, key=lambda cause: len(numbers.intersection(cause.exchanges)))


def _may_explain(cause: Cause, outcomes: Mapping[str, str], verdict: Verdict) -> bool:
    """Whether the blamed requirement weighs as much as the bystander and does as much harm, which is no leak."""
    outcome = outcomes[cause.requirement]
    as_much = outcome == FAIL or (outcome == WARN and verdict.outcome == WARN)
    blamed, row = CATALOGUE.get(cause.requirement), CATALOGUE.get(verdict.requirement)
    if blamed is None or row is None or ((cause.by_chance or COPIES in cause.features) and row.harm != LEAKS):
        return as_much
    return as_much and row.harm != LEAKS and HARMS.index(blamed.harm) <= HARMS.index(row.harm)


def _because_of(verdict: Verdict, cause: Cause) -> Verdict:
    return replace(
        verdict,
        outcome=NOT_VERIFIED,
        reason=f"{cause.clause} ({cause.requirement})",
        findings=(),
        explained=verdict.findings,
        cause=cause.requirement,
    )


def _prevents(cause: Cause, verdict: Verdict, known: Mapping[int, Exchange]) -> bool:
    """Whether a requirement was not provoked because of the cause: its requests failed, or it is about the feature."""
    if any(verdict.requirement in known[number].probes for number in cause.exchanges):
        return True
    topic = f".{_plain(verdict.requirement)}"
    stems = [stem for name in cause.features for stem in (_stem(name), _ALSO.get(name, "")) if stem]
    return any(f".{stem}" in topic or f"-{stem}" in topic for stem in stems)


_ALSO: Final[Mapping[str, str]] = {"stream": "sse-"}
"""Another word that ids of requirements about a feature have."""


def _stem(feature: str) -> str:
    """The word that ids of requirements about a feature have: `tool` for `tools.strict`, `image` for `block.image`."""
    parts = [part for part in feature.split(".") if part not in ("block", "header", "above", "route")]
    return _plain(parts[0]).removesuffix("s") if parts and parts[0] != "content" else ""


def _plain(name: str) -> str:
    return re.sub(r"[_ ]", "-", name)
