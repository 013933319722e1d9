"""The most that a run can cost, computed before anything is sent: requests, tokens and money of each suite."""

from __future__ import annotations

import asyncio
import contextlib
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from rich.console import Console
from rich.text import Text

from messages_conformance.contract import Profile
from messages_conformance.engine import (
    ADDED_TOKENS,
    BYTES_PER_TOKEN,
    Question,
    compose,
    most_input_tokens,
    question_of,
    sharing_key,
)
from messages_conformance.exchange import REFUSED, Ask, Exchange, Request
from messages_conformance.generate import Dialogue
from messages_conformance.run.prices import Prices
from messages_conformance.targets import Target, Unreachable, open_target

STAND_IN: Final = "reference:transport=memory"
"""Answers dialogues while they are planned, so that their later requests are known. Nothing leaves the process."""

STAND_IN_MODEL: Final = "reference-1"

MODEL: Final = "the-model-of-the-run-00000000000"
"""Replaces the name of a model that is not known yet; it has about the length of real names."""


@dataclass(frozen=True, kw_only=True)
class Ceiling:
    """The most that something can cost. Requests that must be refused cost no tokens."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    def __add__(self, other: Ceiling) -> Ceiling:
        return Ceiling(
            requests=self.requests + other.requests,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
        )


def ceilings(
    suites: Mapping[str, Sequence[Ask | Dialogue]], *, profile: Profile, model: str | None
) -> Mapping[str, Ceiling]:
    """Returns the ceiling of each suite. A request that several suites share is counted in the first one."""
    parts: dict[str, list[Ceiling]] = {name: [] for name in suites}
    shared: dict[tuple[object, ...], tuple[str, Question]] = {}
    for name, asked in ((name, asked) for name, group in suites.items() for asked in group):
        if isinstance(asked, Dialogue):
            parts[name].append(_of_dialogue(asked, profile, model or MODEL))
            continue
        question = question_of(asked, profile=profile, model=model or MODEL)
        _, first = shared.setdefault(sharing_key(asked, question.request), (name, question))
        if first is not question:
            first.share(asked)
    for name, question in shared.values():
        parts[name].append(_of_question(question))
    return {name: _sum(found) for name, found in parts.items()}


def _sum(parts: Iterable[Ceiling]) -> Ceiling:
    return sum(parts, start=Ceiling())


def _of_question(question: Question) -> Ceiling:
    return Ceiling(
        requests=question.attempts,
        input_tokens=question.attempts * input_ceiling(question),
        output_tokens=question.token_ceiling,
    )


def _of_dialogue(dialogue: Dialogue, profile: Profile, model: str) -> Ceiling:
    largest = max(map(input_ceiling, _rehearsed(dialogue, profile, model)), default=0)
    return Ceiling(
        requests=dialogue.max_requests,
        input_tokens=dialogue.max_requests * largest,
        output_tokens=dialogue.max_output_tokens,
    )


def input_ceiling(question: Question) -> int:
    """Returns more input tokens than any known tokenizer makes of the request; 0 when none are billed."""
    if not question.creates_message or question.expect == REFUSED:
        return 0
    return most_input_tokens(question.request)


def _rehearsed(dialogue: Dialogue, profile: Profile, model: str) -> list[Question]:
    """Returns what a dialogue asks when the reference endpoint answers it, up to the first step that raises."""
    asked: list[Question] = []

    async def rehearse() -> None:
        target = open_target(STAND_IN, key=None)

        async def send(ask: Ask) -> Exchange:
            asked.append(question_of(ask, profile=profile, model=model))
            return await _answered(ask, compose(ask, profile=profile, model=STAND_IN_MODEL), target)

        try:
            await dialogue.steps(send)
        finally:
            await target.aclose()

    with contextlib.suppress(Exception):  # a dialogue may need what only a real answer has
        asyncio.run(rehearse())
    return asked


async def _answered(ask: Ask, request: Request, target: Target) -> Exchange:
    situations = (ask.situation,)
    try:
        response = await target.send(request)
    except Unreachable as error:
        return Exchange(number=0, request=request, situations=situations, response=None, failure=error.failure)
    return Exchange(number=0, request=request, situations=situations, response=response, expect=ask.expect)


def show(out: Console, suites: Mapping[str, Ceiling], prices: Prices) -> None:
    """Prints the plan as a table, and what it includes."""
    total = _sum(suites.values())
    rows = [
        (
            "suite",
            "requests",
            "input tokens",
            "output tokens",
            *(["money"] if _money(prices, total) is not None else []),
        )
    ]
    rows += [_row(name, ceiling, prices) for name, ceiling in [*suites.items(), ("at most", total)]]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        out.print(Text("  ".join(cells), style="bold" if row in (rows[0], rows[-1]) else ""), soft_wrap=True)
    out.print()
    for note in NOTES:
        out.print("\n".join(textwrap.wrap(note, out.width)), soft_wrap=True)
    if prices.known:
        unit = prices.currency or "the currency of the prices"
        out.print(f"Money is in {unit}: {prices.origin}.", soft_wrap=True)


def plan_json(suites: Mapping[str, Ceiling], prices: Prices, *, model: str | None, depth: str) -> Mapping[str, object]:
    """The plan as a JSON object: what each suite and all of them cost at most."""

    def row(ceiling: Ceiling) -> Mapping[str, object]:
        return {**asdict(ceiling), "money": _money(prices, ceiling)}

    return {
        "model": model,
        "currency": prices.currency,
        "prices": prices.origin,
        "depth": depth,
        "suites": {name: row(ceiling) for name, ceiling in suites.items()},
        "at_most": row(_sum(suites.values())),
    }


NOTES: Final = (
    "Nothing was sent. Output is the sum of max_tokens. Input is a high estimate from the length of the "
    f"bodies: {BYTES_PER_TOKEN} bytes for each token, and {ADDED_TOKENS} tokens that a target may add to each request.",
    "Requests that must be refused, token counts and lists of models are assumed to cost nothing. Repeated requests "
    "(after a 429, a 5xx or a broken connection) are not in the plan, but --max-requests and --max-output-tokens "
    "count them.",
)


def _money(prices: Prices, ceiling: Ceiling) -> float | None:
    return prices.of_tokens(ceiling.input_tokens, ceiling.output_tokens)


def _row(name: str, ceiling: Ceiling, prices: Prices) -> tuple[str, ...]:
    counts = (f"{number:,}" for number in (ceiling.requests, ceiling.input_tokens, ceiling.output_tokens))
    money = _money(prices, ceiling)
    return (name, *counts, *([] if money is None else [f"{money:,.4f}"]))
