"""The rule for content that is lost now and then: answers to one request that differ although they are billed alike.

Two answers of a model may differ. But a model that writes less is billed for less. Several answers may be billed like
another answer to the same request, and lack a part of its text or tool input. Then they lost this part after the model
wrote it. A lost blank between two words needs no bill, because a model writes the blank and the word as one token.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import (
    blocks_of,
    closing_usage,
    count,
    has_message,
    in_message,
    is_broken_stream,
    message_of,
    shown,
    stop_reason_of,
    streamed,
    text_of,
)
from messages_conformance.rules.catalogue import LOSES, RUN, rule
from messages_conformance.rules.missing_text import has_a_delta_twice
from messages_conformance.rules.model_passes import may_take_several_passes
from messages_conformance.rules.paired_requests import request_without
from messages_conformance.rules.recording_parts import REQUEST
from messages_conformance.rules.stream_parity import pieces_of
from messages_conformance.rules.verdict import MUST, Finding, Unverified

MIN_LACKING: Final = 3
"""At least this many answers must lack a part, and no answer of the same requests may differ in another way (our own).
The answers of an unsteady model differ in many ways."""

MIN_EMPTY: Final = 2
"""At least this many calls must have an empty input that is billed like a full one (our own: no model is billed so for
`{}`)."""

MIN_CHARACTERS: Final = 8
"""A model may write a shorter answer in one word or two, such as "Ok" for "Ok." (our own)."""

MIN_KEPT_SHARE: Final = 0.5
"""An answer that lacks more of its text is another answer, or one that was cut, which others judge (our own)."""

MIN_KEPT_IN_PIECES: Final = 0.9
"""An answer that lacks several pieces has this share of the text at least (our own: another answer has less)."""

WORD_GAP: Final = re.compile(r"(?<=[^\W\d_]) (?=[^\W\d_])")
"""A blank between two letters."""

NO_GAPS: Final = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u31ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]"
)
"""Letters of scripts whose writers may leave blanks out: Thai, Lao, Burmese, Khmer, Chinese, Japanese, Korean."""

STYLE: Final = re.compile(r"[\W_]*")
"""Marks and blanks, which a model may write or leave out at either end of an answer."""

IGNORED: Final = ("tools", "tool_choice", "max_tokens")
"""Members that may differ: a model that gives less because of them is billed for less."""

ENDED: Final = ("end_turn", "stop_sequence", "tool_use")

Lacking = tuple[Exchange, Exchange, str, str]
"""An answer that lacks a part, the complete answer, and what both show there."""


@rule(
    "response.content.complete-each-time",
    MUST,
    harm=LOSES,
    source=f"{sources.SEED}; badrisnarayanan/antigravity-claude-proxy#138 (GitHub), read 2026-11-30",
    over=RUN,
    model_dependent=True,
    reads={REQUEST},
    provoked="A short text in several languages is requested several times, and a tool call with a stated input.",
)
def shows_what_other_answers_show(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """Answers to one request that are billed alike do not lack a part of the content that others of them have."""
    groups: dict[bytes, list[Exchange]] = defaultdict(list)
    for one in exchanges:
        if _is_comparable(one):
            groups[request_without(one, *IGNORED)].append(one)
    repeated = [group for group in groups.values() if len(group) > 1]
    if not repeated:
        yield Unverified(reason="no request was answered twice")
        return
    lacking = [found for group in repeated if (found := _lacking(group)) is not None]
    found = [one for group in lacking for one in group]
    if len(found) >= MIN_LACKING or sum(given == "{}" for _, _, given, _ in found) >= MIN_EMPTY:
        exchange, complete, given, wanted = found[0]
        yield Finding(
            exchange=exchange.number,
            place=in_message(exchange, "/content"),
            found=f"{shown(given)}; {len(found)} answers lack a part",
            wanted=f"{shown(wanted)}, as in exchange {complete.number}, which is the answer to the same request",
        )


def _is_comparable(exchange: Exchange) -> bool:
    """Whether an answer is complete and has only text and calls, which show all that its bill contains."""
    return (
        has_message(exchange)
        and message_of(exchange) is not None
        and not is_broken_stream(exchange)
        and stop_reason_of(exchange) in ENDED
        and not may_take_several_passes(exchange)
        and bool(blocks_of(exchange))
        and all(block.get("type") in ("text", "tool_use") for block in blocks_of(exchange))
    )


def _parts(exchange: Exchange) -> list[tuple[str, Any]]:
    """The content in a form that can be compared: each text, and the name and input of each call."""
    return [
        ("text", block.get("text"))
        if block.get("type") == "text"
        else (f"call of {block.get('name')}", block.get("input"))
        for block in blocks_of(exchange)
    ]


def _lacking(answers: list[Exchange]) -> list[Lacking] | None:
    """The answers that lack a part of the longest one; None if one of them differs in another way."""
    complete = max(answers, key=lambda one: len(json.dumps(_parts(one), ensure_ascii=False)))
    found = []
    for one in answers:
        if _parts(one) == _parts(complete):
            continue
        part = next(iter(_lost_parts(one, complete)), None)
        if part is None:
            return None
        found.append((one, complete, *part))
    # A share of the answers is complete, or the longest one is the odd one.
    return found if 2 * len(found) <= len(answers) + 1 else None


def _lost_parts(one: Exchange, complete: Exchange) -> Iterator[tuple[str, str]]:
    """What an answer and a complete one show where the first lacks a part; nothing if they differ in another way."""
    mine, full = _parts(one), _parts(complete)
    if [kind for kind, _ in mine] != [kind for kind, _ in full] or stop_reason_of(one) != stop_reason_of(complete):
        return
    if streamed(complete) and has_a_delta_twice(pieces_of(complete), text_of(one)):
        return  # the longer one is wrong: stream.delta.text-complete
    alike = _tokens(one) == _tokens(complete) > 0
    pairs = [(a, b) for (_, a), (_, b) in zip(mine, full, strict=True) if a != b]
    if all(_is_without_gaps(a, b) or (alike and _lacks(a, b)) for a, b in pairs):
        yield from ((_as_text(a), _as_text(b)) for a, b in pairs)


def _tokens(exchange: Exchange) -> int:
    return count(closing_usage(exchange), "output_tokens")


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _is_without_gaps(given: Any, full: Any) -> bool:
    """Whether a text is another one without one of its blanks between two words, but has other blanks."""
    if not (isinstance(given, str) and isinstance(full, str)) or " " not in given:
        return False
    start = _common(given, full)
    gap = WORD_GAP.match(full, start)
    is_lost = gap is not None and full[:start] + full[start + 1 :] == given
    return is_lost and NO_GAPS.search(full[start - 1 : start + 2]) is None


def _common(given: str, full: str) -> int:
    """How many characters two texts have in common at their beginning."""
    return next((at for at, (a, b) in enumerate(zip(given, full, strict=False)) if a != b), min(len(given), len(full)))


def _lacks(given: Any, full: Any) -> bool:
    """Whether a text lacks pieces of another, or a tool input lacks members or parts of their texts."""
    if isinstance(full, dict) and isinstance(given, dict):
        return all(name in full and (value == full[name] or _lacks(value, full[name])) for name, value in given.items())
    if not (isinstance(full, str) and isinstance(given, str)) or not len(full) > len(given) > 0:
        return False
    if len(full) < MIN_CHARACTERS or len(given) < MIN_KEPT_SHARE * len(full):
        return False
    same = _common(given, full)
    if full.endswith(given[same:]):
        is_inside = (
            same > 0 and bool(given[same : same + 1].strip()) and NO_GAPS.search(full[same - 1 : same + 2]) is None
        )
        return is_inside or STYLE.fullmatch(full[same : same + len(full) - len(given)]) is None
    return len(given) >= MIN_KEPT_IN_PIECES * len(full) and _lacks_pieces(given, full)


def _lacks_pieces(given: str, full: str) -> bool:
    """Whether a text is another one without several pieces, of which one has a letter or a digit."""
    rest = iter(given)
    waiting, lost = next(rest, None), ""
    for one in full:
        if one == waiting:
            waiting = next(rest, None)
        else:
            lost += one
    return waiting is None and STYLE.fullmatch(lost) is None
