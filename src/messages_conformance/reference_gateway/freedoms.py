"""More correct gateways: what a translation may choose, and what a gateway may add. No rule may accuse any of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, Final

from messages_conformance.reference_gateway.changes import Events, Failed, Fields
from messages_conformance.reference_gateway.chat_answer import STOP_REASONS, BrokenAnswerError
from messages_conformance.reference_gateway.edits import (
    events_of_type,
    field,
    in_content,
    setting,
    without_blocks,
)
from messages_conformance.reference_gateway.http import Headers, UpstreamError
from messages_conformance.reference_gateway.variants import CHAT, PASSES, variant

COALESCED_S: Final = 0.05
"""A gateway waits this long for more text that it can send in the same event (our own)."""


def load() -> None:
    """Registers these variants; importing this module does it."""


# -- requests


def _each_message(change: Any) -> Any:
    return field("messages", lambda messages: [change(message) for message in messages])


def _each_function(change: Any) -> Any:
    return field("tools", lambda tools: [{**tool, "function": change(tool["function"])} for tool in tools])


def _parted(message: Fields) -> Fields:
    if message["role"] != "tool":
        return message
    return {**message, "content": [{"type": "text", "text": message["content"]}]}


def _detailed(message: Fields) -> Fields:
    if not isinstance(message.get("content"), list):
        return message
    parts = [field("image_url", setting(detail="auto"))(part) for part in message["content"]]
    return {**message, "content": parts}


def _listed(body: Fields) -> Fields:
    """The body of a Messages request with lists of blocks in place of strings."""
    turns = [field("content", _blocks)(turn) for turn in body["messages"]]
    return field("system", _blocks)({**body, "messages": turns})


def _blocks(content: Any) -> Any:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _reasoned(message: Fields) -> Fields:
    return (
        setting(reasoning_content="They want to know the sum.")(message) if message["role"] == "assistant" else message
    )


variant(
    "loose_schemas",
    "Schemas get `properties` and `required` where they have none, and functions `strict` false.",
    modes=CHAT,
    sent=_each_function(
        lambda function: {
            **function,
            "strict": False,
            "parameters": {"properties": {}, "required": [], **function["parameters"]},
        }
    ),
)
variant("listed_results", "Results of tools are lists of parts.", modes=CHAT, sent=_each_message(_parted))
variant("image_detail", "Images get the detail auto.", modes=CHAT, sent=_each_message(_detailed))
variant("reasoning_in_history", "Earlier turns carry reasoning_content.", modes=CHAT, sent=_each_message(_reasoned))
variant(
    "user_in_metadata",
    "The user's id is sent in the metadata of the dialect.",
    modes=CHAT,
    sent=lambda body: (
        {**{name: value for name, value in body.items() if name != "user"}, "metadata": {"user_id": body["user"]}}
        if "user" in body
        else body
    ),
)
variant("lists_in_requests", "Texts are passed on as lists of blocks.", modes=PASSES, request=_listed)
variant(
    "untitled_custom_tools",
    "Tools get their type.",
    modes=PASSES,
    request=field("tools", lambda tools: [{"type": "custom", **tool} for tool in tools]),
)
variant(
    "counts_first",
    "The tokens of a request are counted by the upstream before it is sent.",
    modes=PASSES,
    flags=frozenset({"counts_first"}),
    cases=frozenset({"text", "call", "system", "tools", "status-400"}),
)
variant(
    "asks_compressed",
    "Compressed answers are asked for and unpacked.",
    headers=lambda headers, _: {**headers, "accept-encoding": "gzip"},
    cases=frozenset({"compressed", "text", "call", "pause", "status-400"}),
)

# -- answers


def _cut_calls(message: Fields) -> Fields:
    """The message without a call that the limit cut."""
    if message["stop_reason"] != "max_tokens":
        return message
    return in_content("tool_use", lambda block: block if block["input"] else None)(message)


def _honest(completion: Fields) -> Fields:
    for choice in completion.get("choices") or []:
        if choice.get("finish_reason") not in (None, *STOP_REASONS):
            raise BrokenAnswerError("the model ended for an unknown reason")
    return completion


async def _honest_chunks(chunks: Events) -> AsyncIterator[Fields]:
    async for chunk in chunks:
        yield _honest(chunk)


async def _coalesced(events: Events) -> AsyncIterator[Fields]:
    """Texts that come within a moment are one event."""
    iterator, held = aiter(events), None
    coming = asyncio.ensure_future(anext(iterator))
    try:
        while True:
            done, _ = await asyncio.wait({coming}, timeout=None if held is None else COALESCED_S)
            if not done and held is not None:
                yield held
                held = None
                continue
            try:
                event = coming.result()
            except StopAsyncIteration:
                break
            finally:
                if held is not None and coming.exception() is not None:
                    yield held
                    held = None
            coming = asyncio.ensure_future(anext(iterator))
            if held is not None and _text_of(event) and held["index"] == event["index"]:
                text = _text_of(held) + _text_of(event)
                held = {**held, "delta": {"type": "text_delta", "text": text}}
                continue
            if held is not None:
                yield held
            held = event if _text_of(event) else None
            if held is None:
                yield event
    finally:
        coming.cancel()


def _text_of(event: Fields) -> str:
    return str((event.get("delta") or {}).get("text") or "")


async def _unasked(events: Events) -> AsyncIterator[Fields]:
    """The events without thinking, if it is that of a case that does not ask for it."""
    held = [event async for event in events]
    unasked = any("They gre" in str((event.get("delta") or {}).get("thinking")) for event in held)

    async def again() -> AsyncIterator[Fields]:
        for event in held:
            yield event

    async for event in without_blocks("thinking")[1](again()) if unasked else again():
        yield event


def _unasked_message(message: Fields) -> Fields:
    return in_content("thinking", lambda block: None if block["thinking"] == "They greet me." else block)(message)


variant("no_cut_calls", "A call that the limit cut is left out of whole answers.", modes=CHAT, message=_cut_calls)
variant(
    "honest_about_finish",
    "An answer that ended for an unknown reason is an error.",
    modes=CHAT,
    completion=_honest,
    chunks=_honest_chunks,
    cases=frozenset({"unknown-finish", "text", "length", "call"}),
)
variant("coalesced_deltas", "Texts that come within a moment are one event.", events=_coalesced)
variant(
    "no_unasked_thinking",
    "Reasoning that the client did not ask for is left out.",
    modes=CHAT,
    message=_unasked_message,
    events=_unasked,
    cases=frozenset({"reasoning-unasked", "reasoning", "text"}),
)
variant(
    "estimates_at_start",
    "message_start has an estimate of the input, message_delta the count.",
    modes=CHAT,
    events=events_of_type(
        "message_start", lambda event: {**event, "message": field("usage", setting(input_tokens=11))(event["message"])}
    ),
)


def _own_request_id(headers: Headers, _: Any) -> Headers:
    renamed = tuple(("x-upstream-request-id" if name == "request-id" else name, value) for name, value in headers)
    return (*renamed, ("request-id", "req_of_the_gateway"))


variant("own_request_id", "The upstream's request-id has another name.", modes=PASSES, reply=_own_request_id)

# -- failures


async def _breaking(events: Events) -> AsyncIterator[Fields]:
    try:
        async for event in events:
            yield event
    except (UpstreamError, BrokenAnswerError) as error:
        raise ConnectionResetError from error


def _later(failed: Failed) -> Failed:
    """A gateway that needs a second itself says one more."""
    headers = tuple((name, "18" if (name, value) == ("retry-after", "17") else value) for name, value in failed.headers)
    return replace(failed, headers=headers)


variant("breaks_like_the_upstream", "A stream that breaks breaks for the client, too.", modes=CHAT, events=_breaking)
variant("later_retry_after", "retry-after has a second more.", failed=_later)
variant(
    "busy_as_503",
    "An overloaded upstream becomes 503.",
    modes=CHAT,
    failed=lambda failed: replace(failed, status=503) if failed.status == 529 else failed,
)
