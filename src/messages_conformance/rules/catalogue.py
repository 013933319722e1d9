"""The catalogue: every requirement that is judged, registered by the `@rule` on the function that judges it.

A rule over one exchange is `def good_state(exchange) -> Iterable[Finding | Unverified]`; it is asked only about the
exchanges that its `applies` accepts. A rule over a whole run (`over="run"`) takes the tuple of all exchanges and yields
`Unverified` itself where its premise is missing. The docstring's first line is the requirement's sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from messages_conformance.contract import Profile
from messages_conformance.exchange import Exchange
from messages_conformance.rules.verdict import LEVELS, Finding, Unverified

TOKMODEL: Final = "tokmodel"
ANTHROPIC: Final = "anthropic"
BOTH: Final = frozenset({TOKMODEL, ANTHROPIC})
"""Families of profiles; each profile names the one whose requirements it promises."""

EXCHANGE: Final = "exchange"
RUN: Final = "run"

Outcome = Finding | Unverified
Judging = Callable[..., Iterable[Outcome]]


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """One row of the catalogue. `provoked` says in words what a suite does to see it.

    `needs` are the capabilities that a profile must offer; without them the requirement does not apply. `capability` is
    the one that the model must have too. A profile that offers `replaced_by` has another requirement in its place.
    `reads_profile` marks a rule that takes the profile as its keyword argument `profile`. `on_sight` marks what
    nobody can provoke from outside: where it does not happen, the requirement does not apply. `probed` marks a row of
    the probe table: it is judged on its own requests and on no others. `raw` marks a rule that is also asked about
    exchanges without an answer, answers that we left, and refusals of requests that are odd on the wire.
    """

    id: str
    level: str
    sentence: str
    source: str
    families: frozenset[str]
    api_version: str | None
    model_dependent: bool
    needs: frozenset[str]
    capability: str | None = None
    replaced_by: str | None = None
    reads_profile: bool = False
    on_sight: bool = False
    probed: bool = False
    raw: bool = False
    over: str
    provoked: str
    applies: Callable[[Exchange], bool]
    judge: Judging

    @property
    def topic(self) -> str:
        return self.id.partition(".")[0]

    def inapplicable(self, profile: Profile) -> str:
        """Why the profile does not ask for it; empty when it does."""
        if profile.family not in self.families:
            return f"profile {profile.name} does not promise it"
        if not profile.asks_for(self.id):
            return f"profile {profile.name} does not ask for it"
        if self.api_version is not None and self.api_version != profile.api_version:
            return f"it belongs to API version {self.api_version}"
        missing = sorted(self.needs - profile.offers)
        if missing:
            return f"profile {profile.name} does not promise {', '.join(missing)}"
        if self.replaced_by in profile.offers:
            return f"profile {profile.name} promises {self.replaced_by} instead"
        return ""


_registered: dict[str, Requirement] = {}
_reserved: set[str] = set()
CATALOGUE: Final[Mapping[str, Requirement]] = MappingProxyType(_registered)


def always(exchange: Exchange) -> bool:
    """Applies to every exchange that has a response."""
    return exchange.response is not None


def rule(
    id: str,
    level: str,
    *,
    source: str,
    families: Iterable[str] = BOTH,
    applies: Callable[[Exchange], bool] = always,
    over: str = EXCHANGE,
    api_version: str | None = None,
    model_dependent: bool = False,
    needs: Iterable[str] = (),
    capability: str | None = None,
    replaced_by: str | None = None,
    reads_profile: bool = False,
    on_sight: bool = False,
    raw: bool = False,
    provoked: str = "",
) -> Callable[[Judging], Judging]:
    """Registers the decorated function as the judge of a requirement."""

    def register(judge: Judging) -> Judging:
        sentence = (judge.__doc__ or "").strip().split("\n\n")[0].replace("\n", " ")
        add(
            Requirement(
                id=id,
                level=level,
                sentence=" ".join(sentence.split()),
                source=source,
                families=frozenset(families),
                api_version=api_version,
                model_dependent=model_dependent,
                needs=frozenset(needs),
                capability=capability,
                replaced_by=replaced_by,
                reads_profile=reads_profile,
                on_sight=on_sight,
                raw=raw,
                over=over,
                provoked=provoked,
                applies=applies,
                judge=judge,
            )
        )
        return judge

    return register


def add(requirement: Requirement) -> None:
    """Puts one row into the catalogue; refuses a second of the same id, an unknown level and a missing sentence."""
    if requirement.id in _registered:
        raise ValueError(f"requirement {requirement.id} is judged twice: merge the two functions or rename one")
    if requirement.topic in _reserved:
        raise ValueError(
            f"requirement {requirement.id}: the topic {requirement.topic!r} is the contract's; "
            f"begin the id of a rule of your own with a name of your own, such as acme.{requirement.id}"
        )
    if requirement.level not in LEVELS:
        raise ValueError(f"requirement {requirement.id}: level {requirement.level!r} is none of {', '.join(LEVELS)}")
    if not requirement.sentence or not requirement.source:
        raise ValueError(f"requirement {requirement.id} needs a sentence (its docstring) and a source")
    _registered[requirement.id] = requirement


def reserve_topics() -> None:
    """From now on only other topics can be added: the contract's own catalogue is complete."""
    _reserved.update(requirement.topic for requirement in _registered.values())


def is_ours(requirement: str) -> bool:
    """Whether the requirement is the contract's, and not a rule of a user's own."""
    return requirement.partition(".")[0] in _reserved
