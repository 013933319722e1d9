"""Requests of each dialect are read as the same conversation, so that both sides of a gateway can be compared."""

from typing import Any

import pytest

from messages_conformance.gateway.cases.requests import IMAGE, ORDER, PIXEL, TOOLS
from messages_conformance.reference_gateway.chat_request import Refused, to_chat
from messages_conformance.rules.gateway.accessors import missing_in_order, same
from messages_conformance.rules.gateway.conversation import CALL, RESULT, read
from messages_conformance.rules.gateway.conversation import IMAGE as IMAGES

MESSAGES: dict[str, Any] = {
    "model": "m",
    "max_tokens": 9,
    "system": [{"type": "text", "text": "Be short."}],
    "stop_sequences": ["END"],
    "metadata": {"user_id": "u"},
    "tools": TOOLS,
    "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
    "messages": [
        {"role": "user", "content": "Hello."},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "now", "input": {"n": 2**60 + 1}}]},
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": "Noon"}, IMAGE]},
                {"type": "text", "text": "And?"},
            ],
        },
    ],
}


def test_a_translated_request_reads_as_the_original() -> None:
    wanted, found = read("anthropic", MESSAGES), read("openai-chat", to_chat(MESSAGES).body)
    assert [turn.role for turn in found.turns] == ["user", "assistant", "user"]
    assert (found.system, found.stop, found.user, found.choice) == (wanted.system, wanted.stop, wanted.user, "any")
    assert (found.one_call, found.max_tokens, found.streams) == (True, 9, False)
    assert [part.value for part in found.of(CALL)] == [{"n": 2**60 + 1}]
    assert [(part.id, part.value) for part in found.of(RESULT)] == [("a", "Noon")]
    assert PIXEL in found.of(IMAGES)[0].value
    assert [tool.schema for tool in found.tools] == [tool.schema for tool in wanted.tools]


def test_responses_read_as_the_same_conversation() -> None:
    body = {
        "instructions": "Be short.",
        "max_output_tokens": 9,
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "Hello."}]},
            {"type": "function_call", "call_id": "a", "name": "now", "arguments": '{"n": 1152921504606846977}'},
            {"type": "function_call_output", "call_id": "a", "output": "Noon"},
            {"role": "user", "content": [{"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}"}]},
        ],
        "tools": [{"type": "function", "name": ORDER["name"], "parameters": ORDER["input_schema"]}],
    }
    found = read("openai-responses", body)
    assert [turn.role for turn in found.turns] == ["user", "assistant", "user"]
    assert (found.system, found.max_tokens) == (("Be short.",), 9)
    assert [part.value for part in found.of(CALL)] == [{"n": 2**60 + 1}]
    assert found.tools[0].schema == ORDER["input_schema"]


@pytest.mark.parametrize(
    "body", [None, [], "x", {"messages": 3}, {"messages": [3, {"role": 4, "content": {}}], "tools": {}}]
)
@pytest.mark.parametrize("dialect", ["anthropic", "openai-chat", "openai-responses"])
def test_what_has_not_the_form_of_the_dialect_is_left_out(dialect: str, body: Any) -> None:
    assert read(dialect, body).tools == ()


@pytest.mark.parametrize(
    ("first", "second", "equal"),
    [
        (9007199254740993, 9007199254740992.0, False),
        (1, 1.0, True),
        (1, True, False),
        ({"a": 1, "b": [2]}, {"b": [2], "a": 1}, True),
        ({"a": None}, {}, False),
    ],
)
def test_json_values_are_compared_by_value(first: Any, second: Any, equal: bool) -> None:
    assert same(first, second) is equal


def test_texts_may_be_joined_but_not_reordered() -> None:
    assert missing_in_order(("a", "b"), "xa\n\nb") is None
    assert missing_in_order(("b", "a"), "a b") == "a"


@pytest.mark.parametrize(
    "change",
    [
        {"stop_sequences": list("abcde")},
        {"messages": [{"role": "robot", "content": "Hi"}]},
        {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
    ],
)
def test_the_reference_gateway_refuses_what_it_cannot_express(change: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        to_chat({**MESSAGES, **change})
