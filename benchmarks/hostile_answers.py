"""The cost that an answer can cause: reading odd streams, decoding bombs, judging many exchanges, memory of a run.

Reading is compared with an ordinary stream of the same size, and with the decoder of the official SDK. Decoding is
compared with httpx, which decodes a body as a whole. Judging and the run are measured in processes of their own.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import resource
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

import httpx
from rich.console import Console

from messages_conformance.exchange import Chunk, Exchange, Request, Response
from messages_conformance.exchange.content_coding import BodyEncoder, codings_of
from messages_conformance.proof import run
from messages_conformance.session import Clock, SessionOptions, Source, judge_recordings
from messages_conformance.targets.body import BodyMeter, SizeLimit
from messages_conformance.targets.memory import MemoryTransport
from messages_conformance.wire import Lexer

MIB = 1024 * 1024
PROFILE = "anthropic-2023-06-01"
MODEL = "anthropic/claude-opus-4-5"
EVENT = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"text":"word"}}\n\n'

BODIES = {
    "ordinary events": b"",
    "carriage returns": b"\r",
    "one long data line": b"x",
    "comments alone": b":\n\n",
    "data lines without an end": b"data: 1\n",
    "bytes that are not UTF-8": b"\xff",
}
CHUNK_BYTES = 64


def main() -> None:
    """Runs the parts and prints their tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=["reading", "bombs", "judging", "run"], help="only this part")
    parser.add_argument("--exchanges", type=int, default=20_000, help="how many exchanges are judged (default: 20,000)")
    options = parser.parse_args()
    parts: dict[str, Callable[[], None]] = {
        "reading": reading,
        "bombs": bombs,
        "judging": lambda: _in_process(judging, options.exchanges),
        "run": lambda: _in_process(long_answers, 10),
    }
    for name, part in parts.items():
        if options.part in (None, name):
            part()


def _in_process(function: Callable[[int], None], number: int) -> None:
    process = multiprocessing.get_context("spawn").Process(target=function, args=(number,))
    process.start()
    process.join()


# -- reading ----------------------------------------------------------------------------------------------------------


def reading() -> None:
    """Prints CPU times of reading 256 KiB in chunks of 64 bytes, as ratios."""
    print("| 256 KiB in chunks of 64 bytes | CPU ms | to ordinary events | 1 MiB / 256 KiB |\n|---|---|---|---|")
    ordinary = _median_s(lambda: _read(_body("ordinary events", MIB // 4)))
    for name in BODIES:
        one, four = (_median_s(partial(_read_body, name, size)) for size in (MIB // 4, MIB))
        print(f"| {name} | {1000 * one:.0f} | {one / ordinary:.1f} | {four / one:.1f} |")
    sdk = _median_s(lambda: _read_by_sdk(_body("ordinary events", MIB // 4)))
    print(f"| ordinary events, by the official SDK | {1000 * sdk:.0f} | {sdk / ordinary:.1f} | |\n")


def _body(name: str, size: int) -> bytes:
    unit = BODIES[name] or EVENT
    return (b"data: " if unit == b"x" else b"") + unit * (size // len(unit))


def _chunks(body: bytes) -> Iterator[bytes]:
    return (body[at : at + CHUNK_BYTES] for at in range(0, len(body), CHUNK_BYTES))


def _read_body(name: str, size: int) -> None:
    _read(_body(name, size))


def _read(body: bytes) -> None:
    lexer = Lexer()
    for chunk in _chunks(body):
        lexer.feed(chunk)
    lexer.close()


def _read_by_sdk(body: bytes) -> None:
    from anthropic._streaming import SSEDecoder

    for _ in SSEDecoder().iter_bytes(_chunks(body)):
        pass


def _median_s(function: Callable[[], object]) -> float:
    times = []
    for _ in range(3):
        began_s = time.process_time()
        function()
        times.append(time.process_time() - began_s)
    return statistics.median(times)


# -- bombs ------------------------------------------------------------------------------------------------------------


def bombs() -> None:
    """Prints the peak memory of receiving 64 MiB of zeros in each coding, here and with httpx."""
    print("| 64 MiB of zeros as | bytes on the wire | peak MiB | CPU s | peak MiB of httpx |\n|---|---|---|---|---|")
    for label in ("gzip", "deflate", "br", "zstd", "gzip, gzip"):
        packed = _bomb(label)
        ours_mib, ours_s = _peak(partial(_measured, packed, label))
        theirs_mib, _ = _peak(partial(_by_httpx, packed, label))
        print(f"| {label} | {len(packed):,} | {ours_mib:.1f} | {ours_s:.2f} | {theirs_mib:.0f} |")
    print()


def _bomb(label: str) -> bytes:
    encoder = BodyEncoder(codings_of(label))
    return b"".join([*(encoder.encoded(bytes(MIB)) for _ in range(64)), encoder.end()])


def _measured(packed: bytes, label: str) -> None:
    meter = BodyMeter(SizeLimit().limits, coding=label)
    assert any(meter.is_exceeded_by(packed[at : at + 65_536]) for at in range(0, len(packed), 65_536))


def _by_httpx(packed: bytes, label: str) -> None:
    len(httpx.Response(200, headers={"content-encoding": label}, content=packed).content)


def _peak(function: Callable[[], object]) -> tuple[float, float]:
    tracemalloc.start()
    began_s = time.process_time()
    function()
    spent_s, peak = time.process_time() - began_s, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / MIB, spent_s


# -- judging ----------------------------------------------------------------------------------------------------------


def judging(most: int) -> None:
    """Prints time and memory of judging so many exchanges and writing every report."""
    print("| exchanges judged and reported | CPU s | ms each | peak MiB |\n|---|---|---|---|")
    _samples()  # its run is not measured
    for count in (most // 20, most // 4, most):
        began_s = time.process_time()
        with tempfile.TemporaryDirectory() as folder:
            judge_recordings(
                Source(name="benchmark"),
                _exchanges(count),
                options=SessionOptions(profile=PROFILE, report=folder),
                clock=Clock(now=lambda: datetime.now(UTC), monotonic_s=time.monotonic),
                out=Console(quiet=True),
            )
        spent_s = time.process_time() - began_s
        print(f"| {count:,} | {spent_s:.1f} | {1000 * spent_s / count:.2f} | {_peak_mib():.0f} |", flush=True)
    print()


@cache
def _samples() -> tuple[Exchange, ...]:
    """The answered exchanges of a standard run."""
    _, found = run("reference:transport=memory", PROFILE, model=MODEL, seed=0)
    return tuple(one for one in found.exchanges.values() if one.response is not None)


def _exchanges(count: int) -> Iterator[Exchange]:
    """Exchanges of a standard run again and again, with new ids."""
    samples = _samples()
    for number in range(1, count + 1):
        sample = samples[number % len(samples)]
        assert sample.response is not None
        yield replace(
            sample,
            number=number,
            started_s=0.01 * number,
            request=Request(**{name: getattr(sample.request, name) for name in ("method", "path", "headers", "body")}),
            response=_renamed(sample.response, number),
        )


def _renamed(response: Response, number: int) -> Response:
    chunks = tuple(
        Chunk(at_s=chunk.at_s, data=chunk.data.replace(b'"msg_', b'"msg_%d' % number)) for chunk in response.chunks
    )
    headers = tuple((name, f"req_{number}" if name == "request-id" else value) for name, value in response.headers)
    return replace(response, headers=headers, chunks=chunks)


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


# -- a run ------------------------------------------------------------------------------------------------------------


class _Long(httpx.AsyncByteStream):
    """A body of zeros."""

    def __init__(self, size: int) -> None:
        self._size = size

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(self._size // 65_536):
            await asyncio.sleep(0)
            yield bytes(65_536)


def long_answers(mebibytes: int) -> None:
    """Prints the peak memory of a run in which every answer but the first is this long."""
    usual, before, count = MemoryTransport.handle_async_request, _peak_mib(), 0

    async def handle(self: MemoryTransport, request: httpx.Request) -> httpx.Response:
        nonlocal count
        count += 1
        response = await usual(self, request)
        if count == 1:
            return response
        body = _Long(mebibytes * MIB)
        return httpx.Response(200, headers={"content-type": "application/json"}, stream=body)

    MemoryTransport.handle_async_request = handle  # type: ignore[method-assign]
    began_s = time.process_time()
    result: Any = run("reference:transport=memory", PROFILE, model=MODEL, seed=0)[1]
    print(f"| a run whose {count - 1:,} answers have {mebibytes} MiB each | CPU s | peak MiB |\n|---|---|---|")
    print(
        f"| {len(result.exchanges):,} exchanges are judged | {time.process_time() - began_s:.1f} | {_peak_mib():.0f} |"
    )
    print(f"| before the run | | {before:.0f} |\n")


if __name__ == "__main__":
    main()
