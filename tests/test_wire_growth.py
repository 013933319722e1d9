"""Reading a stream takes time in proportion to its length, whatever its bytes and its chunks are.

The times of two lengths are compared, never seconds: eight times the bytes take about 8 times as long, and 64 times if
something is quadratic. The limit between them is wide, and the best of several measurements counts, so that a busy
machine changes nothing.
"""

from __future__ import annotations

import time

import pytest

from messages_conformance.wire import Lexer

BYTES = 16 * 1024
TIMES = 8
MOST_GROWTH = 28
REPEATS = 2

EVENT = b'event: content_block_delta\ndata: {"type":"content_block_delta"}\n\n'


@pytest.mark.parametrize("chunk_bytes", [64, 4_096])
@pytest.mark.parametrize(
    ("first", "repeated"),
    [
        (b"", b"\r"),
        (b"", b"\n"),
        (b"", b"\r\n"),
        (b"", b":\n\n"),
        (b"", b":\r\r"),
        (b"data: ", b"x"),
        (b":", b"x"),
        (b"", b"data: 1\n"),
        (b"", b"event: a\n"),
        (b"", b"\xff"),
        (b"", b"data: \xff\n\n"),
        (b"", EVENT),
    ],
    ids=repr,
)
def test_eight_times_the_bytes_take_about_eight_times_as_long(first: bytes, repeated: bytes, chunk_bytes: int) -> None:
    few = first + repeated * (BYTES // len(repeated))
    many = first + repeated * (TIMES * BYTES // len(repeated))
    assert best_s(many, chunk_bytes) < MOST_GROWTH * best_s(few, chunk_bytes)


def best_s(body: bytes, chunk_bytes: int) -> float:
    """The least CPU time of several readings, in seconds."""
    return min(read_s(body, chunk_bytes) for _ in range(REPEATS))


def read_s(body: bytes, chunk_bytes: int) -> float:
    began_s = time.process_time()
    lexer = Lexer()
    for at in range(0, len(body), chunk_bytes):
        lexer.feed(body[at : at + chunk_bytes])
    lexer.close()
    return time.process_time() - began_s
