"""Runs cells in processes, at most a given number at once, and reports each when it ends."""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import IO, Final, Protocol
from urllib.parse import urlsplit

from messages_conformance.fleet.cells import Cell

POLL_S: Final = 0.02
"""How often ended processes are looked for (our own: a tenth of the shortest run)."""

OUTPUT_BYTES: Final = 1024 * 1024
"""How much of the output of a cell is kept (our own; a report of a run takes a hundredth)."""


class Process(Protocol):
    """A process that can be asked whether it has ended."""

    def poll(self) -> int | None:
        """The exit code; None while it runs."""


class Child(Protocol):
    """A started run: `wait` returns the exit code of its verdict."""

    @property
    def process(self) -> Process:
        """The process of the run."""

    def wait(self) -> int:
        """The exit code of the verdict."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A cell that has ended, with its exit code, its output and the seconds that it took."""

    cell: Cell
    code: int
    output: str
    elapsed_s: float


@dataclass(frozen=True, kw_only=True)
class _Running:
    cell: Cell
    child: Child
    output: IO[bytes]
    began_s: float
    worker: int


def run_cells(
    cells: Iterable[Cell],
    *,
    jobs: int,
    start: Callable[[Cell, IO[bytes], int], Child],
    ended: Callable[[Ended], None],
    freed: Callable[[int], None],
    stopped: Callable[[], bool],
    blocked: Callable[[], AbstractContextManager[None]],
) -> tuple[Cell, ...]:
    """Runs the cells and calls `ended` for each; returns those that were never started, because `stopped` became true.

    `start` gets the cell, the file of its output and the number of its worker, which `freed` gives back. `blocked`
    holds signals up while a process starts.
    """
    waiting, workers = deque(cells), deque(range(jobs))
    running: list[_Running] = []
    while running or (waiting and not stopped()):
        while waiting and workers and not stopped():
            cell, worker = waiting.popleft(), workers.popleft()
            output = tempfile.TemporaryFile()  # noqa: SIM115 (closed when the cell has ended)
            with blocked():
                child = start(cell, output, worker)
            running.append(_Running(cell=cell, child=child, output=output, began_s=time.monotonic(), worker=worker))
        over = [one for one in running if one.child.process.poll() is not None]
        for one in over:
            running.remove(one)
            code = one.child.wait()
            freed(one.worker)
            workers.append(one.worker)
            with one.output:
                ended(_ended(one, code))
        if not over:
            time.sleep(POLL_S)
    return tuple(waiting)


def _ended(one: _Running, code: int) -> Ended:
    one.output.seek(0)
    text = one.output.read(OUTPUT_BYTES).decode("utf-8", "replace")
    return Ended(cell=one.cell, code=code, output=text, elapsed_s=time.monotonic() - one.began_s)


def spread(cells: Sequence[Cell]) -> tuple[Cell, ...]:
    """The cells in an order in which neighbours have different servers, so that none is asked by all jobs at once."""
    servers: dict[str, deque[Cell]] = defaultdict(deque)
    for cell in cells:
        servers[server_of(cell)].append(cell)
    order: list[Cell] = []
    while servers:
        for server in list(servers):
            order.append(servers[server].popleft())
            if not servers[server]:
                del servers[server]
    return tuple(order)


def server_of(cell: Cell) -> str:
    """The host and port of a cell; the whole target where it is no URL."""
    target = str(cell.value("target") or "")
    if not target.startswith(("http://", "https://")):
        return target
    try:
        parts = urlsplit(target)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return target
    return f"{(parts.hostname or '').lower()}:{port}"
