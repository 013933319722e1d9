"""What the true API does and no rule accuses: one minimal record of each kind, and the faults that resemble them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from builders import FULL_PROFILE, answered, found, numbered, refused, streamed
from stream_frames import block, ends, ev, fragment, start, stop, text

from messages_conformance.exchange import Exchange

PROFILES = (FULL_PROFILE, "anthropic-2026-10-21", "claude-code")

BY_CODE = {"type": "code_execution_20250825", "tool_id": "srvtoolu_1"}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"city": "Rome"}}
CALL_BY_CODE = {**CALL, "caller": BY_CODE}
OFFERED = {"tools": [{"name": "f", "input_schema": {"type": "object"}, "allowed_callers": ["code_execution_20250825"]}]}
SEARCH = {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}
CACHED_SEARCH = {"tools": [{**SEARCH["tools"][0], "cache_control": {"type": "ephemeral"}}]}
SEARCHED = [
    {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}},
    {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []},
    {"type": "text", "text": "It rains."},
]
PLAIN = [{"type": "text", "text": "It rains."}]


def usage(**counts: Any) -> dict[str, Any]:
    return {"usage": {"input_tokens": 10, "output_tokens": 5, **counts}}


def created(total: int, five_minutes: int) -> dict[str, Any]:
    parts = {"ephemeral_5m_input_tokens": five_minutes, "ephemeral_1h_input_tokens": 0}
    return usage(cache_creation_input_tokens=total, cache_read_input_tokens=0, cache_creation=parts)


def empty(choice: str, output_tokens: int) -> Exchange:
    ask = {"tools": [{"name": "f", "input_schema": {"type": "object"}}], "tool_choice": {"type": choice}}
    return answered({"content": [], **usage(output_tokens=output_tokens)}, ask=ask)


def two_passes(first: dict[str, Any], last: dict[str, Any], ask: dict[str, Any]) -> Exchange:
    begin = start(usage={"input_tokens": 10, "output_tokens": 1, **first})
    return streamed(
        [begin, block(), text("It rains."), stop(), ends(usage={"output_tokens": 5, **last}), ev("message_stop")],
        ask=ask,
    )


def complete_at_start(call: dict[str, Any]) -> Exchange:
    message = start(content=[call], stop_reason="tool_use", usage={"input_tokens": 0, "output_tokens": 0})
    return streamed([message, ev("message_stop")], ask=OFFERED)


def whole_input_at_start(**fields: Any) -> Exchange:
    called = block(type="tool_use", input={"city": "Rome"}, **fields)
    return streamed([start(), called, stop(), ends("tool_use"), ev("message_stop")], ask=OFFERED)


def unidentified(status: int, **changes: Any) -> Exchange:
    error = {"type": "authentication_error", "message": "API key is invalid."}
    return refused(status, {"error": error, "request_id": None, **changes}, http={"headers": {"request-id": None}})


def conversation(ask: dict[str, Any], content: list[dict[str, Any]]) -> list[Exchange]:
    """Two turns; the second one has more text and fewer input tokens."""
    question = {"role": "user", "content": "What is the weather in Rome today, and is it going to stay like this?"}
    later = {"role": "user", "content": "And what was it like yesterday, compared with the usual weather in November?"}
    turns = [question, {"role": "assistant", "content": content}, later]
    return numbered(
        answered({"content": content, **usage(input_tokens=900)}, ask={**ask, "messages": [question]}),
        answered(
            {"id": "msg_2", **usage(input_tokens=300)},
            ask={**ask, "messages": turns},
            http={"headers": {"request-id": "req_2"}},
        ),
    )


def adding(tool: dict[str, Any]) -> dict[str, Any]:
    """A request whose only tool is added in the conversation."""
    added = {"role": "system", "content": [{"type": "tool_addition", "tool": tool}]}
    return {"messages": [{"role": "user", "content": "What is the weather in Rome?"}, added]}


def calling(ask: dict[str, Any]) -> Exchange:
    return answered({"content": [CALL], "stop_reason": "tool_use"}, ask=ask)


def compacted(kind: str) -> Exchange:
    """A turn that ends after its compaction: the top level of usage counts nothing."""
    entry = {"type": kind, "input_tokens": 83_555, "output_tokens": 139}
    block = {"type": "compaction", "content": "The user greets."}
    ends = {"stop_reason": "compaction", **usage(input_tokens=0, output_tokens=0, iterations=[entry])}
    return answered({"content": [block], **ends}, ask=COMPACT)


def citing(tool: dict[str, Any]) -> Exchange:
    cited = {"type": "char_location", "cited_text": "It", "document_index": 0, "document_title": "Home"}
    text = {**PLAIN[0], "citations": [{**cited, "start_char_index": 0, "end_char_index": 2}]}
    return answered({"content": [text]}, ask={"tools": [{"type": "web_fetch_20250910", "name": "web_fetch", **tool}]})


def pausing(ask: dict[str, Any]) -> Exchange:
    return answered({"content": PLAIN, "stop_reason": "pause_turn"}, ask=ask)


def eager(beta: str) -> Exchange:
    """A call whose input is no JSON: a line break is not escaped."""
    called = [block(type="tool_use", id="toolu_1", name="f", input={}), fragment('{"city": "Ro\nme"}')]
    one = streamed([start(), *called, stop(), ends("tool_use"), ev("message_stop")], ask={"tools": [TOOL]})
    return replace(one, request=replace(one.request, headers=(*one.request.headers, ("anthropic-beta", beta))))


TOOL = {"name": "f", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}
SERVER = {"mcp_servers": [{"type": "url", "name": "memory", "url": "https://mcp.example.com"}]}
ZERO_AT_THE_END = ({"cache_read_input_tokens": 55_096}, {"input_tokens": 181, "cache_read_input_tokens": 0})
COMPACT = {"context_management": {"edits": [{"type": "compact_20260112"}]}, "cache_control": {"type": "ephemeral"}}
CACHED = {"cache_control": {"type": "ephemeral"}}

TRUE: dict[str, Exchange] = {
    "an empty answer under tool_choice none, with tokens": empty("none", 90),
    "an empty answer of a few tokens": empty("auto", 9),
    "a cache total without its parts, with a server tool": answered(
        {"content": SEARCHED, **created(11_911, 0)}, ask=CACHED_SEARCH
    ),
    "a newer cache total in message_delta, with a server tool": two_passes(
        {**created(3068, 3068)["usage"]}, {"cache_creation_input_tokens": 3337}, CACHED_SEARCH
    ),
    "more output than max_tokens, with a server tool": answered(
        {"content": SEARCHED, **usage(output_tokens=1552)}, ask={**SEARCH, "max_tokens": 1024}
    ),
    "less output than max_tokens at max_tokens, with a server tool": answered(
        {"content": SEARCHED, "stop_reason": "max_tokens", **usage(output_tokens=20)},
        ask={**SEARCH, "max_tokens": 1024},
    ),
    "cache counts that fall to 0 at compaction": two_passes(*ZERO_AT_THE_END, COMPACT),
    "a 401 of the front tier": unidentified(401),
    "a message that is complete in message_start": complete_at_start(CALL_BY_CODE),
    "a call by code with its input in content_block_start": whole_input_at_start(caller=BY_CODE),
    "calls by code before an end_turn": answered({"content": [CALL_BY_CODE, *PLAIN]}, ask=OFFERED),
    "a call of a tool that a message defines": calling(adding({"type": "tool_definition", "definition": TOOL})),
    "a call of a tool that a message refers to": calling(
        {**adding({"type": "tool_reference", "name": "f"}), "tools": [{**TOOL, "defer_loading": True}]}
    ),
    "a turn that pauses after its compaction": compacted("compaction"),
    "citations of a page that a tool fetched": citing({"citations": {"enabled": True}}),
    "a pause while a connector works": pausing(SERVER),
    "an error of 2025 whose body has no request id": refused(
        404, {"request_id": ...}, http={"headers": {"date": "Wed, 29 Jan 2025 14:24:59 GMT"}}
    ),
    "the invalid input of a tool that streams eagerly by a beta": eager("fine-grained-tool-streaming-2025-05-14"),
}


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("one", TRUE.values(), ids=TRUE)
def test_nothing_that_the_true_api_does_is_accused(one: Exchange, profile: str) -> None:
    assert found(one, under=profile) == set()


def test_later_turns_may_cost_less_after_a_server_tool() -> None:
    assert found(*conversation(SEARCH, SEARCHED)) == set()


def test_empty_answers_although_a_tool_may_be_called_are_found() -> None:
    assert found(empty("auto", 90), empty("auto", 90)) >= {"response.content.array"}
    assert "response.content.array" not in found(empty("auto", 90))


FAULTS: dict[str, tuple[Exchange, set[str]]] = {
    "a cache total without its parts": (
        answered({"content": PLAIN, **created(11_911, 0)}, ask=CACHED),
        {"usage.cache.breakdown-sum"},
    ),
    "more output than max_tokens": (
        answered({"content": PLAIN, **usage(output_tokens=1552)}, ask={"max_tokens": 1024}),
        {"usage.output.le-max"},
    ),
    "less output than max_tokens at max_tokens": (
        answered({"stop_reason": "max_tokens", **usage(output_tokens=20)}, ask={"max_tokens": 1024}),
        {"usage.output.eq-max-on-max_tokens"},
    ),
    "cache counts that fall to 0": (two_passes(*ZERO_AT_THE_END, CACHED), {"stream.msgdelta.no-zero-overwrite"}),
    "a 400 without a request id": (unidentified(400), {"errors.envelope.request_id", "headers.request-id.present"}),
    "a 401 without a request id that does not say so": (
        unidentified(401, request_id=...),
        {"errors.envelope.request_id"},
    ),
    "a complete message_start with a call that the model made": (
        complete_at_start(CALL),
        {
            "stream.start.content-empty",
            "stream.start.stop_reason-null",
            "stream.start.input-tokens-real",
            "stream.order.message-delta-present",
            "stop.tool_use.implies-block",
            "usage.input.positive",
        },
    ),
    "a call of the model with its input in content_block_start": (
        whole_input_at_start(),
        {"stream.block.start-tool-input-empty", "stream.block.tool-input-in-deltas"},
    ),
    "a call without any tool": (calling({}), {"response.content.no-unrequested-tools"}),
    "no usage of a call that is no compaction": (
        compacted("message"),
        {"usage.input.positive", "usage.output.positive", "usage.iterations.sum"},
    ),
    "citations of a page, although they are off": (citing({}), {"response.citations.only-when-enabled"}),
    "a pause without a tool that the server runs": (pausing({}), {"stop.pause_turn.server-tools-only"}),
    "an error of today whose body has no request id": (
        refused(404, {"request_id": ...}, http={"headers": {"date": "Mon, 30 Nov 2026 12:00:00 GMT"}}),
        {"errors.envelope.request_id"},
    ),
    "the invalid input of a tool that does not stream eagerly": (
        eager("prompt-caching-2024-07-31"),
        {"stream.delta.partial-json-concat", "stream.delta.partial-json-prefix-valid"},
    ),
    "a call of the model before an end_turn": (
        answered({"content": [*PLAIN, CALL]}, ask=OFFERED),
        {"stop.tool_use.block-implies"},
    ),
}


@pytest.mark.parametrize(("one", "requirements"), FAULTS.values(), ids=FAULTS)
def test_a_fault_that_looks_like_it_is_still_found(one: Exchange, requirements: set[str]) -> None:
    assert found(one) == requirements


def test_later_turns_may_not_cost_less_without_a_server_tool() -> None:
    assert "usage.input.monotone" in found(*conversation({}, PLAIN))
