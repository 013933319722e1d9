"""Questions that are asked whole and streamed, and again both ways where the two answers are not of one kind.

Two answers of a model may differ by chance. Only where they do is it worth asking more often; where they do not, the
pair is all that it costs.
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
"""With the first pair these are seven: six that differ one way are no chance (rules/stream_parity.py); one may fail."""

Form = Callable[[Exchange], object]


def repeated_pair(name: str, pair: Sequence[Ask], form: Form, *, needs: Iterable[str] = ()) -> Dialogue:
    """The two asks of `whole_and_streamed`, sent again up to six times where the answers differ in their form."""

    async def steps(send: Send) -> None:
        first, second = [form(await send(one)) for one in pair]
        if first == second:
            return
        for copy in range(1, TIMES + 1):
            for one in pair:
                await send(replace(one, situation=f"{one.situation}.again", copy=copy))

    return Dialogue(
        name=name,
        steps=steps,
        max_requests=2 * (TIMES + 1),
        max_output_tokens=(TIMES + 1) * sum(_limit(one) for one in pair),
        needs=frozenset(needs),
    )


def _limit(asked: Ask) -> int:
    limit = asked.body.get("max_tokens") if isinstance(asked.body, Mapping) else None
    return limit if isinstance(limit, int) else 0


def kinds(exchange: Exchange) -> object:
    """Of what an answer is made: the kinds of its blocks, and the inputs of its calls, empty or with their blanks."""
    message = answered_message(exchange)
    if message is None:
        return None
    return [
        (block["type"], block.get("name"), json.dumps(block["input"]).count(" ") if block.get("input") else None)
        for block in message["content"]
    ]


def words(exchange: Exchange) -> object:
    """The words of an answer, in any order and spelling."""
    return sorted(answer_text(exchange).lower().replace(",", " ").split())
