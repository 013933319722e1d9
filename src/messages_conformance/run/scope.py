"""What a run asks: the asks and dialogues that depth, profile and selection leave, and which of them matter most."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Final, Protocol

from messages_conformance import contract, report
from messages_conformance.contract import Profile
from messages_conformance.contract.probes import probes
from messages_conformance.exchange import Ask, Origin
from messages_conformance.generate import Dialogue, GeneratedSet, generate_again
from messages_conformance.options import DEPTHS
from messages_conformance.rules import CATALOGUE
from messages_conformance.rules.probe_rules import ECHO, PLAIN
from messages_conformance.rules.verdict import LEVELS

FOLLOW_UPS: Final = frozenset({ECHO, f"{ECHO}-tokmodel"})
"""Requirements that the second step of a dialogue answers for."""


class Asked(Protocol):
    """An Ask, a Dialogue, or what the engine makes of one."""

    @property
    def depth(self) -> str: ...


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What is left to be asked. `selected` says of a requirement's id whether the run judges it.

    `seed` and `drawn` (requests in all; None for what the depth says) decide what is drawn; `alone` is the one drawn
    request that is asked, and nothing else.
    """

    profile: Profile
    depth: str
    selected: Callable[[str], bool]
    seed: int = 0
    drawn: int | None = None
    alone: Origin | None = None

    def expanded(self, asked: Ask | Dialogue | GeneratedSet) -> tuple[Ask | Dialogue, ...]:
        """What is asked in the end: a drawing is drawn, everything else stands for itself."""
        if not isinstance(asked, GeneratedSet):
            return (asked,)
        if self.profile.judges or not asked.needs <= self.profile.offers:
            return ()  # a profile of one client asks what that client asks
        if self.alone is not None:
            return (generate_again(self.alone, self.profile),) if self.alone.set_name == asked.name else ()
        if DEPTHS.index(asked.depth) > DEPTHS.index(self.depth):
            return ()
        drawn = asked.generate(self.profile, seed=self.seed, depth=self.depth, count=asked.share(self.drawn))
        return tuple(each for each in drawn if self.wants(each))

    def expanded_all(self, asked: Iterable[Ask | Dialogue | GeneratedSet]) -> list[Ask | Dialogue]:
        """Returns all of them in their order, generated sets expanded."""
        return [each for one in asked for each in self.expanded(one)]

    def wants(self, asked: Ask | Dialogue | GeneratedSet) -> bool:
        """Whether depth, profile and selection leave this to be asked."""
        if isinstance(asked, GeneratedSet):
            return bool(self.expanded(asked))
        if self.alone is not None and (isinstance(asked, Dialogue) or asked.origin is None):
            return False
        if DEPTHS.index(asked.depth) > DEPTHS.index(self.depth):
            return False
        if not asked.needs <= self.profile.offers:
            return False
        if isinstance(asked, Dialogue):
            return any(self._asks_for(name) for name in (*FOLLOW_UPS, *_general()))
        row = CATALOGUE.get(asked.probe)
        if row is not None and asked.probe != PLAIN:
            # A refused request also shows what every error must look like; it is sent for its own sake only.
            return self._asks_for(asked.probe)
        return any(self._asks_for(name) for name in _general())

    def _asks_for(self, name: str) -> bool:
        return self.selected(name) and not CATALOGUE[name].inapplicable(self.profile)


def impact_rank(asked: Asked) -> tuple[int, int, int]:
    """What a limited run asks first has the lowest: smoke first, then what an answer shows that breaks clients worst.

    An ordinary question shows all that holds of every answer, and so comes before a probe, which shows one thing. What
    is drawn comes last: it looks for what nobody thought of.
    """
    if _is_drawn(asked):
        return len(DEPTHS), 0, 0
    depth = DEPTHS.index(asked.depth)
    if isinstance(asked, Ask) and (asked.probe == PLAIN or asked.probe not in CATALOGUE):
        return depth, 0, 0
    shown = asked.probe if isinstance(asked, Ask) else ECHO
    return depth, 1 + report.SEVERITIES.index(contract.severity(shown)), LEVELS.index(CATALOGUE[shown].level)


def _is_drawn(asked: Asked) -> bool:
    if isinstance(asked, Ask):
        return asked.origin is not None
    return isinstance(asked, GeneratedSet) or bool(getattr(asked, "generated", False))


@cache
def _general() -> tuple[str, ...]:
    """The requirements that are judged on ordinary questions, not on a row of the probe table."""
    return tuple(name for name in CATALOGUE if name not in probes())
