"""Exchanges: what they derive from the recorded bytes, and that saving loses nothing."""

import gzip
import json
import tracemalloc
import zlib
from dataclasses import replace
from typing import Any

import pytest

from messages_conformance.exchange import (
    CUT_BODY,
    MAX_DECODED_BYTES,
    REFUSED,
    RESET,
    UNPARSED,
    Chunk,
    Exchange,
    Failure,
    RecordingPart,
    Request,
    Response,
    body_chunks,
    from_record,
    parse_json,
    to_record,
)

TEXT = b'event: a\ndata: {"text": "' + "äöü😀".encode() * 50 + b'"}\n\nevent: b\ndata: {}\n\n'
SSE = "text/event-stream"


def response(*pieces: bytes, media_type: str | None = "application/json", coding: str | None = None) -> Response:
    """A response whose pieces arrived a tenth of a second apart."""
    named = {"Content-Type": media_type, "Content-Encoding": coding}
    return Response(
        status=200,
        headers=tuple((name, value) for name, value in named.items() if value is not None),
        chunks=tuple(Chunk(at_s=number / 10, data=piece) for number, piece in enumerate(pieces, start=1)),
        headers_at_s=0.05,
        ended_at_s=9.0,
    )


def cut(body: bytes, size: int) -> list[bytes]:
    return [body[start : start + size] for start in range(0, len(body), size)]


def raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


# -- saving ---------------------------------------------------------------------------------------------------------


def saved_exchanges() -> list[Exchange]:
    request = Request(
        method="POST",
        path="/v1/messages?beta=true",
        headers=(("X", "1"), ("x", "2")),
        body=b"\xff\x00{",
        wire=CUT_BODY,
    )
    answered = Response(
        status=529,
        headers=(("Content-Type", "a"), ("content-type", "b")),
        chunks=(Chunk(at_s=0.25, data=b"\x1f\x8b"), Chunk(at_s=0.5, data=b"")),
        headers_at_s=0.125,
        ended_at_s=0.75,
        ending=RESET,
        detail="the connection broke",
        http_version="HTTP/2",
    )
    return [
        Exchange(
            number=3,
            request=request,
            response=answered,
            situations=("s", "t"),
            probes=("request.model.missing", "request.max_tokens.zero"),
            expect=REFUSED,
            statuses=(400, 404),
            attempt=2,
            started_s=1.5,
            requested_model="m",
            waits=("429: 2 s",),
        ),
        Exchange(number=4, request=request, response=None, failure=Failure(kind="dns", message="no such host")),
    ]


@pytest.mark.parametrize("saved", saved_exchanges(), ids=["answered", "unanswered"])
def test_a_record_holds_the_whole_exchange(saved: Exchange) -> None:
    record = to_record(saved)
    read = from_record(json.loads(json.dumps(record)))
    assert to_record(read) == record
    assert {name: getattr(read, name) for name in ("number", "situations", "probes", "failure", "waits")} == {
        name: getattr(saved, name) for name in ("number", "situations", "probes", "failure", "waits")
    }
    assert read.request.identity == saved.request.identity
    if saved.response is not None:
        assert read.response is not None
        assert read.response.chunks == saved.response.chunks
        assert read.response.headers == saved.response.headers
        assert (read.response.ending, read.response.detail) == (RESET, "the connection broke")


def test_every_field_is_in_the_record() -> None:
    record = to_record(saved_exchanges()[0])
    assert set(record) == set(Exchange.__dataclass_fields__) - {"lacks", "capture", "behind", "load"}
    assert set(record["response"]) == set(Response.__dataclass_fields__)
    assert len(record["request"]) == len(Request.__dataclass_fields__) - 1  # base_url is written if it is known


def test_a_record_names_the_parts_that_it_lacks_and_only_those() -> None:
    whole = saved_exchanges()[0]
    partial = replace(whole, lacks=frozenset({RecordingPart.TIMES, RecordingPart.CHUNK_BORDERS}))
    assert "lacks" not in to_record(whole)
    assert to_record(partial) == {**to_record(whole), "lacks": ["chunk-borders", "times"]}
    assert from_record(json.loads(json.dumps(to_record(partial)))).lacks == partial.lacks
    assert from_record(to_record(whole)).lacks == frozenset()


def test_a_record_names_the_capture_that_it_comes_from() -> None:
    whole = saved_exchanges()[0]
    captured = replace(whole, capture="a.har")
    assert to_record(captured) == {**to_record(whole), "capture": "a.har"}
    assert from_record(to_record(captured)).capture == "a.har"
    assert from_record(to_record(whole)).capture == ""


def test_an_unknown_recording_part_is_refused() -> None:
    with pytest.raises(ValueError, match=r"lacks\[0\]: invalid enum value 'colours'"):
        from_record({**to_record(saved_exchanges()[0]), "lacks": ["colours"]})


@pytest.mark.parametrize("missing", ["number", "request", "response", "waits"])
def test_an_incomplete_record_is_refused(missing: str) -> None:
    record = to_record(saved_exchanges()[0])
    del record[missing]
    with pytest.raises(ValueError, match=f"missing required field {missing}"):
        from_record(record)


# -- content codings ------------------------------------------------------------------------------------------------

CODINGS = {
    "gzip": ("gzip", gzip.compress(TEXT, mtime=0)),
    "x-gzip": (" X-GZip ", gzip.compress(TEXT, mtime=0)),
    "deflate-zlib": ("deflate", zlib.compress(TEXT)),
    "deflate-raw": ("deflate", raw_deflate(TEXT)),
    "identity": ("identity", TEXT),
    "none": (None, TEXT),
    "mislabelled": ("gzip", TEXT),
    "mislabelled-deflate": ("deflate", b"x" + TEXT),
}


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize(("coding", "body"), CODINGS.values(), ids=CODINGS)
def test_a_content_coding_is_decoded_in_chunks_of_any_size(coding: str | None, body: bytes, size: int) -> None:
    wanted = body if body.endswith(TEXT) else TEXT
    got = response(*cut(body, size), media_type=SSE, coding=coding)
    assert got.body == wanted
    assert b"".join(chunk.data for chunk in got.chunks) == body


def test_a_body_in_an_unknown_coding_is_unchanged() -> None:
    assert response(b"\x0b\x02\x80", coding="br").body == b"\x0b\x02\x80"


def test_a_truncated_body_is_decoded_as_far_as_it_goes() -> None:
    packed = gzip.compress(TEXT, mtime=0)
    assert TEXT.startswith(response(packed[:60], coding="gzip").body)
    assert response(coding="gzip").body == response(b"", coding="deflate").body == b""


@pytest.mark.parametrize(
    ("coding", "body", "mislabelled"),
    [
        ("gzip", gzip.compress(TEXT, mtime=0), False),
        ("X-GZip", b"{}", True),
        ("gzip", TEXT, True),
        ("gzip", b"", False),
        ("gzip", b"\x1f", False),
        ("br", b"{}", True),
        ("zstd", TEXT, True),
        ("br", b"data: {}\n\n", True),
        ("br", b"\x0b\x02\x80", False),
        ("deflate", b"{}", True),
        ("deflate", TEXT, True),
        ("deflate", raw_deflate(TEXT), False),
        ("deflate", zlib.compress(TEXT), False),
        ("gzip", gzip.compress(TEXT, mtime=0)[:-8] + bytes(8), True),
        ("gzip, gzip", gzip.compress(gzip.compress(TEXT, mtime=0), mtime=0), False),
        (None, b"{}", False),
    ],
)
@pytest.mark.parametrize("size", [1, 10_000])
def test_a_body_without_the_coding_of_its_header_is_mislabelled(
    coding: str | None, body: bytes, mislabelled: bool, size: int
) -> None:
    assert response(b"", *cut(body, size), coding=coding).mislabelled is mislabelled


def test_events_have_the_times_of_their_chunks() -> None:
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    pieces = [packer.compress(b"data: %d\n\n" % number) + packer.flush(zlib.Z_SYNC_FLUSH) for number in (1, 2, 3)]
    events = response(*pieces, media_type=SSE, coding="gzip").events
    assert [(event.number, event.at_s, event.wire.data) for event in events] == [
        (1, 0.1, "1"),
        (2, 0.2, "2"),
        (3, 0.3, "3"),
    ]


def test_an_event_has_the_time_of_the_chunk_that_ends_it() -> None:
    events = response(b"data: 1\n", b"\ndata: 2\n\nda", b"ta: 3", media_type=SSE).events
    assert [(event.at_s, event.wire.dispatched) for event in events] == [(0.2, True), (0.2, True), (9.0, False)]


def test_a_compressed_body_is_decoded_up_to_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_DECODED_BYTES <= 256 * 1024 * 1024
    limit = 1024 * 1024
    monkeypatch.setattr(body_chunks, "MAX_DECODED_BYTES", limit)
    bomb = gzip.compress(bytes(40 * limit), mtime=0)
    tracemalloc.start()
    try:
        assert len(response(*cut(bomb, 1000), coding="gzip").body) == limit
        assert len(response(bomb, coding="gzip").body) == limit
        assert tracemalloc.get_traced_memory()[1] < 8 * limit
    finally:
        tracemalloc.stop()


# -- JSON -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "",
        "NaN",
        '{"a": Infinity}',
        "[-Infinity]",
        "{oops",
        "{} {}",
        "{'a': 1}",
        b'"\xff"',
        b'"\xed\xa0\x80"',
        '{"a": 1}'.encode("utf-16"),
        '"\n"',
        pytest.param("[" * 200_000, id="deep"),
        pytest.param('{"a":' * 200_000, id="deep-object"),
    ],
)
def test_text_that_is_not_json_is_unparsed(text: str | bytes) -> None:
    assert parse_json(text) is UNPARSED


@pytest.mark.parametrize(
    ("text", "value"),
    [("null", None), (b"1.0", 1.0), (b'\xef\xbb\xbf{"a": "\xc3\xa9"}', {"a": "é"}), (' {"a": []} ', {"a": []})],
)
def test_json_is_parsed(text: str | bytes, value: Any) -> None:
    assert parse_json(text) == value


def test_unparsed_is_false_and_names_itself() -> None:
    assert not UNPARSED
    assert repr(UNPARSED) == "UNPARSED"


# -- the kind of a body ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("media_type", "body", "streams"),
    [
        (SSE, TEXT, True),
        ("Text/Event-Stream; charset=utf-8", TEXT, True),
        (SSE, b"", True),
        (SSE, b"garbage", True),
        (SSE, b'{"type": "message"}', False),
        (SSE, b"<!doctype html><p>busy", False),
        (SSE, b"\n <html>", False),
        ("application/json", TEXT, True),
        ("text/plain", b"data: {}\n\n", True),
        ("text/plain", b": hello\n\n", True),
        ("application/json", b"\xef\xbb\xbfid: 1\nevent: a\n\n", True),
        (None, b"\n\nevent: a\n", True),
        ("application/json", b"", False),
        ("application/json", b"{}", False),
        ("text/html", b"<p>data: x", False),
        ("text/plain", b"no data: here", False),
    ],
)
def test_an_event_stream_is_recognised_by_its_body(media_type: str | None, body: bytes, streams: bool) -> None:
    assert response(body, media_type=media_type).is_event_stream is streams


def test_headers_are_found_in_any_case() -> None:
    got = response(b"{}", media_type=" Application/JSON ; charset=utf-8")
    assert got.header("CONTENT-TYPE") == " Application/JSON ; charset=utf-8"
    assert got.media_type == "application/json"
    assert got.header("x") is None
    assert response(b"", media_type=None).media_type == ""
    request = Request(method="POST", path="/", headers=(("A", "first"), ("a", "second")), body=b"")
    assert request.header("a") == "first"


def test_a_request_for_a_streamed_message_is_recognised() -> None:
    streamed = Request(method="POST", path="/v1/messages?beta=true", headers=(), body=b'{"stream": true}')
    assert streamed.streamed
    assert Exchange(number=1, request=streamed, response=None).creates_message
    for body in (b'{"stream": 1}', b"[]", b"{", b""):
        other = Request(method="GET", path="/v1/messages", headers=(), body=body)
        assert not other.streamed
        assert not Exchange(number=1, request=other, response=None).creates_message


@pytest.mark.parametrize(
    ("body", "type_", "name"),
    [
        (b'event: a\ndata: {"type": "b"}\n\n', "b", "a"),
        (b"event: a\ndata: {}\n\n", "a", "a"),
        (b'event: a\ndata: {"type": 7}\n\n', "a", "a"),
        (b'data: {"type": "b"}\n\n', "b", None),
        (b"data: [1]\n\n", None, None),
        (b": c\n\n", None, None),
    ],
)
def test_the_type_of_an_event(body: bytes, type_: str | None, name: str | None) -> None:
    (event,) = response(body, media_type=SSE).events
    assert (event.type, event.name) == (type_, name)


@pytest.mark.parametrize(("status", "succeeded"), [(200, True), (204, True), (302, False), (400, False), (529, False)])
def test_success_is_a_2xx(status: int, succeeded: bool) -> None:
    request = Request(method="POST", path="/v1/messages", headers=(), body=b"")
    answer = Response(status=status, headers=(), chunks=(), headers_at_s=0, ended_at_s=0)
    assert Exchange(number=1, request=request, response=answer).succeeded is succeeded
    assert not Exchange(number=1, request=request, response=None).succeeded
