"""Draws by seed: the same seed and number give the same value, whatever was drawn before and whatever is installed.

Hypothesis' own runner draws from one stream, learns from what the test does, and takes constants out of the user's
source files; none of that may decide what a paid run asks. Its documented entry for external fuzzers takes the bytes
from us instead, so that each value stands for itself and can be drawn again alone. The same version of Hypothesis is
still needed, for it decides what bytes mean.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, Final

from hypothesis import given, settings
from hypothesis.strategies import SearchStrategy

BYTES: Final = 8192
"""What one value is drawn from; Hypothesis reads no more (internal/conjecture/engine.py, BUFFER_SIZE)."""

TRIES: Final = 32
"""Bytes may run out in the middle of a long value; others are taken then."""


def seeded(strategy: SearchStrategy[Any]) -> Callable[[str], Any]:
    """A function from a seed to one value of the strategy."""
    values: list[Any] = []

    @settings(database=None, deadline=None)
    @given(strategy)
    def keep(value: Any) -> None:
        values.append(value)

    read = keep.hypothesis.fuzz_one_input  # type: ignore[attr-defined]

    def draw(seed: str) -> Any:
        for attempt in range(TRIES):
            values.clear()
            if read(Random(f"{seed}/{attempt}").randbytes(BYTES)) is not None:
                return values.pop()
        raise AssertionError(f"{TRIES} times in a row nothing could be drawn from {seed!r}: the strategy is too large")

    return draw
