"""Processes of a comparison: a server process for the reference endpoint, and commands whose CPU time is measured."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing import get_context
from types import MappingProxyType
from typing import Any

from messages_conformance.reference import API_KEY, Settings, endpoint, serve_endpoint
from messages_conformance.reference.changes import Rewrite, Stage


class Latency:
    """A change of the endpoint that delays all answers, also refusals; its own latency delays only other answers."""

    name = "latency"
    at = Stage.RESPONSE
    also: Mapping[Stage, Rewrite] = MappingProxyType({})
    needs_socket = False

    def __init__(self, latency_s: float) -> None:
        self.rewrite: Rewrite = lambda response, context: replace(response, delay_s=response.delay_s + latency_s)


def _serve(orders: Any) -> None:
    """Serves one endpoint after another and sends back the times at which requests were complete."""
    while (order := orders.recv()) is not None:
        fault, latency_s = order
        served = endpoint(fault=fault, settings=Settings(version_required=True))
        with serve_endpoint(replace(served, changes=(*served.changes, Latency(latency_s)))) as server:
            orders.send(server.base_url)
            orders.recv()
            orders.send([one.at_s for one in server.requests])


@dataclass(frozen=True)
class Servers:
    """A server process that serves one endpoint at a time."""

    orders: Any

    @contextmanager
    def one(self, *, fault: str | None = None, latency_s: float = 0.0) -> Iterator[tuple[str, list[float]]]:
        """(address, times of the requests); the times are filled in at the end of the block."""
        times: list[float] = []
        self.orders.send((fault, latency_s))
        try:
            yield self.orders.recv(), times
        finally:
            self.orders.send("end")
            times += self.orders.recv()


@contextmanager
def servers() -> Iterator[Servers]:
    """Starts the server process and ends it at the end of the block."""
    context = get_context("spawn")
    own_end, other_end = context.Pipe()
    process = context.Process(target=_serve, args=(other_end,))
    process.start()
    try:
        yield Servers(own_end)
    finally:
        own_end.send(None)
        process.join()


@dataclass(frozen=True, kw_only=True)
class Command:
    """The cost of a command: the CPU time of it and its children, and the requests that reached the server."""

    cpu_s: float
    wall_s: float
    requests: int
    from_first_to_last_s: float

    @property
    def cpu_ms_each(self) -> float:
        """CPU milliseconds for each request."""
        return self.cpu_s * 1e3 / self.requests


def command(arguments: Sequence[str], times: list[float], ended: Any) -> Command:
    """Runs a command to its end; then `ended` closes the server, which fills in the times."""
    # Both programs are installed permanently, so both may use compiled files.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    began_s = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            arguments,
            env={**environment, "MESSAGES_API_KEY": API_KEY},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
        )
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall_s = time.perf_counter() - began_s
    ended()
    return Command(
        cpu_s=usage.ru_utime + usage.ru_stime,
        wall_s=wall_s,
        requests=len(times),
        from_first_to_last_s=max(times) - min(times) if times else 0.0,
    )
