"""A stream accumulates to the message that the target would send without streaming."""

from typing import Any

import pytest
from stream_frames import FULL, HELLO, Event, block, delta, ends, ev, fragment, over, start, stop, streamed, walked

from messages_conformance import contract
from messages_conformance.exchange import StreamEvent
from messages_conformance.stream import DONE_SENTINEL, is_sentinel, known_event, logical_events, walk

WHOLE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [
        {"type": "thinking", "thinking": "Let me see.", "signature": "c2ln"},
        {"type": "text", "text": "Two calls come."},
        {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1}},
        {"type": "tool_use", "id": "toolu_2", "name": "g", "input": {"b": 2}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {"input_tokens": 10, "output_tokens": 30},
}


def test_a_stream_accumulates_to_the_whole_message() -> None:
    walk = walked(FULL)
    assert walk.message == WHOLE
    assert contract.valid("response", walk.message)
    assert walk.complete
    assert walk.text == "Two calls come."
    assert [(block.index, block.type, block.closed) for block in walk.blocks] == [
        (0, "thinking", True),
        (1, "text", True),
        (2, "tool_use", True),
        (3, "tool_use", True),
    ]


def content(*events: Event) -> Any:
    message = walked([start(), *events, ends(), over()]).message
    assert message is not None
    return message["content"]


CITED = {"type": "char_location", "cited_text": "x"}


@pytest.mark.parametrize(
    ("events", "block_"),
    [
        ([block()], {"type": "text", "text": ""}),
        ([block(), delta(text="é"), delta(text=""), delta(text="😀")], {"type": "text", "text": "é😀"}),
        ([block(text="a"), delta(text="b")], {"type": "text", "text": "ab"}),
        ([block(text=...), delta(text="b")], {"type": "text", "text": "b"}),
        ([block(text=None), delta(text=None), delta(text="b")], {"type": "text", "text": "b"}),
        (
            [block(citations=None), delta(type="citations_delta", citation=CITED), delta(text="x")],
            {"type": "text", "text": "x", "citations": [CITED]},
        ),
        (
            [block(citations=[1]), delta(type="citations_delta", citation=2)],
            {"type": "text", "text": "", "citations": [1, 2]},
        ),
        (
            [
                block(0, "thinking"),
                delta(type="thinking_delta", thinking="h"),
                delta(type="thinking_delta", thinking="m"),
                delta(type="signature_delta", signature="ab"),
                delta(type="signature_delta", signature="cd"),
            ],
            # The official SDKs also keep the last signature.
            {"type": "thinking", "thinking": "hm", "signature": "cd"},
        ),
        ([block(0, "tool_use")], {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}),
        ([block(0, "tool_use"), fragment("")], {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}),
        (
            [block(0, "tool_use"), fragment('{"a": [1'), fragment(", 2]}")],
            {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": [1, 2]}},
        ),
        (
            [block(0, "tool_use", input={"a": 1})],
            {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1}},
        ),
        (
            [block(0, "tool_use", input={"a": 1}), fragment('{"b": 2}')],
            {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"b": 2}},
        ),
        (
            [block(0, "tool_use"), fragment('{"a": "b')],
            {"type": "tool_use", "id": "toolu_1", "name": "f", "input": '{"a": "b'},
        ),
        (
            [block(0, "server_tool_use", id="srvtoolu_1", name="web_search", input={}), fragment('{"query": "x"}')],
            {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}},
        ),
        ([block(0, "redacted_thinking", data="x")], {"type": "redacted_thinking", "data": "x"}),
        ([block(0, "hologram", z=[1]), delta(type="wave_delta", wave=2)], {"type": "hologram", "z": [1]}),
        ([block(), delta(type="wave_delta", text="no"), delta(text="b")], {"type": "text", "text": "b"}),
    ],
)
def test_a_block_is_built_by_its_deltas(events: list[Event], block_: Any) -> None:
    assert content(*events, stop()) == [block_]


def test_deltas_before_their_start_are_kept() -> None:
    assert content(delta(text="Hel"), block(), delta(text="lo"), stop()) == [{"type": "text", "text": "Hello"}]


def test_deltas_without_any_start_make_the_block_that_they_fit() -> None:
    assert content(delta(text="a"), stop()) == [{"type": "text", "text": "a"}]
    assert content(fragment("{}"), stop()) == [{}]  # a tool_use or another block with an input


def test_accumulation_does_not_change_the_events() -> None:
    response = streamed(FULL)
    before = [event.data for event in logical_events(response)]
    assert walk(response).message == WHOLE
    assert [event.data for event in logical_events(streamed(FULL))] == before
    assert walk(response) is walk(response)


@pytest.mark.parametrize(
    ("first", "later", "usage"),
    [
        ({"input_tokens": 10, "output_tokens": 1}, [5], {"input_tokens": 10, "output_tokens": 5}),
        ({"input_tokens": 10, "output_tokens": 1}, [3, 5], {"input_tokens": 10, "output_tokens": 5}),
        (
            {"input_tokens": 10, "output_tokens": 1, "cache_read_input_tokens": 7},
            [{"input_tokens": None, "output_tokens": 5, "cache_read_input_tokens": 9}],
            {"input_tokens": 10, "output_tokens": 5, "cache_read_input_tokens": 9},
        ),
        ({"input_tokens": 10, "output_tokens": 1}, [{"output_tokens": None}], {"input_tokens": 10, "output_tokens": 1}),
        (
            {"input_tokens": 10, "output_tokens": 1},
            [{"output_tokens": 5, "server_tool_use": {"web_search_requests": 1}}],
            {"input_tokens": 10, "output_tokens": 5, "server_tool_use": {"web_search_requests": 1}},
        ),
        (None, [5], {"output_tokens": 5}),
        (..., [5], {"output_tokens": 5}),
        ("none", [5], {"output_tokens": 5}),
        ({"input_tokens": 10, "output_tokens": 1}, [...], {"input_tokens": 10, "output_tokens": 1}),
        ({"input_tokens": 10, "output_tokens": 1}, [[]], {"input_tokens": 10, "output_tokens": 1}),
    ],
)
def test_usage_is_merged_as_clients_merge_it(first: Any, later: list[Any], usage: Any) -> None:
    message = walked([start(usage=first), *(ends("end_turn", counted) for counted in later), over()]).message
    assert message is not None
    assert message["usage"] == usage


def test_the_last_message_delta_decides() -> None:
    details = {"type": "refusal", "category": None, "explanation": None}
    message = walked([start(), ends(None), ends("refusal", 6, stop_details=details), over()]).message
    assert message is not None
    assert (message["stop_reason"], message["stop_details"]) == ("refusal", details)


@pytest.mark.parametrize(
    "first",
    [[], [ev("message_start")], [ev("message_start", message=None)], [("message_start", [])]],  # type: ignore[list-item]
)
def test_without_a_start_there_is_no_message(first: list[Event]) -> None:
    assert walked([*first, *HELLO[1:]]).message is None


def test_a_message_delta_does_not_change_what_message_start_set() -> None:
    extra = {"type": "message_delta", "role": None, "id": "", "model": "other", "content": [], "usage": {}, "shiny": 1}
    message = walked([*HELLO[:-2], ends(**extra), over()]).message
    assert message is not None
    assert contract.valid("response", message)
    assert (message["type"], message["content"]) == ("message", [{"type": "text", "text": "Hello"}])


def test_merged_events_are_separated() -> None:
    body = (
        b'event: message_start\ndata: {"type": "message_start", "message": {}}\nevent: ping\ndata: {"type": "ping"}\n\n'
    )
    parts = logical_events(streamed(body))
    assert [(event.number, event.type) for event in parts] == [(1, "message_start"), (1, "ping")]
    several_lines = b'event: ping\nevent: ping\ndata: {"type":\ndata: "ping"}\n\n'
    assert len(logical_events(streamed(several_lines))) == 1


def test_sentinels_are_recognised() -> None:
    def only(body: bytes) -> StreamEvent:
        return streamed(body).events[0]

    assert is_sentinel(only(f"data: {DONE_SENTINEL}\n\n".encode()))
    assert is_sentinel(only(b"event: message_stop\ndata:  [DONE] \n\n"))
    assert not is_sentinel(only(b'data: ["[DONE]"]\n\n'))
    assert not is_sentinel(only(b"event: [DONE]\n\n"))
    assert walked(b"event: message_start\ndata: [DONE]\n\n").message is None
    assert known_event(only(b"event: ping\n\n"))
    assert not known_event(only(b"event: shiny\n\n"))


CALL_BY_CODE = {"type": "tool_use", "id": "t", "name": "f", "input": {}, "caller": {"type": "code_execution_20250825"}}


@pytest.mark.parametrize(
    ("block_", "reason", "complete"),
    [
        (CALL_BY_CODE, "tool_use", True),
        (CALL_BY_CODE, None, False),
        ({**CALL_BY_CODE, "caller": {"type": "direct"}}, "tool_use", False),
        ({**CALL_BY_CODE, "caller": None}, "tool_use", False),
    ],
    ids=["by-code", "no-stop-reason", "by-the-model", "no-caller"],
)
def test_a_message_with_calls_made_by_code_may_be_complete_at_its_start(
    block_: Any, reason: str | None, complete: bool
) -> None:
    walk = walked([start(content=[block_], stop_reason=reason), over()])
    violated = [deviation.requirement for deviation in walk.deviations]
    assert violated == ([] if complete else ["stream.order.message-delta-present"])
    assert walk.message is not None
    assert walk.message["content"] == ([block_] if complete else [])
