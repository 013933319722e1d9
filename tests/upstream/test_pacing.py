"""A script decides about every write of a stream, in every dialect; nothing here waits."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from upstream_support import CALLS, EVERYTHING, TALK, WORDS, answered, body, events, prompt, request

from messages_conformance.upstream import (
    DIALECTS,
    Chunking,
    Failure,
    Interruption,
    Pause,
    Reasoning,
    Script,
    Service,
    Text,
    Usage,
)
from messages_conformance.upstream.pacing import Frame, position, steps
from messages_conformance.upstream.script import Dialect

FRAMES = [
    Frame(b"start "),
    Frame(b"a", "delta"),
    Frame(b"empty"),
    Frame("é🦜".encode(), "delta"),
    Frame(b"stop "),
    Frame(b"end", "end"),
]


def planned(**fields: Any) -> list[tuple[bytes, float, int]]:
    """The writes of FRAMES under a script: bytes, wait in seconds, releases; those that say nothing left out."""
    found = steps(FRAMES, Script(**fields), keep_alive=b"ping", error=lambda at: b"error%d" % at)
    return [(step.data, step.wait_s, step.hold) for step in found if step.data or step.wait_s or step.hold]


def data(**fields: Any) -> list[bytes]:
    return [write[0] for write in planned(**fields)]


WHOLE = [frame.data for frame in FRAMES]


def test_without_anything_each_event_is_one_write_at_once() -> None:
    assert planned() == [(data, 0.0, 0) for data in WHOLE]


@pytest.mark.parametrize(("after", "index"), [(0, 1), (1, 2), (2, 4), (9, 4)])
def test_only_deltas_are_counted(after: int, index: int) -> None:
    assert position(FRAMES, after) == index
    assert data(interruption=Interruption(after=after, how="cut")) == WHOLE[:index]
    failed = Interruption(after=after, how="error", failure=Failure(status=500))
    assert data(interruption=failed) == [*WHOLE[:index], b"error%d" % index]


def test_an_answer_without_deltas_is_interrupted_before_its_end() -> None:
    assert position([Frame(b"start"), Frame(b"end", "end")], 3) == 1


def test_waits() -> None:
    assert planned(wait_before_events_s=2)[0] == (b"", 2, 0)
    assert [write for write in planned(wait_between_deltas_s=3) if write[1]] == [("é🦜".encode(), 3, 0)]
    silent = planned(pauses=(Pause(after=1, seconds=5),))
    assert silent[1:4] == [(b"a", 0, 0), (b"", 5, 0), (b"empty", 0, 0)]
    pinged = planned(pauses=(Pause(after=2, seconds=2.5, keep_alive_s=1),))
    assert pinged[4:7] == [(b"ping", 1, 0), (b"ping", 1, 0), (b"", 0.5, 0)]
    cut = planned(pauses=(Pause(after=1, seconds=5),), interruption=Interruption(after=1, how="cut"))
    assert cut[-1] == (b"", 5, 0)


def test_each_delta_after_the_first_and_the_end_wait_for_a_release() -> None:
    assert [(write[0], write[2]) for write in planned(hold=True) if write[2]] == [("é🦜".encode(), 1), (b"end", 2)]


def test_keep_alives_follow_deltas() -> None:
    assert data(keep_alive_every=2) == [*WHOLE[:4], b"ping", *WHOLE[4:]]


def test_writes_can_be_cut_and_joined() -> None:
    parts = data(chunking=Chunking(writes="inside-characters"))
    assert parts[3:6] == [b"\xc3", b"\xa9\xf0", b"\x9f\xa6\x9c"]
    assert all(len(part) == 1 for part in data(chunking=Chunking(writes="bytes")))
    joined = planned(chunking=Chunking(writes="joined"), pauses=(Pause(after=1, seconds=1),))
    assert joined == [(b"start a", 0, 0), (b"empty\xc3\xa9\xf0\x9f\xa6\x9cstop end", 1, 0)]
    for writes in ("inside-characters", "bytes", "joined"):
        assert b"".join(data(chunking=Chunking(writes=writes))) == b"".join(WHOLE)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_sizes_of_a_block_win_and_empty_pieces_are_sent(dialect: Dialect) -> None:
    script = Script(blocks=(Text("abcdef", sizes=(1, 0, 3)),), chunking=Chunking(sizes=(6,)))
    status, data = answered(dialect, script, stream=True)
    assert status == 200
    if dialect == "openai-responses":
        pieces = [event["delta"] for event in events(data) if event["type"] == "response.output_text.delta"]
    elif dialect == "openai-chat":
        pieces = [one["choices"][0]["delta"].get("content") for one in events(data)][1:-1]
    else:
        pieces = [event["delta"]["text"] for event in events(data) if event["type"] == "content_block_delta"]
    assert pieces == ["a", "", "bcd", "e", "", "f"]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("how", ["cut", "reset", "hang", "end"])
def test_interruptions_have_their_ending_whole_and_streamed(dialect: Dialect, how: Any) -> None:
    script = Script(blocks=(Text(WORDS),), interruption=Interruption(after=1, how=how))
    for stream in (True, False):
        response = Service(dialect).handle(request(dialect, body(dialect, prompt(script), stream=stream)))
        assert response.ending == ("complete" if how == "end" else how)
        sent = len(response.body())
        if not stream and how != "end":
            assert sent < int(response.header("content-length") or 0)
        if stream:
            assert WORDS[:8].encode() in answered(dialect, script, stream=True)[1]
            assert sent < len(answered(dialect, Script(blocks=(Text(WORDS),)), stream=True)[1])


@pytest.mark.parametrize("dialect", DIALECTS)
def test_usage_can_be_absent(dialect: Dialect) -> None:
    for stream in (True, False):
        options = {"stream_options": {"include_usage": True}} if dialect == "openai-chat" and stream else {}
        absent = answered(dialect, Script(usage_place="absent"), stream=stream, **options)[1]
        assert b'"usage":{' not in absent
        assert b'"usage":{' in answered(dialect, TALK, stream=stream, **options)[1]


def test_usage_of_chat_can_be_in_the_finish_chunk_or_in_every_chunk() -> None:
    usage = Usage(input=7, output=3)
    for place, wanted in (("finish", 1), ("every", 4)):
        script = Script(blocks=(Text("ab"),), chunking=Chunking(sizes=(1,)), usage=usage, usage_place=place)
        chunks = events(answered("openai-chat", script, stream=True)[1])
        assert sum(bool(chunk.get("usage")) for chunk in chunks) == wanted
        assert chunks[-1]["usage"]["total_tokens"] == 10


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_missing_finish_reason(dialect: Dialect) -> None:
    data = answered(dialect, Script(finish="missing"), stream=True)[1]
    ends = ("finish_reason", "stop_reason", "status")
    values = [found for event in events(data) for name in ends for found in _values(event, name)]
    assert set(values) <= {None, "in_progress", "completed"}
    assert b"response.completed" not in data
    assert b"message_delta" not in data


def _values(value: Any, name: str) -> list[Any]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    own = [value[name]] if isinstance(value, dict) and name in value else []
    return own + [found for item in inner for found in _values(item, name)]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_failures_have_the_envelope_of_the_dialect_or_a_body_of_their_own(dialect: Dialect) -> None:
    status, data = answered(
        dialect, Script(failure=Failure(status=529, message="Busy", type="t", code="c")), stream=True
    )
    error = json.loads(data)["error"]
    assert (status, error["message"], error["type"]) == (529, "Busy", "t")
    assert (json.loads(data).get("type") == "error") is (dialect == "anthropic")
    half = Interruption(after=0, how="error", failure=Failure(status=200, body='data: {"half'))
    assert answered(dialect, Script(interruption=half), stream=True)[1].endswith(b'\n\ndata: {"half')
    page = Failure(status=200, body="<html>é", content_type="text/html")
    response = Service(dialect).handle(request(dialect, body(dialect, prompt(Script(failure=page)))))
    assert (response.status, response.media_type, response.body()) == (200, "text/html", "<html>é".encode())


@pytest.mark.parametrize("dialect", DIALECTS)
def test_headers_model_and_id_of_the_script_replace_the_usual_ones(dialect: Dialect) -> None:
    script = Script(model="other", id="my-id", headers=(("X-Request-Id", "r1"), ("content-type", "text/odd")))
    response = Service(dialect).handle(request(dialect, body(dialect, prompt(script))))
    assert [value for name, value in response.headers if name.lower() in ("x-request-id", "content-type")] == [
        "r1",
        "text/odd",
    ]
    answer = json.loads(response.body())
    assert (answer["model"], answer["id"]) == ("other", "my-id")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_half_a_surrogate_pair_and_broken_arguments_can_be_sent(dialect: Dialect) -> None:
    script = Script(blocks=(Text("a\ud83d"), replace(CALLS[0], arguments='{"a": ')))
    for stream in (True, False):
        status, data = answered(dialect, script, stream=stream)
        assert status == 200
        assert b"\\ud83d" in data


@pytest.mark.parametrize("dialect", DIALECTS)
def test_ids_are_fresh_in_each_answer(dialect: Dialect) -> None:
    script = Script(blocks=(Reasoning("r"), Text("t"), replace(CALLS[0], id="")))
    first, second = (answered(dialect, script)[1] for _ in range(2))
    assert set(_ids(json.loads(first))) & set(_ids(json.loads(second))) == set()
    assert answered(dialect, EVERYTHING)[1].count(b'"call_one"') == 1


def _ids(value: Any) -> list[Any]:
    return [found for name in ("id", "call_id") for found in _values(value, name)]
