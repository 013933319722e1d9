"""A large body is compressed in a recording; one that stays large is cut, and what needs it is not verified."""

from __future__ import annotations

import base64
import json
import random
import zlib
from dataclasses import replace
from typing import Any

import pytest
from builders import answered

from messages_conformance import contract
from messages_conformance.exchange import NOT_KEPT, Chunk, Exchange, Request, from_record, to_record
from messages_conformance.exchange.stored_bodies import MOST_STORED_BYTES, MOST_UNPACKED_BYTES, PACKED_FROM_BYTES
from messages_conformance.input_files import InputError
from messages_conformance.rules import NOT_APPLICABLE, NOT_VERIFIED, PASS, Judge

NOISE = random.Random(0).randbytes(MOST_STORED_BYTES + 1)


def with_answer(*pieces: bytes) -> Exchange:
    made = answered()
    assert made.response is not None
    chunks = tuple(Chunk(at_s=0.5 * number, data=data) for number, data in enumerate(pieces))
    return replace(made, response=replace(made.response, chunks=chunks))


def with_request(body: bytes) -> Exchange:
    return replace(answered(), request=Request(method="POST", path="/v1/messages", headers=(), body=body))


def saved(exchange: Exchange) -> tuple[str, Exchange]:
    line = json.dumps(to_record(exchange))
    return line, from_record(json.loads(line))


@pytest.mark.parametrize("size", [0, 1, PACKED_FROM_BYTES, PACKED_FROM_BYTES + 1, 11_000_000])
def test_a_long_request_is_kept_in_few_bytes(size: int) -> None:
    line, read = saved(with_request(b"words " * (size // 6)))
    assert read.request.body == b"words " * (size // 6)
    assert read.response is not None
    assert len(line) < 2 * PACKED_FROM_BYTES


def test_the_chunks_of_a_long_answer_are_kept() -> None:
    made = with_answer(b"data: 1\n\n" * 50_000, b"", b"x", b"data: 2\n\n" * 9)
    line, read = saved(made)
    assert read.response is not None
    assert made.response is not None
    assert read.response.chunks == made.response.chunks
    assert len(line) < PACKED_FROM_BYTES
    assert to_record(read) == to_record(made)


@pytest.mark.parametrize("made", [with_request(NOISE), with_answer(NOISE)], ids=["request", "answer"])
def test_what_needs_a_body_that_was_cut_is_not_verified(made: Exchange) -> None:
    line, read = saved(made)
    assert len(line) < 4 * PACKED_FROM_BYTES
    assert read.response is None
    assert read.failure is not None
    assert read.failure.kind == NOT_KEPT
    judge = Judge(contract.profile("anthropic-2023-06-01"))
    judge.add(read)
    verdicts = judge.verdicts()
    assert {verdict.outcome for verdict in verdicts} <= {NOT_VERIFIED, NOT_APPLICABLE, PASS}
    assert any(f"{len(NOISE):,} bytes" in verdict.reason for verdict in verdicts)


def packed(data: bytes) -> dict[str, Any]:
    return {"body_base64": base64.b64encode(data).decode(), "body_coding": "zlib"}


@pytest.mark.parametrize(
    ("side", "changes", "words"),
    [
        ("request", packed(b"plain"), "not compressed"),
        ("request", packed(zlib.compress(bytes(MOST_UNPACKED_BYTES + 1))), "more than"),
        ("request", packed(zlib.compress(b"words")[:-2]), "ends early"),
        ("response", {**packed(zlib.compress(b"abc")), "sizes": [2]}, "do not fit"),
        ("response", {**packed(zlib.compress(b"abc")), "sizes": [4]}, "do not fit"),
        ("response", {"sizes": [-1]}, "response.sizes"),
    ],
)
def test_a_damaged_record_names_the_place(side: str, changes: dict[str, Any], words: str) -> None:
    record = to_record(with_answer(b"abc"))
    record[side].update(changes)
    with pytest.raises(InputError, match=words):
        from_record(record)
