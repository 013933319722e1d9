"""What a run sends: the asks and dialogues that depth, profile and selection include, and their order of importance."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import cache
from typing import Final, Protocol

from messages_conformance.contract import Profile
from messages_conformance.contract.probes import probes
from messages_conformance.exchange import Ask, Origin
from messages_conformance.generate import Dialogue, GeneratedSet, generate_again
from messages_conformance.options import DEFAULT_VENDORS, DEPTHS
from messages_conformance.rules import CATALOGUE
from messages_conformance.rules.catalogue import HARMS
from messages_conformance.rules.probe_rules import ECHO, VALID_REQUEST
from messages_conformance.rules.verdict import LEVELS

FOLLOW_UPS: Final = frozenset({ECHO, f"{ECHO}-tokmodel"})
"""Requirements that the second step of a dialogue shows."""


GENERATED: Final = "generated."
"""How the situations of generated requests begin."""

NEAR: Final = 3
"""At most this many names are suggested for one that does not exist (our own choice)."""


class Asked(Protocol):
    """An Ask, a Dialogue, a GeneratedSet, or a Conversation of the engine."""

    @property
    def depth(self) -> str:
        """The least depth of a run that sends it."""
        ...


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Decides what a run sends.

    - `selected` returns True for the id of a requirement that the run judges.
    - `seed` and `generated` (their number; None for the number of the depth) decide which requests are generated.
    - `alone` is the one generated request that is sent; nothing else is.
    - `situations` are globs; when there are any, only requests of these situations are sent.
    - `vendors` is the number of other vendors of which a model is asked.
    - `included` are the words of --include: dialogues that create something on the target are sent only with theirs.
    """

    profile: Profile
    depth: str
    selected: Callable[[str], bool]
    seed: int = 0
    drawn: int | None = None
    alone: Origin | None = None
    situations: tuple[str, ...] = ()
    included: frozenset[str] = frozenset()
    vendors: int = DEFAULT_VENDORS

    def expanded(self, asked: Ask | Dialogue | GeneratedSet) -> tuple[Ask | Dialogue, ...]:
        """Returns the requests of a generated set; anything else is returned as it is."""
        if not isinstance(asked, GeneratedSet):
            return (asked,)
        if self.profile.judges or not asked.needs <= self.profile.offers:
            return ()  # the profile of one client sends only what that client sends
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
        """Returns True when depth, profile and selection include this."""
        if isinstance(asked, GeneratedSet):
            return bool(self.expanded(asked))
        if isinstance(asked, Dialogue) and asked.opt_in and asked.opt_in not in self.included:
            return False
        if isinstance(asked, Dialogue) and asked.vendors not in (0, self.vendors):
            return False
        if self.situations and not self._is_of_situation(asked):
            return False
        if self.alone is not None and (isinstance(asked, Dialogue) or asked.origin is None):
            return False
        if DEPTHS.index(asked.depth) > DEPTHS.index(self.depth):
            return False
        if not asked.needs <= self.profile.offers:
            return False
        if self.situations:
            return True
        if isinstance(asked, Dialogue):
            return any(self._asks_for(name) for name in (*FOLLOW_UPS, *_general()))
        row = CATALOGUE.get(asked.probe)
        if row is not None and asked.probe != VALID_REQUEST:
            # A refused request also shows the form of every error, but that alone is no reason to send it.
            return self._asks_for(asked.probe)
        return any(self._asks_for(name) for name in _general())

    def _is_of_situation(self, asked: Ask | Dialogue) -> bool:
        """Returns True when a glob matches. The situations of a dialogue begin with its name."""
        if isinstance(asked, Ask):
            return any(fnmatchcase(asked.situation, glob) for glob in self.situations)
        return any(fnmatchcase(asked.name, glob) or f"{glob}.".startswith(f"{asked.name}.") for glob in self.situations)

    def _asks_for(self, name: str) -> bool:
        return self.selected(name) and not CATALOGUE[name].inapplicable(self.profile)


def unknown_situations(globs: Iterable[str], asked: Iterable[Ask | Dialogue | GeneratedSet]) -> str:
    """Returns a sentence when no glob matches the name of a request, with the nearest names; empty when one does.

    The requests of a generated set have names that begin with GENERATED; they are not listed.
    """
    globs = tuple(globs)
    names = {one.situation if isinstance(one, Ask) else one.name for one in asked}
    if not globs or any(_is_known(glob, names) for glob in globs):
        return ""
    near = get_close_matches(globs[0], names, n=NEAR) or sorted(name for name in names if globs[0] in name)[:NEAR]
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    return f"no request has the situation {globs[0]!r}{hint} (`again` in a report and report.json have the names)"


def _is_known(glob: str, names: Iterable[str]) -> bool:
    if glob.startswith(GENERATED):
        return True
    return any(fnmatchcase(name, glob) or f"{glob}.".startswith(f"{name}.") for name in names)


def impact_rank(asked: Asked) -> tuple[int, int, int]:
    """Returns the order of importance; a limited run sends the lowest first.

    The smoke run comes first. Within a depth, an ordinary question comes before a probe, because all general
    requirements are judged on it. Probes are ordered by the harm of a violation. Generated requests come
    last.
    """
    if _is_generated(asked):
        return len(DEPTHS), 0, 0
    depth = DEPTHS.index(asked.depth)
    if isinstance(asked, Ask) and (asked.probe == VALID_REQUEST or asked.probe not in CATALOGUE):
        return depth, 0, 0
    shown = asked.probe if isinstance(asked, Ask) else ECHO
    return depth, 1 + HARMS.index(CATALOGUE[shown].harm), LEVELS.index(CATALOGUE[shown].level)


def _is_generated(asked: Asked) -> bool:
    if isinstance(asked, Ask):
        return asked.origin is not None
    return isinstance(asked, GeneratedSet) or bool(getattr(asked, "generated", False))


@cache
def _general() -> tuple[str, ...]:
    """Returns the ids of the requirements that ordinary questions and dialogues show, not the requests of a row."""
    return tuple(name for name in CATALOGUE if name not in probes() or not probes()[name].cases)
