"""A body is cut off at its limits, whatever they are reached by, and recorded as cut off."""

from __future__ import annotations

import gzip
import tracemalloc
from dataclasses import replace

import pytest
from scripted_server import Connection, scripted
from test_http_target import GREETING, KEY, sent

from messages_conformance.exchange import (
    COMPLETE,
    CUT_OFF_BYTES,
    HTTP_1_0,
    KEY_PLACEHOLDER,
    TOO_LARGE,
    Chunk,
    Response,
    limited,
)
from messages_conformance.exchange.content_coding import BodyEncoder, codings_of
from messages_conformance.targets import body
from messages_conformance.targets.body import BodyMeter, SizeLimit

MIB = 1024 * 1024


def bomb(label: str, *, mebibytes: int) -> bytes:
    encoder = BodyEncoder(codings_of(label))
    return b"".join([*(encoder.encoded(b"data: 1\n\n" + bytes(MIB - 9)) for _ in range(mebibytes)), encoder.end()])


def answered(packed: bytes, label: str, *, wire: str = "", size: int = 65_536) -> Response:
    """The response to one request, from a server that sends a body in pieces."""
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-encoding: %b\r\n\r\n" % label.encode()

    def script(connection: Connection) -> None:
        connection.request()
        connection.send(head)
        for at in range(0, len(packed), size):
            connection.send(packed[at : at + size])

    with scripted(script) as server:
        (response,) = sent(server.url, request=replace(GREETING, wire=wire))
    return response


@pytest.mark.parametrize("wire", ["", HTTP_1_0])
@pytest.mark.parametrize("label", ["gzip", "deflate", "br", "zstd", "gzip, gzip"])
def test_a_bomb_is_never_decoded_as_a_whole(label: str, wire: str) -> None:
    packed = bomb(label, mebibytes=48)
    tracemalloc.start()
    try:
        response = answered(packed, label, wire=wire)
        assert len(response.body) <= max(len(packed), CUT_OFF_BYTES)
        assert tracemalloc.get_traced_memory()[1] < 32 * MIB
    finally:
        tracemalloc.stop()
    assert response.ending == TOO_LARGE
    assert f"decode to more than {body.MAX_DECODED_BYTES:,}" in response.detail


@pytest.mark.parametrize("label", ["gzip", "deflate"])
def test_of_a_bomb_the_beginning_is_kept_in_its_coding(label: str) -> None:
    response = answered(bomb(label, mebibytes=20), label)
    assert len(response.body) == CUT_OFF_BYTES
    assert response.body.startswith(b"data: 1\n\n")
    assert not response.mislabelled
    assert sum(len(chunk.data) for chunk in response.chunks) < CUT_OFF_BYTES


@pytest.mark.parametrize("wire", ["", HTTP_1_0])
def test_a_body_over_the_limit_is_recorded_as_cut_off(wire: str) -> None:
    response = answered(b"x" * (body.MAX_RESPONSE_BYTES + 1), "identity", wire=wire)
    assert (response.ending, response.detail) == (TOO_LARGE, "cut off after 4,194,304 bytes")
    assert response.body == b"x" * CUT_OFF_BYTES


def test_a_body_of_comments_is_cut_off_at_the_limit_of_events() -> None:
    response = answered(b":\n\n" * (body.MAX_EVENTS + 1), "identity")
    assert (response.ending, response.detail) == (TOO_LARGE, "cut off after 50,000 events")


def test_a_body_of_many_chunks_is_cut_off() -> None:
    meter = BodyMeter(SizeLimit().limits, coding="")
    assert not any(meter.is_exceeded_by(b"x") for _ in range(body.MAX_CHUNKS))
    assert meter.is_exceeded_by(b"x")
    assert meter.excess == "cut off after 100,000 chunks"


def test_a_body_of_many_json_values_is_cut_off() -> None:
    response = answered(b'{"content":[' + b"[]," * body.MAX_VALUES + b"[]]}", "gzip")
    assert (response.ending, response.detail) == (TOO_LARGE, "cut off after 50,000 JSON values")
    long_answer = b"data: " + b'{"a":1,"b":[2,{"c":3}]}' + b"\n\n"
    meter = BodyMeter(SizeLimit().limits, coding="")
    assert not any(meter.is_exceeded_by(long_answer) for _ in range(body.MAX_EVENTS))


def test_a_body_within_the_limits_is_kept_whole() -> None:
    text = b"data: 1\n\n" * 1_000
    for label in ("gzip", "br", "zstd", "identity", "gzip, br"):
        encoder = BodyEncoder(codings_of(label))
        packed = encoder.encoded(text) + encoder.end()
        response = answered(packed, label, size=100)
        assert response.ending == COMPLETE
        assert b"".join(chunk.data for chunk in response.chunks) == packed


def test_a_run_that_keeps_much_cuts_off_earlier() -> None:
    limit = SizeLimit()
    limit.keep([Chunk(at_s=0.0, data=bytes(MIB))] * 129)
    assert limit.limits.most_bytes == body.ONCE_CUT_OFF_BYTES
    assert SizeLimit(has_cut_off=True).limits == limit.limits


@pytest.mark.parametrize("label", ["gzip", "identity"])
def test_no_half_of_a_key_is_at_the_end_of_what_is_kept(label: str) -> None:
    for cut in (1, 7, len(KEY) // 2, len(KEY) - 1):
        text = b"x" * (CUT_OFF_BYTES - cut) + KEY.encode() + b"x" * (9 * MIB)
        encoder = BodyEncoder(codings_of(label))
        response = answered(encoder.encoded(text) + encoder.end(), label)
        assert response.body[: CUT_OFF_BYTES - cut] == b"x" * (CUT_OFF_BYTES - cut)
        assert KEY_PLACEHOLDER.startswith(response.body[CUT_OFF_BYTES - cut :].rstrip(b"x").decode())


def test_a_recording_over_the_limits_is_cut_off_too() -> None:
    def recorded(data: bytes, label: str = "identity") -> Response:
        chunks = (Chunk(at_s=0.0, data=data),)
        headers = (("content-encoding", label),)
        return limited(Response(status=200, headers=headers, chunks=chunks, headers_at_s=0.0, ended_at_s=1.0))

    assert recorded(b":\n\n" * 250_001).detail == "cut off after 250,000 events"
    assert recorded(bytes(33 * MIB)).detail == "cut off after 33,554,432 bytes"
    assert "decode to more than 33,554,432" in recorded(gzip.compress(bytes(33 * MIB)), "gzip").detail
    assert recorded(b"data: 1\n\n" * 200_000).ending == COMPLETE
