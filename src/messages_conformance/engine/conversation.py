"""Several steps, each of which depends on the answer before it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from messages_conformance.exchange import Ask, Exchange

AskFunction = Callable[[Ask], Awaitable[Exchange]]
"""Asks once (or up to the Ask's attempts) and gives the last exchange; its failure is in it, nothing is raised."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Conversation:
    """A coroutine function that asks step by step. `max_requests` bounds its steps; more of them are our own error.

    `max_output_tokens` is its share of a plan's ceiling; `drawn` tells one that was drawn from one that somebody wrote.
    """

    name: str
    steps: Callable[[AskFunction], Awaitable[None]]
    max_requests: int
    max_output_tokens: int = 0
    depth: str = "standard"
    needs: frozenset[str] = frozenset()
    generated: bool = False
