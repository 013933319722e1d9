"""Streams whose text is the text of the whole answer without one piece, or with one delta twice.

A piece may be the end, the beginning, a part inside, or all the text after a thinking block. Two answers of a model may
differ in length, too. So one such stream shows nothing. Two things show it: the stream is billed like the whole answer,
or many streams have the difference and no whole answer has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import comb
from typing import Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules.accessors import (
    blocks_of,
    count,
    has_message,
    in_message,
    shown,
    stop_reason_of,
    text_of,
    thought_tokens,
    usage_of,
)
from messages_conformance.rules.response import bills_more_than_it_shows
from messages_conformance.rules.stream_parity import BILLED_SHARE, Pair, answered_pairs, pieces_of
from messages_conformance.rules.verdict import Finding

MIN_BILLED: Final = 3
"""At least this many shorter streams are billed like the whole answers (our own)."""

MIN_DOUBLED: Final = 2
"""At least this many streams have a delta twice that is not billed (our own)."""

MAX_CHANCE: Final = 0.001
"""No finding is reported if chance explains the shorter streams with a higher probability than this (our own)."""

SHARES: Final = tuple(percent / 100 for percent in range(1, 60))
"""How often a model may write a shorter answer by chance, in the same way with and without streaming."""

MIN_SWAPPED: Final = 2
"""At least this many streams have two deltas in the wrong order: no model writes "and you" for "you and" just there
(our own)."""

MIN_AT_LIMIT: Final = 3
"""At least this many different requests have a stream with the same number of deltas, and no stream has more (our
own)."""

MIN_CUT: Final = 2
"""At least this many of them, and most, have the beginning of the text of the whole answer (our own)."""

LONG_CHARACTERS: Final = 1_000
"""Two answers of a model have this many characters in common only if they are one text (our own). One such stream is
enough, because the bill shows that the model wrote more."""

MIN_KEPT_SHARE: Final = 0.5
"""A stream that lacks some pieces has at least this share of the text (our own)."""

MIN_DICTATED: Final = 20
"""A shorter text may be in the question by chance (our own)."""

MIN_DELTAS: Final = 5
"""A target that sends each text in fewer deltas has many streams with the same number (our own)."""

MIN_LOST_SHARE: Final = 0.3
"""A stream that lacks less of its text may be billed like the whole answer by chance (our own)."""

MIN_TOKENS: Final = 6
"""Answers with fewer tokens show nothing about the tokens that a part of them costs (our own)."""

MIN_SHOWN_TOKENS: Final = 2
"""An answer without text may be billed for the one token that ends it (our own)."""

MIN_CHARACTERS: Final = 4
"""A shorter text may be part of another by chance (our own)."""

ENDED: Final = ("end_turn", "stop_sequence")


def missing_text(exchanges: Sequence[Exchange]) -> Finding | None:
    """A finding about streams that lack a part of the text; None unless chance is excluded."""
    pairs = [pair for pair in answered_pairs(exchanges) if _is_comparable(pair)]
    if (after_thinking := _lost_after_thinking(pairs)) is not None:
        return after_thinking
    shorter = [(streamed, whole) for streamed, whole in pairs if is_without_a_piece(text_of(streamed), text_of(whole))]
    longer = [pair for pair in pairs if is_without_a_piece(text_of(pair[1]), text_of(pair[0]))]
    if not longer and (long := _long_texts_lost(exchanges)):
        return _finding(long, "billed like the whole answer")
    if not longer and (at_limit := _cut_at_a_number_of_deltas(exchanges)):
        number = len(pieces_of(at_limit[0][0]))
        return _finding(at_limit, f"each after {number} text deltas, and no stream has more")
    if longer or not shorter:
        return None
    hides = any(map(bills_more_than_it_shows, (whole for _, whole in pairs)))
    billed = [] if hides else [pair for pair in shorter if _is_billed_like_the_whole(pair)]
    if len(billed) >= MIN_BILLED:
        return _finding(billed, "billed like the whole answer")
    cost_the_same = [] if hides else [pair for pair in shorter if _costs_the_same(pair) and _lacks_a_letter(*pair)]
    if len({one.request.body for one, _ in cost_the_same}) >= MIN_BILLED and _has_several_bills(cost_the_same):
        return _finding(cost_the_same, "with exactly the bill of the whole answer")
    enough = chance(len(shorter), len(pairs)) <= MAX_CHANCE
    return _finding(shorter, "and no whole answer is shorter") if enough else None


def doubled_text(exchanges: Sequence[Exchange]) -> Finding | None:
    """A finding about streams with one delta twice, or two in the wrong order; None if it may be chance.

    A model that stutters does so with and without streaming.
    """
    pairs = [pair for pair in answered_pairs(exchanges) if _is_comparable(pair)]
    swapped = [pair for pair in pairs if _has_swapped_deltas(pieces_of(pair[0]), text_of(pair[1]))]
    if len(swapped) >= MIN_SWAPPED:
        return _finding(swapped, "with two deltas in the wrong order")
    doubled = [pair for pair in pairs if has_a_delta_twice(pieces_of(pair[0]), text_of(pair[1]))]
    if not doubled or any(is_without_a_piece(text_of(streamed), text_of(whole)) for streamed, whole in pairs):
        return None
    # A model that writes a piece twice is billed for both.
    unbilled = [pair for pair in doubled if _costs_the_same(pair)]
    if len(unbilled) >= MIN_DOUBLED:
        return _finding(unbilled, "with one delta twice, and billed like the whole answer")
    excluded = len(doubled) >= MIN_BILLED and chance(len(doubled), len(pairs)) <= MAX_CHANCE
    return _finding(doubled, "with one delta twice, and no whole answer is longer") if excluded else None


def _costs_the_same(pair: Pair) -> bool:
    bills = [count(usage_of(one), "output_tokens") for one in pair]
    return bills[0] == bills[1] >= MIN_TOKENS


def _lacks_a_letter(streamed: Exchange, whole: Exchange) -> bool:
    """Whether the piece that a stream lacks has a letter or a digit; a model may leave out marks and blanks."""
    text, full = text_of(streamed), text_of(whole)
    same = next((at for at, (a, b) in enumerate(zip(text, full, strict=False)) if a != b), len(text))
    return any(char.isalnum() for char in full[same : same + len(full) - len(text)])


def _has_several_bills(pairs: Sequence[Pair]) -> bool:
    """Whether the bills differ between requests. A target that bills each answer alike shows nothing by equal bills."""
    return len({count(usage_of(whole), "output_tokens") for _, whole in pairs}) > 1


def has_a_delta_twice(pieces: Sequence[str], whole: str) -> bool:
    """Whether the text of the deltas is a whole text with one of its deltas repeated at once."""
    text = "".join(pieces)
    if len(text) <= len(whole):
        return False
    before, after = _alike(text, whole), _alike(text[::-1], whole[::-1])
    starts = accumulate(map(len, pieces), initial=0)
    return any(
        first == second
        and len(text) - len(first) == len(whole)
        and start <= before
        and len(text) - start - len(first) <= after
        for start, (first, second) in zip(starts, pairwise(pieces), strict=False)
    )


def _alike(text: str, whole: str) -> int:
    """The number of characters with which both texts begin."""
    least = min(len(text), len(whole))
    return next((at for at, (a, b) in enumerate(zip(text, whole, strict=False)) if a != b), least)


def _has_swapped_deltas(pieces: Sequence[str], whole: str) -> bool:
    """Whether the text of the deltas is another text with two neighbouring deltas in the other order."""
    if "".join(pieces) == whole or len("".join(pieces)) != len(whole):
        return False
    pairs = ([*pieces[:at], pieces[at + 1], pieces[at], *pieces[at + 2 :]] for at in range(len(pieces) - 1))
    return any("".join(one) == whole for one in pairs)


def _lost_after_thinking(pairs: list[Pair]) -> Finding | None:
    """A finding about streams without the text, or its beginning, after their thinking; it is billed all the same.

    Thinking that is shown and thinking that is omitted are judged alone, because their streams have other events.
    """
    pairs = [pair for pair in pairs if all(map(_thinks_and_answers, pair))]
    for shows in (True, False):
        alike = [pair for pair in pairs if _shows_thinking(pair[1]) is shows]
        lost = [pair for pair in alike if _is_an_end_of(text_of(pair[0]), text_of(pair[1])) and _bills_as_much(*pair)]
        if len(lost) == len(alike) >= MIN_BILLED:
            return _finding(lost, "billed like the whole answer")
    return None


def _shows_thinking(exchange: Exchange) -> bool:
    """Whether a thinking block of an answer has a text."""
    return any(block.get("thinking") for block in blocks_of(exchange) if block.get("type") == "thinking")


def _long_texts_lost(exchanges: Sequence[Exchange]) -> list[Pair]:
    """The streams that have the beginning of a long text only, and are billed like all of it."""
    pairs = [pair for pair in answered_pairs(exchanges) if len({stop_reason_of(one) for one in pair}) == 1]
    if any(map(bills_more_than_it_shows, (whole for _, whole in pairs))):
        return []
    return [
        (one, whole)
        for one, whole in pairs
        if len(text_of(whole)) >= LONG_CHARACTERS and _lacks_a_part_of_a_long_text(one, whole)
    ]


def _lacks_a_part_of_a_long_text(streamed: Exchange, whole: Exchange) -> bool:
    """Whether a stream is billed like the whole answer, and lacks its end, or pieces that are spread over it."""
    text, full = text_of(streamed), text_of(whole)
    if text and _is_the_beginning_of(text, full):
        return _is_billed_like_the_whole((streamed, whole))
    # response.content.text-unchanged judges blanks and line breaks.
    has_letters = sum(map(str.isalnum, text)) < sum(map(str.isalnum, full))
    return has_letters and _costs_the_same((streamed, whole)) and _lacks_pieces(text, full)


def _lacks_pieces(text: str, whole: str) -> bool:
    """Whether a text is another one without some pieces: most of it is left, in the same order."""
    if not MIN_KEPT_SHARE * len(whole) <= len(text) < len(whole):
        return False
    rest = iter(whole)
    return all(char in rest for char in text)


def lost_from_dictated_texts(exchanges: Sequence[Exchange]) -> Finding | None:
    """A finding about streams that lack pieces of a text that the request holds, where the whole answer has all of it.

    Blanks and line breaks count, too: a model that leaves them out writes fewer tokens, or does so in whole answers.
    """
    pairs = [pair for pair in answered_pairs(exchanges) if _is_comparable(pair)]
    exact = [pair for pair in pairs if len(text_of(pair[1])) >= MIN_DICTATED and _is_dictated(pair[1])]
    lost = [
        pair for pair in exact if _costs_the_same(pair) and _lacks_pieces(text_of(pair[0]), text_of(pair[1]).strip())
    ]
    if len({one.request.body for one, _ in lost}) < MIN_BILLED or not _has_several_bills(lost):
        return None
    return _finding(lost, "with exactly the bill of the whole answer, which is the text that was asked for")


def _is_dictated(exchange: Exchange) -> bool:
    """Whether the last message of the request holds the text of the answer."""
    messages = exchange.request.fields.get("messages")
    last = messages[-1] if isinstance(messages, list) and messages else None
    content = last.get("content") if isinstance(last, dict) else None
    return isinstance(content, str) and text_of(exchange).strip() in content


def _cut_at_a_number_of_deltas(exchanges: Sequence[Exchange]) -> list[Pair]:
    """The streams that lack the end of their text after as many deltas as no stream of the run exceeds."""
    pieces = {one.number: len(pieces_of(one)) for one in exchanges if has_message(one) and _asks_for_a_stream(one)}
    most = max(pieces.values(), default=0)
    longest = [one for one in exchanges if pieces.get(one.number) == most]
    pairs = [pair for pair in answered_pairs(exchanges) if len({stop_reason_of(one) for one in pair}) == 1]
    pairs = [pair for pair in pairs if pieces.get(pair[0].number) == most]
    cut = [(one, whole) for one, whole in pairs if _is_the_beginning_of(text_of(one), text_of(whole))]
    requests = {one.request.body for one in longest}
    is_limit = (
        most >= MIN_DELTAS and len(requests) >= MIN_AT_LIMIT and len(cut) >= MIN_CUT and 2 * len(cut) > len(pairs)
    )
    return cut if is_limit else []


def _asks_for_a_stream(exchange: Exchange) -> bool:
    return exchange.request.fields.get("stream") is True


def _is_the_beginning_of(text: str, whole: str) -> bool:
    return len(text) < len(whole) and whole.startswith(text)


def _is_an_end_of(text: str, whole: str) -> bool:
    """Whether a text, which may be empty, is the end of a longer one."""
    return len(text) < len(whole) and whole.endswith(text)


def _bills_as_much(streamed: Exchange, whole: Exchange) -> bool:
    """Whether the text of a stream costs as many tokens as the longer one, and more than the end of an answer."""
    return _shown_tokens(streamed) >= max(MIN_SHOWN_TOKENS, _shown_tokens(whole))


def _thinks_and_answers(exchange: Exchange) -> bool:
    """Whether an answer has thinking first and then only text, which may be lost."""
    kinds = [block.get("type") for block in blocks_of(exchange)]
    return kinds[:1] == ["thinking"] and set(kinds[1:]) <= {"text"} and thought_tokens(usage_of(exchange)) > 0


def _shown_tokens(exchange: Exchange) -> int:
    """The output tokens that are not thinking."""
    return count(usage_of(exchange), "output_tokens") - thought_tokens(usage_of(exchange))


def chance(shorter: int, pairs: int) -> float:
    """The highest probability that this many of the streams are shorter by chance, and none of the whole answers is."""

    def at_least(share: float) -> float:
        some = range(shorter, pairs + 1)
        return sum(comb(pairs, number) * share**number * (1 - share) ** (pairs - number) for number in some)

    return max((1 - share) ** pairs * at_least(share) for share in SHARES)


def is_without_a_piece(text: str, whole: str) -> bool:
    """Whether a text that is not empty is another one of some length without one contiguous piece of it."""
    if len(whole) < MIN_CHARACTERS or not 0 < len(text) < len(whole):
        return False
    same = next((at for at, (a, b) in enumerate(zip(text, whole, strict=False)) if a != b), len(text))
    return whole.endswith(text[same:])


def _is_comparable(pair: Pair) -> bool:
    reasons = {stop_reason_of(answer) for answer in pair}
    return len(reasons) == 1 and reasons <= set(ENDED)


def _is_billed_like_the_whole(pair: Pair) -> bool:
    streamed, whole = pair
    tokens = count(usage_of(whole), "output_tokens")
    lost = 1 - len(text_of(streamed)) / len(text_of(whole))
    billed = count(usage_of(streamed), "output_tokens") >= BILLED_SHARE * tokens
    return tokens >= MIN_TOKENS and lost >= MIN_LOST_SHARE and billed


def _streams(number: int) -> str:
    return "one stream" if number == 1 else f"{number} streams"


def _finding(pairs: list[Pair], why: str) -> Finding:
    streamed, whole = pairs[0]
    return Finding(
        exchange=streamed.number,
        place=in_message(streamed, "/content"),
        found=f"{shown(text_of(streamed))} ({_streams(len(pairs))}, {why})",
        wanted=f"the text of the answer that is not streamed: {shown(text_of(whole))} (exchange {whole.number})",
    )
