"""Answers that are copies: a cache sends an earlier answer again, with its id, though the request may be another one.

A server that always writes one id shows nothing: its answers with one id differ. All answers with one id must be equal.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from messages_conformance.exchange import Exchange
from messages_conformance.report.text import inline, listed
from messages_conformance.rules.accessors import has_message, json_key, message_of

UNIQUE_ID: Final = "response.id.unique"
"""The requirement that copies violate."""

COPIES: Final = "copies"
"""The feature of the cause: it is one of answers, and no request has it."""

MIN_COPIES: Final = 3
MIN_COPIED: Final = 2
"""So many copies of so many answers are no chance (our own choice)."""

MOST_FIELDS: Final = 6
FIELD_CHARACTERS: Final = 40


@dataclass(frozen=True, kw_only=True)
class Copies:
    """The sentence about the copies, and the numbers of all answers that are copies or were copied."""

    sentence: str
    exchanges: tuple[int, ...]


def copied_answers(exchanges: Iterable[Exchange]) -> Copies | None:
    """The answers that were sent more than once; None if there are too few, or if answers with one id differ."""
    alike: dict[Any, list[Exchange]] = defaultdict(list)
    answers = [one for one in exchanges if one.creates_message and has_message(one)]
    for one in answers:
        name = (message_of(one) or {}).get("id")
        if isinstance(name, str):
            alike[name].append(one)
    groups = [group for group in alike.values() if len(group) > 1]
    if any(len({json_key(message_of(one)) for one in group}) > 1 for group in groups):
        return None
    copies = [(group[0], one) for group in groups for one in group[1:]]
    if len(copies) < MIN_COPIES or len(groups) < MIN_COPIED:
        return None
    fields = sorted({name for first, one in copies for name in _differing(first, one)})
    words = [inline(name, FIELD_CHARACTERS) for name in fields]
    whose = "another request" if words else "the same request"
    sentence = f"{len(copies):,} of {len(answers):,} answers are copies of the answer to {whose}, with its id"
    sentence += f"; the requests differ in {listed(words, MOST_FIELDS)}." if words else "."
    return Copies(sentence=sentence, exchanges=tuple(sorted(one.number for group in groups for one in group)))


def _differing(first: Exchange, other: Exchange) -> Iterator[str]:
    """The fields in which the bodies of two requests differ."""
    mine, others = first.request.fields, other.request.fields
    yield from (name for name in {**mine, **others} if (mine.get(name) or None) != (others.get(name) or None))
