"""The rule for a smaller max_tokens than requested: a server that lowers it cuts answers without saying so.

One short answer shows nothing. Two long tasks that end at the same number of tokens, far below the limit, show a limit
that the request does not have.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import (
    closing_usage,
    count,
    has_message,
    in_message,
    is_broken_stream,
    limit_of,
    shown,
    stop_reason_of,
    text_of,
)
from messages_conformance.rules.catalogue import LOSES, RUN, rule
from messages_conformance.rules.input_counts import prompt_of
from messages_conformance.rules.model_passes import may_take_several_passes
from messages_conformance.rules.recording_parts import REQUEST
from messages_conformance.rules.verdict import MUST, Finding, Unverified

LARGE_LIMIT: Final = 1_000
"""Smaller limits are judged by stop.max_tokens.occurs and usage.output.eq-max-on-max_tokens (our own)."""

NEAR_SHARE: Final = 0.9
"""An answer with this share of its limit was not cut too early (usage.output.eq-max-on-max_tokens)."""

SAME_TOKENS: Final = 2
"""Two answers that were cut at the same limit differ by at most this (the token that ends an answer; our own)."""

LEAST_TOKENS: Final = 48
"""No server lowers a limit to less than this, and many short answers have equal lengths (our own)."""

ROUND: Final = 10
"""A model that gives up early ends at a round number; a limit does not end two lists at one (our own)."""

MIN_NUMBERS: Final = 8
"""A list of this many numbers shows what a number costs (our own)."""

MOST_UNBILLED: Final = 2.5
"""A text may cost this many times its bill: long numbers cost more than short ones, or less (our own)."""

TASK: Final = re.compile(r"Count from (\d+) to (\d+)")
NUMBERS: Final = re.compile(r"\d+")


def _long_answers(exchanges: Sequence[Exchange]) -> list[Exchange]:
    """Complete answers to requests for long lists of numbers with a large limit."""
    return [
        one
        for one in exchanges
        if has_message(one)
        and (limit_of(one) or 0) >= LARGE_LIMIT
        and TASK.search(prompt_of(one) or "")
        and not is_broken_stream(one)
        and not may_take_several_passes(one)
        and count(closing_usage(one), "output_tokens") > 0
    ]


def _tokens(exchange: Exchange) -> int:
    return count(closing_usage(exchange), "output_tokens")


def _is_far_below_its_limit(exchange: Exchange) -> bool:
    return LEAST_TOKENS <= _tokens(exchange) < NEAR_SHARE * (limit_of(exchange) or 0)


def _is_cut(exchange: Exchange) -> bool:
    """Whether an answer says that it was cut, or is the beginning of a list that stops in its middle."""
    if stop_reason_of(exchange) == "max_tokens":
        return True
    task = TASK.search(prompt_of(exchange) or "")
    numbers = [int(number) for number in NUMBERS.findall(text_of(exchange))]
    if task is None or stop_reason_of(exchange) != "end_turn" or len(numbers) < 2:
        return False
    first, last = int(task[1]), int(task[2])
    whole, reached = numbers[:-1], numbers[-1]  # the last number may be cut itself
    is_list = _is_list(exchange) and whole == list(range(first, first + len(whole)))
    return is_list and whole[-1] < last - 1 and reached % ROUND != 0


def _tokens_per_number(exchanges: Sequence[Exchange]) -> float:
    """The least output tokens for each number of a short list that is complete; 0 without one."""
    lists = [
        (one, len(NUMBERS.findall(text_of(one))))
        for one in exchanges
        if has_message(one) and stop_reason_of(one) == "end_turn" and _is_list(one)
    ]
    return min((_tokens(one) / numbers for one, numbers in lists if numbers >= MIN_NUMBERS), default=0)


def _is_list(exchange: Exchange) -> bool:
    return not text_of(exchange).strip(" \n,0123456789")


def _is_billed(exchange: Exchange, price: float) -> bool:
    """Whether the output tokens fit the text: made-up counts show no limit."""
    return price * len(NUMBERS.findall(text_of(exchange))) <= MOST_UNBILLED * _tokens(exchange)


@rule(
    "request.max_tokens.honoured-upwards",
    MUST,
    harm=LOSES,
    source=f"{sources.STOP_REASONS}; fuergaosi233/claude-code-proxy#36, impalasys/talon#8 (GitHub), read 2026-11-30",
    needs={"text"},
    over=RUN,
    model_dependent=True,
    reads={REQUEST},
    provoked="Lists of numbers are requested that are longer than max_tokens, with a max_tokens above 1,024.",
)
def allows_as_many_tokens_as_requested(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """An answer may have all tokens of max_tokens: the server does not cut it at a smaller limit of its own."""
    answers = _long_answers(exchanges)
    price = _tokens_per_number(exchanges)
    short = [one for one in answers if _is_far_below_its_limit(one) and _is_cut(one) and _is_billed(one, price)]
    for one, other in combinations(short, 2):
        if abs(_tokens(one) - _tokens(other)) <= SAME_TOKENS and prompt_of(one) != prompt_of(other):
            reason = shown(stop_reason_of(one))
            found = f"{_tokens(one)} with stop_reason {reason}, and {_tokens(other)} in exchange {other.number}"
            wanted = f"up to {limit_of(one)} tokens: the list is not complete"
            yield Finding(
                exchange=one.number, place=in_message(one, "/usage/output_tokens"), found=found, wanted=wanted
            )
            return
    if not any(_tokens(one) >= NEAR_SHARE * (limit_of(one) or 0) for one in answers):
        yield Unverified(reason="no answer is long enough to reach a large max_tokens")
