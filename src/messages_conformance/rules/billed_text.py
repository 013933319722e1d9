"""Rules that compare the text of answers with the output tokens that are billed for it.

Hidden reasoning costs tokens too, so only a bill that is too small for its text is wrong. Equal answers to equal
requests cost the same in both forms.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import (
    blocks_of,
    closing_usage,
    count,
    has_message,
    in_message,
    is_broken_stream,
    json_key,
    streamed,
    text_of,
)
from messages_conformance.rules.catalogue import MISBILLS, RUN, rule
from messages_conformance.rules.model_passes import may_take_several_passes
from messages_conformance.rules.paired_requests import request_without
from messages_conformance.rules.recording_parts import REQUEST
from messages_conformance.rules.verdict import MUST, SHOULD, Finding, Unverified

LIST: Final = re.compile(r"\s*\d+(?:\s*,\s*\d+)+\s*[.,]?\s*")
NUMBERS: Final = re.compile(r"\d+")

MIN_NUMBERS: Final = 8
"""A list of this many numbers shows what they cost (our own)."""

TOKENS_PER_NUMBER: Final = 0.5
"""Each number and its comma are a token or more with every tokenizer; half of it, to be safe (our own)."""

MIN_EQUAL: Final = 3
"""At least this many equal answers of each form must have the same bill (our own: hidden reasoning differs from time to
time)."""

SLACK_TOKENS: Final = 2
SLACK_SHARE: Final = 0.1
"""Two bills for the same text may differ by this, whichever is more: the end of an answer may count (our own)."""


def _tokens(exchange: Exchange) -> int:
    return count(closing_usage(exchange), "output_tokens")


def _is_billed_text(exchange: Exchange) -> bool:
    """Whether an answer is complete, consists of text, and has a number of output tokens."""
    return (
        has_message(exchange)
        and not is_broken_stream(exchange)
        and not may_take_several_passes(exchange)
        and _tokens(exchange) > 0
        and bool(blocks_of(exchange))
        and all(block.get("type") == "text" for block in blocks_of(exchange))
    )


@rule(
    "usage.output.ge-list",
    MUST,
    harm=MISBILLS,
    source=f"{sources.SEED} (output_tokens are the tokens of the answer); a number and a comma are a token or more",
    applies=_is_billed_text,
    model_dependent=True,
    reads={REQUEST},
    provoked="Lists of numbers are requested, with and without streaming.",
)
def bills_a_list_for_its_numbers(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """An answer that is a list of numbers has at least as many output tokens as its text can have."""
    numbers = len(NUMBERS.findall(text_of(exchange))) if LIST.fullmatch(text_of(exchange)) else 0
    if numbers < MIN_NUMBERS:
        yield Unverified(reason="no answer is a list of numbers")
    elif _tokens(exchange) < TOKENS_PER_NUMBER * numbers:
        place = in_message(exchange, "/usage/output_tokens")
        found = f"{_tokens(exchange)} for a list of {numbers} numbers"
        yield Finding(place=place, found=found, wanted=f"about {numbers} or more")


@rule(
    "usage.output.stream-equals-nonstream",
    SHOULD,
    harm=MISBILLS,
    source="equal texts have equal tokens; sgl-project/sglang#20678 (GitHub), read 2026-11-22",
    needs={"stream"},
    over=RUN,
    model_dependent=True,
    reads={REQUEST},
    provoked="The same short list is requested several times, with and without streaming.",
)
def bills_streams_like_whole_answers(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """The same answer to the same request costs as many output tokens in a stream as without streaming."""
    equal: dict[bytes, list[Exchange]] = defaultdict(list)
    for one in exchanges:
        if _is_billed_text(one):
            equal[request_without(one, "stream") + json_key(text_of(one))].append(one)
    compared = False
    for answers in equal.values():
        forms = [[one for one in answers if streamed(one) is form] for form in (False, True)]
        bills = [{_tokens(one) for one in form} for form in forms]
        if any(len(form) < MIN_EQUAL for form in forms) or any(len(bill) != 1 for bill in bills):
            continue
        compared = True
        whole, stream = bills[0].pop(), bills[1].pop()
        if abs(whole - stream) > max(SLACK_TOKENS, SLACK_SHARE * whole):
            one = forms[1][0]
            found = f"{stream} in {len(forms[1])} streams with the same text"
            wanted = f"about {whole}, as in {len(forms[0])} whole answers (exchange {forms[0][0].number})"
            place = in_message(one, "/usage/output_tokens")
            yield Finding(exchange=one.number, place=place, found=found, wanted=wanted)
            return
    if not compared:
        yield Unverified(reason="no answer came several times in both forms with a constant number of output tokens")
