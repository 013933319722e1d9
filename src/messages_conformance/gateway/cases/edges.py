"""Cases that clients and model servers produce every day, though the examples of the documents do not show them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from messages_conformance.gateway.cases.answers import NOW, ORDER, WEATHER
from messages_conformance.gateway.cases.case import (
    PASSTHROUGH,
    SCRIPT,
    STREAM,
    TRANSLATES,
    WHOLE,
    Case,
    assistant,
    case,
    text,
    user,
)
from messages_conformance.gateway.cases.requests import IMAGE, TOOLS, call_block, result_block
from messages_conformance.upstream import (
    Chunking,
    Failure,
    Interruption,
    Other,
    Reasoning,
    Script,
    Text,
    ToolCall,
)

TRANSLATED: Final = (TRANSLATES,)
PASSED: Final = (PASSTHROUGH,)
LARGE: Final = 400_000
"""Characters of a large request. Each has three bytes, so that it exceeds the limits of 100 kB and 1 MB that web
frameworks set when nobody does, and stays below 200,000 tokens."""

SLOW_S: Final = 12.0
"""How long the upstream thinks before a whole answer: longer than the limits of 5 and 10 seconds that HTTP clients set
when nobody does. The Messages API allows ten minutes."""


def answers() -> Iterator[Case]:
    """Answers as other servers of the dialect give them."""
    apart = Script(blocks=(WEATHER, ORDER), chunking=Chunking(interleaved=True))
    yield case("interleaved-calls", apart, tools=TOOLS, forms=(STREAM,), promises=TRANSLATED)
    yield case("calls-end-with-stop", Script(blocks=(WEATHER,), finish="stop"), tools=TOOLS, promises=TRANSLATED)
    unknown = Script(blocks=(Text("Done."),), finish="eos_token")
    yield case("unknown-finish", unknown, promises=TRANSLATED)
    yield case("empty-arguments", Script(blocks=(ToolCall(NOW.name, arguments=""),)), tools=TOOLS)
    half = ToolCall("place_order", arguments='{"items": [{"id": 17}], "note": "to be cont')
    yield case("length-in-arguments", Script(blocks=(half,), finish="length"), tools=TOOLS, max_tokens=20)
    odd = ToolCall("get_weather", arguments='{"city": "Oslo"}', id="functions.get_weather:0")
    yield case("odd-call-id", Script(blocks=(odd,)), tools=TOOLS, promises=TRANSLATED)
    yield case("chunk-without-choices", Script(opening="without-choices"), forms=(STREAM,), promises=TRANSLATED)
    yield case("compressed", Script(compressed=True))
    thought = Script(blocks=(Reasoning("They greet me."), Text("Hello.")))
    yield case("reasoning-unasked", thought, promises=TRANSLATED)
    yield case("slow-answer", Script(wait_before_headers_s=SLOW_S), forms=(WHOLE,), observes=("slow",))


def failures() -> Iterator[Case]:
    """Failures that do not look like one at first."""
    crashed = Interruption(after=0, how="error", failure=Failure(status=500, message="The model crashed."))
    yield case("error-at-once", Script(interruption=crashed), forms=(STREAM,))
    for name, body, media in HIDDEN:
        failure = Failure(status=200, body=body, content_type=media)
        yield case(name, Script(failure=failure), promises=TRANSLATED)


HIDDEN: Final = (
    ("error-in-200", '{"error": {"message": "The model crashed.", "code": 500}}', "application/json"),
    ("page-in-200", "<html><body>Sign in</body></html>", "text/html"),
)
"""Bodies that are no answer, under the status of one: front ends and routers give them."""


def requests() -> Iterator[Case]:
    """Requests as clients write them."""
    yield case("beta-query", query="beta=true", forms=(WHOLE,))
    large = "東京は雨です。 " * (LARGE // 8) + SCRIPT
    yield case("large-request", messages=[user(large)], forms=(WHOLE,))
    yield case(
        "neighbouring-turns",
        messages=[
            user("The first half."),
            user("The second half."),
            assistant("Both came."),
            assistant("Go on."),
            user(f"Good. {SCRIPT}"),
        ],
        forms=(WHOLE,),
    )
    yield case("empty-lists", tools=[], stop_sequences=[], metadata={}, forms=(WHOLE,), promises=TRANSLATED)
    yield case("thinking-off", thinking={"type": "disabled"}, forms=(WHOLE,))
    effort = {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}}
    yield case("adaptive-thinking", max_tokens=4000, promises=TRANSLATED, forms=(WHOLE,), **effort)
    edits = {"edits": [{"type": "clear_tool_uses_20250919"}]}
    yield case(
        "context-management",
        context_management=edits,
        headers=(("anthropic-beta", "context-management-2025-06-27"),),
        inexpressible=("context_management",),
        promises=TRANSLATED,
        forms=(WHOLE,),
    )
    yield case("rare-schemas", tools=RARE_TOOLS, forms=(WHOLE,))
    yield case(
        "results-with-image-first",
        tools=TOOLS,
        messages=[
            user("A photo, and the time?"),
            assistant(call_block("toolu_01E", "get_weather", city="Oslo"), call_block("toolu_01F", "now")),
            user(
                result_block("toolu_01E", [text("The photo:"), IMAGE]),
                result_block("toolu_01F", "It is noon."),
                text(f"What is it? {SCRIPT}"),
            ),
        ],
        forms=(WHOLE,),
    )


RARE_TOOLS: Final[list[dict[str, Any]]] = [
    {
        "type": "custom",
        "name": "save_page",
        "description": "Saves a page. " + "It keeps what the page says, and where it was. " * 60,
        "input_schema": {
            "type": "object",
            "properties": {
                "title": {"type": "string", "title": "The title", "maxLength": 80},
                "url": {"type": "string", "format": "uri"},
                "format": {"const": "markdown"},
                "kind": {"oneOf": [{"type": "string"}, {"type": "integer", "minimum": 1}]},
                "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                "pair": {"type": "array", "prefixItems": [{"type": "string"}, {"type": "number"}]},
            },
            "required": ["title", "url"],
        },
    },
    {"name": "list_all", "description": "Lists all pages.", "input_schema": {"type": "object"}},
]
"""Tools as servers of tools define them: properties that are called like keywords, formats, no properties at all."""


def passing_on() -> Iterator[Case]:
    """Parts that are newer than the gateway, on the way in and on the way back."""
    document = {
        "type": "document",
        "source": {"type": "text", "media_type": "text/plain", "data": "Tuesday, 09:40."},
        "title": "The plan",
        "context": "From the office.",
        "citations": {"enabled": True},
    }
    yield case("document-fields", messages=[user(document, text(f"When? {SCRIPT}"))], promises=PASSED)
    closed = {"type": "object", "properties": {}, "additionalProperties": False}
    strict = {**TOOLS[2], "type": "custom", "strict": True, "input_schema": closed}
    yield case("tool-fields", tools=[TOOLS[0], strict], promises=PASSED, forms=(WHOLE,))
    search = {"type": "web_search_20250305", "name": "web_search", "max_uses": 3}
    yield case("server-tool", tools=[TOOLS[2], search], promises=PASSED, forms=(WHOLE,))
    yield case("server-blocks", Script(blocks=(*SEARCHED, Text("It is sunny."))), promises=PASSED)


SEARCHED: Final = (
    Other('{"type": "server_tool_use", "id": "srvtoolu_01A", "name": "web_search", "input": {"query": "Oslo"}}'),
    Other(
        '{"type": "web_search_tool_result", "tool_use_id": "srvtoolu_01A", "content": [{"type": "web_search_result", '
        '"title": "Oslo", "url": "https://weather.example/oslo", "encrypted_content": "b3BhcXVl", "page_age": null}]}'
    ),
)


def cases() -> Iterator[Case]:
    """All of these cases."""
    for topic in (answers, failures, requests, passing_on):
        yield from topic()
