"""The tables of clients in the reports of runs against faults, made in other processes while the clients run."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field

from messages_conformance.clients.predictions import predicted
from messages_conformance.report.clients import ClientStatus

Key = tuple[str, str]


def _pool() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(max(1, (os.cpu_count() or 1) - 1), multiprocessing.get_context("spawn"))


@dataclass(frozen=True, kw_only=True, eq=False)
class PredictedTables:
    """(fault, profile) -> the table of clients, each made once. Used in a `with` block."""

    _executor: ProcessPoolExecutor = field(default_factory=_pool)
    _begun: dict[Key, Future[tuple[ClientStatus, ...]]] = field(default_factory=dict)

    def __enter__(self) -> PredictedTables:
        return self

    def __exit__(self, *error: object) -> None:
        self._executor.shutdown(cancel_futures=True)

    def begin(self, faults: Sequence[str], profile: str) -> None:
        """Begins to make the tables that are not made yet."""
        for fault in faults:
            if (fault, profile) not in self._begun:
                self._begun[fault, profile] = self._executor.submit(predicted, fault, profile)

    def table(self, fault: str, profile: str) -> tuple[ClientStatus, ...]:
        """The table; waits until it is made."""
        self.begin((fault,), profile)
        return self._begun[fault, profile].result()
