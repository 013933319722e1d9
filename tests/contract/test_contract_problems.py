"""Each failure is reported at its place: what is there, what is valid there, and the violated requirement."""

import copy
from typing import Any

import pytest
from contract_corpus import message, requests

from messages_conformance import contract
from messages_conformance.contract import Problem

TEXT = {"type": "text", "text": "hi"}


def _start(**changes: Any) -> dict[str, Any]:
    started = message([], stop_reason=None) | changes
    return {"type": "message_start", "message": {key: value for key, value in started.items() if value is not ...}}


def _block(block: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": 0, "content_block": block}


def _delta(delta: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": 0, "delta": delta}


def _without(key: str) -> dict[str, Any]:
    return {name: value for name, value in message([TEXT]).items() if name != key}


RESPONSES: list[tuple[Any, str, str | None]] = [
    ([], "", "response.object"),
    (_without("id"), "/id", "response.id.string"),
    (_without("type"), "/type", "response.type.message"),
    (_without("role"), "/role", "response.role.assistant"),
    (_without("content"), "/content", "response.content.array"),
    (_without("model"), "/model", "response.model.string"),
    (_without("stop_reason"), "/stop_reason", "response.stop_reason.present"),
    (_without("usage"), "/usage", "usage.present"),
    (message([TEXT], id=""), "/id", "response.id.string"),
    (message([TEXT], stop_reason=None), "/stop_reason", "response.stop_reason.present"),
    (message([TEXT]) | {"content": "hi"}, "/content", "response.content.array"),
    (message([TEXT, "hi"]), "/content/1", "response.content.block-type"),
    (message([TEXT, {"text": "hi"}]), "/content/1/type", "response.content.block-type"),
    (message([{"type": None}]), "/content/0/type", "response.content.block-type"),
    (message([{"type": "text", "text": None}]), "/content/0/text", "response.content.text-block"),
    (message([TEXT | {"citations": {}}]), "/content/0/citations", "response.content.text-citations"),
    (
        message([{"type": "tool_use", "id": "t", "name": "f", "input": "{}"}]),
        "/content/0/input",
        "response.content.tool_use-fields",
    ),
    (message([{"type": "thinking", "thinking": "x"}]), "/content/0/signature", "response.content.thinking-signature"),
    (message([TEXT], usage={"input_tokens": 1}), "/usage/output_tokens", "usage.present"),
    (message([TEXT], usage=None), "/usage", "usage.present"),
    (message([TEXT], container="c"), "/container", "response.container.nullable"),
    (message([TEXT], diagnostics="c"), "/diagnostics", None),
    (message([TEXT], usage={"input_tokens": 1, "output_tokens": 1, "speed": 1}), "/usage/speed", None),
    (
        message([TEXT], usage={"input_tokens": 1, "output_tokens": 1, "cache_read_input_tokens": "0"}),
        "/usage/cache_read_input_tokens",
        "usage.cache.fields-type",
    ),
]

EVENTS: list[tuple[Any, str, str | None]] = [
    ({"type": "message_start"}, "/message", "stream.start.message-object"),
    (_start(role=...), "/message/role", "stream.start.message-object"),
    (_start(id=7), "/message/id", "stream.start.id-stable"),
    (_start(content=[TEXT]), "/message/content", "stream.start.content-empty"),
    (_start(stop_reason="end_turn"), "/message/stop_reason", "stream.start.stop_reason-null"),
    (_start(usage=...), "/message/usage", "stream.start.usage-object"),
    (_start(usage={"input_tokens": 1}), "/message/usage/output_tokens", "stream.start.usage-object"),
    ({"type": "content_block_stop"}, "/index", "stream.block.index-integer"),
    ({"type": "content_block_stop", "index": -1}, "/index", "stream.block.index-integer"),
    (_block({"type": "text"}), "/content_block/text", "stream.block.start-text-empty"),
    (_block(TEXT), "/content_block/text", "stream.block.start-text-empty"),
    (_block({"text": ""}), "/content_block/type", "response.content.block-type"),
    (
        _block({"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}}),
        "/content_block/input",
        "stream.block.start-tool-input-empty",
    ),
    (
        _block({"type": "thinking", "signature": ""}),
        "/content_block/thinking",
        "stream.block.start-thinking-fields",
    ),
    (_delta({"text": "x"}), "/delta/type", "stream.delta.type-matches-block"),
    (_delta({"type": "text_delta", "text": None}), "/delta/text", "stream.delta.text-string"),
    (
        _delta({"type": "input_json_delta", "partial_json": {}}),
        "/delta/partial_json",
        "stream.delta.partial-json-string",
    ),
    ({"type": "message_delta", "delta": {}}, "/usage", "stream.msgdelta.usage-required"),
    ({"type": "message_delta", "delta": {}, "usage": {}}, "/usage/output_tokens", "stream.msgdelta.usage-required"),
    ({"type": "message_delta", "usage": {"output_tokens": 1}}, "/delta", "stream.msgdelta.delta-object"),
    ({"type": "error", "error": "busy"}, "/error", "stream.error.event-shape"),
]

ERRORS: list[tuple[Any, str, str | None]] = [
    ("busy", "", "transport.content-type.error-json"),
    ({"error": {"type": "a", "message": "b"}}, "/type", "errors.envelope.type"),
    ({"type": "error"}, "/error", "errors.envelope.error-object"),
    ({"type": "error", "error": "x"}, "/error", "errors.envelope.error-object"),
    ({"type": "error", "error": {"type": "a", "message": ""}}, "/error/message", "errors.envelope.error-object"),
    (
        {"type": "error", "error": {"type": "a", "message": "b"}, "request_id": 1},
        "/request_id",
        "errors.envelope.request_id",
    ),
]


@pytest.mark.parametrize(
    ("name", "value", "pointer", "requirement"),
    [
        *(("response", *case) for case in RESPONSES),
        *(("event", *case) for case in EVENTS),
        *(("error", *case) for case in ERRORS),
        ("count_tokens", {"input_tokens": "3"}, "/input_tokens", "adjacent.count_tokens.shape"),
        ("models", {"data": {}, "has_more": True}, "/data", "adjacent.models.list-shape"),
        ("models", {"data": [{}] * 0, "has_more": 0}, "/has_more", "adjacent.models.list-shape"),
        ("model", {"id": "m", "type": "model", "display_name": "M"}, "/created_at", "adjacent.models.item-shape"),
        ("events/ping", {}, "/type", "stream.frame.type-matches-event"),
        ("events/ping", {"type": "pong"}, "/type", "stream.frame.type-matches-event"),
    ],
)
def test_one_fault_is_one_problem(name: str, value: Any, pointer: str, requirement: str | None) -> None:
    assert not contract.valid(name, value)
    found = [problem for problem in contract.explain(name, value) if problem.pointer == pointer]
    assert [problem.requirement for problem in found] == [requirement]


def test_distinct_faults_are_all_reported() -> None:
    value = message([{"type": "text"}, {"type": "tool_use", "id": 1, "name": "f", "input": {}}], role="user", model=5)
    pointers = {problem.pointer for problem in contract.explain("response", value)}
    assert pointers == {"/role", "/model", "/content/0/text", "/content/1/id"}


def test_a_problem_has_found_and_wanted_in_words() -> None:
    value = message([{"type": "text", "text": ["x" * 200]}], usage={"input_tokens": -1})
    found = {problem.pointer: problem for problem in contract.explain("response", value)}
    assert found["/content/0/text"].found == '["' + "x" * 77 + "…"
    assert found["/usage/input_tokens"] == Problem(
        pointer="/usage/input_tokens", requirement="usage.present", found="-1", wanted="an integer of at least 0"
    )
    assert found["/usage/output_tokens"].found == "absent"
    assert len(found) == 3


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("response", message([TEXT], type="msg"), 'the constant "message"'),
        ("response", message([TEXT], usage=[]), "an object with input_tokens, output_tokens"),
        ("response", message([TEXT], stop_sequence=1), "a string or null"),
        ("response", message(["x"]), "an object with a string type"),
        ("response", message([TEXT], id=""), "a non-empty string"),
        ("request", requests()[0] | {"metadata": {"user_id": "u" * 513}}, "a string of at most 512 characters"),
        ("event", _start(content=[1]), "an empty array"),
        ("event", _block({"type": "tool_use", "id": "toolu_1", "name": "", "input": {"a": 1}}), "an empty object"),
        ("error", {"type": "error", "error": 1}, "an object with type, message"),
        ("request", requests()[0] | {"service_tier": "gold"}, 'one of "auto", "standard_only"'),
        ("request", requests()[0] | {"temperature": 2}, "a number of at most 1"),
        ("request", requests()[0] | {"metadata": {"x": 1}}, "absent (known here: user_id)"),
        ("request", requests()[0] | {"tool_choice": {"type": "all"}}, "one of auto, any, tool, none"),
        ("request", requests()[0] | {"tools": [{"name": "a\n", "input_schema": {"type": "object"}}]}, "a string that"),
    ],
)
def test_wanted(name: str, value: Any, wanted: str) -> None:
    (problem,) = contract.explain(name, value)
    assert problem.wanted.startswith(wanted)
    assert not contract.valid(name, value)


def test_pointers_are_escaped() -> None:
    value = requests()[0] | {"a/b~c": 1}
    assert [problem.pointer for problem in contract.explain("request", value)] == ["/a~1b~0c"]


def test_a_lone_surrogate_is_shown_as_an_escape() -> None:
    (problem,) = contract.explain("response", message([TEXT], type="\ud800"))
    assert problem.found.encode("utf-8") == b'"\\ud800"'


def test_unknown_names_are_refused_with_the_valid_ones() -> None:
    with pytest.raises(contract.ContractError, match=r"Did you mean 'response'\?.*events/ping"):
        contract.valid("responce", {})
    with pytest.raises(contract.ContractError, match="2023-06-01, 2026-10-21"):
        contract.explain("request", {}, api_version="2024-01-01")


def test_request_union_refuses_unknown_types() -> None:
    value = copy.deepcopy(requests()[0])
    value["messages"][0]["content"] = [{"type": "hologram"}]
    (problem,) = contract.explain("request", value)
    assert problem.pointer == "/messages/0/content/0/type"
    assert "tool_result" in problem.wanted
    assert problem.requirement == "request.messages.content-block-type-required"


@pytest.mark.parametrize("name", ["request", "count_tokens/request"])
@pytest.mark.parametrize(
    ("messages", "pointer", "requirement"),
    [
        (
            [
                {"role": "user", "content": "x"},
                {"role": "assistant", "content": [{"type": "document", "source": {"type": "url", "url": "u"}}]},
            ],
            "/messages/1/content/0/type",
            "version.assistant-document",
        ),
        (
            [
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "search_result",
                            "source": "s",
                            "title": "t",
                            "content": [
                                {
                                    "type": "text",
                                    "text": "x",
                                    "citations": [
                                        {
                                            "type": "web_search_result_location",
                                            "cited_text": "x",
                                            "url": "u",
                                            "encrypted_index": "e",
                                        }
                                    ],
                                }
                            ],
                        }
                    ],
                }
            ],
            "/messages/0/content/0/content/0/citations",
            "version.user-citations",
        ),
    ],
    ids=["document", "citations"],
)
def test_what_2026_10_21_removes_from_messages(name: str, messages: Any, pointer: str, requirement: str) -> None:
    body = {"model": "m", "messages": messages} | ({"max_tokens": 1} if name == "request" else {})
    assert contract.explain(name, body) == ()
    (problem,) = contract.explain(name, body, api_version="2026-10-21")
    assert (problem.pointer, problem.requirement) == (pointer, requirement)
    assert not contract.valid(name, body, api_version="2026-10-21")


@pytest.mark.parametrize("field", ["temperature", "top_p", "top_k"])
def test_what_2026_10_21_removes_from_sampling(field: str) -> None:
    body = requests()[0] | {field: 1}
    assert contract.valid("request", body)
    (problem,) = contract.explain("request", body, api_version="2026-10-21")
    assert problem == Problem(pointer=f"/{field}", requirement="version.sampling-removed", found="1", wanted="absent")


def test_what_2026_10_21_does_not_change() -> None:
    cited = {"type": "text", "text": "x", "citations": []}
    messages = [{"role": "user", "content": [cited]}, {"role": "assistant", "content": "x"}]
    body = requests()[0] | {"messages": messages}
    assert contract.explain("request", body, api_version="2026-10-21") == ()
