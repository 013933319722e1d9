"""Builders of Asks: natural questions that small and large models follow, and the rows of the probe table."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from messages_conformance.contract.probes import probes
from messages_conformance.exchange import ACCEPTED, REFUSED, Ask, Exchange
from messages_conformance.generate.answers import answered_message

Message = Mapping[str, Any]
"""One message of a request: role and content."""

PLAIN_PROBE: Final = "transport.path.post-messages"
"""The requirement of every ordinary question: a valid request is answered."""

STREAM: Final = "stream"
"""The capability that every streamed question needs."""

_ID: Final = re.compile(r"[a-zA-Z0-9_-]+")

Send = Callable[[Ask], Awaitable[Exchange]]
"""Sends an Ask and returns its exchange."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Dialogue:
    """A coroutine function `steps` that sends one Ask after another, each with the answers before it at hand.

    `max_requests` and `max_output_tokens` limit what it may send in all, for the plan. `depth` is the least depth of a
    run that contains it, `needs` what a profile has to offer. `generated` is true unless somebody wrote it by hand.
    `vendors` is the value of --vendors for which it is sent, or 0 if that does not matter.
    A dialogue with `opt_in` creates something on the target: it is sent only if --include names it.
    """

    name: str
    steps: Callable[[Send], Awaitable[None]]
    max_requests: int
    max_output_tokens: int
    depth: str = "standard"
    needs: frozenset[str] = frozenset()
    generated: bool = False
    opt_in: str = ""
    vendors: int = 0


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
    expect: str = ACCEPTED,
    copy: int = 0,
    attempts: int = 1,
    premise: str | None = None,
    depth: str = "standard",
    needs: Iterable[str] = (),
    capability: str | None = None,
    probe: str = PLAIN_PROBE,
    **fields: Any,
) -> Ask:
    """An Ask for a question in one situation. Further keywords are fields of the body.

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
        premise=() if premise is None else (premise,),
        depth=depth,
        needs=frozenset({*needs, STREAM} if stream else needs),
        capability=capability,
        probe=probe,
        expect=expect,
    )


def whole_and_streamed(
    situation: str,
    question: str | Iterable[Message],
    *,
    depth: str = "standard",
    streamed_depth: str | None = None,
    **options: Any,
) -> list[Ask]:
    """Two Asks: the question without and with streaming. `streamed_depth` is the depth of the second, if it differs."""
    messages = question if isinstance(question, str) else list(question)
    return [
        ask(situation, messages, depth=depth, **options),
        ask(f"{situation}.streamed", messages, stream=True, depth=streamed_depth or depth, **options),
    ]


def count_tokens(
    situation: str,
    question: str | Iterable[Message],
    *,
    depth: str = "standard",
    needs: Iterable[str] = (),
    **fields: Any,
) -> Ask:
    """A request that counts the tokens of a question, which costs nothing."""
    messages = [user(question)] if isinstance(question, str) else list(question)
    return Ask(
        situation=situation,
        body={"messages": messages, **fields},
        path="/v1/messages/count_tokens",
        needs=frozenset({"count-tokens", *needs}),
        depth=depth,
    )


def get(situation: str, path: str, *, needs: Iterable[str] = ()) -> Ask:
    """An Ask for a GET request, which costs nothing."""
    return Ask(situation=situation, method="GET", path=path, needs=frozenset(needs))


def other_route(
    situation: str,
    path: str,
    *,
    probe: str,
    method: str = "GET",
    body: Any = None,
    auth: str = "profile",
    expect: str = REFUSED,
    statuses: tuple[int, ...] = (),
    headers: tuple[tuple[str, str | None], ...] = (),
    creates: bool = False,
    cleans_up: bool = False,
) -> Ask:
    """An Ask for a route beside /v1/messages; no model is added to its body. It must be refused by default."""
    return Ask(
        situation=situation,
        method=method,
        path=path,
        body=body,
        auth=auth,
        fill_model=False,
        probe=probe,
        expect=expect,
        statuses=statuses,
        headers=headers,
        creates=creates,
        cleans_up=cleans_up,
    )


def content_to_echo(exchange: Exchange, *, calls: bool = False) -> list[Any] | None:
    """The content of a valid answer, whole or streamed, as the assistant's turn of the next request.

    It is None where that turn is invalid.

    A tool call is not valid without its result: content with calls is returned only if `calls` says that they will be
    answered. A request cannot contain an empty text, or a call with an invalid id or name.
    """
    message = answered_message(exchange)
    blocks = message["content"] if message is not None else []
    if not blocks:
        return None
    ids = [block["id"] for block in blocks if block.get("type") == "tool_use"]
    nameless = any(block.get("type") == "tool_use" and not block["name"] for block in blocks)
    odd = nameless or len(set(ids)) < len(ids) or any(_ID.fullmatch(identifier) is None for identifier in ids)
    if (ids and not calls) or odd or any(block.get("text") == "" for block in blocks):
        return None
    return list(blocks)


def probe_asks() -> list[Ask]:
    """Every case of the probe table as an Ask. A smoke run sends the first case of a row only."""
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
            capability=probe.capability,
            depth=case.depth or ("standard" if number and probe.depth == "smoke" else probe.depth),
            layout=case.layout,
            header_case="odd" if case.odd_case else "plain",
        )
        for probe in probes().values()
        for number, case in enumerate(probe.cases)
    ]
