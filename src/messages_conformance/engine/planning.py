"""What is to be asked: equal requests once, each with the names of all the situations that share it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from messages_conformance.exchange import ACCEPTED, EITHER, MESSAGES_PATH, REFUSED, Ask, Exchange, Request

if TYPE_CHECKING:
    from messages_conformance.contract import Profile

REFUSED_TOKENS: Final = 256
"""The most that a request which must be refused is taken to cost when it is answered all the same: its question asks
for one word, whatever absurd limit it states."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a run will send at most, if no answer has to be asked for again for the network's sake.

    `output_tokens` is the sum of max_tokens where an answer is expected; `duplicates` the requests saved by sharing.
    """

    requests: int
    output_tokens: int
    duplicates: int


@dataclass(kw_only=True, eq=False)
class Outcome:
    """Where waiting threads find what became of something."""

    exchanges: list[Exchange] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)
    error: BaseException | None = None


@dataclass(kw_only=True, eq=False)
class Question:
    """One request to be sent, for one Ask or for several that are the same."""

    ask: Ask
    request: Request
    number: int
    attempts: int
    situations: list[str]
    probes: list[str]
    expect: str
    outcome: Outcome = field(default_factory=Outcome)

    @property
    def max_tokens(self) -> int:
        """The output tokens that an answer may cost; 0 where no message is created."""
        if self.request.method != "POST" or self.request.route != MESSAGES_PATH:
            return 0
        fields: Mapping[str, Any] = self.ask.body if isinstance(self.ask.body, Mapping) else self.request.fields
        stated = fields.get("max_tokens")
        return stated if isinstance(stated, int) and not isinstance(stated, bool) and stated > 0 else 0

    @property
    def held_tokens(self) -> int:
        """What is held back of a budget while it is asked: a limit that must be refused is no cost to expect."""
        return min(self.max_tokens, REFUSED_TOKENS) if self.expect == REFUSED else self.max_tokens

    @property
    def token_ceiling(self) -> int:
        """The planned output tokens: a request that must be refused costs none."""
        return 0 if self.expect == REFUSED else self.max_tokens * self.attempts

    def share(self, ask: Ask) -> None:
        """Lets one more Ask take part in this question."""
        self.attempts = max(self.attempts, ask.attempts)
        if ask.situation not in self.situations:
            self.situations.append(ask.situation)
        if ask.probe not in self.probes:
            self.probes.append(ask.probe)


def sharing_key(ask: Ask, request: Request) -> tuple[object, ...]:
    """Equal for asks that one exchange can answer: the same bytes, and the same answer expected."""
    return request.identity, ask.copy, ask.expect, ask.statuses, ask.capability


def expected(ask: Ask, profile: Profile) -> str:
    """What a run expects of an Ask: where the profile leaves it to the model, a refusal is as good as an answer."""
    if ask.expect == ACCEPTED and ask.capability in profile.depends_on_model:
        return EITHER
    return ask.expect
