"""One thing done to a valid request, at a place and for a reason that are known."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
Pointer = tuple[str | int, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Change:
    """What is done to a body: its kind, its place, the reason in words, and the requirement that answers for it.

    Kinds are delete, type, null, variant, empty, range and extra, which change the shape, and rule, which keeps it.
    """

    kind: str
    pointer: Pointer
    reason: str
    requirement: str = ""
    apply: Callable[[Json], object]

    @property
    def at(self) -> str:
        """The place as a JSON pointer (RFC 6901)."""
        return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in self.pointer)


def changed(body: Mapping[str, Any], change: Change) -> Json:
    """A copy of the body with the change made. Raises LookupError where the body has no such place."""
    copied: Json = copy.deepcopy(dict(body))
    change.apply(copied)
    return copied


def value_at(body: Any, pointer: Pointer) -> Any:
    """What a body holds at a place."""
    for step in pointer:
        body = body[step]
    return body
