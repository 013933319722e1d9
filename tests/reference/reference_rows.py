"""Request bodies for the reference endpoint: those that it must refuse, must accept and must stream."""

from __future__ import annotations

from typing import Any

from reference_support import body

from messages_conformance.reference.request_blocks import signature

CITED = [{"type": "char_location", "cited_text": "x"}]


TOOL: dict[str, Any] = {"name": "f", "input_schema": {"type": "object", "properties": {"a": {"type": "string"}}}}
STRICT_TOOL = {
    "name": "f",
    "strict": True,
    "input_schema": TOOL["input_schema"] | {"additionalProperties": False},
}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "ok"}
CACHE = {"type": "ephemeral"}
PNG = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
DOCUMENT = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}}


SEARCH = {"type": "web_search_20250305", "name": "web_search"}
SYSTEM = {"role": "system", "content": "Be kind."}
ADAPTIVE = {"type": "adaptive"}
THINKING = {"type": "thinking", "thinking": "Let me see.", "signature": signature("Let me see.")}
PDF = {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0xLjQK"}
RESULTS = {"type": "search_result", "source": "notes", "title": "Notes", "content": [{"type": "text", "text": "x"}]}


def formatted(schema: dict[str, Any]) -> dict[str, Any]:
    return body(output_config={"format": {"type": "json_schema", "schema": schema}})


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def assistant(content: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content}


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in body().items() if key != name}


REFUSED: list[tuple[str, Any]] = [
    ("model missing", without("model")),
    ("model number", body(model=1)),
    ("model empty", body(model="")),
    ("messages missing", without("messages")),
    ("messages string", body() | {"messages": "hi"}),
    ("messages empty", body([])),
    ("message string", body(["hi"])),
    ("role missing", body([{"content": "hi"}])),
    ("role tool", body([{"role": "tool", "content": "hi"}])),
    ("role null", body([{"role": None, "content": "hi"}])),
    ("role list", body([{"role": ["user"], "content": "hi"}])),
    ("content missing", body([{"role": "user"}])),
    ("content number", body([user(3)])),
    ("content null", body([user(None)])),
    ("content empty", body([user("")])),
    ("content empty list", body([user([])])),
    ("assistant first", body([assistant("hi"), user("ho")])),
    ("block string", body([user(["hi"])])),
    ("block without type", body([user([{"text": "hi"}])])),
    ("block of unknown type", body([user([{"type": "hologram"}])])),
    ("text empty", body([user([{"type": "text", "text": ""}])])),
    ("text blank", body([user([{"type": "text", "text": "  "}])])),
    ("text missing", body([user([{"type": "text"}])])),
    ("text number", body([user([{"type": "text", "text": 1}])])),
    ("extra field", body(foo=1)),
    ("extra field in message", body([user("hi") | {"foo": 1}])),
    ("extra field in block", body([user([{"type": "text", "text": "hi", "foo": 1}])])),
    ("prefill ends in space", body([user("hi"), assistant("Well ")])),
    ("max_tokens missing", without("max_tokens")),
    *((f"max_tokens {value!r}", body(max_tokens=value)) for value in (None, "abc", 1.5, [], {}, -1, 10**9, True)),
    ("max_tokens 0 streamed", body(max_tokens=0, stream=True)),
    *((f"temperature {value!r}", body(temperature=value)) for value in (-0.1, 1.1, "hot", True)),
    *((f"top_p {value!r}", body(top_p=value)) for value in (-0.1, 1.1)),
    *((f"top_k {value!r}", body(top_k=value)) for value in (-1, 1.5)),
    *((f"stream {value!r}", body(stream=value)) for value in ("yes", {}, [], 1)),
    *((f"stop_sequences {value!r}", body(stop_sequences=value)) for value in ("x", [1], [""], ["\n"], {})),
    ("system number", body(system=1)),
    ("system image", body(system=[{"type": "image", "source": PNG}])),
    ("user_id too long", body(metadata={"user_id": "u" * 513})),
    ("metadata extra", body(metadata={"name": "x"})),
    ("service_tier", body(service_tier="gold")),
    ("tools string", body(tools="f")),
    ("tool name", body(tools=[TOOL | {"name": "a.b"}])),
    ("tool name too long", body(tools=[TOOL | {"name": "a" * 129}])),
    ("tool schema missing", body(tools=[{"name": "f"}])),
    ("tool schema type", body(tools=[TOOL | {"input_schema": {"type": "string"}}])),
    (
        "tool schema bogus",
        body(tools=[TOOL | {"input_schema": {"type": "object", "properties": {"a": {"type": "bogus"}}}}]),
    ),
    ("tool names twice", body(tools=[TOOL, TOOL])),
    ("tool_choice string", body(tools=[TOOL], tool_choice="auto")),
    ("tool_choice without name", body(tools=[TOOL], tool_choice={"type": "tool"})),
    ("tool_choice unknown name", body(tools=[TOOL], tool_choice={"type": "tool", "name": "zzz"})),
    ("tool_choice none with flag", body(tools=[TOOL], tool_choice={"type": "none", "disable_parallel_tool_use": True})),
    ("tool_choice without tools", body(tool_choice={"type": "any"})),
    ("tool_use id", body([user("hi"), assistant([CALL | {"id": "a b"}]), user([RESULT | {"tool_use_id": "a b"}])])),
    ("tool_use input", body([user("hi"), assistant([CALL | {"input": "{}"}]), user([RESULT])])),
    ("tool_use twice", body([user("hi"), assistant([CALL, CALL]), user([RESULT])])),
    ("tool_use unanswered", body([user("hi"), assistant([CALL]), user("and?")])),
    ("tool_result orphan", body([user("hi"), assistant("ho"), user([RESULT])])),
    ("tool_result after text", body([user("hi"), assistant([CALL]), user([{"type": "text", "text": "x"}, RESULT])])),
    ("tool_result late", body([user("hi"), assistant([CALL]), user("x"), assistant("y"), user([RESULT])])),
    ("images too many", body([user([{"type": "image", "source": PNG}] * 101)])),
    ("image bmp", body([user([{"type": "image", "source": PNG | {"media_type": "image/bmp"}}])])),
    ("image garbage", body([user([{"type": "image", "source": PNG | {"data": "!!!"}}])])),
    ("document source", body([user([{"type": "document", "source": {"type": "tape"}}])])),
    ("thinking budget", body(thinking={"type": "enabled", "budget_tokens": 1023}, max_tokens=2000)),
    ("thinking budget reaches max", body(thinking={"type": "enabled", "budget_tokens": 2048}, max_tokens=2048)),
    ("thinking type", body(thinking={"type": "deep"})),
    (
        "thinking with forced tool",
        body(
            thinking={"type": "enabled", "budget_tokens": 1024},
            max_tokens=2000,
            tools=[TOOL],
            tool_choice={"type": "any"},
        ),
    ),
    ("cache ttl", body(system=[{"type": "text", "text": "x", "cache_control": CACHE | {"ttl": "2h"}}])),
    ("cache breakpoints", body([user([{"type": "text", "text": "x", "cache_control": CACHE}] * 5)])),
    (
        "cache order",
        body(
            [user([{"type": "text", "text": "x", "cache_control": CACHE | {"ttl": "1h"}}])],
            system=[{"type": "text", "text": "x", "cache_control": CACHE}],
        ),
    ),
    (
        "cache lifetime of the whole",
        body([user([{"type": "text", "text": "x", "cache_control": CACHE | {"ttl": "1h"}}])], cache_control=CACHE),
    ),
    ("cache on a tool", body(tools=[TOOL | {"cache_control": {"type": "eternal"}}])),
    ("system role first", body([{"role": "system", "content": "Be kind."}, user("hi")])),
    ("system role before a result", body([user("hi"), assistant([CALL]), SYSTEM, user([RESULT])])),
    ("system role before the user", body([user("hi"), SYSTEM, user("ho")])),
    ("tool_result twice", body([user("hi"), assistant([CALL]), user([RESULT, RESULT])])),
    ("tool_result from an assistant", body([user("hi"), assistant([RESULT])])),
    ("tool_use from a user", body([user([CALL])])),
    ("tool extra key", body(tools=[TOOL | {"colour": "red"}])),
    ("tool description", body(tools=[TOOL | {"description": 1}])),
    ("tool example that does not fit", body(tools=[TOOL | {"input_examples": [{"a": 1}]}])),
    ("tools all deferred", body(tools=[TOOL | {"defer_loading": True}])),
    ("tool of unknown type", body(tools=[{"type": "time_machine_20250101", "name": "time_machine"}])),
    ("server tool renamed", body(tools=[SEARCH | {"name": "search"}])),
    ("server tool without uses", body(tools=[SEARCH | {"max_uses": 0}])),
    ("server tool both lists", body(tools=[SEARCH | {"allowed_domains": ["a.com"], "blocked_domains": ["b.com"]}])),
    ("strict without additionalProperties", body(tools=[TOOL | {"strict": True}])),
    ("parallel flag", body(tools=[TOOL], tool_choice={"type": "auto", "disable_parallel_tool_use": "yes"})),
    ("format without schema", body(output_config={"format": {"type": "json_schema"}})),
    ("format of unknown type", body(output_config={"format": {"type": "xml"}})),
    ("format with a limit", formatted({"type": "string", "minLength": 3})),
    ("format open to more", formatted({"type": "object", "properties": {}})),
    ("format recursive", formatted({"$ref": "#/$defs/a", "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}]}}})),
    ("effort", body(output_config={"effort": "heroic"})),
    ("thinking display", body(thinking={"type": "adaptive", "display": "loud"})),
    ("thinking extra key", body(thinking={"type": "disabled", "budget_tokens": 1024})),
    (
        "thinking with prefill",
        body([user("hi"), assistant("Well")], thinking={"type": "enabled", "budget_tokens": 1024}, max_tokens=2000),
    ),
    (
        "thinking changed",
        body([user("hi"), assistant([THINKING | {"thinking": "x"}]), user("ho")], thinking=ADAPTIVE),
    ),
    ("thinking signature", body([user("hi"), assistant([THINKING | {"signature": 1}]), user("ho")])),
    ("pdf garbage", body([user([{"type": "document", "source": PDF | {"data": "aGVsbG8="}}])])),
    ("document title empty", body([user([DOCUMENT | {"title": ""}])])),
    ("citations of unknown type", body([user("hi"), assistant([{"type": "text", "text": "x", "citations": [1]}])])),
    ("search result without source", body([user([RESULTS | {"source": ""}])])),
    ("container number", body(container=3)),
    ("diagnostics string", body(diagnostics="x")),
    ("speed", body(speed="warp")),
    ("context_management without its beta", body(context_management={"edits": []})),
    ("thread without its beta", body(thread={"type": "create"})),
    (
        "citations mixed",
        body([user([DOCUMENT | {"citations": {"enabled": True}}, DOCUMENT, {"type": "text", "text": "x"}])]),
    ),
]


ACCEPTED: list[tuple[str, Any]] = [
    ("blocks", body([user([{"type": "text", "text": "hi"}])])),
    ("system string", body(system="Be kind.")),
    ("system blocks", body(system=[{"type": "text", "text": "Be kind.", "cache_control": CACHE}])),
    ("two users", body([user("hi"), user("ho")])),
    ("empty final assistant", body([user("hi"), assistant("")])),
    ("prewarm", body(max_tokens=0)),
    ("sampling", body(temperature=0, top_p=1, top_k=0)),
    ("empty stop list", body(stop_sequences=[])),
    ("metadata", body(metadata={"user_id": None})),
    ("service tier", body(service_tier="auto")),
    ("stream false", body(stream=False)),
    ("image", body([user([{"type": "image", "source": PNG}, {"type": "text", "text": "What is it?"}])])),
    ("image url", body([user([{"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}])])),
    ("document", body([user([DOCUMENT, {"type": "text", "text": "Why?"}])])),
    ("document in assistant", body([user("hi"), assistant([DOCUMENT]), user("ho")])),
    ("tool result string", body([user("hi"), assistant([CALL]), user([RESULT])], tools=[TOOL])),
    (
        "tool result empty",
        body([user("hi"), assistant([CALL]), user([{"type": "tool_result", "tool_use_id": "toolu_1"}])]),
    ),
    (
        "tool result blocks",
        body([user("hi"), assistant([CALL]), user([RESULT | {"content": [{"type": "text", "text": "x"}]}])]),
    ),
    ("server tool", body(tools=[{"type": "web_search_20250305", "name": "web_search"}])),
    ("redacted thinking", body([user("hi"), assistant([{"type": "redacted_thinking", "data": "x"}]), user("ho")])),
    ("effort", body(output_config={"effort": "low"})),
    ("adaptive thinking", body(thinking=ADAPTIVE)),
    ("thinking between tools", body(thinking={"type": "between_tools"})),
    ("thinking off", body(thinking={"type": "disabled"})),
    ("thinking sent back", body([user("hi"), assistant([THINKING]), user("ho")], thinking=ADAPTIVE)),
    (
        "thought left out",
        body([user("hi"), assistant([THINKING | {"thinking": ""}]), user("ho")], thinking=ADAPTIVE),
    ),
    ("strict tool", body(tools=[STRICT_TOOL])),
    ("tool example", body(tools=[TOOL | {"input_examples": [{"a": "x"}]}])),
    ("tool deferred beside another", body(tools=[TOOL | {"defer_loading": True}, TOOL | {"name": "g"}])),
    ("tool of type custom", body(tools=[TOOL | {"type": "custom", "description": "Does f."}])),
    ("client tools of known types", body(tools=[{"type": "bash_20250124", "name": "bash"}])),
    ("toolset", body(tools=[{"type": "computer_toolset_20260801"}])),
    ("search result", body([user([RESULTS, {"type": "text", "text": "What is noted?"}])])),
    ("pdf", body([user([{"type": "document", "source": PDF}, {"type": "text", "text": "Why?"}])])),
    ("document of blocks", body([user([{"type": "document", "source": {"type": "content", "content": "x"}}])])),
    ("system role last", body([user("hi"), SYSTEM])),
    ("system role between", body([user("hi"), SYSTEM, SYSTEM, assistant("ho"), user("hum")])),
    ("whole request cached", body(cache_control=CACHE)),
    ("small options", body(speed="standard", inference_geo="us", container=None, diagnostics={})),
]


STREAMED = [
    body(),
    body("Repeat exactly: é漢😀\u2028x"),
    body(stop_sequences=["4"]),
    body(stop_sequences=["1"]),
    body(max_tokens=3),
    body("What is the f for Ada and Bob?", tools=[TOOL], tool_choice={"type": "any"}),
    body("Hi", thinking={"type": "enabled", "budget_tokens": 1024}, max_tokens=2000),
]
