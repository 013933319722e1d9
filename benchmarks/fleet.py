"""What a cell of a fleet costs: `run --all` over many models of one server, against the same requests sent bare.

    python benchmarks/fleet.py [--cells 200] [--jobs 2] [--latency-ms 50]

The server is the reference endpoint in another process; it waits before each answer. The bare client sends the requests
of one cell again and again, with as many at once as the cells that run at the same time have together, and judges
nothing. Look at the ratios: on a busy machine both take longer.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
from processes import servers

from messages_conformance import report
from messages_conformance.engine import DEFAULT_CONCURRENCY
from messages_conformance.exchange import KEY_PLACEHOLDER, Request
from messages_conformance.reference import API_KEY

MODEL = "reference-1"


def fleet(url: str, cells: int, jobs: int, folder: Path) -> tuple[float, float, float]:
    """(wall seconds, CPU seconds, peak MiB of the largest process) of `run --all`."""
    targets = "".join(f'[targets.cell-{number}]\ntarget = "{url}"\n' for number in range(cells))
    (folder / "fleet.toml").write_text(f'depth = "smoke"\nmodel = "{MODEL}"\n{targets}')
    command = [sys.executable, "-m", "messages_conformance", "run", "--all", "--jobs", str(jobs)]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before, began_s = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(
        [*command, "--config", "fleet.toml", "--report", "out"],
        cwd=folder,
        env={**environment, "MESSAGES_API_KEY": API_KEY},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.monotonic() - began_s, cpu_s, after.ru_maxrss / 1024


def requests_of(folder: Path) -> list[Request]:
    """The requests of one cell that httpx can send."""
    found = report.read(folder / "out" / "cell-0" / "exchanges.jsonl")
    return [exchange.request for exchange in found if not exchange.request.wire]


async def bare(url: str, requests: list[Request], cells: int, at_once: int) -> None:
    """Sends all requests, so many at once."""
    turns = asyncio.Semaphore(at_once)
    async with httpx.AsyncClient(base_url=url, limits=httpx.Limits(max_connections=None), timeout=60) as client:

        async def send(request: Request) -> None:
            headers: Any = [(name, value.replace(KEY_PLACEHOLDER, API_KEY)) for name, value in request.headers]
            async with turns:
                await client.request(request.method, request.path, headers=headers, content=request.body)

        await asyncio.gather(*(send(request) for _ in range(cells) for request in requests))


def main(cells: int, jobs: int, latency_s: float) -> None:
    """Prints the table."""
    with servers() as started, tempfile.TemporaryDirectory() as name:
        with started.one(latency_s=latency_s) as (url, _):
            wall_s, cpu_s, peak = fleet(url, cells, jobs, Path(name))
        requests = requests_of(Path(name))
        with started.one(latency_s=latency_s) as (url, _):
            began_s, cpu_began_s = time.monotonic(), time.process_time()
            asyncio.run(bare(url, requests, cells, jobs * DEFAULT_CONCURRENCY))
            bare_s, bare_cpu_s = time.monotonic() - began_s, time.process_time() - cpu_began_s
    print(f"| {cells:,} smoke cells, {jobs} jobs, {latency_s * 1e3:g} ms | wall s | CPU s | CPU s of a cell |")
    print("|---|---|---|---|")
    for title, wall, cpu in (("run --all", wall_s, cpu_s), ("bare httpx", bare_s, bare_cpu_s)):
        print(f"| {title}, {len(requests):,} requests a cell | {wall:.1f} | {cpu:.1f} | {cpu / cells:.3f} |")
    print(
        f"| ratio | {wall_s / bare_s:.2f} | {cpu_s / bare_cpu_s:.1f} | |\n\npeak of the largest process: {peak:.0f} MiB"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--latency-ms", type=float, default=50.0)
    given = parser.parse_args()
    main(given.cells, given.jobs, given.latency_ms / 1e3)
