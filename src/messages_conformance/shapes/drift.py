"""The differences between a kept shape and a new one."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import Final

from messages_conformance.shapes.shape import parse

NOT_KEPT: Final = "no shape is kept yet"


@dataclass(frozen=True, kw_only=True)
class Drift:
    """One changed place of one answer. `before` and `after` are types; None when the place did not exist."""

    situation: str
    path: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        if self.before is None:
            return f"{self.path} appeared: {self.after}" if self.path else NOT_KEPT
        return f"{self.path} disappeared: {self.before}" if self.after is None else self._changed()

    def _changed(self) -> str:
        return f"{self.path} changed: {self.before} -> {self.after}"


def drifts(situation: str, before: str | None, after: str) -> tuple[Drift, ...]:
    """The places that appeared, disappeared or changed. Without a kept shape, there is one drift without a place.

    When an object appeared or disappeared, the drifts contain only the object, not its members.
    """
    if before is None:
        return (Drift(situation=situation, path="", before=None, after=None),)
    old, new = parse(before), parse(after)
    removed, added = old.keys() - new.keys(), new.keys() - old.keys()
    return tuple(
        Drift(situation=situation, path=path, before=old.get(path), after=new.get(path))
        for path in sorted(old.keys() | new.keys())
        if old.get(path) != new.get(path) and not _has_parent(path, removed) and not _has_parent(path, added)
    )


def _has_parent(path: str, paths: Set[str]) -> bool:
    """Whether an object or array that contains the place is among the paths."""
    return any(path[:at] in paths for at, character in enumerate(path) if character in ".[")
