"""Cases about the way in: what the request has must reach the upstream."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from messages_conformance.gateway.cases.case import PASSTHROUGH, SCRIPT, TRANSLATES, Case, assistant, case, text, user

PIXEL: Final = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
PAGE: Final = "JVBERi0xLjEKMSAwIG9iago8PC9UeXBlL0NhdGFsb2c+PgplbmRvYmoKdHJhaWxlcjw8L1Jvb3QgMSAwIFI+PgolJUVPRgo="
IMAGE: Final = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
LINKED: Final = {"type": "image", "source": {"type": "url", "url": "https://images.example/cat.png?size=2&x=1"}}
DOCUMENT: Final = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PAGE}}
NOTE: Final = {
    "type": "document",
    "source": {"type": "text", "media_type": "text/plain", "data": "The meeting is on Tuesday at 09:40."},
}
SIGNATURE: Final = "RXFRQkNrZ0lCUkFCR0FJaVFQ" * 6

WEATHER: Final[dict[str, Any]] = {
    "name": "get_weather",
    "description": "Says what the weather is like.\n\nUse it for one city at a time.",
    "input_schema": {
        "type": "object",
        "properties": {
            "city": {"type": "string", "description": "A city, such as Zürich or 東京", "minLength": 1},
            "unit": {"type": "string", "enum": ["celsius", "fahrenheit"], "default": "celsius"},
        },
        "required": ["city"],
    },
}
ORDER: Final[dict[str, Any]] = {
    "name": "place_order",
    "description": "Places an order.",
    "input_schema": {
        "type": "object",
        "$defs": {"item": {"type": "object", "properties": {"id": {"type": "integer", "maximum": 99999}}}},
        "properties": {
            "items": {"type": "array", "items": {"$ref": "#/$defs/item"}, "maxItems": 50, "minItems": 1},
            "note": {"anyOf": [{"type": "string", "pattern": "^[^<>\\\\]*$"}, {"type": "null"}]},
            "price": {"type": "number", "exclusiveMinimum": 0, "multipleOf": 0.01},
        },
        "required": ["items", "price"],
        "additionalProperties": False,
    },
}
LARGE: Final[dict[str, Any]] = {
    "name": "by_id",
    "input_schema": {"type": "object", "properties": {"id": {"type": "integer", "maximum": 9007199254740993}}},
}
"""A number that is rounded where numbers are 64-bit floats."""

EMPTY: Final[dict[str, Any]] = {"name": "now", "input_schema": {"type": "object", "properties": {}}}
TOOLS: Final = [WEATHER, ORDER, EMPTY]
HARD_TEXT: Final = (
    "  Spaces first. Tabs\tand\nlines.\r\nQuotes \" ' ` and \\ and </script><b>&amp;</b> {{x}} ${y} %s.\n"
    "Grüße, 東京, 👩‍👩‍👧, e\u0301, \u202eright to left\u202c, a zero\u200bwidth space. "
    "SELECT * FROM t; -- ../../etc/passwd"
)


def call_block(id: str, name: str, **given: Any) -> dict[str, Any]:
    """An earlier call of a tool."""
    return {"type": "tool_use", "id": id, "name": name, "input": given}


def result_block(id: str, content: Any = None, **more: Any) -> dict[str, Any]:
    """The result of a call; its content is a text, blocks, or none."""
    given = {} if content is None else {"content": content}
    return {"type": "tool_result", "tool_use_id": id, **given, **more}


def turns() -> Iterator[Case]:
    """Texts, system prompts and the order of turns."""
    yield case("system", system="Answer in one word. Never say why.")
    yield case(
        "system-blocks", system=[text("First rule: be short."), text("Second rule: be polite."), text(HARD_TEXT)]
    )
    yield case("hard-text", messages=[user(f"{HARD_TEXT}\n{SCRIPT}")])
    yield case("long-text", messages=[user("All work and no play. " * 3000 + SCRIPT)], forms=("whole",))
    yield case("text-blocks", messages=[user(text("Alpha part."), text("Beta part."), text(f"Gamma part. {SCRIPT}"))])
    yield case(
        "turns",
        messages=[
            user("My name is Ada."),
            assistant("Hello Ada."),
            user(text("I live in Oslo."), text("It is cold.")),
            assistant(text("Noted."), text("Anything else?")),
            user(f"Where do I live? {SCRIPT}"),
        ],
    )
    yield case("prefill", messages=[user(f"What is 2+2? {SCRIPT}"), assistant("The answer is")])


def tools() -> Iterator[Case]:
    """Definitions and choices of tools, earlier calls and their results."""
    yield case("tools", tools=TOOLS)
    yield case("tools-large-number", tools=[WEATHER, LARGE], forms=("whole",))
    for choice in ({"type": "auto"}, {"type": "any"}, {"type": "none"}, {"type": "tool", "name": "place_order"}):
        yield case(f"tool-choice-{choice['type']}", tools=TOOLS, tool_choice=choice, forms=("whole",))
    yield case(
        "one-call", tools=TOOLS, tool_choice={"type": "auto", "disable_parallel_tool_use": True}, forms=("whole",)
    )
    weather = call_block("toolu_01A", "get_weather", city="Zürich")
    order = call_block("toolu_01B", "place_order", items=[{"id": 9007199254740993}], price=12.5, note=None)
    search = {"type": "web_search_20250305", "name": "web_search", "max_uses": 3}
    yield case(
        "server-tool-translated",
        tools=[search, EMPTY],
        inexpressible=("web_search",),
        promises=(TRANSLATES,),
        forms=("whole",),
    )
    yield case(
        "tool-results",
        tools=TOOLS,
        messages=[
            user("The weather in Zürich, and order one."),
            assistant(text("I look."), weather, order),
            user(
                result_block("toolu_01A", "Rain, 7 °C"), result_block("toolu_01B", [text("Order 17."), text("Paid.")])
            ),
            assistant("It rains, and order 17 is paid."),
            user(f"Thanks. {SCRIPT}"),
        ],
    )
    yield case(
        "tool-result-last",
        tools=TOOLS,
        messages=[user("Weather?"), assistant(weather), user(result_block("toolu_01A", f"Rain. {SCRIPT}"))],
    )
    yield case(
        "tool-results-swapped",
        tools=TOOLS,
        messages=[
            user("Two cities."),
            assistant(weather, call_block("toolu_01C", "get_weather", city="Oslo")),
            user(
                result_block("toolu_01C", "Snow in the north"),
                result_block("toolu_01A", "Sun in the south"),
                text(SCRIPT),
            ),
        ],
    )
    yield case(
        "tool-error",
        tools=TOOLS,
        messages=[
            user("Weather?"),
            assistant(weather),
            user(result_block("toolu_01A", "No such city", is_error=True), text(SCRIPT)),
        ],
    )
    yield case(
        "tool-result-empty",
        tools=TOOLS,
        messages=[
            user("Now?"),
            assistant(call_block("toolu_01D", "now")),
            user(result_block("toolu_01D"), text(SCRIPT)),
        ],
        forms=("whole",),
    )
    yield case(
        "tool-result-image",
        tools=TOOLS,
        messages=[
            user("A photo?"),
            assistant(weather),
            user(result_block("toolu_01A", [text("The photo:"), IMAGE]), text(f"What is it? {SCRIPT}")),
        ],
        forms=("whole",),
    )


def media() -> Iterator[Case]:
    """Images and documents."""
    yield case("image", messages=[user(IMAGE, text(f"What is this? {SCRIPT}"))])
    yield case("image-url", messages=[user(text("Look:"), LINKED, text(SCRIPT))], forms=("whole",))
    yield case(
        "document", messages=[user(DOCUMENT, text(f"Sum up. {SCRIPT}"))], inexpressible=("document",), forms=("whole",)
    )
    yield case("text-document", messages=[user(NOTE, text(f"When? {SCRIPT}"))], forms=("whole",))


def options() -> Iterator[Case]:
    """Limits, sampling, stop sequences, ids of users, schemas, thinking."""
    yield case("max-tokens", max_tokens=777)
    yield case("max-tokens-1", max_tokens=1, forms=("whole",))
    yield case("max-tokens-32000", max_tokens=32_000, forms=("whole",))
    yield case("temperature", temperature=0.3)
    yield case("temperature-0", temperature=0, forms=("whole",))
    yield case("top-p", top_p=0.85, forms=("whole",))
    yield case("stop-sequences", stop_sequences=["\n\nHuman:", "END", "</a>", "###"])
    yield case("stop-sequences-6", stop_sequences=list("ABCDEF"), inexpressible=("stop_sequences",), forms=("whole",))
    yield case("user-id", metadata={"user_id": "user-5c1e"}, forms=("whole",))
    yield case("top-k", top_k=7, inexpressible=("top_k",), forms=("whole",))
    schema = {
        "type": "object",
        "properties": {"a": {"type": "integer"}},
        "required": ["a"],
        "additionalProperties": False,
    }
    yield case("output-schema", output_config={"format": {"type": "json_schema", "schema": schema}}, forms=("whole",))
    thought = {"type": "thinking", "thinking": "They want to know the sum.", "signature": SIGNATURE}
    hidden = {"type": "redacted_thinking", "data": SIGNATURE[::-1]}
    thinking = {"type": "enabled", "budget_tokens": 2000}
    turn = [user("What is 2+2?"), assistant(thought, text("It is 4.")), user(f"And 3+3? {SCRIPT}")]
    yield case("thinking-history", messages=turn, thinking=thinking, max_tokens=4000)
    turn = [turn[0], assistant(thought, hidden, text("It is 4.")), turn[2]]
    yield case("redacted-history", messages=turn, thinking=thinking, max_tokens=4000, promises=(PASSTHROUGH,))


CACHE: Final = {"cache_control": {"type": "ephemeral"}}


def passing_on() -> Iterator[Case]:
    """What only an upstream of the same dialect has a form for, and open lists of headers and fields."""
    yield case(
        "cache-marks",
        system=[text("You know this book. " * 20, **CACHE)],
        tools=[WEATHER, {**ORDER, **CACHE}],
        messages=[user(text("Part one.", **CACHE), text(SCRIPT, cache_control={"type": "ephemeral", "ttl": "5m"}))],
        promises=(PASSTHROUGH,),
    )
    yield case("cache-marks-translated", system=[text("You know this book.", **CACHE)], promises=(TRANSLATES,))
    yield case(
        "betas",
        headers=(("anthropic-beta", "context-management-2025-06-27,new-thing-2031-01-01"),),
        promises=(PASSTHROUGH,),
    )
    yield case("new-headers", headers=(("anthropic-new-header", "on; x=1"),), promises=(PASSTHROUGH,), forms=("whole",))
    yield case("service-tier", service_tier="standard_only", promises=(PASSTHROUGH,), forms=("whole",))
    yield case("top-k-passed", top_k=11, promises=(PASSTHROUGH,))


def cases() -> Iterator[Case]:
    """All cases about the way in."""
    for topic in (turns, tools, media, options, passing_on):
        yield from topic()
