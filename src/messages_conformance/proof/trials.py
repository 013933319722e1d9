"""Runs many trials in several processes; each result can be awaited separately."""

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

EXTRA_PROCESSES: Final = 2
"""Processes beyond the number of cores (our own choice): some faults are silent for seconds and use no core then."""

ATTEMPTS: Final = 3
"""Maximum number of attempts of a trial that went wrong while this process was paused (our own choice)."""

Key = tuple[Subject, str]


def settled(subject: Subject, depth: str, seed: int) -> Trial:
    """The trial of a subject. It is repeated when it went wrong while this process was paused."""
    for _ in range(ATTEMPTS):
        trial = try_subject(subject, depth, seed)
        if not complaint(trial) or trial.lag_s <= MAX_OBSERVER_LAG_S:
            break
    return trial


def default_jobs() -> int:
    """The default number of processes."""
    return (os.cpu_count() or 1) + EXTRA_PROCESSES


def _end_with_parent() -> None:
    """Ends this process when its parent was killed; it would wait for work forever."""

    def watch() -> None:
        parent = parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


class Trials:
    """Starts a trial for each (subject, depth) and gives access to the results."""

    def __init__(self, wanted: Iterable[Key], *, jobs: int, seed: int = 0) -> None:
        self._pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_end_with_parent)
        # Subjects that need a socket take longest, so they start first.
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
        """The trials in the order in which they end."""
        for future in as_completed(self._futures.values()):
            yield future.result()
