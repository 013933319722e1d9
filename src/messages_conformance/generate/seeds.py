"""Generates values from seeds: the same seed gives the same value, whatever was generated before.

The runner of Hypothesis generates from one stream, learns from what the test does, and takes constants from the source
files of the user. None of that may decide what a paid run sends. Its documented entry for external fuzzers takes bytes
from us instead, so that each value depends on its seed only. The same version of Hypothesis is still needed, because it
decides which value the bytes give.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, Final

from hypothesis import given, settings
from hypothesis.strategies import SearchStrategy

BYTES: Final = 8192
"""The bytes for one value; Hypothesis reads no more (internal/conjecture/engine.py, BUFFER_SIZE)."""

TRIES: Final = 32
"""A long value may need more bytes than there are. So many other byte strings are tried then."""


def seeded(strategy: SearchStrategy[Any]) -> Callable[[str], Any]:
    """A function that returns one value of the strategy for a seed."""
    values: list[Any] = []

    @settings(database=None, deadline=None)
    @given(strategy)
    def keep(value: Any) -> None:
        values.append(value)

    read = keep.hypothesis.fuzz_one_input  # type: ignore[attr-defined]

    def generate(seed: str) -> Any:
        for attempt in range(TRIES):
            values.clear()
            if read(Random(f"{seed}/{attempt}").randbytes(BYTES)) is not None:
                return values.pop()
        raise AssertionError(
            f"{TRIES} times in a row nothing could be generated from {seed!r}: the strategy is too large"
        )

    return generate
