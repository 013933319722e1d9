"""The registry of variants. Every module in the folder `variants` is imported when the list is first needed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from messages_conformance.reference.changes import Rewrite, Stage, summary_of, with_context
from messages_conformance.reference.lookup import find, import_modules

ALL_PROFILES: Final = frozenset({"tokmodel", "anthropic-2023-06-01", "anthropic-2026-10-21", "claude-code"})
ANTHROPIC: Final = frozenset({"anthropic-2023-06-01", "anthropic-2026-10-21"})
TOKMODEL: Final = frozenset({"tokmodel"})
NOT_TOKMODEL: Final = ALL_PROFILES - TOKMODEL
LENIENT: Final = frozenset({"tokmodel", "claude-code"})
"""Profiles that promise less than the full contract, so that more variants conform to them."""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One permitted difference: what it rewrites, and the profiles to which it conforms."""

    name: str
    at: Stage
    conforms: frozenset[str]
    """The names of the profiles in which no requirement may fail."""
    summary: str
    rewrite: Rewrite = field(repr=False)
    also: Mapping[Stage, Rewrite] = field(default_factory=dict, repr=False)
    """What the variant rewrites at other stages."""
    needs_socket: bool = False
    """Whether the difference exists only on a real connection; the transport in memory cannot show it."""
    depth: str = "standard"
    """The lowest depth at which a run shows the difference."""

    @property
    def category(self) -> str:
        """The name of the stage that the variant rewrites."""
        return str(self.at)


Function = Callable[..., Any]
_VARIANTS: dict[str, Variant] = {}


def variant(
    *,
    at: Stage,
    conforms: Iterable[str] = ALL_PROFILES,
    also: Mapping[Stage, Function] | None = None,
    needs_socket: bool = False,
    depth: str = "standard",
) -> Callable[[Function], Function]:
    """Declares a variant. The function gives its name; the first line of the docstring is its summary.

    Raises TypeError if the name is already used, or if the function has no docstring.
    """

    def declare(function: Function) -> Function:
        name = function.__name__
        if name in _VARIANTS:
            raise TypeError(f"two variants are named {name}")
        _VARIANTS[name] = Variant(
            name=name,
            at=at,
            conforms=frozenset(conforms),
            summary=summary_of(function),
            rewrite=with_context(function),
            also={stage: with_context(other) for stage, other in (also or {}).items()},
            needs_socket=needs_socket,
            depth=depth,
        )
        return function

    return declare


@cache
def variants() -> Mapping[str, Variant]:
    """All variants by name, in alphabetical order."""
    import_modules("messages_conformance.reference.variants")
    return MappingProxyType(dict(sorted(_VARIANTS.items())))


def find_variant(name: str) -> Variant:
    """The variant with that name. LookupError suggests similar names."""
    return find("variant", name, variants())
