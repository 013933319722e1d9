"""The catalogue: every requirement that is judged, registered by the `@rule` on the function that judges it.

A rule over one exchange is `def good_state(exchange) -> Iterable[Finding | Unverified]`; the judge asks it only about
the exchanges that its `applies` accepts. A rule over a whole run (`over="run"`) takes the tuple of all exchanges and
has no `applies`. It yields `Unverified` itself when a precondition is missing. Both are asked only about exchanges that
have all parts of a recording that the rule `reads`. The docstring's first line is the requirement's sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from messages_conformance.contract import Profile
from messages_conformance.exchange import Exchange, RecordingPart
from messages_conformance.rules.verdict import LEVELS, Finding, Unverified

TOKMODEL: Final = "tokmodel"
ANTHROPIC: Final = "anthropic"
BOTH: Final = frozenset({TOKMODEL, ANTHROPIC})
"""Families of profiles; each profile belongs to one, whose requirements it promises."""

LEAKS: Final = "leaks"
BREAKS: Final = "breaks"
LOSES: Final = "loses"
MISBILLS: Final = "misbills"
MISLEADS: Final = "misleads"
HIDES: Final = "hides"
DRIFTS: Final = "drifts"
HARM_MEANINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        LEAKS: "a key or another caller's data is exposed",
        BREAKS: "a client fails or hangs",
        LOSES: "content, arguments or the stop reason are lost or changed silently",
        MISBILLS: "usage or caching is counted wrongly",
        MISLEADS: "errors and retries are handled wrongly, or there is nothing to report to support",
        HIDES: "a mistake of the caller is accepted, and causes trouble elsewhere",
        DRIFTS: "it differs from the documented form, and no client is known to mind",
    }
)
"""What a violation does, the worst first, in words."""

HARMS: Final = tuple(HARM_MEANINGS)
"""What a violation does, the worst first."""

EXCHANGE: Final = "exchange"
RUN: Final = "run"

LOAD_TOPIC: Final = "load"
"""The topic of the requirements that only exchanges of a load test can show."""

Outcome = Finding | Unverified
Judging = Callable[..., Iterable[Outcome]]


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """One row of the catalogue. `provoked` says what the suites do to observe it.

    `needs` are capabilities that the profile must offer; without them the requirement does not apply. `capability` is
    one that the model must have too: if the target refuses it cleanly, the requirement does not apply. A profile that
    offers `replaced_by` has another requirement in its place. `reads_profile` marks a rule that takes the profile as
    its keyword argument `profile`. `reads` are the parts of a recording that the rule needs. `harm` is what a violation
    does, one of HARMS. `on_sight` marks what a client cannot provoke: if it does not happen, the requirement does not
    apply. `probed` marks a row of the probe table: it is judged on its own requests only. `raw` marks a rule that is
    also asked about exchanges without an answer, answers that we left, and refusals of requests that are odd on the
    wire.
    """

    id: str
    level: str
    harm: str
    sentence: str
    source: str
    families: frozenset[str]
    api_version: str | None
    model_dependent: bool
    needs: frozenset[str]
    capability: str | None = None
    replaced_by: str | None = None
    reads_profile: bool = False
    reads: frozenset[RecordingPart] = frozenset()
    on_sight: bool = False
    probed: bool = False
    raw: bool = False
    over: str
    provoked: str
    applies: Callable[[Exchange], bool]
    judge: Judging

    @property
    def topic(self) -> str:
        """The first part of the id: `stream` for `stream.order.message-stop-last`."""
        return self.id.partition(".")[0]

    def inapplicable(self, profile: Profile) -> str:
        """Why the profile does not require it; empty when it does."""
        if profile.family not in self.families:
            return f"profile {profile.name} does not promise it"
        if not profile.includes(self.id):
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


def rule(
    id: str,
    level: str,
    *,
    harm: str = "",
    source: str,
    families: Iterable[str] = BOTH,
    applies: Callable[[Exchange], bool] | None = None,
    over: str = EXCHANGE,
    reads: Iterable[RecordingPart] = (),
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
    """Registers the decorated function as the judge of a requirement.

    `harm` is one of HARMS. Only a user's own rule may omit it; the value is then `drifts`.

    Raises ValueError for a row that is incomplete or contradicts itself; the message names the requirement and the
    argument.
    """
    if (over == RUN) != (applies is None):
        hint = "a rule over a run has no applies" if over == RUN else "say which exchanges it judges: applies=answered"
        raise ValueError(f"requirement {id}: {hint}")

    def register(judge: Judging) -> Judging:
        sentence = (judge.__doc__ or "").strip().split("\n\n")[0].replace("\n", " ")
        add(
            Requirement(
                id=id,
                level=level,
                harm=harm or (DRIFTS if _reserved else ""),
                sentence=" ".join(sentence.split()),
                source=source,
                families=frozenset(families),
                api_version=api_version,
                model_dependent=model_dependent,
                needs=frozenset(needs),
                capability=capability,
                replaced_by=replaced_by,
                reads_profile=reads_profile,
                reads=frozenset(reads),
                on_sight=on_sight,
                raw=raw,
                over=over,
                provoked=provoked,
                applies=applies or _judged_over_a_run,
                judge=judge,
            )
        )
        return judge

    return register


def _judged_over_a_run(_: Exchange) -> bool:
    return False


def add(requirement: Requirement) -> None:
    """Puts one row into the catalogue.

    Raises ValueError for a second row with the same id, a reserved topic, or an unknown level or harm. The same for a
    row without a sentence or a source.
    """
    if requirement.id in _registered:
        raise ValueError(f"requirement {requirement.id} is judged twice: merge the two functions or rename one")
    if requirement.topic in _reserved:
        raise ValueError(
            f"requirement {requirement.id}: the topic {requirement.topic!r} belongs to the contract; "
            f"begin the id of your own rule with your own name, such as acme.{requirement.id}"
        )
    if requirement.level not in LEVELS:
        raise ValueError(f"requirement {requirement.id}: level {requirement.level!r} is none of {', '.join(LEVELS)}")
    if requirement.harm not in HARMS:
        raise ValueError(f"requirement {requirement.id}: {_harm_problem(requirement)} {', '.join(HARMS)}")
    if not requirement.sentence or not requirement.source:
        raise ValueError(f"requirement {requirement.id} needs a sentence (its docstring) and a source")
    _registered[requirement.id] = requirement


def _harm_problem(requirement: Requirement) -> str:
    if requirement.harm:
        return f"harm {requirement.harm!r} is none of"
    if requirement.probed:
        return 'in suites/probes.toml, add a line such as harm = "hides" below its level; the value is one of'
    return "add an argument such as harm=BREAKS to its @rule; the value is one of"


def reserve_topics() -> None:
    """Closes the topics of the contract: rules that are added later need a topic of their own."""
    _reserved.update(requirement.topic for requirement in _registered.values())


def is_ours(requirement: str) -> bool:
    """Whether the requirement belongs to the contract, and not to a user's own rules."""
    return requirement.partition(".")[0] in _reserved
