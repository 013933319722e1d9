"""Decides whether a request is sent again, and after which pause.

The rules of this file:

1. 429, 503 and 529 are waited out within the retry budget of the exchange.
2. When a retry budget is used up and nothing succeeded meanwhile, the target counts as down. Until something succeeds,
   no request waits after a refusal.
3. A request is repeated once after no response, a 5xx (also where a refusal is expected), a body that breaks off, or a
   stream that ends with an error event. A stream that ends in an overload is repeated more often, unless no stream ever
   completes. So is a 5xx once another one did not come again: such failures may hit one request twice.
4. When the first questions all fail to reach the target, and nothing was ever answered, the rest is not sent.
5. A route may refuse a request until its retry budget is used up, and never answer while other routes do. Then its
   refusals are its answers, and no request to it waits any more.
6. The first few valid requests that are refused with a 4xx are also sent once more, because a gateway may report a
   short failure in this way. Once one of them passes, every refusal that is not expected is repeated.
7. A request that gets nothing but 503 or 529, while others are answered at once, has this as its answer: the target is
   not busy. Where others are refused, too, and then pass, it is.
8. A request that must be refused may also get 503 or 529. This is its response if it gets it again after a few retries
   while other requests are answered.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Final

from messages_conformance.engine.backoff import WAITED_OUT, pause_s, stated_pause_s
from messages_conformance.engine.planning import Question
from messages_conformance.exchange import REFUSED, RESET, SILENT, Exchange, Failure, Response

REFUSAL_RETRIES: Final = 2
"""Retries of a 503 or 529 where a refusal is expected: they show whether a server is busy or always refuses so."""

REFUSAL_CONFIRMATIONS: Final = 2
"""Such a request is sent again this many times after another one was answered: a short overload that ends meanwhile is
not its refusal (our own)."""

STREAM_ATTEMPTS: Final = 5
"""How often a stream is asked for that ends in an overload: on a bad day one in five may, and that is no violation."""

FAILURE_ATTEMPTS: Final = 4
"""How often a request with a 5xx is sent if such failures come and go (our own). If a server fails at every fifth
request by chance, four failures in a row happen once in 600."""

REFUSALS_TRIED: Final = 8
"""This many refused valid requests are sent once more, if none of them passes then: refusals cost nothing (our own)."""

EITHER_ATTEMPTS: Final = 2
"""How often a request is sent that may be refused, where refusals come and go (our own)."""

ONE_KIND_REFUSALS: Final = 6
"""After this many 503 or 529 in a row, about 20 s of pauses, a request may be one that is always refused so (our
own)."""

ONE_KIND_OTHERS: Final = 10
"""At least this many other requests must be answered meanwhile (our own choice)."""

BUSY_SHARE: Final = 0.05
"""If a greater part of the answers came only after a refusal, the target is busy (our own). Below it, six refusals in a
row happen once in 60 million."""

OF_THE_ACCOUNT: Final = frozenset({401, 402, 403, 407, 413, 429})
"""4xx about the key, the account, the size or the rate: no refusals of a request that may pass the next time."""

OUTAGE_FAILURES: Final = 5
"""Questions in a row without any response, from the first on, which show that the target is unreachable for all."""

REFUSES_THE_FORM: Final = (501, 505)
"""5xx that refuse a version or a feature of HTTP (RFC 9110, 15.6.2 and 15.6.6): no failures of the moment."""

_TEMPORARY_ERRORS: Final = frozenset({"overloaded_error", "rate_limit_error", "timeout_error"})
"""Types of error events that depend on the moment and not on the request."""

_BUSY_ERRORS: Final = frozenset({"overloaded_error", "rate_limit_error"})
"""Those of them that fewer requests at the same time prevent."""

_OUTAGE: Final = frozenset({"dns", "refused", "tls", "timeout"})
"""Kinds of failures that may be an outage."""

_PERMANENT: Final = frozenset({SILENT, "tls", "budget"})
"""Kinds of failures that another attempt cannot change."""


@dataclass(kw_only=True)
class History:
    """What one exchange has been through so far.

    `refusals` counts 429, 503 and 529, `repeats` the answers that broke. `notes` describe both for the report.
    `successes_before` is the count of successes of the run at the first refusal. `confirmations` counts how often
    other requests were answered right before one more refusal.
    """

    started_s: float
    refusals: int = 0
    waited_s: float = 0.0
    successes_before: int = 0
    reconnected: bool = False
    repeats: int = 0
    notes: list[str] = field(default_factory=list)
    confirmations: int = 0
    interim: list[Exchange] = field(default_factory=list)
    """The answers so far that are not the result."""


class Retries:
    """Knows what the exchanges of a run so far show about the target. One for a run; belongs to one event loop.

    `offline` is true for recorded answers, which do not change. `retry_budget_s` limits the waiting of one exchange.
    `unix_time_s` is the clock for a Retry-After that is a date.
    """

    def __init__(
        self, *, offline: bool, retry_budget_s: float, seed: int, unix_time_s: Callable[[], float] = time.time
    ) -> None:
        self._offline = offline
        self._retry_budget_s = retry_budget_s
        self._seed = seed
        self._unix_time_s = unix_time_s
        self._has_responded = False
        self._successes = 0
        self._outage_failures = 0
        self._streams_break = False
        self._failures_pass = False
        self._has_accepted = self._refusals_pass = False
        self._refusals_tried = 0
        self._answers_after_refusal = 0
        self._answering_routes: set[str] = set()
        self._refusing_routes: set[str] = set()
        self._is_down = False

    # What happened

    def responded(self) -> None:
        """Notes that the target sends responses at all."""
        self._has_responded = True

    def succeeded(
        self,
        response: Response,
        *,
        broken: bool,
        repeats: int = 0,
        route: str = "",
        after_refusal: bool = False,
        refusals: int = 0,
    ) -> None:
        """Notes a response that is the result of its exchange. `broken`: it broke, and is not repeated any more.

        `repeats` counts the answers before it that broke; `after_refusal`: one of them was a 4xx. `route` is the path.
        `refusals` counts the 429, 503 and 529 before it.
        """
        self._answering_routes.add(route)
        self._successes += 1
        self._failures_pass = self._failures_pass or (bool(repeats) and not broken)
        self._has_accepted = self._has_accepted or (response.status < 300 and not broken)
        self._refusals_pass = self._refusals_pass or (after_refusal and response.status < 300 and not broken)
        self._is_down = False
        self._answers_after_refusal += bool(refusals)
        if response.is_event_stream:
            self._streams_break = broken

    def refused(self, history: History) -> None:
        """Notes a 429, 503 or 529 in the history of its exchange."""
        if not history.refusals:
            history.successes_before = self._successes
        history.refusals += 1

    def gave_up(self, history: History, *, route: str = "") -> None:
        """Notes that the retry budget of an exchange is used up."""
        if self._successes == history.successes_before:
            self._is_down = True
        elif route not in self._answering_routes:
            self._refusing_routes.add(route)

    def confirms(self, history: History) -> bool:
        """Whether a refusal is asked for once more, because others are answered now; counts it."""
        if self._offline or history.confirmations >= REFUSAL_CONFIRMATIONS:
            return False
        history.confirmations += 1
        return True

    def always_refuses(self, route: str) -> bool:
        """Whether the refusals of a route are its answers: it never gave another one, and others did."""
        return route in self._refusing_routes

    def refuses_one_kind(self, response: Response, history: History, *, is_last: bool) -> bool:
        """Whether a 503 or 529 is the answer to this request alone: others are answered, and at once.

        `is_last`: the request is not waited for any longer, so that no others need to be answered meanwhile.
        """
        others = self._successes - history.successes_before
        busy = self._answers_after_refusal > BUSY_SHARE * self._successes
        enough = is_last or others >= ONE_KIND_OTHERS
        often = history.refusals >= ONE_KIND_REFUSALS
        return response.status != 429 and self._has_accepted and often and enough and not busy and not self._is_down

    # What to do next

    def reconnects(self, failure: Failure, history: History) -> bool:
        """Whether a request that got no response is sent once more."""
        never_answered = failure.kind == "timeout" and not self._has_responded
        return not (self._offline or history.reconnected or failure.kind in _PERMANENT or never_answered)

    def is_outage(self, failure: Failure) -> bool:
        """Counts a question without a response; whether such failures show that the target is unreachable for all."""
        self._outage_failures += failure.kind in _OUTAGE
        return self._outage_failures >= OUTAGE_FAILURES and not self._has_responded and not self._offline

    def repeats(self, response: Response, history: History, *, may_be_refused: bool = False) -> bool:
        """Whether a request is sent again after an answer that broke. `may_be_refused`: it need not be accepted."""
        if self._offline:
            return False
        if 400 <= response.status < 500:
            return self._repeats_refusal(history, may_be_refused=may_be_refused)
        if not history.repeats:
            return True
        if response.status >= 500:
            return self._failures_pass and history.repeats + 1 < FAILURE_ATTEMPTS
        temporary = not self._streams_break and not _TEMPORARY_ERRORS.isdisjoint(_error_types(response))
        return temporary and history.repeats + 1 < STREAM_ATTEMPTS

    def _repeats_refusal(self, history: History, *, may_be_refused: bool) -> bool:
        """Whether a request is sent again after a 4xx that nothing asked for."""
        if self._refusals_pass:
            return history.repeats + 1 < (EITHER_ATTEMPTS if may_be_refused else FAILURE_ATTEMPTS)
        if may_be_refused or history.repeats or not self._has_accepted or self._refusals_tried >= REFUSALS_TRIED:
            return False
        self._refusals_tried += 1
        return True

    def pause_before_repeat_s(self, question: Question, history: History, *, is_busy: bool = False) -> float | None:
        """The pause before a broken answer is asked for again; None before the first time unless the target is busy."""
        if history.repeats < 2 and not is_busy:
            return None
        return pause_s(max(history.repeats - 1, 1), None, self._jitter(question, history.repeats))

    def pause_after_refusal_s(
        self, question: Question, history: History, response: Response, *, is_busy: bool = False
    ) -> float | None:
        """The pause before a refused request is sent again; None when it is not worth waiting any longer.

        `is_busy`: the target refuses valid requests too, so this is not its way of refusing an invalid one.
        """
        expected = refusal_is_expected(question, response) and not is_busy
        if (
            self._is_down
            or self.always_refuses(question.request.route)
            or (expected and history.refusals > REFUSAL_RETRIES)
        ):
            return None
        stated_s = stated_pause_s(response, now_s=self._unix_time_s())
        pause = pause_s(history.refusals, stated_s, self._jitter(question, history.refusals))
        return pause if history.waited_s + pause <= self._retry_budget_s else None

    def gave_up_failure(self, response: Response, history: History) -> Failure:
        """The failure of an exchange whose retry budget is used up."""
        return gave_up_failure(response, history, stated_s=stated_pause_s(response, now_s=self._unix_time_s()))

    def _jitter(self, question: Question, step: int) -> Random:
        return Random(f"{self._seed}:{question.number}:{step}")


def must_wait(response: Response, question: Question) -> bool:
    """Whether a response means "not now", and that is not what the question asks for."""
    return response.status in WAITED_OUT and response.status not in question.ask.statuses


def refusal_is_expected(question: Question, response: Response) -> bool:
    """Whether a 503 or 529 may be the refusal that a question expects."""
    return question.may_be_refused and response.status != 429


def how_it_broke(response: Response, question: Question) -> str:
    """How an answer broke in a way that another attempt may change; empty when it did not."""
    if response.ending == RESET:
        return response.detail or "the body broke off"
    if _is_failure(response, question):
        return f"status {response.status}"
    if question.expect == REFUSED:
        return ""
    if _may_pass_again(response, question):
        return f"status {response.status}"
    if response.is_event_stream and any(event.type == "error" for event in response.events):
        return "the stream ended in an error event"
    return ""


def _is_failure(response: Response, question: Question) -> bool:
    """Whether a 5xx may be a failure of the moment. Where a refusal is expected, it says nothing about the refusal."""
    refuses = question.expect == REFUSED and response.status in (*question.ask.statuses, *REFUSES_THE_FORM)
    return response.status >= 500 and response.status not in WAITED_OUT and not refuses


def _may_pass_again(response: Response, question: Question) -> bool:
    """Whether a 4xx may be a failure of the moment that a gateway reports as a refusal."""
    usual = question.creates_message and question.ask.auth == "profile" and not question.request.wire
    return usual and 400 <= response.status < 500 and response.status not in OF_THE_ACCOUNT


def gave_up_failure(response: Response, history: History, *, stated_s: float | None = None) -> Failure:
    """The failure of an exchange whose retry budget is used up; `stated_s` is the pause that the response asks for."""
    limited = response.status == 429
    if history.refusals == 1:
        asked = f" and asks for a pause of {stated_s:,.0f} s" if stated_s else ""
        tried = f"once{asked}, which is longer than this run waits" if asked else "once"
    else:
        tried = f"{history.refusals} times in a row, {history.waited_s:.0f} s of waiting included"
    cure = "lower --concurrency or ask for a higher rate limit" if limited else "try again when the target is less busy"
    message = f"the target answered {response.status} {tried}; {cure}"
    return Failure(kind="rate-limited" if limited else "overloaded", message=message)


def says_busy(response: Response) -> bool:
    """Whether a stream ended with an error event of a target that has too much to do."""
    return not _BUSY_ERRORS.isdisjoint(_error_types(response))


def _error_types(response: Response) -> set[str]:
    """The types of the errors in the error events of a stream."""
    errors = (event.fields.get("error") for event in response.events if event.type == "error")
    return {str(error.get("type")) for error in errors if isinstance(error, dict)}
