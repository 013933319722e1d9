"""Builders of Asks: natural questions that small and large models follow, and the rows of the probe table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from messages_conformance.contract.probes import probes
from messages_conformance.exchange import Ask, Exchange

Message = Mapping[str, Any]
Send = Callable[[Ask], Awaitable[Exchange]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Dialogue:
    """A coroutine function that sends one Ask after another, each knowing the answers before it.

    `max_requests` and `max_output_tokens` bound what it may send in all, for the plan.
    """

    name: str
    steps: Callable[[Send], Awaitable[None]]
    max_requests: int
    max_output_tokens: int
    depth: str = "standard"
    needs: frozenset[str] = frozenset()


def user(content: Any) -> Message:
    """A user message with text or content blocks."""
    return {"role": "user", "content": content}


def assistant(content: Any) -> Message:
    """An assistant message with text or content blocks."""
    return {"role": "assistant", "content": content}


def ask(
    situation: str,
    question: str | Iterable[Message],
    *,
    stream: bool = False,
    max_tokens: int = 16,
    copy: int = 0,
    attempts: int = 1,
    depth: str = "standard",
    needs: Iterable[str] = (),
    probe: str | None = None,
    **fields: Any,
) -> Ask:
    """A question in one situation, as an Ask; further keywords are fields of the body.

    `stream` is sent only when it is true, as the official SDKs do.
    """
    messages = [user(question)] if isinstance(question, str) else list(question)
    body: dict[str, Any] = {"max_tokens": max_tokens, "messages": messages, **fields}
    if stream:
        body["stream"] = True
    return Ask(
        situation=situation,
        body=body,
        copy=copy,
        attempts=attempts,
        depth=depth,
        needs=frozenset(needs),
        **({} if probe is None else {"probe": probe}),
    )


def both_ways(situation: str, question: str | Iterable[Message], **options: Any) -> list[Ask]:
    """The same question whole and streamed."""
    messages = question if isinstance(question, str) else list(question)
    return [
        ask(situation, messages, **options),
        ask(f"{situation}.streamed", messages, stream=True, **options),
    ]


def probe_asks() -> list[Ask]:
    """Every case of the probe table as an Ask."""
    return [
        Ask(
            situation=probe.situation or f"{probe.requirement}:{case.name}",
            body=case.body,
            method=case.method,
            path=case.path,
            headers=case.headers,
            auth=case.auth,
            fill_model=case.fill_model,
            probe=probe.requirement,
            expect=probe.expect,
            statuses=probe.statuses,
            needs=probe.needs,
            depth=probe.depth,
            layout=case.layout,
            header_case="odd" if case.odd_case else "plain",
        )
        for probe in probes().values()
        for case in probe.cases
    ]
