"""Small edits of requests and answers, of which faults and variants are made."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from messages_conformance.reference_gateway.changes import Events, Fields

Edit = Callable[[Fields], Fields]


def without(*names: str) -> Edit:
    """Leaves fields out."""
    return lambda body: {name: value for name, value in body.items() if name not in names}


def setting(**values: Any) -> Edit:
    """Sets fields."""
    return lambda body: {**body, **values}


def field(name: str, change: Callable[[Any], Any]) -> Edit:
    """Changes one field where it is there."""
    return lambda body: {**body, name: change(body[name])} if body.get(name) is not None else body


def each_block(change: Callable[[Fields], Fields | None], role: str = "") -> Edit:
    """Changes every block of every turn; None leaves it out. Texts become blocks only where they change."""

    def turn(message: Fields) -> Fields:
        if role and message["role"] != role:
            return message
        content = message["content"]
        if isinstance(content, str):
            changed = change({"type": "text", "text": content})
            return {**message, "content": "" if changed is None else changed["text"]}
        kept = [changed for block in content if (changed := change(block)) is not None]
        return {**message, "content": kept}

    return field("messages", lambda messages: [turn(message) for message in messages])


def each_text(change: Callable[[str], str], role: str = "") -> Edit:
    """Changes every text of the turns."""
    return each_block(
        lambda block: {**block, "text": change(block["text"])} if block["type"] == "text" else block, role
    )


def each_result(change: Callable[[Fields], Fields | None]) -> Edit:
    """Changes every result of a tool; None leaves it out."""
    return each_block(lambda block: change(block) if block["type"] == "tool_result" else block)


def each_call(change: Callable[[Fields], Fields]) -> Edit:
    """Changes every earlier call."""
    return each_block(lambda block: change(block) if block["type"] == "tool_use" else block)


def each_tool(change: Callable[[Fields], Fields]) -> Edit:
    """Changes every definition of a tool."""
    return field("tools", lambda tools: [change(tool) for tool in tools])


# -- answers: an edit of the whole message, and the same of a stream -------------------------------------------------


def per_event(change: Callable[[Fields], list[Fields]]) -> Callable[[Events], Events]:
    """Replaces each event of a stream by others."""

    async def edited(events: Events) -> AsyncIterator[Fields]:
        async for event in events:
            for one in change(event):
                yield one

    return edited


def events_of_type(kind: str, change: Callable[[Fields], Fields | None]) -> Callable[[Events], Events]:
    """Changes the events of one type; None leaves them out."""

    def edited(event: Fields) -> list[Fields]:
        if event.get("type") != kind:
            return [event]
        changed = change(event)
        return [] if changed is None else [changed]

    return per_event(edited)


def in_deltas(kind: str, name: str, change: Callable[[str], str]) -> Callable[[Events], Events]:
    """Changes the text of the deltas of one type."""

    def edited(event: Fields) -> Fields:
        delta = event["delta"]
        return {**event, "delta": {**delta, name: change(delta[name])}} if delta.get("type") == kind else event

    return events_of_type("content_block_delta", edited)


def in_content(kind: str, change: Callable[[Fields], Fields | None]) -> Edit:
    """Changes the blocks of one type of a message; None leaves them out."""

    def edited(content: list[Fields]) -> list[Fields]:
        changed = [change(block) if block["type"] == kind else block for block in content]
        return [block for block in changed if block is not None]

    return field("content", edited)


def joined_inputs(change: Callable[[Any], Any]) -> Callable[[Events], Events]:
    """Changes the whole input of every call of a stream: its deltas become one."""

    async def edited(events: Events) -> AsyncIterator[Fields]:
        held: list[str] = []
        async for event in events:
            delta = event.get("delta") or {}
            if delta.get("type") == "input_json_delta":
                held.append(delta["partial_json"])
                continue
            if event["type"] == "content_block_stop" and held:
                text = "".join(held)
                if _is_json(text):
                    text = json.dumps(change(json.loads(text)), ensure_ascii=False)
                given = {"type": "input_json_delta", "partial_json": text}
                yield {"type": "content_block_delta", "index": event["index"], "delta": given}
                held = []
            yield event

    return edited


def _is_json(text: str) -> bool:
    """Whether the arguments of a call are whole: a limit may cut them."""
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def stop_reasons(change: Callable[[str], str | None]) -> tuple[Edit, Callable[[Events], Events]]:
    """Changes the stop reason, whole and streamed."""

    def edited(event: Fields) -> Fields:
        return {**event, "delta": field("stop_reason", change)(event["delta"])}

    return field("stop_reason", change), events_of_type("message_delta", edited)


def usages(change: Edit) -> tuple[Edit, Callable[[Events], Events]]:
    """Changes the counts, whole and in every event of a stream."""

    def edited(event: Fields) -> list[Fields]:
        if event["type"] == "message_start":
            return [{**event, "message": field("usage", change)(event["message"])}]
        return [field("usage", change)(event)]

    return field("usage", change), per_event(edited)


def without_blocks(*kinds: str) -> tuple[Edit, Callable[[Events], Events]]:
    """Leaves out blocks of some types; the others of a stream are numbered anew."""

    async def edited(events: Events) -> AsyncIterator[Fields]:
        dropped: set[int] = set()
        async for event in events:
            if event["type"] == "content_block_start" and event["content_block"]["type"] in kinds:
                dropped.add(event["index"])
            if event.get("index") in dropped:
                continue
            shift = sum(index < event["index"] for index in dropped) if "index" in event else 0
            yield {**event, "index": event["index"] - shift} if "index" in event else event

    return field("content", lambda content: [one for one in content if one["type"] not in kinds]), edited
