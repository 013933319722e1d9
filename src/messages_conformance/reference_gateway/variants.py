"""Correct gateways that differ from the plain one. No rule may accuse any of them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, Final

from messages_conformance.reference_gateway.changes import (
    PASSTHROUGH,
    TRANSLATES,
    VARIANT,
    Change,
    Events,
    Failed,
    Fields,
    add,
)
from messages_conformance.reference_gateway.edits import (
    each_block,
    events_of_type,
    field,
    in_content,
    per_event,
    setting,
    without,
)

PASSES: Final = (PASSTHROUGH,)
CHAT: Final = (TRANSLATES,)


def load() -> None:
    """Registers all variants; importing this module does it."""


def variant(name: str, summary: str, **edits: Any) -> None:
    """Registers a correct variant."""
    add(Change(name=name, summary=summary, kind=VARIANT, **edits))


def _merged_text(message: Fields) -> Fields:
    """A message with one text part instead of several."""
    content = message.get("content")
    if not isinstance(content, list) or any(part["type"] != "text" for part in content):
        return message
    return {**message, "content": "\n".join(part["text"] for part in content)}


def _split_text(message: Fields) -> Fields:
    content = message.get("content")
    if not isinstance(content, str) or message["role"] == "tool":
        return message
    return {**message, "content": [{"type": "text", "text": content}]}


def _each_message(change: Any) -> Any:
    return field("messages", lambda messages: [change(message) for message in messages])


def _renamed_ids(body: Fields) -> Fields:
    text = json.dumps(body, ensure_ascii=False)
    return json.loads(text.replace("toolu_01", "call_a_"))  # type: ignore[no-any-return]


def _one_system(body: Fields) -> Fields:
    messages = body["messages"]
    system = [one["content"] for one in messages if one["role"] == "system"]
    rest = [one for one in messages if one["role"] != "system"]
    return {**body, "messages": [{"role": "system", "content": "\n\n".join(system)}, *rest] if system else rest}


def _with_own_id(block: Fields) -> Fields:
    return field("id", lambda id: f"toolu_{id}")(block) if block["type"] == "tool_use" else block


def _inlined(body: Fields) -> Fields:
    """The body without definitions in the schemas of tools."""
    for tool in body.get("tools") or []:
        schema = tool["function"]["parameters"]
        for name, definition in schema.pop("$defs", {}).items():
            text = json.dumps(schema, ensure_ascii=False)
            schema = json.loads(text.replace(json.dumps({"$ref": f"#/$defs/{name}"}), json.dumps(definition)))
        tool["function"]["parameters"] = schema
    return body


variant(
    "merged_texts", "Text parts of a message are joined by line ends.", modes=CHAT, sent=_each_message(_merged_text)
)
variant("listed_texts", "Texts are sent as lists of parts.", modes=CHAT, sent=_each_message(_split_text))
variant("one_system_message", "All system texts are one message.", modes=CHAT, sent=_one_system)
variant(
    "developer_role",
    "The system prompt has the role developer.",
    modes=CHAT,
    sent=_each_message(lambda one: {**one, "role": "developer"} if one["role"] == "system" else one),
)
variant("renamed_call_ids", "Ids of calls are renamed on the way in.", modes=CHAT, sent=_renamed_ids)
variant(
    "max_tokens_name",
    "The limit has its older name.",
    modes=CHAT,
    sent=lambda body: {**without("max_completion_tokens")(body), "max_tokens": body["max_completion_tokens"]},
)
variant(
    "explicit_auto",
    "tool_choice auto is always sent.",
    modes=CHAT,
    sent=lambda body: {"tool_choice": "auto", **body} if body.get("tools") else body,
)
variant(
    "implicit_auto",
    "tool_choice auto is left out, as it is the default.",
    modes=CHAT,
    sent=lambda body: without("tool_choice")(body) if body.get("tool_choice") == "auto" else body,
)
variant("inlined_definitions", "Definitions of schemas stand where they are used.", modes=CHAT, sent=_inlined)
variant("sorted_keys", "The keys of bodies are sorted.", sent=lambda body: json.loads(json.dumps(body, sort_keys=True)))
variant("other_model", "The upstream knows the model under another name.", sent=setting(model="upstream/model-7b"))
variant(
    "upstream_model_name",
    "Answers name the model of the upstream.",
    message=setting(model="model-7b"),
    events=events_of_type(
        "message_start", lambda event: {**event, "message": {**event["message"], "model": "model-7b"}}
    ),
)
variant(
    "safety_identifier",
    "The user's id is sent under its newer name.",
    modes=CHAT,
    sent=lambda body: {**without("user")(body), "safety_identifier": body["user"]} if "user" in body else body,
)
variant(
    "lower_effort",
    "Thinking is asked for with the least effort.",
    modes=CHAT,
    sent=lambda body: {**body, "reasoning_effort": "low"} if "reasoning_effort" in body else body,
)
variant(
    "marked_tool_errors",
    "Failures of tools are marked by a tag.",
    modes=CHAT,
    sent=_each_message(
        lambda one: (
            {**one, "content": f"<error>{one['content'].removeprefix('Error: ')}</error>"}
            if one["role"] == "tool" and one["content"].startswith("Error: ")
            else one
        )
    ),
)
variant(
    "empty_text_block",
    "An answer without content has an empty text.",
    message=field("content", lambda content: content or [{"type": "text", "text": ""}]),
)
variant(
    "split_text_blocks",
    "Long texts of whole answers are several blocks.",
    message=field("content", lambda content: [part for block in content for part in _parts(block)]),
)
variant(
    "own_call_ids",
    "Calls get ids of the gateway.",
    message=in_content("tool_use", field("id", lambda id: f"toolu_{id}")),
    events=events_of_type(
        "content_block_start",
        lambda event: {**event, "content_block": _with_own_id(event["content_block"])},
    ),
)
variant(
    "more_fields",
    "Answers have fields that are not known yet.",
    message=setting(container=None, x_gateway="a"),
    events=events_of_type("message_delta", setting(context_management=None)),
)
variant(
    "more_pings",
    "Pings are between all events.",
    events=per_event(lambda event: [event, {"type": "ping"}] if event["type"] != "message_stop" else [event]),
)
variant(
    "ping_first",
    "A ping comes before the first event.",
    events=per_event(lambda event: [{"type": "ping"}, event] if event["type"] == "message_start" else [event]),
)


def _parts(block: Fields) -> list[Fields]:
    text = block.get("text", "")
    if block["type"] != "text" or len(text) < 20:
        return [block]
    return [{**block, "text": text[:10]}, {**block, "text": text[10:]}]


async def _split_deltas(events: Events) -> AsyncIterator[Fields]:
    """Each delta is two."""
    async for event in events:
        delta = event.get("delta") or {}
        name = next((name for name in ("text", "partial_json", "thinking") if len(delta.get(name, "")) > 1), None)
        if event["type"] != "content_block_delta" or name is None:
            yield event
            continue
        yield {**event, "delta": {**delta, name: delta[name][:1]}}
        yield {**event, "delta": {**delta, name: delta[name][1:]}}


async def _joined_deltas(events: Events) -> AsyncIterator[Fields]:
    """Empty deltas are left out."""
    async for event in events:
        delta = event.get("delta") or {}
        if any(delta.get(name) == "" for name in ("text", "partial_json", "thinking")):
            continue
        yield event


variant("split_deltas", "Each delta is passed on as two.", events=_split_deltas)
variant("no_empty_deltas", "Empty deltas are left out.", events=_joined_deltas)
variant(
    "output_usage_alone",
    "Counts of a cache that are 0 are left out.",
    modes=CHAT,
    message=field(
        "usage", lambda usage: {name: value for name, value in usage.items() if value or "cache" not in name}
    ),
)
variant("limits_clients", "More than twelve requests at once are put off.", flags=frozenset({"limits_clients"}))
variant("retries_once", "A request that fails with 5xx is sent once more.", flags=frozenset({"retries_once"}))
variant(
    "reported_by_warning",
    "What is left out is reported in a header of another name.",
    modes=CHAT,
    reply=lambda headers, _: tuple(
        (("warning", f'299 - "not supported: {value}"') if name == "x-left-out" else (name, value))
        for name, value in headers
    ),
)
variant(
    "more_headers",
    "Answers have more headers.",
    reply=lambda headers, _: (*headers, ("x-gateway", "1"), ("server", "g")),
)
variant(
    "server_errors_500",
    "Every 5xx of the upstream but 529 and 503 becomes 500.",
    modes=CHAT,
    failed=lambda failed: _as_500(failed) if 500 <= failed.status < 529 else failed,
)
variant(
    "rejects_top_k", "Fields that cannot be expressed are refused.", modes=CHAT, flags=frozenset({"refuses_left_out"})
)
variant("titled_errors", "Messages of errors have a prefix.", failed=lambda failed: _prefixed(failed))
variant(
    "own_retry_hint",
    "Errors have a header that says whether to retry.",
    failed=lambda failed: replace(failed, headers=(*failed.headers, ("x-should-retry", "true"))),
)
variant(
    "images_after_text",
    "Images come after the texts of a turn.",
    modes=CHAT,
    sent=_each_message(
        lambda one: (
            {**one, "content": sorted(one["content"], key=lambda part: part["type"] != "text")}
            if isinstance(one.get("content"), list)
            else one
        )
    ),
)
variant(
    "thinking_kept_out",
    "Thinking of earlier turns is left out.",
    modes=CHAT,
    request=each_block(lambda block: None if block["type"] == "thinking" else block, "assistant"),
)
variant(
    "no_description_null",
    "Tools without a description have an empty one.",
    modes=CHAT,
    sent=field(
        "tools", lambda tools: [{**tool, "function": {"description": "", **tool["function"]}} for tool in tools]
    ),
)


def _as_500(failed: Failed) -> Failed:
    body = json.loads(failed.body)
    body["error"]["type"] = "api_error"
    return replace(failed, status=500, body=json.dumps(body).encode())


def _prefixed(failed: Failed) -> Failed:
    try:
        body = json.loads(failed.body)
        body["error"]["message"] = f"upstream: {body['error']['message']}"
    except (ValueError, KeyError, TypeError):
        return failed
    return replace(failed, body=json.dumps(body).encode())
