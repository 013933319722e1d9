"""A key that is cut over headers or exchanges, or hidden in a coding that no request asks for, is in no record."""

from __future__ import annotations

import brotli
import pytest
from test_masking_responses import response_of

from messages_conformance.exchange import KEY_PLACEHOLDER, content_coding
from messages_conformance.exchange.content_coding import BodyEncoder
from messages_conformance.masking import masked_response

KEY = "sk-ant-REAL_0123456789abcdefghij"
HALF = len(KEY) // 2


@pytest.mark.parametrize("label", ["br", "zstd", "gzip, br", "zstd,gzip"])
def test_a_key_in_any_coding_is_masked(label: str) -> None:
    codings = content_coding.codings_of(label)
    encoder = BodyEncoder(codings)
    pieces = [
        encoder.encoded(b'{"echo": "' + KEY.encode()[:9]),
        encoder.encoded(KEY.encode()[9:] + b'"}'),
        encoder.end(),
    ]
    masked = masked_response(response_of(*pieces, headers=(("content-encoding", label),)), KEY)
    decoder = content_coding.BodyDecoder(codings)
    body = b"".join(piece for chunk in masked.chunks for piece in decoder.pieces(chunk.data))
    assert body == b'{"echo": "%b"}' % KEY_PLACEHOLDER.encode()
    assert len(masked.chunks) == len(pieces)


@pytest.mark.parametrize("label", ["br", "x-unknown", "gzip, br"])
def test_bytes_that_cannot_be_searched_are_not_recorded(label: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content_coding, "_library", lambda coding: None)
    packed = brotli.compress(KEY.encode()) + b"\xff"
    masked = masked_response(response_of(packed, headers=(("content-encoding", label),)), KEY)
    assert set(masked.chunks[0].data) == set(b"*")


def test_text_under_the_label_of_a_coding_stays_as_it_is() -> None:
    response = response_of(b'{"id": "', KEY.encode(), b'"}', headers=(("content-encoding", "br"),))
    assert masked_response(response, KEY).json == {"id": KEY_PLACEHOLDER}


@pytest.mark.parametrize("cut", [4, 9, HALF, len(KEY) - 4])
@pytest.mark.parametrize("between", [(), (("date", "Mon, 30 Nov 2026 07:00:00 GMT"),)])
@pytest.mark.parametrize("swapped", [False, True])
def test_a_key_that_is_cut_over_two_headers_is_masked(
    cut: int, between: tuple[tuple[str, str], ...], swapped: bool
) -> None:
    pieces = [("x-a", "is " + KEY[:cut]), *between, ("x-b", KEY[cut:] + " was")]
    headers = tuple(reversed(pieces) if swapped else pieces)
    masked = masked_response(response_of(b"{}", headers=headers), KEY)
    assert {masked.header("x-a"), masked.header("x-b")} == {"is *", "* was"}
    assert len(masked.headers) == len(headers)


def test_a_key_that_is_cut_over_three_headers_is_masked() -> None:
    headers = (("x-a", KEY[:9]), ("x-b", KEY[9:20]), ("x-c", KEY[20:]))
    masked = masked_response(response_of(headers=headers), KEY)
    assert [value for _, value in masked.headers] == ["*", "*", "*"]


@pytest.mark.parametrize("cut", [3, 10, HALF, 22, 29])
def test_of_a_key_that_is_cut_over_two_responses_one_part_is_masked(cut: int) -> None:
    first, second = (
        masked_response(response_of(b'{"text": "' + part.encode() + b'"}', headers=(("x-echo", part),)), KEY)
        for part in (KEY[:cut], KEY[cut:])
    )
    bodies = (first.json["text"], second.json["text"])
    assert "*" in bodies
    assert (first.header("x-echo"), second.header("x-echo")) == bodies


def test_the_usual_hint_at_a_key_is_not_masked() -> None:
    response = response_of(f'{{"message": "Incorrect key: {KEY[:11]}***{KEY[-4:]}"}}'.encode())
    assert masked_response(response, KEY) is response
