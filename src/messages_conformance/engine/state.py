"""How far a run is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class State:
    """The progress of a run. `planned` and `done` count questions and conversations; `waiting` wait out a rate limit.

    `concurrency` is the limit of requests in flight at present.
    """

    planned: int
    in_flight: int
    done: int
    waiting: int
    concurrency: int
