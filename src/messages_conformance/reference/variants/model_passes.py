"""Answers for which the server calls the model several times: server tools, and refusals before the model is called."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from messages_conformance.reference.changes import ErrorReply, RequestContext, Stage
from messages_conformance.reference.events import Event
from messages_conformance.reference.http import HttpResponse
from messages_conformance.reference.variant_registry import NOT_TOKMODEL, variant

Json = dict[str, Any]

CACHED_TOKENS: Final = 11_911
LONG_ANSWER_TOKENS: Final = 1_552
LATER_PASS_SHARE: Final = 3
"""The last pass of a stream has read this many times the prompt of the first one."""


def ran_server_tools(message: Json) -> bool:
    return any(block["type"] == "server_tool_use" for block in message["content"])


@variant(at=Stage.MESSAGE, conforms=NOT_TOKMODEL, depth="deep")
def cache_total_of_all_passes(message: Json) -> Json:
    """With server tools, cache_creation_input_tokens counts all passes, and its two parts only the first one."""
    if not ran_server_tools(message):
        return message
    parts = {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0}
    counts = {"cache_creation_input_tokens": CACHED_TOKENS, "cache_creation": parts}
    return {**message, "usage": {**message["usage"], **counts}}


@variant(at=Stage.MESSAGE, conforms=NOT_TOKMODEL, depth="deep")
def output_of_all_passes(message: Json) -> Json:
    """With server tools, output_tokens counts all passes and may exceed max_tokens."""
    if not ran_server_tools(message):
        return message
    return {**message, "usage": {**message["usage"], "output_tokens": LONG_ANSWER_TOKENS}}


@variant(at=Stage.EVENTS, conforms=NOT_TOKMODEL, depth="deep")
def input_of_the_last_pass(events: list[Event]) -> list[Event]:
    """With server tools, message_delta reports the input of another pass than message_start."""
    kinds = {data["content_block"]["type"] for name, data in events if name == "content_block_start"}
    if "server_tool_use" not in kinds:
        return events
    usage = next(data["message"]["usage"] for name, data in events if name == "message_start")
    later = {"input_tokens": usage["input_tokens"] // LATER_PASS_SHARE, "cache_creation_input_tokens": CACHED_TOKENS}
    return [
        (name, {**data, "usage": {**data["usage"], **later}} if name == "message_delta" else data)
        for name, data in events
    ]


@variant(at=Stage.MESSAGE, conforms=NOT_TOKMODEL)
def silent_when_calls_are_forbidden(message: Json, context: RequestContext) -> Json:
    """Under tool_choice none the model tries a call, which is dropped: the content is empty, and the tokens count."""
    choice = context.body.get("tool_choice")
    if not isinstance(choice, dict) or choice.get("type") != "none" or message["stop_reason"] != "end_turn":
        return message
    return {**message, "content": [], "usage": {**message["usage"], "output_tokens": 9}}


def is_wrong_key(reply: ErrorReply) -> bool:
    return reply.status == 401


def without_request_id(response: HttpResponse) -> HttpResponse:
    """The response of the front tier to a wrong key: it has no request-id header."""
    if response.status != 401:
        return response
    return replace(response, headers=tuple(pair for pair in response.headers if pair[0].lower() != "request-id"))


@variant(at=Stage.ERROR, conforms=NOT_TOKMODEL, also={Stage.RESPONSE: without_request_id})
def keys_checked_in_front(reply: ErrorReply) -> ErrorReply:
    """The front tier refuses a wrong key before the request has an id: no request-id header, and request_id is null."""
    return replace(reply, body={**reply.body, "request_id": None}) if is_wrong_key(reply) else reply
