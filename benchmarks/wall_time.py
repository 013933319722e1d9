"""Compares the engine with a bare client: a full standard run against an endpoint that answers after 300 ms.

The run is compared with two values, measured in turns in the same process. The ideal is the sum of all answer times
divided by the concurrency. The bare client is an httpx.AsyncClient that sends the same requests with the same
concurrency. The time is from the first request to the last answer, without the start of pytest.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import multiprocessing
import os
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from rich.console import Console

from messages_conformance.exchange import KEY_PLACEHOLDER, Ask, Exchange, Request
from messages_conformance.generate import Dialogue, GeneratedSet
from messages_conformance.proof import suite_requests
from messages_conformance.reference import API_KEY, Settings, serve
from messages_conformance.run import Options, Run

PROFILE = "anthropic-2023-06-01"
MODEL = "reference-1"
REPEATS = 3
AIM = 1.3
"""The maximum ratio of the time of the engine to that of the bare client (our own goal)."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One repetition. `ideal_s` uses the answer times of the engine; `cpu_s` is the CPU time of sending and judging."""

    engine_s: float
    after_first_s: float
    ideal_s: float
    bare_s: float
    cpu_s: float
    bare_cpu_s: float
    requests: int


# -- the endpoint, in a process of its own --------------------------------------------------------------------------


def _serve(latency_s: float, address: Any) -> None:
    with serve(settings=Settings(latency_s=latency_s, version_required=True)) as server:
        address.send(server.base_url)
        address.recv()


@contextmanager
def endpoint(latency_s: float) -> Iterator[str]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(latency_s, theirs))
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send("end")
        process.join()


# -- one run by the engine, and by a bare client --------------------------------------------------------------------


def by_engine(address: str, concurrency: int) -> tuple[Exchange, ...]:
    """All exchanges of a run; they are also judged, as in every run."""
    options = Options(target=address, profile=PROFILE, model=MODEL, concurrency=concurrency)
    run = Run(options, out=Console(file=io.StringIO()))
    # Requests in an unusual form are left out: a bare client cannot send them.
    wanted = [what for what in suite_requests() if run.wants(what) and not (isinstance(what, Ask) and what.wire)]
    asks = [what for what in wanted if isinstance(what, Ask)]
    dialogues = [what for what in wanted if isinstance(what, Dialogue)]
    generated = [what for what in wanted if isinstance(what, GeneratedSet)]
    run.begin(asks, dialogues, generated)
    for what in wanted:
        run.judged(run.exchanges(what))
    code = run.finish()
    assert code == 0, run.out.file.getvalue()  # type: ignore[attr-defined]
    assert run.result is not None
    return tuple(run.result.exchanges.values())


async def by_bare_client(address: str, requests: Sequence[Request], concurrency: int) -> float:
    """Seconds that httpx needs for the same requests; it reads the whole bodies."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    slots = asyncio.Semaphore(concurrency)
    async with httpx.AsyncClient(limits=limits, timeout=60, trust_env=False) as client:

        async def send(request: Request) -> None:
            headers = [(name, value.replace(KEY_PLACEHOLDER, API_KEY)) for name, value in request.headers]
            async with slots:
                await client.request(request.method, address + request.path, headers=headers, content=request.body)

        began_s = time.perf_counter()
        await asyncio.gather(*map(send, requests))
        return time.perf_counter() - began_s


def sample(address: str, concurrency: int) -> Sample:
    began_cpu_s = time.process_time()
    exchanges = [exchange for exchange in by_engine(address, concurrency) if not exchange.request.wire]
    cpu_s = time.process_time() - began_cpu_s
    answered = [(exchange.started_s, exchange.response) for exchange in exchanges if exchange.response is not None]
    ends = [started_s + response.ended_at_s for started_s, response in answered]
    starts = sorted(started_s for started_s, _ in answered)
    began_cpu_s = time.process_time()
    bare_s = asyncio.run(by_bare_client(address, [exchange.request for exchange in exchanges], concurrency))
    return Sample(
        engine_s=max(ends) - starts[0],
        after_first_s=max(ends) - starts[1],
        ideal_s=sum(response.ended_at_s for _, response in answered) / concurrency,
        bare_s=bare_s,
        cpu_s=cpu_s,
        bare_cpu_s=time.process_time() - began_cpu_s,
        requests=len(exchanges),
    )


# -- the table ------------------------------------------------------------------------------------------------------


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=float, default=0.3, help="seconds before each answer (default: 0.3)")
    parser.add_argument("--concurrency", type=int, default=16)
    options = parser.parse_args()
    os.environ["MESSAGES_API_KEY"] = API_KEY
    with endpoint(options.latency) as address:
        samples = [sample(address, options.concurrency) for _ in range(REPEATS)]

    def median(name: str) -> float:
        return float(statistics.median(getattr(one, name) for one in samples))

    def ratio(of: str, over: str) -> float:
        return float(statistics.median(getattr(one, of) / getattr(one, over) for one in samples))

    over_bare = ratio("engine_s", "bare_s")
    print(f"{samples[0].requests} requests, {options.latency:g} s of latency, {options.concurrency} at once")
    print(f"medians of {REPEATS} interleaved repetitions\n")
    print(
        f"{'engine, first question to last answer':<42} {median('engine_s'):6.2f} s   {median('cpu_s'):5.2f} s of CPU"
    )
    print(f"{'engine, without the first question':<42} {median('after_first_s'):6.2f} s")
    print(f"{'bare httpx, the same requests':<42} {median('bare_s'):6.2f} s   {median('bare_cpu_s'):5.2f} s of CPU")
    print(f"{'ideal, sum of answer times / concurrency':<42} {median('ideal_s'):6.2f} s\n")
    print(f"engine / bare httpx                        {over_bare:6.2f}     the goal is at most {AIM}")
    print(f"engine w/o the first question / bare httpx {ratio('after_first_s', 'bare_s'):6.2f}")
    print(f"engine / ideal                             {ratio('engine_s', 'ideal_s'):6.2f}")
    print(f"bare httpx / ideal                         {ratio('bare_s', 'ideal_s'):6.2f}\n")
    print(
        f"The engine is {'within' if over_bare <= AIM else 'ABOVE'} its goal. A run sends one plain question before all"
    )
    print(
        "others, so that a wrong key or address costs one request. The wait for it is the difference between the first"
    )
    print("and the second ratio. The steps of a conversation also wait for each other. The bare client does not wait.")


if __name__ == "__main__":
    main()
