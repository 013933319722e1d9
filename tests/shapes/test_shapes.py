"""Shapes: their content, and the differences between two of them."""

import json

import pytest

from messages_conformance.exchange import Chunk, Response
from messages_conformance.shapes import Drift, drifts, shape

MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "content": [
        {"type": "text", "text": "Hi"},
        {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"city": "Paris"}},
    ],
    "stop_reason": "tool_use",
    "usage": {"input_tokens": 3, "rate": 0.5},
}
STREAM = [
    ("message_start", {"message": {"type": "message"}}),
    ("ping", {}),
    ("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}}),
    ("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": "Hi"}}),
    ("content_block_stop", {"index": 0}),
    ("message_stop", {}),
]


def response(body: bytes, media_type: str, status: int = 200) -> Response:
    headers = (("content-type", media_type),)
    return Response(
        status=status, headers=headers, chunks=(Chunk(at_s=0.0, data=body),), headers_at_s=0.0, ended_at_s=0.0
    )


def whole(value: object) -> str:
    return shape("plain", response(json.dumps(value).encode(), "application/json; charset=utf-8"))


def streamed(events: list[tuple[str, dict]]) -> str:
    frames = "".join(f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n" for name, data in events)
    return shape("plain", response(frames.encode(), "text/event-stream"))


def differences(before: str | None, after: str) -> list[str]:
    return [str(drift) for drift in drifts("plain", before, after)]


def test_a_shape_has_places_and_types():
    assert whole(MESSAGE).splitlines() == [
        "# plain",
        *(
            f"{path:<48}  {kind}"
            for path, kind in [
                ("(media-type)", "application/json"),
                ("(status)", "200"),
                ("content", "array"),
                ("content[text]", "object"),
                ("content[text].text", "string"),
                ("content[text].type", '"text"'),
                ("content[tool_use]", "object"),
                ("content[tool_use].id", "string"),
                ("content[tool_use].input", "object"),
                ("content[tool_use].name", "string"),
                ("content[tool_use].type", '"tool_use"'),
                ("id", "string"),
                ("role", '"assistant"'),
                ("stop_reason", '"tool_use"'),
                ("type", '"message"'),
                ("usage", "object"),
                ("usage.input_tokens", "integer"),
                ("usage.rate", "number"),
            ]
        ),
    ]


def test_the_order_of_keys_and_the_values_are_not_part_of_a_shape():
    other = {**dict(reversed(MESSAGE.items())), "id": "msg_2"}
    assert whole(other) == whole(MESSAGE)


def test_pings_and_the_division_into_deltas_are_not_part_of_a_shape():
    more = [*STREAM[:4], STREAM[3], *STREAM[4:]]
    without = [event for event in STREAM if event[0] != "ping"]
    assert streamed(more) == streamed(STREAM) == streamed(without)
    assert "content_block_start(text) content_block_delta(text_delta)+ content_block_stop message_stop" in streamed(
        more
    )


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ({**MESSAGE, "container": None}, ["container appeared: null"]),
        ({**MESSAGE, "usage": None}, ["usage changed: object -> null", "usage.input_tokens disappeared: integer"]),
        ({key: value for key, value in MESSAGE.items() if key != "usage"}, ["usage disappeared: object"]),
        ({**MESSAGE, "stop_reason": "end_turn"}, ['stop_reason changed: "tool_use" -> "end_turn"']),
        ({**MESSAGE, "id": 7}, ["id changed: string -> integer"]),
    ],
    ids=["appeared", "null", "disappeared", "discriminator", "type"],
)
def test_differences_are_reported_by_place(after, expected):
    assert differences(whole(MESSAGE), whole(after))[: len(expected)] == expected


def test_an_event_that_appears_or_disappears_is_reported():
    assert differences(streamed(STREAM), streamed(STREAM[:-1]))[0] == (
        "(events) changed: message_start content_block_start(text) content_block_delta(text_delta)+ content_block_stop "
        "message_stop -> message_start content_block_start(text) content_block_delta(text_delta)+ content_block_stop"
    )


def test_a_missing_kept_shape_is_one_drift():
    assert drifts("plain", None, whole(MESSAGE)) == (Drift(situation="plain", path="", before=None, after=None),)
    assert differences(None, whole(MESSAGE)) == ["no shape is kept yet"]


@pytest.mark.parametrize("body", [b"<html>", b"", b"\xff\xfe"], ids=["markup", "nothing", "bytes"])
def test_an_answer_that_is_not_json_has_a_shape(body):
    assert "not JSON" in shape("plain", response(body, "", 502))


def test_a_hostile_key_stays_on_its_line():
    assert differences(whole({}), whole({"a b\n# c": 1})) == ["a_b_#_c appeared: integer"]
