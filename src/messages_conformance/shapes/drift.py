"""What differs between a kept shape and the one that was seen."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import Final

from messages_conformance.shapes.shape import parse

NOT_KEPT: Final = "no shape is kept yet"


@dataclass(frozen=True, kw_only=True)
class Drift:
    """One place of one answer that is not as it was. `before` and `after` are types; None where there was nothing."""

    situation: str
    path: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        if self.before is None:
            return f"{self.path} appeared: {self.after}" if self.path else NOT_KEPT
        return f"{self.path} vanished: {self.before}" if self.after is None else self._changed()

    def _changed(self) -> str:
        return f"{self.path} changed: {self.before} -> {self.after}"


def drifts(situation: str, before: str | None, after: str) -> tuple[Drift, ...]:
    """What appeared, vanished or changed, by place; one drift without a place when there is nothing to compare with.

    Of an object that appeared or vanished only the object itself is told, not its members.
    """
    if before is None:
        return (Drift(situation=situation, path="", before=None, after=None),)
    old, new = parse(before), parse(after)
    gone, came = old.keys() - new.keys(), new.keys() - old.keys()
    return tuple(
        Drift(situation=situation, path=path, before=old.get(path), after=new.get(path))
        for path in sorted(old.keys() | new.keys())
        if old.get(path) != new.get(path) and not _has_parent(path, gone) and not _has_parent(path, came)
    )


def _has_parent(path: str, paths: Set[str]) -> bool:
    """Whether an object or array around the place is among the paths."""
    return any(path[:at] in paths for at, character in enumerate(path) if character in ".[")
