"""The sentence of a cause: which requests fail, what becomes of them, and what the target says to all of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from messages_conformance.exchange import Exchange
from messages_conformance.report.failing_requests import phrases
from messages_conformance.report.feature_search import Shared
from messages_conformance.report.text import clause, inline
from messages_conformance.rules.accessors import error_message

FEW: Final = 4
"""Below this number of requests, a sentence says how many there are instead of `every` (our own choice)."""

PLACES: Final = re.compile(r"[\d.\[\]]+")
"""What differs between two refusals for the same reason: numbers and places in the request."""

SAYS_LITTLE: Final = re.compile(
    r"\W*(?:\d{3}\W*)?(?:an? )?(?:unknown|unexpected|internal|server|bad|invalid|request|error|occurred|gateway|\W)*",
    re.IGNORECASE,
)
"""A message that adds nothing to the status: `Internal server error` (our own)."""


def said_to_all(exchanges: Iterable[Exchange]) -> str:
    """The words of the target, if it says the same to all of these requests, but for numbers; else nothing."""
    messages = [error_message(one) for one in exchanges if one.response is not None and one.response.status >= 400]
    if not messages or len({PLACES.sub(" ", text) for text in messages}) > 1 or SAYS_LITTLE.fullmatch(messages[0]):
        return ""
    return f': "{clause(inline(min(messages, key=len)))}"'


def cause_sentence(shared: Shared, outcomes: Sequence[str], requests: int, said: str = "") -> str:
    """The cause in words, such as `Every streamed request with tools is answered with 500.`"""
    adjective, rest = phrases(shared)
    if shared.requests:
        of_all = " ".join([f"Of {shared.requests} {adjective}requests", *[" and ".join(rest)] * bool(rest)])
        return f"{of_all}, {requests} {_plural(_together(outcomes))}{said}."
    noun = (
        f"Every {adjective}request"
        if requests >= FEW or not shared.names
        else f"Each of the {requests} {adjective}requests"
    )
    return " ".join([noun, *[" and ".join(rest)] * bool(rest), _together(outcomes)]) + f"{said}."


def _plural(phrase: str) -> str:
    """The phrase about several requests: `are answered with 500`."""
    return re.sub(r"\b(is|gets)\b", lambda found: {"is": "are", "gets": "get"}[found.group()], phrase)


def _together(outcomes: Sequence[str]) -> str:
    """Several outcomes as one phrase: `is answered with 500 or 502`."""
    stems: dict[str, list[str]] = {}
    for outcome in sorted(outcomes):
        stem, _, status = outcome.rpartition(" with ")
        stems.setdefault(stem or outcome, []).append(status if stem else "")
    phrases = [f"{stem} with {' or '.join(found)}" if any(found) else stem for stem, found in stems.items()]
    return " or ".join(phrases)
