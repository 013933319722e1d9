"""Everything that a correct server can send is valid: unknown types and members, null, missing members, any ids."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from contract_corpus import errors, events, message, models, responses

from messages_conformance import contract

OPTIONAL = ("stop_sequence", "stop_details", "container", "diagnostics")
OPTIONAL_USAGE = (
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
    "cache_creation",
    "output_tokens_details",
    "server_tool_use",
    "service_tier",
    "inference_geo",
    "speed",
)
TEXT = {"type": "text", "text": "hi"}


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from _objects(inner)
    if isinstance(value, list):
        for inner in value:
            yield from _objects(inner)


def _extended(value: Any) -> Any:
    """`value` with an unknown member in each of its objects, except the empty tool input at the start of a block."""
    changed = copy.deepcopy(value)
    for found in list(_objects(changed)):
        if found:
            found["x_unknown"] = {"deep": [None]}
    return changed


@pytest.mark.parametrize(
    ("name", "values"),
    [("response", responses()), ("event", events()), ("error", errors()), ("models", models())],
    ids=["response", "event", "error", "models"],
)
def test_unknown_members_anywhere(name: str, values: list[Any]) -> None:
    for value in values:
        assert contract.explain(name, _extended(value)) == ()
        assert contract.valid(name, _extended(value))


@pytest.mark.parametrize("field", OPTIONAL)
def test_null_is_absent(field: str) -> None:
    assert contract.valid("response", message([TEXT]))
    assert contract.valid("response", message([TEXT], **{field: None}))


@pytest.mark.parametrize("field", OPTIONAL_USAGE)
def test_null_is_absent_in_usage(field: str) -> None:
    usage = {"input_tokens": 1, "output_tokens": 2, field: None}
    assert contract.valid("response", message([TEXT], usage=usage))
    assert contract.valid("event", {"type": "message_delta", "delta": {}, "usage": usage})
    assert contract.valid("event", {"type": "message_start", "message": message([], stop_reason=None, usage=usage)})


@pytest.mark.parametrize(
    "block",
    [
        {"type": "hologram"},
        {"type": "hologram", "text": 5, "citations": "x"},
        {"type": "image", "source": 1},  # known in requests, unknown in responses
        {"type": "text", "text": "x", "citations": None},
        {"type": "text", "text": "", "citations": []},
        {"type": "tool_use", "id": "any form: works!", "name": "f", "input": {}, "caller": None},
        {"type": "server_tool_use", "id": "s", "name": "a_new_tool", "input": {}},
    ],
)
def test_response_block(block: dict[str, Any]) -> None:
    assert contract.explain("response", message([block])) == ()
    assert contract.valid("blocks/response", block)


@pytest.mark.parametrize(
    "changes",
    [
        {"stop_reason": "cosmic_ray"},
        {"id": "x"},
        {"model": "another/model-2026"},
        {"content": []},
        {"stop_reason": "refusal", "stop_details": {"type": "refusal", "category": "new", "explanation": None}},
        {"usage": {"input_tokens": 0, "output_tokens": 0, "service_tier": "gold"}},
        {"usage": {"input_tokens": 10**30, "output_tokens": 1}},
    ],
)
def test_open_values(changes: dict[str, Any]) -> None:
    assert contract.explain("response", message([TEXT]) | changes) == ()
    assert contract.valid("response", message([TEXT]) | changes)


@pytest.mark.parametrize(
    "event",
    [
        {"type": "hologram_event", "index": "x"},
        {"type": "ping", "data": 1},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "hologram_delta", "text": 1}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "hologram"}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "fallback", "from": "a", "to": {}}},
        {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 1, "input_tokens": None}},
        {"type": "error", "error": {"type": "new_error", "message": "m"}, "request_id": None},
    ],
)
def test_stream_event(event: dict[str, Any]) -> None:
    assert contract.explain("event", event) == ()
    assert contract.valid("event", event)


@pytest.mark.parametrize("request_id", [None, "x", ...])
def test_error_with_and_without_request_id(request_id: Any) -> None:
    body = {"type": "error", "error": {"type": "x", "message": "m", "details": {"error_code": "y"}}}
    assert contract.valid("error", body if request_id is ... else body | {"request_id": request_id})


def test_values_that_the_compiled_validator_refuses_are_still_validated() -> None:
    deep: dict[str, Any] = {}
    for _ in range(600):
        deep = {"a": deep}
    tool = {"type": "tool_use", "id": "t", "name": "f", "input": deep}
    assert contract.valid("response", message([{"type": "text", "text": "\ud800"}]))
    assert contract.valid("response", message([tool]))
    assert not contract.valid("response", message([{"type": "text", "text": "\ud800"}, tool | {"id": 1}]))
    assert not contract.valid("usage", {"input_tokens": float("nan"), "output_tokens": 1})
