"""Engines over fake targets, for the tests of this folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from fake_target import PROFILE, Answer, FakeTarget

from messages_conformance.engine import Engine
from messages_conformance.exchange import (
    Ask,
    Exchange,
    Request,
)

OVER = "overloaded_error"
Answerer = Callable[[Request, int], Answer | None]


def message(name: str, **others: Any) -> Ask:
    body = {"max_tokens": 10, "messages": [{"role": "user", "content": name}]}
    return Ask(situation=name, body=body, **others)


class Sleeps:
    """Replaces asyncio.sleep: keeps the pauses and does not wait."""

    def __init__(self) -> None:
        self.pauses: list[float] = []

    async def __call__(self, pause_s: float) -> None:
        self.pauses.append(pause_s)


@contextmanager
def running(target: FakeTarget, **options: Any) -> Iterator[Engine]:
    options.setdefault("sleep", Sleeps())
    engine = Engine(target, profile=PROFILE, model="m", **options)
    try:
        yield engine
    finally:
        engine.stop()
        assert target.closed == 1
        assert target.in_flight == 0


def outcome(answer: Answerer, ask: Ask | None = None, **options: Any) -> tuple[Exchange, FakeTarget, Engine]:
    """The last exchange of one Ask, its target and its engine."""
    target, ask = FakeTarget(answer), ask or message("one")
    with running(target, **options) as engine:
        engine.plan([ask])
        engine.start()
        return engine.wait(ask)[-1], target, engine
