"""What is to be asked: equal requests once, each with the names of all the situations that share it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from messages_conformance.engine.composition import compose
from messages_conformance.exchange import ACCEPTED, EITHER, MESSAGES_PATH, REFUSED, Ask, Exchange, Request

if TYPE_CHECKING:
    from messages_conformance.contract import Profile

UNSTATED_TOKENS: Final = 256
"""The most output tokens that are assumed for a request without a valid max_tokens, or with an absurd one. Such a
request must be refused, and if it is not, it asks for one word (origin: our own)."""

ABSURD_TOKENS: Final = 100_000
"""Above this a max_tokens that must be refused limits nothing (origin: our own; the largest that a valid request of the
suites states is 32,000)."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a run sends at most, without repetitions for the network's sake.

    `output_tokens` is the sum of max_tokens where an answer is expected; `duplicates` the requests saved by sharing.
    """

    requests: int
    output_tokens: int
    duplicates: int


@dataclass(kw_only=True, eq=False)
class Outcome:
    """Where waiting threads find the exchanges of a question or a conversation.

    `in_flight` counts its requests that are under way, `waiting` those of them that wait out a rate limit. `error` is
    our own error; `done` is set at the end in any case.
    """

    exchanges: list[Exchange] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)
    in_flight: int = 0
    waiting: int = 0
    error: BaseException | None = None


@dataclass(kw_only=True, eq=False)
class Question:
    """One request to be sent, for one Ask or for several that are equal.

    `attempts` is how often it may be sent, `expect` one of accepted, refused and either. `sharers` are the other Asks.
    """

    ask: Ask
    request: Request
    number: int
    attempts: int
    situations: list[str]
    probes: list[str]
    expect: str
    outcome: Outcome = field(default_factory=Outcome)
    sharers: list[Ask] = field(default_factory=list)

    @property
    def creates_message(self) -> bool:
        """Whether it asks for a message. All other requests cost no output tokens."""
        return self.request.method == "POST" and self.request.route == MESSAGES_PATH

    @property
    def stated_tokens(self) -> int | None:
        """Its valid max_tokens; None without one."""
        fields: Mapping[str, Any] = self.ask.body if isinstance(self.ask.body, Mapping) else self.request.fields
        stated = fields.get("max_tokens")
        return stated if isinstance(stated, int) and not isinstance(stated, bool) and stated >= 0 else None

    @property
    def max_tokens(self) -> int:
        """The output tokens that an answer may cost; 0 where no message is created."""
        return self.stated_tokens or 0 if self.creates_message else 0

    @property
    def may_be_refused(self) -> bool:
        """Whether a refusal is a possible answer, whatever its status: the request is wrong on purpose."""
        origin = self.ask.origin
        return self.expect == REFUSED or (origin is not None and origin.near_miss)

    @property
    def reserved_tokens(self) -> int:
        """The tokens to reserve while it is in flight: a target may answer what it must refuse, and bill it."""
        stated = self.stated_tokens
        if not self.creates_message:
            return 0
        if stated is None or (self.expect == REFUSED and stated > ABSURD_TOKENS):
            return UNSTATED_TOKENS
        return stated

    @property
    def token_ceiling(self) -> int:
        """The output tokens in a plan: a request that must be refused costs none."""
        return 0 if self.expect == REFUSED else self.max_tokens * self.attempts

    def share(self, ask: Ask) -> None:
        """Lets one more Ask share the exchange of this question."""
        self.attempts = max(self.attempts, ask.attempts)
        self.sharers.append(ask)
        if ask.situation not in self.situations:
            self.situations.append(ask.situation)
        if ask.probe not in self.probes:
            self.probes.append(ask.probe)


def question_of(
    ask: Ask, *, profile: Profile, model: str | None, number: int = 0, request: Request | None = None
) -> Question:
    """The question for an Ask. `request` is the composed request of that Ask, when the caller has it already."""
    return Question(
        ask=ask,
        request=request or compose(ask, profile=profile, model=model),
        number=number,
        attempts=max(1, ask.attempts),
        situations=[ask.situation],
        probes=[ask.probe],
        expect=expected(ask, profile),
    )


def sharing_key(ask: Ask, request: Request) -> tuple[object, ...]:
    """Equal for Asks that one exchange can answer: the same bytes, and the same answer expected."""
    return request.identity, ask.copy, ask.expect, ask.statuses, ask.capability


def expected(ask: Ask, profile: Profile) -> str:
    """What a run expects of an Ask. Where the profile leaves it to the model, a refusal is as good as an answer."""
    if ask.expect == ACCEPTED and ask.capability in profile.depends_on_model:
        return EITHER
    return ask.expect
