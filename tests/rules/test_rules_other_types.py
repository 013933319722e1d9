"""No rule raises when a member of an answer or a request has another type: a list or an object is in no set."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from builders import answered, exchange, numbered, response, streamed
from stream_frames import sse

from messages_conformance import contract
from messages_conformance.exchange import Exchange
from messages_conformance.rules import ERROR, Judge

TOOL = {"name": "look", "strict": True, "input_schema": {"type": "object"}, "cache_control": {"type": "ephemeral"}}
ASKED = {"tools": [TOOL], "tool_choice": {"type": "tool", "name": "look"}, "thinking": {"type": "enabled"}}
SEARCH = [{"type": "web_search_result", "url": "u", "title": "t", "encrypted_content": "e"}]
ANSWER = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [
        {"type": "thinking", "thinking": "a", "signature": "b"},
        {"type": "text", "text": "c", "citations": [{"type": "char_location", "cited_text": "c"}]},
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "q"}},
        {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": SEARCH},
        {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"a": 1}, "caller": {"type": "direct"}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 1,
        "output_tokens": 2,
        "server_tool_use": {"web_search_requests": 1},
        "cache_creation": {"ephemeral_5m_input_tokens": 0},
        "output_tokens_details": {"thinking_tokens": 1},
        "iterations": [{"type": "message", "input_tokens": 1}],
    },
}
START = {**ANSWER, "content": [], "stop_reason": None}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}}
STREAM = [
    ("message_start", {"message": START}),
    ("content_block_start", {"index": 0, "content_block": CALL}),
    ("content_block_delta", {"index": 0, "delta": {"type": "input_json_delta", "partial_json": '{"a": 1}'}}),
    ("content_block_stop", {"index": 0}),
    ("message_delta", {"delta": {"stop_reason": "tool_use", "stop_sequence": None}, "usage": ANSWER["usage"]}),
    ("message_stop", {}),
]
REFUSAL = {"type": "error", "error": {"type": "invalid_request_error", "message": "no"}, "request_id": "req_1"}


def changed(value: Any, other: Any) -> Iterator[Any]:
    """The value with each of its members in turn replaced."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list | tuple) else ()
    for name, member in members:
        for replaced in (other, *changed(member, other)):
            copied = dict(value) if isinstance(value, dict) else list(value)
            copied[name] = copy.deepcopy(replaced)
            yield copied


def damaged(other: Any) -> Iterator[Exchange]:
    yield from (answered(json.dumps(body).encode(), ask=ASKED) for body in changed(ANSWER, other))
    yield from (answered(json.dumps(ANSWER).encode(), ask=json.dumps(body).encode()) for body in changed(ASKED, other))
    yield from (exchange(response(body, status=400), ask=ASKED) for body in changed(REFUSAL, other))
    for number, (kind, fields) in enumerate(STREAM):
        for changes in changed(fields, other):
            yield streamed(sse([*STREAM[:number], (kind, changes), *STREAM[number + 1 :]]), ask=ASKED)


@pytest.mark.parametrize("profile", ["anthropic-2023-06-01", "claude-code"])
@pytest.mark.parametrize("other", [[], {}], ids=str)
def test_no_rule_raises(profile: str, other: Any) -> None:
    judge = Judge(contract.profile(profile))
    for one in numbered(*damaged(other)):
        judge.add(one)
    assert [(one.requirement, one.reason) for one in judge.verdicts() if one.outcome == ERROR] == []
