"""POST /v1/messages as an OpenAPI description, made from the schemas of this project.

It has as much of the contract as a tool that reads OpenAPI can use: the schemas with their references, one existing
model, no members that need a beta header, examples with streaming and tools, a response header, the key, each event of
a stream by its type, and the events of a whole stream. `itemSchema` next to `schema` needs OpenAPI 3.2. A description
cannot express the order of the events.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urldefrag

from messages_conformance.contract import documents

Json = dict[str, Any]

OWN_KEYWORDS: Final = frozenset({"$id", "requirement", "known", "beta"})
"""Keywords that only this project uses. An $id is removed because it would change the base of references inside it."""

WEATHER: Final = {
    "name": "get_weather",
    "description": "The weather in a city.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}

MOST_TOKENS: Final = 128_000
"""The maximum output of the models of the reference endpoint."""

FRAMES: Final = ("message_start", "message_delta", "message_stop")
"""Events that occur exactly once in a stream; message_delta occurs at least once."""


def description(model: str) -> Json:
    """The description of a server that has one model."""
    return {
        "openapi": "3.2.0",
        "info": {"title": "Messages API", "version": "2023-06-01"},
        "security": [{"key": []}],
        "paths": {"/v1/messages": {"post": _operation(model)}},
        "components": {
            "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "x-api-key"}},
            "schemas": {_name(location): _part(document, model) for location, document in _reachable()},
        },
    }


def _operation(model: str) -> Json:
    return {
        "operationId": "create_message",
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": _to("request.json"), "examples": _examples(model)}},
        },
        "responses": {
            "200": {
                "description": "The message, or the events that it is made of",
                "headers": {"request-id": {"required": True, "schema": {"type": "string", "minLength": 1}}},
                "content": {
                    "application/json": {"schema": _to("response.json")},
                    "text/event-stream": {"itemSchema": _event(), "schema": _stream()},
                },
            },
            "4XX": _refusal("The request is refused"),
        },
    }


def _examples(model: str) -> Json:
    plain = {"model": model, "max_tokens": 64, "messages": [{"role": "user", "content": "Name three colours."}]}
    tools = {**plain, "tools": [WEATHER], "messages": [{"role": "user", "content": "How is the weather in Paris?"}]}
    called = {**tools, "tool_choice": {"type": "any"}}
    bodies = {"plain": plain, "tools": tools, "called": called}
    streamed = {f"{name}-streamed": {**body, "stream": True} for name, body in bodies.items()}
    return {name: {"value": body} for name, body in (bodies | streamed).items()}


def _refusal(words: str) -> Json:
    return {"description": words, "content": {"application/json": {"schema": _to("error.json")}}}


def _event() -> Json:
    """One event: its name, and data that is JSON of the shape for this name."""
    kinds = sorted(_events())
    return {
        "type": "object",
        "required": ["event", "data"],
        "properties": {"event": {"type": "string"}, "data": {"contentMediaType": "application/json"}},
        "allOf": [
            {
                "if": {"properties": {"event": {"const": kind}}},
                "then": {"properties": {"data": {"contentSchema": _to(f"events/{kind}.json")}}},
            }
            for kind in kinds
        ],
    }


def _stream() -> Json:
    """All events of a stream: each of FRAMES as often as required, or an error that ends the stream early."""
    counted = [
        {"contains": _named(kind), "minContains": 1, **({} if kind == "message_delta" else {"maxContains": 1})}
        for kind in FRAMES
    ]
    paired = {
        "if": {"contains": _named("content_block_start")},
        "then": {"contains": _named("content_block_stop")},
        "else": {"not": {"contains": _named("content_block_delta")}},
    }
    return {"type": "array", "anyOf": [{"contains": _named("error")}, {"allOf": [*counted, paired]}]}


def _named(kind: str) -> Json:
    return {"type": "object", "required": ["event"], "properties": {"event": {"const": kind}}}


# -- the schemas as components --------------------------------------------------------------------------------------


def _to(file: str) -> Json:
    return {"$ref": _moved(documents.BASE_URI + file)}


def _events() -> set[str]:
    start = documents.BASE_URI + "events/"
    return {location.removeprefix(start).removesuffix(".json") for location in _files() if location.startswith(start)}


def _files() -> set[str]:
    return set(documents.documents())


def _reachable() -> list[tuple[str, Any]]:
    """Every document that a request, an answer, an error or an event refers to."""
    todo = [documents.BASE_URI + name for name in ("request.json", "response.json", "error.json")]
    todo += [documents.BASE_URI + f"events/{kind}.json" for kind in _events()]
    found: dict[str, Any] = {}
    while todo:
        location = todo.pop()
        if location not in found:
            found[location] = documents.documents()[location]
            todo += [urldefrag(reference)[0] for reference in _references(found[location])]
    return sorted(found.items())


def _references(node: Any) -> list[str]:
    if isinstance(node, list):
        return [reference for item in node for reference in _references(item)]
    if not isinstance(node, dict):
        return []
    own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
    return own + [reference for value in node.values() for reference in _references(value)]


def _part(document: Any, model: str) -> Any:
    """One document; for the request, its members also have limits that the schemas leave to the rules."""
    part = _plain(document)
    if part.get("title") == "request":
        part["properties"]["model"] = {"enum": [model]}
        part["properties"]["max_tokens"]["maximum"] = MOST_TOKENS
        part["$defs"]["message"]["properties"]["content"] |= {"minLength": 1, "minItems": 1}
    return part


def _plain(node: Any) -> Any:
    """A schema without the keywords of this project and without members that need a beta header."""
    if isinstance(node, list):
        return [_plain(item) for item in node if not _is_beta(item)]
    if not isinstance(node, dict):
        return node
    kept = {
        name: _plain(value)
        for name, value in node.items()
        if name not in OWN_KEYWORDS and name != "discriminator" and not _is_beta(value)
    }
    if isinstance(node.get("$ref"), str):
        kept["$ref"] = _moved(node["$ref"])
    return kept


def _is_beta(node: Any) -> bool:
    """Whether a schema, or the schema that it refers to, needs a beta header."""
    if not isinstance(node, dict):
        return False
    schema = documents.lookup(node["$ref"]) if isinstance(node.get("$ref"), str) else node
    properties, required = schema.get("properties"), schema.get("required")
    needed = [properties.get(name) for name in required] if isinstance(properties, dict) and required else []
    return schema.get("beta") is True or any(map(_is_beta, needed))


def _moved(reference: str) -> str:
    location, fragment = urldefrag(reference)
    return f"#/components/schemas/{_name(location)}{fragment}"


def _name(location: str) -> str:
    return location.removeprefix(documents.BASE_URI).removesuffix(".json").replace("/", ".")
