"""Runs a coroutine on the thread that handles signals; an interruption of the run ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

T = TypeVar("T")

POLL_S: Final = 0.1
"""Seconds until an interruption is noticed (origin: our own). The handler of a signal sets only a flag."""

CANCEL_S: Final = 5.0
"""How long the coroutine may take to close what it opened (origin: our own)."""


def run_until_interrupted(work: Coroutine[Any, Any, T], is_interrupted: Callable[[], bool]) -> T:
    """Returns the result of the coroutine; raises KeyboardInterrupt when the run is interrupted before."""
    ended, result = asyncio.run(_first(work, is_interrupted))
    if not ended:
        raise KeyboardInterrupt
    return result[0]


async def _first(work: Coroutine[Any, Any, T], is_interrupted: Callable[[], bool]) -> tuple[bool, list[T]]:
    """Whether the coroutine ended, with its result."""
    task = asyncio.create_task(work)
    while not (await asyncio.wait({task}, timeout=POLL_S))[0]:
        if is_interrupted():
            task.cancel()
            await asyncio.wait({task}, timeout=CANCEL_S)
            return False, []
    return True, [task.result()]
