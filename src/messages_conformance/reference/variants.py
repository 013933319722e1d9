"""Correct servers that differ where the contract leaves freedom; nobody may be told that one of them is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from messages_conformance.reference.changes import Rewrite, Stage, summary_of, two_handed
from messages_conformance.reference.registry import find

ALL_PROFILES = frozenset({"tokmodel", "anthropic-2023-06-01", "anthropic-2026-10-21"})


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One freedom taken: what it rewrites, and the profiles under which it is correct."""

    name: str
    at: Stage
    conforms: frozenset[str]
    summary: str
    rewrite: Rewrite = field(repr=False)


_VARIANTS: dict[str, Variant] = {}
Function = Callable[..., Any]


def variant(*, at: Stage, conforms: Iterable[str] = ALL_PROFILES) -> Callable[[Function], Function]:
    """Declares a variant: the function's name is its name, its docstring's first line what differs."""

    def declare(function: Function) -> Function:
        name = function.__name__
        if name in _VARIANTS:
            raise TypeError(f"two variants are named {name}")
        _VARIANTS[name] = Variant(
            name=name,
            at=at,
            conforms=frozenset(conforms),
            summary=summary_of(function),
            rewrite=two_handed(function),
        )
        return function

    return declare


def variants() -> Mapping[str, Variant]:
    """All variants by name, in alphabetical order."""
    return MappingProxyType(dict(sorted(_VARIANTS.items())))


def find_variant(name: str) -> Variant:
    """The variant of that name; LookupError names near matches."""
    return find("variant", name, variants())
