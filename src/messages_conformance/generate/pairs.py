"""Sends a question whole and streamed, and repeats the pair where the two answers differ in kind.

Two answers of a model may differ by chance. Only if they do, more pairs are sent, which show whether it was chance.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from messages_conformance.exchange import Ask, Exchange
from messages_conformance.generate.answers import answer_text, answered_message
from messages_conformance.generate.asks import Dialogue, Send

TIMES: Final = 6
"""Pairs after the first. Six of seven that differ in the same way are no chance (rules/stream_parity.py)."""

Form = Callable[[Exchange], object]
"""What is compared of an answer."""


def repeated_pair(
    name: str, pair: Sequence[Ask], form: Form, *, times: int = TIMES, needs: Iterable[str] = ()
) -> Dialogue:
    """A dialogue of the two Asks of `whole_and_streamed`, repeated up to `times` where the answers differ in form."""

    async def steps(send: Send) -> None:
        first, second = [form(await send(one)) for one in pair]
        if first == second:
            return
        for copy in range(1, times + 1):
            for one in pair:
                await send(replace(one, situation=f"{one.situation}.again", copy=copy))

    return Dialogue(
        name=name,
        steps=steps,
        max_requests=2 * (times + 1),
        max_output_tokens=(times + 1) * sum(_limit(one) for one in pair),
        needs=frozenset(needs),
    )


def _limit(ask: Ask) -> int:
    limit = ask.body.get("max_tokens") if isinstance(ask.body, Mapping) else None
    return limit if isinstance(limit, int) else 0


def kinds(exchange: Exchange) -> object:
    """The parts of an answer: for each block its type, the name of the tool, and the count of blanks in its input."""
    message = answered_message(exchange)
    if message is None:
        return None
    return [
        (block["type"], block.get("name"), json.dumps(block["input"]).count(" ") if block.get("input") else None)
        for block in message["content"]
    ]


def words(exchange: Exchange) -> object:
    """The words of an answer, sorted and in lower case."""
    return sorted(answer_text(exchange).lower().replace(",", " ").split())
