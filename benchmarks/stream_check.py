"""The cost of judging a stream, in events in a second: lexing, JSON, schemas, the walk, accumulation and all rules.

The stream has 2,000 events in chunks of 4 KiB. If the official SDK can be imported, reading the same bytes with it is
also measured (events into typed objects, accumulated into a message; it judges nothing).
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

from messages_conformance import contract
from messages_conformance.exchange import ACCEPTED, Chunk, Exchange, Request, Response
from messages_conformance.rules import CATALOGUE, Judge
from messages_conformance.stream import walk
from messages_conformance.wire import Lexer

EVENTS = 2_000
CHUNK_BYTES = 4_096
REPEATS = 7
PROFILE = "anthropic-2023-06-01"


def stream() -> bytes:
    """A conforming stream of EVENTS events: one long text block, with pings."""
    usage = {"input_tokens": 25, "output_tokens": 1}
    message = {
        **{"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": []},
        **{"stop_reason": None, "stop_sequence": None, "usage": usage},
    }
    deltas = EVENTS - 6
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "ping"},
    ]
    for number in range(deltas):
        delta = {"type": "text_delta", "text": f" word {number}, naïve and plain"}
        events.append({"type": "content_block_delta", "index": 0, "delta": delta})
    events += [
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"output_tokens": 4 * deltas},
        },
        {"type": "message_stop"},
    ]
    return b"".join(
        f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n".encode() for event in events
    )


def chunks(body: bytes) -> tuple[Chunk, ...]:
    pieces = (body[at : at + CHUNK_BYTES] for at in range(0, len(body), CHUNK_BYTES))
    return tuple(Chunk(at_s=0.1 + number / 100, data=piece) for number, piece in enumerate(pieces))


def response(pieces: tuple[Chunk, ...]) -> Response:
    """A new record without cached results."""
    return Response(
        status=200,
        headers=(("content-type", "text/event-stream; charset=utf-8"), ("request-id", "req_1")),
        chunks=pieces,
        headers_at_s=0.1,
        ended_at_s=pieces[-1].at_s,
        http_version="HTTP/1.1",
    )


def exchange(pieces: tuple[Chunk, ...]) -> Exchange:
    body = {"model": "m", "max_tokens": 20_000, "stream": True, "messages": [{"role": "user", "content": "Write."}]}
    request = Request(
        method="POST",
        path="/v1/messages",
        headers=(("content-type", "application/json"), ("anthropic-version", "2023-06-01")),
        body=json.dumps(body).encode(),
    )
    return Exchange(
        number=1,
        request=request,
        response=response(pieces),
        situations=("benchmark",),
        probes=("transport.path.post-messages",),
        expect=ACCEPTED,
        requested_model="m",
    )


# -- the stages, each from bytes on ---------------------------------------------------------------------------------


def lexed(pieces: tuple[Chunk, ...]) -> int:
    lexer = Lexer()
    events = [event for chunk in pieces for event in lexer.feed(chunk.data)]
    lexer.close()
    return len(events)


def parsed(pieces: tuple[Chunk, ...]) -> int:
    return sum(isinstance(event.data, dict) for event in response(pieces).events)


def validated(pieces: tuple[Chunk, ...]) -> int:
    return sum(contract.valid(f"events/{event.type}", event.data) for event in response(pieces).events)


def walked(pieces: tuple[Chunk, ...]) -> int:
    found = walk(response(pieces))
    assert not found.deviations, found.deviations[0]
    return len(found.events)


def judged(pieces: tuple[Chunk, ...]) -> int:
    judge = Judge(contract.profile(PROFILE))
    answered = exchange(pieces)
    findings = judge.add(answered)
    assert not findings, findings[0]
    assert answered.response is not None
    return len(answered.response.events)


def read_by_sdk(pieces: tuple[Chunk, ...]) -> int:
    """The official SDK: its SSE decoder, its typed events, its accumulated message."""
    import anthropic

    # Version 2 has a client library of another name; the classes are the same.
    library = importlib.import_module(anthropic.DefaultHttpxClient.__mro__[1].__module__.partition(".")[0])

    def body() -> Iterator[bytes]:
        yield from (chunk.data for chunk in pieces)

    def answer(request: Any) -> Any:
        return library.Response(200, headers={"content-type": "text/event-stream"}, content=body())

    transport = library.MockTransport(answer)
    client = anthropic.Anthropic(api_key="k", http_client=anthropic.DefaultHttpxClient(transport=transport))
    with client.messages.stream(model="m", max_tokens=9, messages=[{"role": "user", "content": "Write."}]) as found:
        count = sum(1 for _ in found)
        assert found.get_final_message().stop_reason == "end_turn"
    assert count >= EVENTS - 10
    return EVENTS


STAGES: dict[str, Callable[[tuple[Chunk, ...]], int]] = {
    "bytes to events": lexed,
    "and to JSON": parsed,
    "and through the schemas": validated,
    "events walked and accumulated": walked,
    "judged by every rule, all included": judged,
}


def cpu_s(stage: Callable[[tuple[Chunk, ...]], int], pieces: tuple[Chunk, ...]) -> float:
    began_s = time.process_time()
    assert stage(pieces) == EVENTS
    return time.process_time() - began_s


def main() -> None:
    body = stream()
    pieces = chunks(body)
    stages = dict(STAGES)
    if importlib.util.find_spec("anthropic") is not None:
        stages["the official SDK reads it"] = read_by_sdk
    for stage in stages.values():
        stage(pieces)  # compiles schemas and imports modules that are imported late
    # Each repetition runs all stages, so that a slow machine slows all of them.
    samples = [{name: cpu_s(stage, pieces) for name, stage in stages.items()} for _ in range(REPEATS)]
    medians = {name: statistics.median(sample[name] for sample in samples) for name in stages}
    print(f"{EVENTS:,} events, {len(body):,} bytes in {len(pieces)} chunks, {len(CATALOGUE)} requirements")
    print(f"medians of {REPEATS} interleaved repetitions, CPU time\n")
    for name, took_s in medians.items():
        print(f"{name:<36} {took_s * 1000:8.1f} ms {EVENTS / took_s:12,.0f} events/s")
    whole = "judged by every rule, all included"
    print(f"\njudging / reading bytes into events  {medians[whole] / medians['bytes to events']:8.1f}")
    if "the official SDK reads it" in medians:
        ratio = statistics.median(sample[whole] / sample["the official SDK reads it"] for sample in samples)
        print(f"judging / reading by the SDK         {ratio:8.2f}")
    print("\nA model streams 30 to 300 events a second: a run waits for its target, not for the rules.")


if __name__ == "__main__":
    main()
