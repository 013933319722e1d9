"""Valid values of every kind, and mutants of them with one fault each, for the tests of the contract."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Step = str | int

USAGE_FULL = {
    "input_tokens": 12,
    "output_tokens": 7,
    "cache_creation_input_tokens": 3,
    "cache_read_input_tokens": None,
    "cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 0},
    "output_tokens_details": {"thinking_tokens": 2},
    "server_tool_use": {"web_search_requests": 1, "web_fetch_requests": None},
    "service_tier": "standard",
    "inference_geo": None,
    "speed": "fast",
}
CITATION = {
    "type": "char_location",
    "cited_text": "é",
    "document_index": 0,
    "document_title": None,
    "start_char_index": 0,
    "end_char_index": 1,
}
RESPONSE_BLOCKS: list[Any] = [
    {"type": "text", "text": "Hello 😀", "citations": [CITATION, {"type": "hologram_location"}]},
    {"type": "text", "text": "", "citations": None},
    {"type": "thinking", "thinking": "", "signature": "abc"},
    {"type": "redacted_thinking", "data": "xyz"},
    {"type": "tool_use", "id": "call_1", "name": "f", "input": {"a": [1, None]}},
    {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}},
    {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [{"type": "web_search_result"}]},
    {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": {"error_code": "unavailable"}},
    {
        "type": "code_execution_tool_result",
        "tool_use_id": "srvtoolu_2",
        "content": {"type": "code_execution_result", "stdout": "", "stderr": None, "return_code": 0},
    },
    {
        "type": "web_fetch_tool_result",
        "tool_use_id": "srvtoolu_3",
        "content": {"type": "web_fetch_result", "url": "u", "content": {"type": "document", "source": None}},
    },
    {"type": "container_upload", "file_id": "file_1"},
    {"type": "compaction", "content": None},
]


def message(content: list[Any], **changes: Any) -> dict[str, Any]:
    """A valid answer with this content."""
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": content,
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 12, "output_tokens": 7},
        **changes,
    }


def responses() -> list[Any]:
    details = {"type": "refusal", "category": None, "explanation": None}
    return [
        message([{"type": "text", "text": "hi"}]),
        message([], stop_reason="refusal", stop_sequence=None, stop_details=details),
        message(RESPONSE_BLOCKS, usage=USAGE_FULL, stop_sequence="x", container={"id": "c", "expires_at": "t"}),
    ]


def events() -> list[Any]:
    start = message([], usage=USAGE_FULL, stop_reason=None, stop_sequence=None)
    bare = {key: value for key, value in message([]).items() if key != "stop_reason"}
    started: list[Any] = [
        {"type": "text", "text": ""},
        {"type": "thinking", "thinking": "", "signature": ""},
        {"type": "tool_use", "id": "t", "name": "f", "input": {}},
        RESPONSE_BLOCKS[3],
        RESPONSE_BLOCKS[6],
    ]
    deltas: list[Any] = [
        {"type": "text_delta", "text": "é"},
        {"type": "input_json_delta", "partial_json": ""},
        {"type": "thinking_delta", "thinking": "hm"},
        {"type": "signature_delta", "signature": "s"},
        {"type": "citations_delta", "citation": CITATION},
    ]
    return [
        {"type": "message_start", "message": start},
        {"type": "message_start", "message": bare},
        *({"type": "content_block_start", "index": 0, "content_block": block} for block in started),
        *({"type": "content_block_delta", "index": 1, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": 2},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}},
        {"type": "message_delta", "delta": {"stop_reason": None, "stop_sequence": None}, "usage": USAGE_FULL},
        {"type": "message_stop"},
        {"type": "ping"},
        {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}},
    ]


def requests() -> list[Any]:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}}
    document = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}, "title": "t"}
    call = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}, "cache_control": {"type": "ephemeral"}}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": [image, {"type": "text", "text": "ok"}]}
    tool = {"name": "f", "input_schema": {"type": "object", "properties": {}}, "strict": True}
    plain = {"model": "m", "max_tokens": 16, "messages": [{"role": "user", "content": "hi"}]}
    return [
        plain,
        {**plain, "system": "be brief", "stream": True, "stop_sequences": ["x"], "metadata": {"user_id": None}},
        {
            "model": "m",
            "max_tokens": 4096,
            "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
            "messages": [
                {"role": "user", "content": [document, image, {"type": "text", "text": "hi"}]},
                {"role": "assistant", "content": [{"type": "thinking", "thinking": "", "signature": "s"}, call]},
                {"role": "user", "content": [result]},
            ],
            "tools": [tool, {"type": "bash_20250124", "name": "bash"}],
            "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
            "thinking": {"type": "enabled", "budget_tokens": 1024},
            "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": {}}},
            "service_tier": "auto",
        },
    ]


def errors() -> list[Any]:
    return [
        {"type": "error", "error": {"type": "x_error", "message": "m", "details": {}}, "request_id": "req_1"},
        {"type": "error", "error": {"type": "not_found_error", "message": "m"}},
    ]


def models() -> list[Any]:
    item = {"id": "m", "type": "model", "display_name": "M", "created_at": "1970-01-01T00:00:00Z", "max_tokens": None}
    return [{"data": [item], "has_more": False, "first_id": "m", "last_id": None}, {"data": [], "has_more": True}]


def corpora() -> dict[str, list[Any]]:
    """Schema name -> values that are valid under it."""
    return {
        "response": responses(),
        "event": events(),
        "request": requests(),
        "error": errors(),
        "models": models(),
        "count_tokens": [{"input_tokens": 3}],
        "usage": [USAGE_FULL, {"input_tokens": 0, "output_tokens": 0}],
    }


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """A valid value with one fault at `path`; `container` is true if the fault is an object or an array."""

    schema: str
    value: Any
    path: tuple[Step, ...]
    container: bool


ABSENT = object()
REPLACEMENTS: tuple[Any, ...] = (ABSENT, None, 12.5, -1, 3, "zzz", "", [], {}, True)


def mutants(count: int, *, seed: int) -> Iterator[Mutant]:
    """`count` mutants, from all corpora in turn."""
    generator = random.Random(seed)
    pools = corpora()
    names = [*pools, "response", "event", "event", "request"]
    for turn in range(count):
        name = names[turn % len(names)]
        yield _mutant(name, generator.choice(pools[name]), generator)


def _mutant(name: str, value: Any, generator: random.Random) -> Mutant:
    mutated = json.loads(json.dumps(value))  # so that no object is in two places
    path = generator.choice(list(_paths(mutated)))
    parent = mutated
    for step in path[:-1]:
        parent = parent[step]
    replacement = generator.choice(REPLACEMENTS)
    if replacement is ABSENT and isinstance(parent, dict):
        del parent[path[-1]]
    else:
        replacement = (
            {}
            if replacement is ABSENT
            else type(replacement)()
            if isinstance(replacement, dict | list)
            else replacement
        )
        parent[path[-1]] = replacement
    return Mutant(schema=name, value=mutated, path=path, container=isinstance(replacement, dict | list))


def _paths(value: Any, above: tuple[Step, ...] = ()) -> Iterator[tuple[Step, ...]]:
    steps: list[tuple[Step, Any]] = []
    if isinstance(value, dict):
        steps = list(value.items())
    elif isinstance(value, list):
        steps = list(enumerate(value))
    for step, inner in steps:
        yield (*above, step)
        yield from _paths(inner, (*above, step))
