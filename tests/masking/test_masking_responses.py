"""The key leaves no trace in a record, and nothing else changes."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable

import pytest

from messages_conformance.exchange import KEY_PLACEHOLDER, Chunk, Response
from messages_conformance.masking import is_secret, masked_response

KEY = "sk-0123456789"
MARK = KEY_PLACEHOLDER.encode()


def response_of(*pieces: bytes, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    chunks = tuple(Chunk(at_s=float(at), data=data) for at, data in enumerate(pieces))
    return Response(status=200, headers=headers, chunks=chunks, headers_at_s=0.0, ended_at_s=9.0)


def split_everywhere(body: bytes) -> list[tuple[bytes, ...]]:
    twos = [(body[:at], body[at:]) for at in range(len(body) + 1)]
    threes = [(body[:at], body[at : at + 3], body[at + 3 :]) for at in range(len(body))]
    return [*twos, *threes, tuple(body[at : at + 1] for at in range(len(body)))]


def test_a_response_without_the_key_is_the_same_object() -> None:
    response = response_of(b"sk-", b"nothing")
    assert masked_response(response, KEY) is response
    assert masked_response(response, None) is response


@pytest.mark.parametrize(
    "body", [b"a " + KEY.encode() + b" z", KEY.encode(), KEY.encode() * 2, b"x" + KEY.encode() + b"y" + KEY.encode()]
)
def test_the_key_is_replaced_across_any_chunking(body: bytes) -> None:
    for pieces in split_everywhere(body):
        redacted = masked_response(response_of(*pieces), KEY)
        assert redacted.body == body.replace(KEY.encode(), MARK)
        assert [chunk.at_s for chunk in redacted.chunks] == [float(at) for at in range(len(pieces))]


def test_a_true_content_length_stays_true() -> None:
    body = b"[" + KEY.encode() + b"]"
    redacted = masked_response(response_of(body, headers=(("Content-Length", str(len(body))),)), KEY)
    assert redacted.header("content-length") == str(len(redacted.body))


def test_the_json_form_of_a_key_is_found_too() -> None:
    redacted = masked_response(response_of(rb'{"key":"ab\"cd/1234"}'), 'ab"cd/1234')
    assert redacted.json == {"key": KEY_PLACEHOLDER}


@pytest.mark.parametrize(("coding", "packed"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_a_compressed_echo_is_compressed_anew(coding: str, packed: Callable[[bytes], bytes]) -> None:
    body = packed(b'{"echo": "' + KEY.encode() + b'"}')
    redacted = masked_response(response_of(body[:9], body[9:], headers=(("content-encoding", coding),)), KEY)
    assert redacted.json == {"echo": KEY_PLACEHOLDER}
    assert len(redacted.chunks) == 2


def test_ordinary_words_are_no_secrets() -> None:
    assert not any(map(is_secret, (None, "", "x", "EMPTY", "secret", "anything")))
    assert all(map(is_secret, ("sk-test", "reference-key", "a" * 16)))
