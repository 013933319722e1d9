"""Features of a request that may decide how a server answers, with words for each: streaming, tools, blocks, headers.

A feature is something that one request has and another lacks. What every request of the run has explains nothing and
is left out by the search in `causes`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from messages_conformance.exchange import MESSAGES_PATH, UNPARSED, Exchange, Request, is_header_placeholder
from messages_conformance.report.text import inline
from messages_conformance.rules.accessors import once_per_exchange

_UNIVERSAL: Final = frozenset({"model", "max_tokens", "messages", "stream", "system", "tools", "tool_choice"})
"""Members of a body that every request has, or that have features of their own."""

_USUAL_HEADERS: Final = frozenset(
    {"host", "accept", "accept-encoding", "connection", "content-type", "content-length", "user-agent", "x-api-key"}
    | {"anthropic-version", "authorization", "transfer-encoding"}
)
"""Headers that say nothing about what is asked for, or that have features of their own."""

_EXPECTED_ABSENT: Final = ("anthropic-version", "anthropic-beta")
"""Headers whose absence is a feature: a gateway that adds one of its own breaks the requests that have none."""

_OF_SDKS: Final = "x-stainless-"
"""The official SDKs add such headers to every request; they describe the machine of the client."""

_BLOCK_WORDS: Final[Mapping[str, str]] = {
    "image": "with an image",
    "document": "with a document",
    "tool_use": "with a tool call in its history",
    "tool_result": "with a tool result",
    "thinking": "with a thinking block in its history",
    "redacted_thinking": "with a redacted thinking block in its history",
    "search_result": "with a search result",
}
"""Words for blocks of messages; any other type is named as it is."""

_ID: Final = re.compile(r"/(?!v1$|messages$|models$|files$|batches$|count_tokens$|results$|cancel$|content$)[^/]+$")
"""The last part of a path when it names one resource."""

_CALL: Final = re.compile(r"\b(call|use)\b[^.?!]{0,40}\btools?\b", re.IGNORECASE)
"""How a text asks for a tool call, as the suites do: `Call the tool`, `Call both tools`, `Use the weather tool`."""

MEMBER: Final = "member."
"""How features begin that are members inside a field or block. They explain only what no other feature does."""

_OWN_FEATURES: Final = frozenset({"type", "text", "content", "role", "name", "id", "tool_use_id", "data", "model"})
"""Members that have features of their own, or that say nothing."""

_OPAQUE: Final = frozenset({"input", "input_schema", "properties", "schema", "json_schema"})
"""Members whose own members are data of the user."""

_VALUE: Final = re.compile(r"[a-z0-9_.-]{1,24}")
"""A text that is one of a few possible values, such as `1h`."""

CALLS: Final = "calls"
ROLES: Final = ("user", "assistant")

_NAME_CHARACTERS: Final = 40


@once_per_exchange
def features(exchange: Exchange) -> Mapping[str, str]:
    """Feature -> its words after `request`, the most specific first. A feature is the name of its words' meaning."""
    return dict(_features(exchange.request))


@once_per_exchange
def sizes(exchange: Exchange) -> Mapping[str, int]:
    """The numbers of a request whose high values alone may be answered wrongly."""
    fields = exchange.request.fields
    messages, limit, tools = fields.get("messages"), fields.get("max_tokens"), fields.get("tools")
    return {
        "body bytes": len(exchange.request.body),
        "messages": len(messages) if isinstance(messages, list) else 0,
        "max_tokens": limit if isinstance(limit, int) and not isinstance(limit, bool) else 0,
        "tools": len(tools) if isinstance(tools, list) else 0,
    }


def describe_request(exchange: Exchange, *, most: int = 3) -> str:
    """A request in a few words, such as `streamed POST /v1/messages with tools`."""
    request, found = exchange.request, features(exchange)
    words = [text for name, text in found.items() if not name.startswith(_COMMON)][:most]
    streamed = "streamed " if "stream" in found else ""
    return " ".join([f"{streamed}{request.method} {inline(request.route, 80)}", ", ".join(words)]).rstrip()


_COMMON: Final = (
    "accept.",
    "header.x-api-key",
    "header.authorization",
    "without.",
    "content.",
    "whole",
    "turns",
    "history",
    "stream",
    "route.",
    "block.text",
    "calls",
    MEMBER,
)
"""How features begin that say little about a request, or are said otherwise."""


def above(name: str, least: int, passing: int) -> str:
    """Words for requests in which a number is at least `least`; `passing` is the greatest one that was answered.

    Both are named: a limit between them is not known.
    """
    return {
        "body bytes": f"of {least:,} bytes or more ({passing:,} bytes pass)",
        "messages": f"with {least:,} or more messages ({passing:,} pass)",
        "max_tokens": f"whose max_tokens is {least:,} or more ({passing:,} passes)",
        "tools": f"with {least:,} or more tools ({passing:,} pass)",
    }[name]


def _features(request: Request) -> Iterator[tuple[str, str]]:
    if request.wire:
        yield f"wire.{request.wire}", f"in the wire form {request.wire}"
    route = _ID.sub("/ID", request.route)
    if request.method != "POST" or route != MESSAGES_PATH:
        yield f"route.{request.method} {route}", f"to {request.method} {inline(route, 80)}"
    yield from _of_headers(request)
    if request.json is not UNPARSED:
        yield from _of_body(request.fields, asks_for_message=route == MESSAGES_PATH)
    if "?" in request.path:
        yield "query", "with a query string"
    if not request.body.isascii() or re.search(rb"\\u(?!00[0-7])[0-9a-fA-F]{4}", request.body):
        yield "unicode", "with text outside ASCII"


def _of_headers(request: Request) -> Iterator[tuple[str, str]]:
    # What the user adds to every request says nothing about one of them.
    names = {name.lower() for name, value in request.headers if not is_header_placeholder(value)}
    if "authorization" in names:
        yield "header.authorization", "with the header authorization"
    if "x-api-key" in names:
        yield "header.x-api-key", "with the header x-api-key"
    for name in sorted(names - _USUAL_HEADERS):
        if name.startswith(_OF_SDKS):
            continue
        yield f"header.{name}", f"with the header {inline(name, _NAME_CHARACTERS)}"
    if accept := request.header("accept"):
        yield f"accept.{accept}", f"with accept: {inline(accept, _NAME_CHARACTERS)}"
    for name in _EXPECTED_ABSENT:
        if name not in names:
            yield f"without.{name}", f"without the header {name}"
    if ";" in (request.header("content-type") or ""):
        yield "content-type.parameter", "whose content-type has a parameter"
    if "transfer-encoding" in names:
        yield "header.transfer-encoding", "with a chunked body"


def _of_body(fields: Mapping[str, Any], *, asks_for_message: bool) -> Iterator[tuple[str, str]]:
    messages = [turn for turn in _list(fields.get("messages")) if isinstance(turn, Mapping)]
    yield from _of_blocks(messages)
    for name, value in fields.items():
        if name not in _UNIVERSAL and value is not None:
            yield from _of_member(inline(name, _NAME_CHARACTERS), value)
    yield from _of_tools(fields)
    system = fields.get("system")
    if isinstance(system, list):
        yield "system.blocks", "whose system prompt is a list of blocks"
    if isinstance(system, str):
        yield "system.string", "whose system prompt is a string"
    if system:
        yield "system", "with a system prompt"
    if messages and messages[-1].get("role") == "assistant":
        yield "prefill", "that ends with an assistant message"
    if any(turn.get("role") == "system" for turn in messages):
        yield "role.system", "with a message of the role system"
    if any(isinstance(turn.get("content"), list) for turn in messages):
        yield "content.blocks", "whose content is a list of blocks"
        yield from _of_text_blocks(messages)
    elif messages:
        yield "content.string", "whose content is a string"
    if any(turn.get("role") == "assistant" for turn in messages):
        yield "history", "with an assistant message in its history"
    if len(messages) > 1:
        yield "turns", "with more than one message"
    if fields.get("stream") is True:
        yield "stream", "for a stream"
    elif messages and asks_for_message:
        yield "whole", "without streaming"
    if fields.get("stream") is False:
        yield "stream.false", "whose stream is false"
    yield from _of_inner_members(fields, "", 0)


def _of_inner_members(value: Any, holder: str, depth: int) -> Iterator[tuple[str, str]]:
    """The members of objects inside a body, named with the field or the type of the block that holds them."""
    if isinstance(value, list):
        for item in value:
            yield from _of_inner_members(item, holder, depth)
    if not isinstance(value, Mapping) or depth > _MOST_LEVELS:
        return
    kind = value.get("type")
    block = kind if isinstance(kind, str) and holder in _HOLDERS_OF_BLOCKS else holder
    for name, item in value.items():
        if holder and name not in _OWN_FEATURES:
            where = f"{inline(name, _NAME_CHARACTERS)} in {inline(block, _NAME_CHARACTERS)}"
            yield f"{MEMBER}{where}", f"with {where}"
            if isinstance(item, bool) or (isinstance(item, str) and _VALUE.fullmatch(item)):
                shown = str(item).lower() if isinstance(item, bool) else item
                yield f"{MEMBER}{where}.{shown}", f"with the value {shown} of {where}"
        if name not in _OPAQUE:
            yield from _of_inner_members(item, name, depth + 1)


_HOLDERS_OF_BLOCKS: Final = frozenset({"content", "system", "messages"})
_MOST_LEVELS: Final = 8
"""A request that is nested more deeply is odd on purpose (our own choice)."""


def _of_blocks(messages: list[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for block in (block for turn in messages for block in _list(turn.get("content")) if isinstance(block, Mapping)):
        kind = block.get("type")
        if not isinstance(kind, str) or kind == "text":
            continue
        words = _BLOCK_WORDS.get(kind, f"with a {inline(kind, _NAME_CHARACTERS)} block")
        source = block.get("source")
        if isinstance(source, Mapping) and isinstance(source.get("type"), str):
            yield f"block.{kind}.{source['type']}", f"{words} given as {inline(source['type'], _NAME_CHARACTERS)}"
        if kind == "tool_result" and not block.get("content"):
            yield "block.tool_result.empty", "with a tool result without content"
        yield f"block.{kind}", words
    if any(map(_are_swapped, messages, messages[1:])):
        yield "results.order", "whose tool results are in another order than the calls"
    if any(_holds(turn, "cache_control") for turn in messages):
        yield "cache_control", "with cache_control in its messages"
    if any(_holds(turn, "citations") for turn in messages):
        yield "citations", "with citations"


def _are_swapped(turn: Mapping[str, Any], following: Mapping[str, Any]) -> bool:
    """Whether the results in a turn are in another order than the calls in the turn before it."""
    calls, results = _values(turn, "tool_use", "id"), _values(following, "tool_result", "tool_use_id")
    return sorted(calls) == sorted(results) and calls != results


def _values(turn: Mapping[str, Any], kind: str, field: str) -> list[str]:
    blocks = (block for block in _list(turn.get("content")) if isinstance(block, Mapping) and block.get("type") == kind)
    return [str(block.get(field)) for block in blocks]


def _of_text_blocks(messages: list[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    texts = {str(turn.get("role")) for turn in messages if _has_text(turn.get("content"))}
    for role in ROLES:
        contents = [turn.get("content") for turn in messages if turn.get("role") == role]
        if any(isinstance(content, list) for content in contents):
            yield f"content.blocks.{role}", f"whose {role} message is a list of blocks"
        if any(_has_text(content) and all(map(_is_text, _list(content))) for content in contents):
            yield f"block.text.{role}.only", f"whose {role} message is a list of text blocks"
        if role in texts:
            yield f"block.text.{role}", f"whose {role} message has text blocks"
    if texts:
        yield "block.text", "with text blocks"


def _has_text(content: Any) -> bool:
    return any(map(_is_text, _list(content)))


def _is_text(block: Any) -> bool:
    return isinstance(block, Mapping) and block.get("type") == "text"


def _of_member(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and isinstance(value.get("type"), str):
        kind = inline(value["type"], _NAME_CHARACTERS)
        yield f"{name}.{kind}", f"whose {name} is {kind}"
    if value == [] or value == {}:
        yield f"{name}.empty", f"whose {name} is empty"
        return
    yield name, f"with {name}"


def _of_tools(fields: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    tools = [tool for tool in _list(fields.get("tools")) if isinstance(tool, Mapping)]
    for tool in tools:
        kind = tool.get("type")
        if isinstance(kind, str) and kind != "custom":
            yield f"tools.{kind}", f"with the tool {inline(kind, _NAME_CHARACTERS)}"
        if tool.get("strict") is True:
            yield "tools.strict", "with a strict tool"
    choice = fields.get("tool_choice")
    if isinstance(choice, Mapping):
        kind = inline(str(choice.get("type")), _NAME_CHARACTERS)
        yield f"tool_choice.{kind}", f"whose tool_choice is {kind}"
        yield "tool_choice", "with a tool_choice"
    if tools:
        yield "tools", "with tools"
        if _asks_for_call(fields, choice):
            yield CALLS, "asking for a tool call"


def _asks_for_call(fields: Mapping[str, Any], choice: Any) -> bool:
    """Whether an obedient model answers with a tool call: tool_choice names the tool, or the text asks for a call."""
    kind = choice.get("type") if isinstance(choice, Mapping) else None
    if kind == "none":
        return False
    turns = _list(fields.get("messages"))
    content = turns[-1].get("content") if turns and isinstance(turns[-1], Mapping) else None
    texts = [content] if isinstance(content, str) else [one.get("text") for one in _list(content) if _is_text(one)]
    return kind == "tool" or any(_CALL.search(text) for text in texts if isinstance(text, str))


def _holds(value: Any, name: str) -> bool:
    if isinstance(value, Mapping):
        return name in value or any(_holds(inner, name) for inner in value.values())
    return isinstance(value, list) and any(_holds(inner, name) for inner in value)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
