"""Sets of requests that are generated from a seed before anything is sent.

A suite contains a `GeneratedSet` in the same way as an Ask. A run expands it by its own seed and depth, and adds the
requests to its plan. The name of a generated request (`requests/7/12`: set, seed, number) is enough to generate it
again alone. A deep run begins with the requests of a standard run.

Hypothesis is imported only when something is generated: most commands generate nothing.
"""

from __future__ import annotations

import re
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
    from messages_conformance.generate.near_misses import NearMiss

STANDARD: Final = "standard"
DEEP: Final = "deep"
"""The depths of a run that generate."""

REQUESTS: Final = "requests"
NEAR_MISSES: Final = "near-misses"
CONVERSATIONS: Final = "conversations"
"""The names of the sets."""

COUNTS: Final = {
    REQUESTS: {STANDARD: 15, DEEP: 240},
    NEAR_MISSES: {STANDARD: 56, DEEP: 400},
    CONVERSATIONS: {STANDARD: 3, DEEP: 24},
}
"""How many are generated at a depth; none in a smoke run. Valid requests cost money, near misses are free."""

FEW_TURNS: Final = 3
"""The most turns of a conversation in a standard run (origin: our own)."""

MOST_TURNS: Final = 7
"""The most turns of a conversation that only a deep run contains (origin: our own)."""


class GenerateBySeed(Protocol):
    """Generates from a seed: `count` requests where it is given, else as many as the depth says."""

    def __call__(
        self, profile: Profile, *, seed: int, depth: str, count: int | None = None
    ) -> tuple[Ask | Dialogue, ...]:
        """The requests, in the order of their numbers; the same ones for the same arguments."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class GeneratedSet:
    """A set of requests that a run generates.

    `depth` is the least depth of a run that contains it, `needs` what a profile has to offer.
    """

    name: str
    generate: GenerateBySeed
    depth: str = STANDARD
    needs: frozenset[str] = frozenset()

    def share(self, total: int | None) -> int | None:
        """How many of `total` generated requests are of this set; None where the depth decides."""
        if total is None or self.name not in COUNTS:
            return total
        everything = sum(counts[STANDARD] for counts in COUNTS.values())
        return round(total * COUNTS[self.name][STANDARD] / everything)


def generated_requests(
    profile: Profile, *, seed: int, depth: str, count: int | None = None
) -> tuple[Ask | Dialogue, ...]:
    """Valid requests."""
    return _asks(REQUESTS, profile, seed, _count(REQUESTS, depth, count))


def generated_near_misses(
    profile: Profile, *, seed: int, depth: str, count: int | None = None
) -> tuple[Ask | Dialogue, ...]:
    """Requests with one mistake."""
    return _asks(NEAR_MISSES, profile, seed, _count(NEAR_MISSES, depth, count))


def generated_conversations(
    profile: Profile, *, seed: int, depth: str, count: int | None = None
) -> tuple[Ask | Dialogue, ...]:
    """Conversations of several turns."""
    numbers = range(_count(CONVERSATIONS, depth, count))
    return tuple(conversation(profile, seed, number) for number in numbers)


GENERATED_SETS: Final = (
    GeneratedSet(name=REQUESTS, generate=generated_requests),
    GeneratedSet(name=NEAR_MISSES, generate=generated_near_misses),
    GeneratedSet(name=CONVERSATIONS, generate=generated_conversations),
)
"""Everything that can be generated."""


@cache
def conversation(profile: Profile, seed: int, number: int) -> Dialogue:
    """One conversation by its seed and number."""
    from messages_conformance.generate.conversations import dialogue

    origin = Origin(set_name=CONVERSATIONS, seed=seed, number=number)
    generate = _program_generator(profile, large=_is_large(origin))
    return dialogue(generate(origin.name), origin, profile)


def generated_request_of(origin: Origin, profile: Profile, body: Mapping[str, Any]) -> GeneratedRequest:
    """The generated request of an origin, to be made smaller.

    A valid request is taken from `body`, which may contain answers of the target; a near miss is generated again.
    """
    from messages_conformance.generate.generated_request import GeneratedRequest

    if origin.near_miss:
        return _request(origin.set_name, profile, origin.seed, origin.number)
    return GeneratedRequest(origin=origin, profile=profile, base=body)


@cache
def generate_again(origin: Origin, profile: Profile) -> Ask | Dialogue:
    """The Ask or Dialogue that an origin names."""
    if origin.set_name == CONVERSATIONS:
        return conversation(profile, origin.seed, origin.number)
    return _request(origin.set_name, profile, origin.seed, origin.number).ask()


_SEED: Final = re.compile(r"-?[0-9]{1,15}")
_NUMBER: Final = re.compile(r"[0-9]{1,15}")
"""Any seed and number that JSON readers agree about (RFC 8259, 6)."""

NAME_CHARACTERS: Final = 60
"""A message quotes at most this much of a wrong name (our own choice)."""


def parse_origin(name: str) -> Origin:
    """The origin for a name such as requests/7/12. Raises ContractError for anything else."""
    set_name, _, rest = name.partition("/")
    seed, _, number = rest.partition("/")
    if set_name not in COUNTS or not _SEED.fullmatch(seed) or not _NUMBER.fullmatch(number):
        raise ContractError(
            f"{name[:NAME_CHARACTERS]!r} names no generated request; a name is one of {', '.join(COUNTS)}, the seed "
            f"and a number, such as requests/0/12"
        )
    return Origin(set_name=set_name, seed=int(seed), number=int(number))


def _count(set_name: str, depth: str, count: int | None) -> int:
    return COUNTS[set_name].get(depth, 0) if count is None else count


def _is_large(origin: Origin) -> bool:
    """Whether only a deep run generates it: such requests may be larger."""
    return origin.number >= COUNTS[origin.set_name][STANDARD]


@cache
def _asks(set_name: str, profile: Profile, seed: int, count: int) -> tuple[Ask, ...]:
    return tuple(_request(set_name, profile, seed, number).ask() for number in range(count))


def _request(set_name: str, profile: Profile, seed: int, number: int) -> GeneratedRequest:
    """One request by its set, seed and number."""
    from messages_conformance.generate.generated_request import GeneratedRequest

    origin = Origin(set_name=set_name, seed=seed, number=number)
    if set_name == NEAR_MISSES:
        miss = _near_miss_generator(profile)(origin.name)
        return GeneratedRequest(origin=origin, profile=profile, base=miss.base, change=miss.change, row=miss.row)
    base = _body_generator(profile, large=_is_large(origin))(origin.name)
    return GeneratedRequest(origin=origin, profile=profile, base=base)


# One strategy for each profile: to make one takes longer than to generate a request from it.


@cache
def _body_generator(profile: Profile, *, large: bool) -> Callable[[str], Mapping[str, Any]]:
    from messages_conformance.generate.requests import LARGE, SMALL, requests
    from messages_conformance.generate.seeds import seeded

    return seeded(requests(profile, size=LARGE if large else SMALL))


@cache
def _near_miss_generator(profile: Profile) -> Callable[[str], NearMiss]:
    from messages_conformance.generate.near_misses import near_misses
    from messages_conformance.generate.seeds import seeded

    return seeded(near_misses(profile))


@cache
def _program_generator(profile: Profile, *, large: bool) -> Callable[[str], Program]:
    from messages_conformance.generate.conversations import programs
    from messages_conformance.generate.seeds import seeded

    return seeded(programs(profile, turns=MOST_TURNS if large else FEW_TURNS))
