"""The cost of a stream by its length, up to a million events: time and memory of reading and of judging it.

Reading converts bytes to events to JSON and keeps nothing, so its memory must not grow. Judging keeps the recording, so
its memory grows with the bytes and its time with the events; a live run limits bodies to 4 MiB. Each length is measured
in a new process. The numbers for each event matter: they must not change with the length.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import time
from collections.abc import Iterator

import stream_check

from messages_conformance.exchange import Chunk, parse_json
from messages_conformance.wire import Lexer

LENGTHS = (1_000, 10_000, 100_000, 1_000_000)
BLOCK_EVENTS = 1_000
KIB = 1_024


def frames(events: int) -> Iterator[bytes]:
    """The chunks of a stream of that many events, made as they are needed."""
    stream_check.EVENTS = BLOCK_EVENTS
    whole = stream_check.stream()
    deltas = b"".join(
        frame + b"\n\n" for frame in whole.split(b"\n\n") if frame.startswith(b"event: content_block_delta")
    )
    count = deltas.count(b"\n\n")
    head, tail = whole[: whole.index(deltas[:200])], whole[whole.rindex(b"event: content_block_stop") :]
    yield head
    missing = events - head.count(b"\n\n") - tail.count(b"\n\n")
    for _ in range(missing // count):
        yield deltas
    yield b"".join(frame + b"\n\n" for frame in deltas.split(b"\n\n")[: missing % count])
    yield tail


def chunked(events: int) -> Iterator[bytes]:
    size = stream_check.CHUNK_BYTES
    for frame in frames(events):
        yield from (frame[at : at + size] for at in range(0, len(frame), size))


def read(events: int) -> int:
    lexer, seen = Lexer(), 0
    for data in chunked(events):
        seen += sum(isinstance(parse_json(event.data or ""), dict) for event in lexer.feed(data))
    return seen + len(lexer.close())


def judge(events: int) -> int:
    return stream_check.judged(tuple(Chunk(at_s=0.1, data=data) for data in chunked(events)))


WORK = {"read": read, "judged": judge}


def measured(name: str, events: int) -> tuple[float, int]:
    """(CPU seconds, bytes by which the peak of memory grew)."""
    WORK[name](1_000)  # compiles schemas and imports modules that are imported late
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began_s = time.process_time()
    assert WORK[name](events) == events
    took_s = time.process_time() - began_s
    return took_s, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib) * KIB


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=LENGTHS[-1], help="events of the longest stream")
    most = parser.parse_args().most
    print(f"{'':8} {'events':>10} {'CPU s':>8} {'µs/event':>9} {'MB more':>8} {'bytes/event':>12}")
    for name in WORK:
        for events in LENGTHS:
            if events > most:
                continue
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                took_s, grew = pool.apply(measured, (name, events))
            print(
                f"{name:8} {events:>10,} {took_s:8.2f} {took_s / events * 1e6:9.1f} {grew / 1e6:8.1f} "
                f"{grew / events:12,.0f}"
            )


if __name__ == "__main__":
    main()
