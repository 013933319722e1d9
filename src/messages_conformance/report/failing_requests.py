"""Says in words which requests a requirement fails for: `always, and only, for streamed requests with tools`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any, Final

from messages_conformance.exchange import Exchange
from messages_conformance.report.feature_search import CHANCE, Shared, shared_features
from messages_conformance.report.request_features import features
from messages_conformance.report.text import inline
from messages_conformance.rules.accessors import answered, blocks_of, has_message, message_of, once_per_exchange
from messages_conformance.rules.paired_requests import request_without
from messages_conformance.rules.verdict import Verdict

STREAM: Final = "stream"
WHOLE: Final = "whole"

_ANSWERS: Final[Mapping[str, str]] = {
    "text": "answered with text",
    "tool_use": "answered with a tool call",
    "thinking": "answered with thinking",
}
"""Words for blocks of answers; any other type is named as it is."""

_SAY_LITTLE: Final = (
    "accept.",
    "header.x-api-key",
    "header.authorization",
    "without.anthropic-beta",
    "turns",
    "content.string",
    "member.",
    "answer.text",
    "answer.stop.end_turn",
)
"""How features begin that are no description of requests, only of what they have in common by chance, or of the usual
answer."""

_NAME_CHARACTERS: Final = 40

MIN_QUESTIONS: Final = 3
"""What fewer questions have in common may be what they were written for (our own choice)."""

FAR_FEWER: Final = 2
"""Two features are named together if other requests have both less often than one of them, by this factor (our own
choice)."""


@once_per_exchange
def features_with_answer(exchange: Exchange) -> Mapping[str, str]:
    """Feature -> its words, of the request and of the answer to it."""
    return {**dict(_of_answer(exchange)), **features(exchange)}


def _of_answer(exchange: Exchange) -> Iterator[tuple[str, str]]:
    if not answered(exchange) or not has_message(exchange):
        return
    for block in blocks_of(exchange):
        kind = block.get("type")
        if isinstance(kind, str):
            words = _ANSWERS.get(kind, f"answered with a {inline(kind, _NAME_CHARACTERS)} block")
            yield f"answer.{kind}", words
    reason: Any = (message_of(exchange) or {}).get("stop_reason")
    if isinstance(reason, str):
        yield f"answer.stop.{reason}", f"whose answer has the stop_reason {inline(reason, _NAME_CHARACTERS)}"


def with_pattern(verdict: Verdict, known: Mapping[int, Exchange]) -> Verdict:
    """The verdict with words for the requests that fail; without when they have nothing in common."""
    numbers = {finding.exchange for finding in verdict.findings}
    failing = [known[number] for number in sorted(numbers) if number in known]
    passing = [known[number] for number in verdict.passed_on if number not in numbers and number in known]
    complete = len(failing) + len(passing) >= verdict.judged  # else a feature could be named that others have too
    if passing and complete:
        shared = next(shared_features(failing, passing, of=features_with_answer), None)
        if shared is not None and not shared.requests and len(shared.exchanges) == len(failing):
            return replace(verdict, pattern=f"always, and only, for {request_words(shared)}")
    if not failing or 1 < verdict.judged <= len(numbers):
        return verdict  # where all answers fail, what they share is only what the requirement is about
    kind = has_message(failing[0])
    others = [each for each in known.values() if each.number not in numbers and has_message(each) == kind]
    common = common_features(failing, passing if passing and complete else others, about=verdict.requirement)
    return verdict if common is None else replace(verdict, pattern=f"only for {request_words(common)}")


def request_words(shared: Shared) -> str:
    """The requests that share features, in words: `streamed requests with tools`."""
    adjective, rest = phrases(shared)
    return " ".join([f"{adjective}requests", *[" and ".join(rest)] * bool(rest)])


def phrases(shared: Shared) -> tuple[str, list[str]]:
    """(adjective, what follows the noun); what says little, that the request is not streamed, comes last."""
    pairs = sorted(zip(shared.names, shared.words, strict=True), key=lambda pair: pair[0] == WHOLE)
    rest = [words for name, words in pairs if name != STREAM]
    # "requests to POST /v1/messages whose ...", without "and" after the route.
    if len(rest) > 1 and rest[0].startswith("to "):
        rest = [f"{rest[0]} {rest[1]}", *rest[2:]]
    return "streamed " if STREAM in shared.names else "", rest


def common_features(failing: Sequence[Exchange], others: Sequence[Exchange], *, about: str = "") -> Shared | None:
    """The feature or the pair that all failing requests have, and few others; None when that may be chance.

    Its `requests` are the others that have them. What the requirement `about` is about in any case is left out.
    """
    requests = {each.request.identity: each for each in failing}
    # The same question, streamed and not, has all its features in common by itself.
    questions = len({request_without(each, "stream", "max_tokens") for each in requests.values()})
    if questions < MIN_QUESTIONS or not others:
        return None
    found = [features_with_answer(each) for each in requests.values()]
    topic = about.replace("_", "-")
    names = [
        name
        for name in found[0]
        if all(name in each for each in found)
        and not name.startswith(_SAY_LITTLE)
        and name.partition(".")[0].replace("_", "-") not in topic.split(".")
    ]
    described = [features_with_answer(each) for each in others]
    rare = {(name,): sum(name in each for each in described) for name in names}
    alone = min(rare, key=lambda pair: rare[pair], default=None)
    if alone is None:
        return None
    both: dict[tuple[str, ...], int] = {
        pair: sum(pair[0] in each and pair[1] in each for each in described) for pair in combinations(names, 2)
    }
    best: tuple[str, ...] = min(both, key=lambda pair: both[pair], default=alone)
    having, tried = (both[best], len(both)) if len(best) == 2 else (rare[alone], len(rare))
    if len(best) == 1 or FAR_FEWER * both[best] > rare[alone]:
        best, having, tried = alone, rare[alone], len(rare)
    if tried * (having / len(others)) ** questions > CHANCE:
        return None
    words = tuple(found[0][name] for name in best)
    return Shared(names=best, words=words, exchanges=tuple(each.number for each in failing), requests=having)
