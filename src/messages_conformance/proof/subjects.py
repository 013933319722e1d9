"""The subjects of the proof: faults in the profile that promises what they break, correct servers in all profiles.

They come from the registries of the reference endpoint, so a new fault or variant is included automatically.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from messages_conformance import contract
from messages_conformance.contract import Profile
from messages_conformance.options import INCLUDED
from messages_conformance.proof.headlines import PAIRS, own_requirements
from messages_conformance.reference import Fault, Variant, conditional_faults, faults, find_fault, variants
from messages_conformance.rules import CATALOGUE, MUST

FAULT: Final = "fault"
VARIANT: Final = "variant"
PAIR: Final = "pair"
"""The kind, and the category, of two faults in one server. Only the headline of its report is proved."""

PLAIN: Final = "plain"
"""The name of the unchanged reference endpoint, which is a correct server like any variant."""

PROFILES: Final = ("anthropic-2023-06-01", "anthropic-2026-10-21", "tokmodel", "claude-code")
"""A fault is tried in the first of these that promises what it breaks, and in each one that promises more of it."""

TOKMODEL: Final = "tokmodel"
CONDITIONAL: Final = "conditional"
"""The category of faults that occur only under a condition."""

CLAUDE_CODE: Final = "claude-code"
"""The category and the profile of faults that break only Claude Code."""

CREATED: Final = {
    "adjacent.batches.cancel": "batches",
    "adjacent.batches.life": "batches",
    "adjacent.batches.results": "batches",
    "adjacent.files.expiry": "files",
    "adjacent.files.filename": "files",
    "adjacent.files.life": "files",
    "adjacent.files.used": "files",
    "adjacent.files.wrong-type": "files",
}
"""Requirement -> the word of --include without which no run shows it."""

NEVER_SHOWN: Final = {
    "request.model.provider-prefix": "a run ends when its model is refused",
    "request.messages.content-string": "the first request of a run has a string, and the run ends when it is refused",
}
"""Rows of the probe table that no run against a fault can find, each with the reason. One rule judges all rows."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One server to be judged in one profile.

    `wanted` are the requirements that must fail, and no others may fail; it is empty for a correct server. `statement`
    is part of the statement of a run that cannot be judged. `depth` is the lowest depth that finds anything.
    `generated` is false for a fault that the suites must find without generated requests.
    """

    kind: str
    name: str
    category: str
    summary: str
    profile: str
    wanted: frozenset[str] = frozenset()
    statement: str = ""
    depth: str = "standard"
    needs_socket: bool = False
    generated: bool = True

    @property
    def included(self) -> frozenset[str]:
        """What --include names in its run: all for a correct server, and what the fault needs to be seen."""
        if self.kind == VARIANT:
            return frozenset(INCLUDED)
        return frozenset(CREATED[name] for name in self.wanted if name in CREATED)

    @property
    def target(self) -> str:
        """The target of a run, in memory when possible."""
        named = self.faults or ((self.name,) if self.name != PLAIN else ())
        parts = [f"{VARIANT if self.kind == VARIANT else FAULT}={name}" for name in named]
        return "reference:" + ",".join([*parts, *(() if self.needs_socket else ("transport=memory",))])

    @property
    def own(self) -> frozenset[str]:
        """The requirements that may be the headline of the report; empty when no requirement may fail."""
        return frozenset().union(*(own_requirements(name, self.wanted) for name in self.faults))

    @property
    def faults(self) -> tuple[str, ...]:
        """The names of the faults of the server."""
        return () if self.kind == VARIANT else tuple(self.name.split(","))

    @property
    def wanted_musts(self) -> frozenset[str]:
        """The wanted requirements whose violation fails a run in this profile."""
        softened = contract.profile(self.profile).only_warns
        return frozenset(name for name in self.wanted if CATALOGUE[name].level == MUST and not softened(name))


def subjects() -> tuple[Subject, ...]:
    """All subjects, faults first."""
    return (*_faulty(), *_pairs(), *_correct())


def untried() -> dict[str, str]:
    """Faults without a trial, each with the reason."""
    tried = {subject.name for subject in _faulty()}
    missing = "no rule judges what it breaks"
    return {name: fault.undetectable or missing for name, fault in faults().items() if name not in tried}


def rules_without_fault() -> tuple[str, ...]:
    """Requirements that no fault names: nothing proves that their rules find anything."""
    named = {name for subject in _faulty() for name in subject.wanted}
    # `proof.gateways` and `load.proving` prove the others.
    judged = {name for name, row in CATALOGUE.items() if row.topic not in ("gateway", "load")}
    return tuple(sorted(judged - named - set(NEVER_SHOWN)))


def _faulty() -> Iterator[Subject]:
    for fault in faults().values():
        for profile in _profiles_for(fault):
            yield _of_fault(fault, profile)
    for pair in conditional_faults():
        # These subjects prove that a fault is also found when it occurs only under a condition.
        yield replace(_of_fault(find_fault(pair.name), PROFILES[0]), category=CONDITIONAL)


def _pairs() -> Iterator[Subject]:
    for names in PAIRS:
        both = [find_fault(name) for name in names]
        yield Subject(
            kind=PAIR,
            name=",".join(names),
            category=PAIR,
            summary=" ".join(fault.summary for fault in both),
            profile=PROFILES[0],
            wanted=frozenset(name for fault in both for name in _broken(fault, contract.profile(PROFILES[0]))),
            needs_socket=any(fault.needs_socket for fault in both),
        )


def _of_fault(fault: Fault, profile: str) -> Subject:
    return Subject(
        kind=FAULT,
        name=fault.name,
        category=fault.category,
        summary=fault.summary,
        profile=profile,
        wanted=frozenset() if fault.statement else _broken(fault, contract.profile(profile)),
        statement=fault.statement,
        depth=fault.depth,
        needs_socket=fault.needs_socket,
        generated=fault.generated,
    )


def _profiles_for(fault: Fault) -> Iterator[str]:
    """The profiles in which a fault is tried; none for a fault that no rule can find."""
    if fault.undetectable:
        return
    if fault.statement:
        yield TOKMODEL
        return
    shown: frozenset[str] = frozenset()
    for name in (CLAUDE_CODE,) if fault.category == CLAUDE_CODE else PROFILES:
        broken = _broken(fault, contract.profile(name))
        if broken - shown:
            shown |= broken
            yield name


def _broken(fault: Fault, profile: Profile) -> frozenset[str]:
    """The requirements that the fault names and that are judged in the profile."""
    named = fault.trips_tokmodel if profile.family == TOKMODEL else fault.trips
    judged = (name for name in named if name in CATALOGUE and not CATALOGUE[name].inapplicable(profile))
    return frozenset(judged) - frozenset(NEVER_SHOWN)


def _correct() -> Iterator[Subject]:
    for profile in contract.profile_names():
        yield Subject(
            kind=VARIANT, name=PLAIN, category=PLAIN, summary="The unchanged endpoint.", profile=profile, depth="deep"
        )
        yield from (_of_variant(one, profile) for one in variants().values() if profile in one.conforms)


def _of_variant(variant: Variant, profile: str) -> Subject:
    return Subject(
        kind=VARIANT,
        name=variant.name,
        category=variant.category,
        summary=variant.summary,
        profile=profile,
        depth=variant.depth,
        needs_socket=variant.needs_socket,
    )
