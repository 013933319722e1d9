"""Many trials, spread over processes; each result can be waited for by itself."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from multiprocessing import get_context, parent_process
from types import TracebackType
from typing import Final, Self

from messages_conformance.proof.matrix import complaint
from messages_conformance.proof.subjects import Subject
from messages_conformance.proof.trial import Trial, try_subject
from messages_conformance.rules.recording_parts import MAX_OBSERVER_LAG_S

WAITING: Final = 2
"""Processes beyond the number of cores: some faults keep silent for seconds, in which another run can use the core."""

ATTEMPTS: Final = 3
"""A trial that went wrong while the machine stood still says nothing: it is tried again, so often in all."""

Key = tuple[Subject, str]


def settled(subject: Subject, depth: str, seed: int) -> Trial:
    """The trial of a subject, undisturbed where that could be had."""
    for _ in range(ATTEMPTS):
        trial = try_subject(subject, depth, seed)
        if not complaint(trial) or trial.lag_s <= MAX_OBSERVER_LAG_S:
            break
    return trial


def default_jobs() -> int:
    return (os.cpu_count() or 1) + WAITING


def _end_with_parent() -> None:
    """Lets no process outlive a proof that was killed: each would wait for work for ever."""

    def watch() -> None:
        parent = parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


class Trials:
    """Starts a trial for every (subject, depth) at once, and hands out the results."""

    def __init__(self, wanted: Iterable[Key], *, jobs: int, seed: int = 0) -> None:
        self._pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_end_with_parent)
        # What keeps silent takes longest: it begins first.
        first = sorted(dict.fromkeys(wanted), key=lambda key: not key[0].needs_socket)
        self._futures: dict[Key, Future[Trial]] = {
            (subject, depth): self._pool.submit(settled, subject, depth, seed) for subject, depth in first
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def __len__(self) -> int:
        return len(self._futures)

    def __getitem__(self, key: Key) -> Trial:
        return self._futures[key].result()

    def as_they_end(self) -> Iterator[Trial]:
        for future in as_completed(self._futures.values()):
            yield future.result()
