"""How often Python searches for garbage in a process that judges exchanges."""

from __future__ import annotations

import gc
from typing import Final

NEW_OBJECTS: Final = 50_000
"""A search starts after this many new objects; Python's own number is 700. The events of one stream are thousands of
objects and no garbage. With 700, the search takes a tenth to a fifth of the time of a load test (measured)."""


def search_rarely() -> None:
    """Collects garbage from now on, seldom, and without the objects that exist now, such as imported modules."""
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, 20, 20)
    gc.enable()
