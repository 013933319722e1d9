"""A target without a network: answers by a function, and counts what is in flight."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from messages_conformance.contract import Profile
from messages_conformance.exchange import Chunk, Failure, Request, Response
from messages_conformance.targets import SimulatedClock, Unreachable

PROFILE = Profile(
    name="test",
    title="For tests",
    family="anthropic",
    api_version="2023-06-01",
    auth="x-api-key",
    default_model=None,
    needs_key=True,
    promises=frozenset(),
    id_prefix=None,
)

Answer = Response | Failure
Answerer = Callable[[Request, int], Answer]
"""Gets the request and the count of requests so far, this one included."""


def response_of(
    status: int = 200, body: Any = None, *, headers: tuple[tuple[str, str], ...] = (), ending: str = "complete"
) -> Response:
    data = json.dumps(body if body is not None else {"usage": {"input_tokens": 3, "output_tokens": 5}}).encode()
    return Response(
        status=status,
        headers=headers,
        chunks=(Chunk(at_s=0.0, data=data),),
        headers_at_s=0.0,
        ended_at_s=0.0,
        ending=ending,
    )


class FakeTarget:
    """Gives each request `turns` turns of the loop before it is answered; one that answers None hangs for ever."""

    def __init__(self, answer: Callable[[Request, int], Answer | None] | None = None, *, turns: int = 5) -> None:
        self.name = "fake:"
        self.notes: tuple[str, ...] = ()
        self.key: str | None = "sk-fake-key"
        self.offline = False
        self.clock: SimulatedClock | None = None
        self.requests: list[Request] = []
        self.in_flight = 0
        self.peak = 0
        self.closed = 0
        self._answer = answer or (lambda request, count: response_of())
        self._turns = turns

    async def send(self, request: Request) -> Response:
        self.requests.append(request)
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        try:
            answer = self._answer(request, len(self.requests))
            for _ in range(self._turns):
                await asyncio.sleep(0)
            if answer is None:
                await asyncio.Event().wait()
        finally:
            self.in_flight -= 1
        if isinstance(answer, Failure):
            raise Unreachable(answer)
        assert answer is not None
        return answer

    async def aclose(self) -> None:
        self.closed += 1
