"""The requirements about load compare an answer with what the same request got alone."""

from dataclasses import replace
from typing import Any

import pytest
from builders import answered, numbered, refused, streamed, unanswered, verdicts
from stream_frames import HELLO, ev, sse

from messages_conformance.exchange import (
    AFTER,
    ALONE,
    LOAD,
    RESET,
    Alone,
    Chunk,
    Exchange,
    LoadFacts,
    RecordingPart,
    from_record,
    nonce,
    nonces_in,
    to_record,
)
from messages_conformance.rules import CATALOGUE, NOT_APPLICABLE

OWN, OTHER = nonce(1), nonce(2)
GOOD = Alone(accepted=True, complete=True, input_tokens=10, output_tokens=5, characters=5, spread_s=0.8, elapsed_s=1.0)
ASKED = {"ask": {"messages": [{"role": "user", "content": f"Say {OWN}"}]}}
FDS = "process_open_fds"
MEMORY = "process_resident_memory_bytes"


def load(phase: str = LOAD, alone: Alone | None = GOOD, **more: Any) -> dict[str, Any]:
    return {"load": LoadFacts(phase=phase, kind="echo", nonce=OWN, in_flight=20, alone=alone, **more)}


UNDER = load()
WORSE = load(alone=Alone(accepted=True, complete=False))


def said(text: str, **more: Any) -> Exchange:
    return answered({"content": [{"type": "text", "text": text}]}, **ASKED, **{**UNDER, **more})


def tokens(input_tokens: int = 10, output_tokens: int = 5) -> Exchange:
    return answered({"usage": {"input_tokens": input_tokens, "output_tokens": output_tokens}}, **UNDER)


def in_time(*times_s: float, lag_s: float = 0.0, **more: Any) -> Exchange:
    """A stream whose pieces arrive at these times."""
    more_deltas = [ev("content_block_delta", index=0, delta={"type": "text_delta", "text": "!"})] * 8
    frames = sse([*HELLO[:3], *more_deltas, *HELLO[3:]]).split(b"\n\n")
    size = -(-len(frames) // len(times_s))
    groups = [frames[at : at + size] for at in range(0, len(frames), size)]
    texts = [b"".join(frame + b"\n\n" for frame in group if frame) for group in groups]
    chunks = tuple(Chunk(at_s=at_s, data=text) for at_s, text in zip(times_s, texts, strict=False))
    return streamed(http={"chunks": chunks, "ended_at_s": times_s[-1]}, observer_lag_s=lag_s, **{**UNDER, **more})


def figures(name: str, before: float, after: float) -> Exchange:
    page = f"# TYPE {name} gauge\n{name} {after}\n".encode()
    facts = load(AFTER, metrics_before={name: before})
    return answered(page, method="GET", path="/metrics", http={"media_type": "text/plain"}, **facts)


TWICE = [*HELLO[:2], HELLO[0], *HELLO[2:]]
ERROR = ev("error", error={"type": "overloaded_error", "message": "Overloaded"})
KEY = {"type": "error", "error": {"type": "authentication_error", "message": "invalid key"}}

ROWS: dict[str, tuple[list[Exchange], list[Exchange]]] = {
    "load.isolation.content": (
        [said(f"{OWN} and {OTHER}")],
        [said(OWN), said("hello"), said(f"{OWN} zqabcdefghijklmn"), said(OTHER, load=None)],
    ),
    "load.isolation.stream": ([streamed(TWICE, **UNDER)], [streamed(**UNDER), streamed(TWICE, **WORSE)]),
    "load.body.complete": (
        [streamed(HELLO[:4], http={"ending": RESET, "detail": "reset"}, **UNDER)],
        [streamed(**UNDER), streamed(HELLO[:4], http={"ending": RESET}, **WORSE)],
    ),
    "load.stream.end": (
        [streamed(HELLO[:4], **UNDER)],
        [streamed(**UNDER), streamed([*HELLO[:4], ERROR], **UNDER), streamed(HELLO[:4], **WORSE)],
    ),
    "load.requests.answered": (
        [unanswered("timeout", **UNDER)],
        [answered(**UNDER), refused(429, **UNDER), unanswered("refused", **UNDER), unanswered("timeout")],
    ),
    "load.stream.incremental": (
        [in_time(1.0, 1.01)],
        [
            in_time(0.1, 0.5),
            in_time(1.0, 1.01, lag_s=0.3),
            in_time(1.0, 1.01, **load(alone=Alone(accepted=True, complete=True))),
        ],
    ),
    "load.usage.input": ([tokens(30)], [tokens(10), tokens(18)]),
    "load.ids.unique": (
        [said("a"), said("b")],
        [
            answered({"id": "msg_1"}, **UNDER),
            answered({"id": "msg_2"}, http={"headers": {"request-id": "req_2"}}, **UNDER),
        ],
    ),
    "load.errors.retryable": (
        [refused(401, KEY, **UNDER)],
        [refused(429, **UNDER), refused(529, **UNDER), refused(401, KEY, **load(ALONE)), refused(401, KEY)],
    ),
    "load.errors.envelope": ([refused(502, b"<html>", **UNDER)], [refused(502, **UNDER), refused(502, b"<html>")]),
    "load.errors.retry-after": (
        [refused(429, **UNDER)],
        [refused(429, http={"headers": {"retry-after": "1"}}, **UNDER), refused(429)],
    ),
    "load.recovery.answered": (
        [refused(529, **load(AFTER))],
        [answered(**load(AFTER)), refused(529, **UNDER), unanswered("refused", **load(AFTER))],
    ),
    "load.connections.released": ([figures(FDS, 30, 400)], [figures(FDS, 30, 90), figures(MEMORY, 30, 400)]),
    "load.memory.released": ([figures(MEMORY, 9e7, 9e8)], [figures(MEMORY, 9e7, 3e8)]),
}


@pytest.mark.parametrize("requirement", ROWS)
def test_it_is_violated_and_kept(requirement: str) -> None:
    bad, good = ROWS[requirement]
    verdict = verdicts(numbered(*bad), only=[requirement])[requirement]
    assert verdict.outcome == ("fail" if CATALOGUE[requirement].level == "MUST" else "warn")
    assert verdict.findings[0].found
    assert verdicts(numbered(*good), only=[requirement])[requirement].findings == ()


@pytest.mark.parametrize("requirement", ROWS)
def test_an_ordinary_run_does_not_ask_for_it(requirement: str) -> None:
    ordinary = numbered(answered(), streamed(), refused(529), unanswered("timeout"))
    assert verdicts(ordinary, only=[requirement])[requirement].outcome == "not-applicable"


def test_every_requirement_about_load_has_a_row() -> None:
    assert set(ROWS) == {name for name, row in CATALOGUE.items() if row.topic == "load"}


def test_a_nonce_checks_itself() -> None:
    words = [nonce(number, salt=7) for number in range(2_000)]
    assert len(set(words)) == 2_000
    assert list(nonces_in(" ".join(words))) == words
    assert list(nonces_in(words[0][:-1] + ("a" if words[0][-1] != "a" else "b"))) == []


def test_the_part_in_a_load_test_is_recorded() -> None:
    exchange = figures(FDS, 30, 90)
    assert from_record(to_record(exchange)).load == exchange.load


def test_a_stream_that_breaks_before_its_final_usage_is_not_accused_of_a_count_of_zero() -> None:
    # LiteLLM under load: its upstream closes the connection, and it says so with an error event.
    start = ev("message_start", message={**HELLO[0][1]["message"], "usage": {"input_tokens": 0, "output_tokens": 0}})
    verdict = verdicts([streamed([start, *HELLO[1:4], ERROR])], only=["usage.input.positive"])["usage.input.positive"]
    assert verdict.outcome == "not-verified"


def test_an_answer_of_an_ordinary_run_without_times_says_nothing_about_load() -> None:
    ordinary = replace(streamed(), lacks=frozenset({RecordingPart.TIMES, RecordingPart.CHUNK_BORDERS}))
    assert verdicts(numbered(ordinary))["load.stream.incremental"].outcome == NOT_APPLICABLE
