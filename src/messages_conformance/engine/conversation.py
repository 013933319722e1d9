"""A conversation asks in several steps, each of which depends on the answer before it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from messages_conformance.exchange import Ask, Exchange

AskFunction = Callable[[Ask], Awaitable[Exchange]]
"""Sends an Ask, up to its attempts, and returns the last exchange. It raises nothing: a failure is in the exchange."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Conversation:
    """A coroutine function `steps` that asks step by step.

    `max_requests` limits its requests: one more is our own error. `max_output_tokens` is its part of a plan's ceiling.
    `generated` is true for a conversation that was generated, false for one of the suites.
    """

    name: str
    steps: Callable[[AskFunction], Awaitable[None]]
    max_requests: int
    max_output_tokens: int = 0
    depth: str = "standard"
    needs: frozenset[str] = frozenset()
    generated: bool = False
