"""Requests that the OpenAI dialects allow get an answer; a wrong translation is refused with the parameter."""

from __future__ import annotations

import json
from typing import Any

import pytest
from upstream_support import body, request

from messages_conformance.upstream import Script, Service
from messages_conformance.upstream.script import Dialect

PNG = "data:image/png;base64,iVBORw0KGgo="
CHAT, RESPONSES = Service("openai-chat"), Service("openai-responses")


def call(name: str = "f", id_: str = "c1", arguments: Any = "{}") -> dict[str, Any]:
    return {"id": id_, "type": "function", "function": {"name": name, "arguments": arguments}}


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def assistant(content: Any = None, **fields: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content, **fields}


def result(content: Any, id_: str = "c1") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": id_, "content": content}


def tool(name: str = "f", **fields: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": {"type": "object"}, **fields}}


def image(url: Any) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


TALK = [user("Hi"), assistant("Hello"), user("Again")]
CALLED = [user("Hi"), assistant(tool_calls=[call(), call("g", "c2")]), result("1"), result("2", "c2")]

ALLOWED_IN_CHAT: dict[str, dict[str, Any]] = {
    "talk": {"messages": TALK},
    "roles": {
        "messages": [
            {"role": "system", "content": "S"},
            {"role": "developer", "content": [{"type": "text", "text": "D"}]},
            *TALK,
        ]
    },
    "calls": {"messages": [*CALLED, user("and?")], "tools": [tool(), tool("g")]},
    "calls with a text": {
        "messages": [user("Hi"), assistant("I look.", tool_calls=[call()]), result([{"type": "text", "text": "1"}])]
    },
    "the same id in two turns": {"messages": [*CALLED, *CALLED[1:]]},
    "reasoning in the history": {"messages": [user("Hi"), assistant("a", reasoning_content="r"), user("b")]},
    "images": {"messages": [user([{"type": "text", "text": "See"}, image(PNG), image("https://example.org/a.png")])]},
    "a file": {
        "messages": [
            user([{"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}}])
        ]
    },
    "cache marks": {"messages": [user([{"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}}])]},
    "sampling": {"temperature": 1, "top_p": 0.5, "stop": ["a", "b"], "max_completion_tokens": 5, "top_k": 4, "seed": 1},
    "null": {"stop": None, "temperature": None, "tools": None, "tool_choice": None, "stream_options": None},
    "streaming": {"stream": True, "stream_options": {"include_usage": True}},
    "tools": {
        "tools": [tool(description="d", strict=True), tool("g")],
        "tool_choice": "required",
        "parallel_tool_calls": False,
    },
    "a minimal tool": {
        "tools": [{"type": "function", "function": {"name": "f"}}],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
    },
    "a schema": {
        "response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": {"type": "object"}}}
    },
    "metadata": {"metadata": {"user_id": "u"}, "user": "u", "reasoning_effort": "low"},
    "a field of one server": {"chat_template_kwargs": {"thinking": True}, "thinking": {"type": "enabled"}},
}

REFUSED_IN_CHAT: dict[str, tuple[dict[str, Any], str]] = {
    "no model": ({"model": None}, "'model'"),
    "no messages": ({"messages": None}, "Missing required parameter: 'messages'"),
    "empty messages": ({"messages": []}, "Invalid 'messages': empty array"),
    "a system field": ({"system": "S"}, "Unknown parameter: 'system'. Use a message with the role 'system'"),
    "stop_sequences": ({"stop_sequences": ["a"]}, "Unknown parameter: 'stop_sequences'. Use 'stop'"),
    "five stops": ({"stop": list("abcde")}, "maximum length 4"),
    "stops of another type": ({"stop": 5}, "Invalid type for 'stop'"),
    "a temperature of 3": ({"temperature": 3}, "'temperature'"),
    "a boolean as number": ({"top_p": True}, "expected a decimal, but got a boolean"),
    "no tokens": ({"max_tokens": 0}, "integer below minimum value"),
    "both limits": ({"max_tokens": 5, "max_completion_tokens": 5}, "at the same time"),
    "an unknown role": ({"messages": [{"role": "robot", "content": "x"}]}, "Invalid value: 'robot'"),
    "a tool result as a block": ({"messages": [user([{"type": "tool_result", "tool_use_id": "c1"}])]}, "'tool_result'"),
    "an image of Anthropic": ({"messages": [user([{"type": "image", "source": {}}])]}, "Invalid value: 'image'"),
    "a tool_use block": ({"messages": [user("a"), assistant([{"type": "tool_use"}])]}, "'tool_use'"),
    "no content": ({"messages": [user(None)]}, "expected a string, got null"),
    "an empty list": ({"messages": [user([])]}, "empty array"),
    "an image without a prefix": ({"messages": [user([image("iVBORw0KGgo=")])]}, "expected an http(s) URL"),
    "an image that is no base64": ({"messages": [user([image("data:image/png;base64,???")])]}, "Invalid base64"),
    "an image as a text": ({"messages": [user([{"type": "image_url", "image_url": PNG}])]}, "expected an object"),
    "a PDF as an image": ({"messages": [user([image("data:application/pdf;base64,JVBERi0=")])]}, "MIME type"),
    "an image in a result": ({"messages": [*CALLED[:2], result([image(PNG)]), CALLED[3]]}, "'image_url'"),
    "arguments as an object": ({"messages": [user("a"), assistant(tool_calls=[call(arguments={})])]}, "got an object"),
    "no calls": ({"messages": [user("a"), assistant("b", tool_calls=[])]}, "tool_calls': empty array"),
    "a call without an id": ({"messages": [user("a"), assistant(tool_calls=[call(id_="")])]}, "tool_calls[0].id"),
    "an open call": ({"messages": CALLED[:3]}, "did not have response messages: c2"),
    "a user turn before the result": (
        {"messages": [*CALLED[:3], user("x"), CALLED[3]]},
        "did not have response messages",
    ),
    "a result without a call": ({"messages": [user("a"), result("b")]}, "must be a response to"),
    "a result of another call": ({"messages": [*CALLED[:3], result("b", "c9")]}, "'c9' not found"),
    "a result without an id": ({"messages": [*CALLED[:2], {"role": "tool", "content": "a"}]}, "tool_call_id"),
    "no tools": ({"tools": []}, "Invalid 'tools'"),
    "a tool of Anthropic": (
        {"tools": [{"name": "f", "input_schema": {}}]},
        "Missing required parameter: 'tools[0].type'",
    ),
    "a tool of Responses": ({"tools": [{"type": "function", "name": "f"}]}, "'tools[0].function'"),
    "input_schema": ({"tools": [tool(input_schema={})]}, "Use 'tools[0].function.parameters'"),
    "a name with a dot": ({"tools": [tool("a.b")]}, "does not match pattern"),
    "a name of 65 characters": ({"tools": [tool("a" * 65)]}, "does not match pattern"),
    "129 tools": ({"tools": [tool(f"f{number}") for number in range(129)]}, "it has 129"),
    "the choice any": ({"tools": [tool()], "tool_choice": "any"}, "Invalid value: 'any'"),
    "a choice of Anthropic": (
        {"tools": [tool()], "tool_choice": {"type": "tool", "name": "f"}},
        "Invalid value: 'tool'",
    ),
    "an unknown choice": (
        {"tools": [tool()], "tool_choice": {"type": "function", "function": {"name": "g"}}},
        "'g' not found",
    ),
    "a choice without tools": ({"tool_choice": "required"}, "only allowed when 'tools' are specified"),
    "parallel without tools": ({"parallel_tool_calls": True}, "only allowed when 'tools' are specified"),
    "options without a stream": ({"stream_options": {"include_usage": True}}, "only allowed when 'stream' is enabled"),
    "stream as a text": ({"stream": "true"}, "Invalid type for 'stream'"),
    "a format without a name": ({"response_format": {"type": "json_schema", "json_schema": {}}}, "json_schema.name"),
    "metadata with a number": ({"metadata": {"a": 1}}, "metadata.a"),
    "two choices": ({"n": 2}, "'n'"),
}

ITEMS = [
    {"role": "user", "content": [{"type": "input_text", "text": "Hi"}, {"type": "input_image", "image_url": PNG}]},
    {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "r"}], "encrypted_content": "x"},
    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look."}]},
    {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
    {"type": "function_call", "id": "fc_2", "call_id": "c2", "name": "f", "arguments": "{}", "status": "completed"},
    {"type": "function_call_output", "call_id": "c1", "output": "1"},
    {"type": "function_call_output", "call_id": "c2", "output": [{"type": "input_image", "image_url": PNG}]},
]
FLAT = {"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": False}

ALLOWED_IN_RESPONSES: dict[str, dict[str, Any]] = {
    "a text": {"input": "Hi"},
    "items": {"input": ITEMS, "tools": [FLAT], "include": ["reasoning.encrypted_content"]},
    "a file": {
        "input": [
            user([{"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}])
        ]
    },
    "fields": {
        "instructions": "S",
        "max_output_tokens": 20,
        "temperature": 1,
        "store": False,
        "reasoning": {"effort": "low"},
    },
    "tools": {
        "tools": [FLAT, {"type": "web_search"}],
        "tool_choice": {"type": "function", "name": "f"},
        "parallel_tool_calls": True,
    },
    "a schema": {"text": {"format": {"type": "json_schema", "name": "s", "schema": {"type": "object"}}}},
}

REFUSED_IN_RESPONSES: dict[str, tuple[dict[str, Any], str]] = {
    "no input": ({"input": None}, "Missing required parameter: 'input'"),
    "no items": ({"input": []}, "empty array"),
    "messages": ({"messages": TALK}, "Unknown parameter: 'messages'. Use 'input'"),
    "max_tokens": ({"max_tokens": 5}, "Use 'max_output_tokens'"),
    "stop": ({"stop": ["a"]}, "Unknown parameter: 'stop'"),
    "response_format": ({"response_format": {}}, "Use 'text.format'"),
    "include_usage": ({"stream": True, "stream_options": {"include_usage": True}}, "stream_options.include_usage"),
    "parts of chat": ({"input": [user([{"type": "text", "text": "Hi"}])]}, "Invalid value: 'text'"),
    "an image of chat": ({"input": [user([image(PNG)])]}, "Invalid value: 'image_url'"),
    "the input of an assistant": ({"input": [assistant([{"type": "input_text", "text": "a"}])]}, "'output_text'"),
    "calls of chat": ({"input": [assistant("a", tool_calls=[call()])]}, "tool_calls"),
    "results of chat": ({"input": [result("a")]}, "Invalid value: 'tool'"),
    "a block of Anthropic": ({"input": [{"type": "tool_use"}]}, "Invalid value: 'tool_use'"),
    "an open call": ({"input": ITEMS[:5]}, "No tool output found for function call c1"),
    "an output without a call": ({"input": ITEMS[5:]}, "No tool call found"),
    "arguments as an object": ({"input": [{**ITEMS[3], "arguments": {}}]}, "got an object"),
    "an id of chat": ({"input": [{**ITEMS[3], "id": "call_1"}]}, "begins with 'fc'"),
    "a reasoning without a summary": ({"input": [{"type": "reasoning", "id": "rs_1"}]}, "summary"),
    "nested tools": ({"tools": [tool()]}, "Missing required parameter: 'tools[0].name'"),
    "a nested choice": (
        {"tools": [FLAT], "tool_choice": {"type": "function", "function": {"name": "f"}}},
        "tool_choice.name",
    ),
    "a nested schema": (
        {"text": {"format": {"type": "json_schema", "json_schema": {"name": "s"}}}},
        "text.format.name",
    ),
    "an earlier response": ({"previous_response_id": "resp_1"}, "'resp_1' not found"),
}


def refusal(dialect: Dialect, fields: dict[str, Any]) -> tuple[int, str]:
    """Status and message of the answer to a scripted request with these fields."""
    service = CHAT if dialect == "openai-chat" else RESPONSES
    script = Script(case="requests").token()
    value = {**body(dialect, script), **fields}
    entry, response = service.answer(request(dialect, {name: item for name, item in value.items() if item is not None}))
    data = response.body()
    assert entry.record.refused == (json.loads(data)["error"]["message"] if response.status >= 400 else "")
    return response.status, entry.record.refused


@pytest.mark.parametrize("name", ALLOWED_IN_CHAT)
def test_chat_allows(name: str) -> None:
    assert refusal("openai-chat", ALLOWED_IN_CHAT[name]) == (200, "")


@pytest.mark.parametrize("name", REFUSED_IN_CHAT)
def test_chat_refuses(name: str) -> None:
    fields, message = REFUSED_IN_CHAT[name]
    status, said = refusal("openai-chat", fields)
    assert status == 400
    assert message in said


@pytest.mark.parametrize("name", ALLOWED_IN_RESPONSES)
def test_responses_allow(name: str) -> None:
    assert refusal("openai-responses", ALLOWED_IN_RESPONSES[name]) == (200, "")


@pytest.mark.parametrize("name", REFUSED_IN_RESPONSES)
def test_responses_refuse(name: str) -> None:
    fields, message = REFUSED_IN_RESPONSES[name]
    status, said = refusal("openai-responses", fields)
    assert status == 400
    assert message in said


DAMAGED = [None, True, 0, -1, 1.5, "", "x", [], [None], [[]], {}, {"type": None}, {"type": []}, {"a": {"b": []}}]


@pytest.mark.parametrize("dialect", ["openai-chat", "openai-responses"])
def test_no_value_of_a_wrong_type_makes_the_server_fail(dialect: Dialect) -> None:
    service = CHAT if dialect == "openai-chat" else RESPONSES
    allowed = (ALLOWED_IN_CHAT if dialect == "openai-chat" else ALLOWED_IN_RESPONSES).values()
    for value in [{**body(dialect, "Hi"), **fields} for fields in allowed]:
        for damaged in _damaged(value):
            response = service.handle(request(dialect, damaged))
            assert response.status in (200, 400), damaged


def _damaged(value: Any) -> Any:
    """Copies of a JSON value, each with one part replaced by a value of another type."""
    if isinstance(value, (dict, list)):
        keys: Any = value if isinstance(value, dict) else range(len(value))
        for key in keys:
            for changed in (*DAMAGED, *_damaged(value[key])):
                copy: Any = dict(value) if isinstance(value, dict) else list(value)
                copy[key] = changed
                yield copy


@pytest.mark.parametrize("dialect", ["openai-chat", "openai-responses"])
@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the body cannot be read: it is not JSON"),
        (b"{", "not JSON"),
        (b"\xff", "the body cannot be read"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[]", "not a JSON object"),
        (
            b'{"messages": [{"role": "user", "content": "script99zabc"}]}',
            "script token in the request cannot be read: only 3",
        ),
    ],
)
def test_bodies_that_cannot_be_read_are_refused(dialect: Dialect, data: bytes, message: str) -> None:
    service = CHAT if dialect == "openai-chat" else RESPONSES
    response = service.handle(request(dialect, data))
    assert response.status == 400
    error = json.loads(response.body())["error"]
    assert message in error["message"]
    assert error["type"] == "invalid_request_error"


def test_a_token_that_cannot_be_read_is_refused_in_the_envelope_of_anthropic() -> None:
    response = Service("anthropic").handle(request("anthropic", body("anthropic", "script99zabc")))
    assert response.status == 400
    answer = json.loads(response.body())
    assert (answer["type"], answer["error"]["type"]) == ("error", "invalid_request_error")
    assert "the script token in the request cannot be read: only 3 of its 99" in answer["error"]["message"]


def test_other_routes_say_what_is_served() -> None:
    response = CHAT.handle(request("openai-chat", {}, "/v1/responses"))
    assert response.status == 404
    assert b"valid: POST /v1/chat/completions and GET /v1/models" in response.body()
    assert CHAT.handle(request("openai-chat", body("openai-chat", "Hi"), "/chat/completions")).status == 200
    assert CHAT.recorder.records("")[-1].path == "/chat/completions"
