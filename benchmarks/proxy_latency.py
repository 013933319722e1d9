"""How much later does a chunk arrive through the proxy? One stream at a time, and eight at once.

An upstream in another process writes the time into each chunk; one client reads the stream directly, then through the
proxy, in turns. Both clocks are the monotonic clock of this machine. It prints the delay of a chunk in ms (median and
95th percentile), and what the proxy adds to it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import re
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx

CHUNKS = 150
GAP_S = 0.01
DELTA = (
    b"event: content_block_delta\n"
    b'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"%d"}}\n\n'
)
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"


async def stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers one request with CHUNKS events; each holds the time at which it was written, in ns."""
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(HEAD)
        for _ in range(CHUNKS):
            event = DELTA % time.monotonic_ns()
            writer.write(b"%x\r\n%s\r\n" % (len(event), event))
            await writer.drain()
            await asyncio.sleep(GAP_S)
        writer.write(b"0\r\n\r\n")
        await writer.drain()
    writer.close()


async def serve() -> None:
    """Prints the port and serves until the process is ended."""
    server = await asyncio.start_server(stream, "127.0.0.1", 0)
    print(f"listening on http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    with contextlib.suppress(asyncio.CancelledError):
        await server.serve_forever()


async def delays(url: str) -> AsyncIterator[float]:
    """The delay of each chunk of one stream in ms."""
    async with httpx.AsyncClient(timeout=60) as client:
        body = {"model": "m", "max_tokens": 9, "stream": True, "messages": [{"role": "user", "content": "Hi"}]}
        async with client.stream("POST", f"{url}/v1/messages", json=body) as response:
            async for data in response.aiter_raw():
                now = time.monotonic_ns()
                for sent in re.findall(rb'"text":"(\d+)"', data):
                    yield (now - int(sent)) / 1e6


async def measured(url: str, at_once: int) -> list[float]:
    """The delays of all chunks of several streams at once."""

    async def one() -> list[float]:
        return [delay async for delay in delays(url)]

    return [delay for found in await asyncio.gather(*(one() for _ in range(at_once))) for delay in found]


@contextlib.contextmanager
def process(*command: str) -> Iterator[str]:
    """A process that says on which port it listens: `listening on http://127.0.0.1:PORT`."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parent.parent / "src")}
    started = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert started.stdout is not None
    try:
        yield next(port[1] for line in started.stdout if (port := re.match(r"listening on http://[\d.]+:(\d+)", line)))
    finally:
        started.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            started.wait(10)
        started.kill()


def row(name: str, found: list[float]) -> float:
    """Prints one line and returns the median."""
    found.sort()
    middle, late = statistics.median(found), found[int(0.95 * len(found))]
    print(f"| {name} | {middle:.2f} | {late:.2f} |")
    return middle


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if options.serve:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(serve())
        return
    with process(sys.executable, __file__, "--serve") as upstream:
        proxy = (
            sys.executable,
            "-u",
            "-m",
            "messages_conformance",
            "proxy",
            "--upstream",
            f"http://127.0.0.1:{upstream}",
        )
        with process(*proxy, "--port", "0") as port:
            for at_once in (1, 8):
                direct: list[float] = []
                passed: list[float] = []
                for _ in range(options.rounds):
                    direct += asyncio.run(measured(f"http://127.0.0.1:{upstream}", at_once))
                    passed += asyncio.run(measured(f"http://127.0.0.1:{port}", at_once))
                print(f"\n| streams at once: {at_once} | median ms | 95th percentile ms |\n|---|---|---|")
                added = row("through the proxy", passed) - row("direct", direct)
                print(f"The proxy adds {added:.2f} ms to a chunk.")


if __name__ == "__main__":
    main()
