"""What suites ask that nobody thought of: drawn by seed before anything is sent.

A `GeneratedSet` stands in a suite like an Ask; a run expands it by its own seed and depth, and the requests join its
plan. The name of a drawn request (`requests/7/12`: what was drawn, seed, number) is enough to draw it again alone. The
numbers of a standard run come first in a deep one.

Hypothesis is imported when something is drawn, and not before: most commands draw nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Protocol

from messages_conformance.contract import ContractError, Profile
from messages_conformance.exchange import Ask, Origin

if TYPE_CHECKING:
    from messages_conformance.generate.asks import Dialogue
    from messages_conformance.generate.conversations import Program
    from messages_conformance.generate.generated_request import GeneratedRequest

STANDARD: Final = "standard"
DEEP: Final = "deep"

COUNTS: Final = {
    "requests": {STANDARD: 36, DEEP: 240},
    "near-misses": {STANDARD: 56, DEEP: 400},
    "conversations": {STANDARD: 3, DEEP: 24},
}
"""How many are drawn at a depth; a smoke run draws none. Valid requests are paid for, near misses are free."""


FEW_TURNS: Final = 3
MOST_TURNS: Final = 7
"""Turns of a conversation at most, in a standard run and in what a deep one adds."""


class GenerateBySeed(Protocol):
    """Draws by seed: `count` in all where it is given, else what the depth says."""

    def __call__(
        self, profile: Profile, *, seed: int, depth: str, count: int | None = None
    ) -> tuple[Ask | Dialogue, ...]: ...


@dataclass(frozen=True, kw_only=True, eq=False)
class GeneratedSet:
    """Something to be drawn by a run; `depth` is the smallest that draws it, `needs` is what a profile has to offer."""

    name: str
    generate: GenerateBySeed
    depth: str = STANDARD
    needs: frozenset[str] = frozenset()

    def share(self, total: int | None) -> int | None:
        """How many of `total` drawn requests are of this kind; None where the depth decides."""
        if total is None or self.name not in COUNTS:
            return total
        everything = sum(counts[STANDARD] for counts in COUNTS.values())
        return round(total * COUNTS[self.name][STANDARD] / everything)


def generated_requests(
    profile: Profile, *, seed: int, depth: str, count: int | None = None
) -> tuple[Ask | Dialogue, ...]:
    """Valid requests."""
    return _asks("requests", profile, seed, _number("requests", depth, count))


def generated_near_misses(
    profile: Profile, *, seed: int, depth: str, count: int | None = None
) -> tuple[Ask | Dialogue, ...]:
    """Requests with one thing wrong."""
    return _asks("near-misses", profile, seed, _number("near-misses", depth, count))


def generated_conversations(
    profile: Profile, *, seed: int, depth: str, count: int | None = None
) -> tuple[Ask | Dialogue, ...]:
    """Conversations of several turns."""
    return tuple(conversation(profile, seed, n) for n in range(_number("conversations", depth, count)))


@cache
def conversation(profile: Profile, seed: int, number: int) -> Dialogue:
    """One conversation by its seed and number."""
    from messages_conformance.generate.conversations import dialogue

    drawing = "conversations"
    origin = Origin(set_name=drawing, seed=seed, number=number)
    draw = _programs(profile, large=number >= COUNTS[drawing][STANDARD])
    return dialogue(draw(f"{drawing}/{seed}/{number}"), origin, profile)


@cache
def _programs(profile: Profile, *, large: bool) -> Callable[[str], Program]:
    from messages_conformance.generate.conversations import programs
    from messages_conformance.generate.seeds import seeded

    return seeded(programs(profile, turns=MOST_TURNS if large else FEW_TURNS))


def _number(drawing: str, depth: str, count: int | None) -> int:
    return COUNTS[drawing].get(depth, 0) if count is None else count


GENERATED_SETS: Final = (
    GeneratedSet(name="requests", generate=generated_requests),
    GeneratedSet(name="near-misses", generate=generated_near_misses),
    GeneratedSet(name="conversations", generate=generated_conversations),
)
"""Everything that can be drawn."""


@cache
def _asks(drawing: str, profile: Profile, seed: int, count: int) -> tuple[Ask, ...]:
    draw = _drawer(drawing, profile)
    return tuple(draw(seed, number).ask() for number in range(count))


def generated_request_of(origin: Origin, profile: Profile, body: Mapping[str, Any]) -> GeneratedRequest:
    """The drawn request of an origin, to be made smaller. A valid one is what its body is: answers may be in it."""
    from messages_conformance.generate.generated_request import GeneratedRequest

    if origin.near_miss:
        return _drawer(origin.set_name, profile)(origin.seed, origin.number)
    return GeneratedRequest(origin=origin, profile=profile, base=body)


@cache
def generate_again(origin: Origin, profile: Profile) -> Ask | Dialogue:
    """What an origin names."""
    if origin.set_name == "conversations":
        return conversation(profile, origin.seed, origin.number)
    return _drawer(origin.set_name, profile)(origin.seed, origin.number).ask()


def parse_origin(name: str) -> Origin:
    """The origin that a name such as requests/7/12 stands for; a ContractError that says how names look otherwise."""
    drawing, _, rest = name.partition("/")
    seed, _, number = rest.partition("/")
    if drawing not in COUNTS or not seed.lstrip("-").isdecimal() or not number.isdecimal():
        raise ContractError(
            f"{name!r} names nothing that is drawn; a name is one of {', '.join(COUNTS)}, the seed and a number, "
            f"such as requests/0/12"
        )
    return Origin(set_name=drawing, seed=int(seed), number=int(number))


@cache
def _drawer(drawing: str, profile: Profile) -> Callable[[int, int], GeneratedRequest]:
    """Draws specimens by seed and number."""
    from messages_conformance.generate import generated_request
    from messages_conformance.generate.near_misses import near_misses
    from messages_conformance.generate.requests import LARGE, SMALL, requests
    from messages_conformance.generate.seeds import seeded

    if drawing == generated_request.NEAR_MISSES:
        draw_near = seeded(near_misses(profile))

        def near(seed: int, number: int) -> GeneratedRequest:
            origin = Origin(set_name=drawing, seed=seed, number=number)
            miss = draw_near(f"{drawing}/{seed}/{number}")
            return generated_request.GeneratedRequest(
                origin=origin, profile=profile, base=miss.base, change=miss.change, row=miss.row
            )

        return near
    small, large = seeded(requests(profile, size=SMALL)), seeded(requests(profile, size=LARGE))

    def valid(seed: int, number: int) -> GeneratedRequest:
        draw = small if number < COUNTS[drawing][STANDARD] else large
        origin = Origin(set_name=drawing, seed=seed, number=number)
        return generated_request.GeneratedRequest(
            origin=origin, profile=profile, base=draw(f"{drawing}/{seed}/{number}")
        )

    return valid
