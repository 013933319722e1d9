"""A change that makes a valid request invalid, with its place and its reason."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
"""A JSON object."""

Pointer = tuple[str | int, ...]
"""A place in a JSON value: member names and item indexes."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Change:
    """A change of a body: its kind, its place, the reason in words, and the requirement that it falls under.

    The kinds delete, type, null, variant, empty, range and extra change the shape; the kind rule keeps it. `apply`
    changes a body in place.
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
    """A changed copy of the body. Raises LookupError where the body has no such place."""
    copied: Json = copy.deepcopy(dict(body))
    change.apply(copied)
    return copied


def value_at(body: Any, pointer: Pointer) -> Any:
    """The value at a place of a body. Raises LookupError where there is none."""
    for step in pointer:
        body = body[step]
    return body
