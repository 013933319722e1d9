"""Distinguishes an outage from a violation: after a doubtful answer, does a request that worked before still work?

The rules of this file:

1. An answer is doubtful when an outage, an expired key or the page of another server explains it as well as a fault of
   the target. Such answers are 401, 402, 403, 501 to 504, 529, a web page, a broken body, and no answer at all.
2. A message that was requested later and came shows that there is no outage. Other requests of the run often show it.
3. Else the first request that was answered with a message is sent again, after pauses up to `ATTEMPTS` times. If it
   gets no message, the run ends: the doubtful answer, and all later ones, are no verdict about the target.
4. Before the first message there is nothing to compare with. The preflight of a run describes such targets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Any, Final

from messages_conformance.exchange import COMPLETE, LEFT, TOO_LARGE, Failure, Request, Response

ATTEMPTS: Final = 4
"""How often the control is sent: a server that restarts is back after seconds (origin: our own)."""

PAUSES_S: Final = (0.5, 2.0, 4.0)
"""The pauses between them."""

MAX_CONTROLS: Final = 60
"""Controls in a run at most: each one costs money (origin: our own)."""

MESSAGE_CHARACTERS: Final = 120
"""How much of the message of an error is a part of the sentence (our own)."""

OUTAGE: Final = "outage"
"""The kind of a Failure after which the target no longer answers what it answered before."""

DOUBTFUL_STATUSES: Final = frozenset({401, 402, 403, 501, 502, 503, 504, 529})
"""Statuses that a wrong key, an empty account, a front end or an overload cause."""

NO_ANSWER: Final = frozenset({"dns", "refused", "tls", "timeout", "disconnected", "overloaded"})
"""Kinds of failures that may be an outage."""

_WEB_PAGE: Final = (b"<!doctype html", b"<html")

Send = Callable[[Request], Awaitable[tuple[Response | None, Failure | None]]]


class OutageCheck:
    """Knows one request that the target answers, and asks it again in doubt. Belongs to one event loop.

    `send` sends a request within the limits of the run. `now_s` is the clock of the run.
    """

    def __init__(
        self, *, send: Send, sleep: Callable[[float], Awaitable[Any]], now_s: Callable[[], float], enabled: bool
    ) -> None:
        self.outage: Failure | None = None
        self._send, self._sleep, self._now_s, self._enabled = send, sleep, now_s, enabled
        self._control: Request | None = None
        self._answered_from_s = float("-inf")
        self._controls = 0
        self._lock = asyncio.Lock()

    def note(self, request: Request, response: Response, *, started_s: float, is_plain: bool) -> None:
        """Notes an answer. `is_plain`: it is one to a valid request for a message."""
        if not is_plain or not is_message(response):
            return
        self._answered_from_s = max(self._answered_from_s, started_s)
        if self._control is None and not request.streamed:
            self._control = request

    async def explains(self, doubt: str) -> Failure | None:
        """The outage that explains what was seen just now, in words; None when the target still answers."""
        since_s = self._now_s()
        if not self._enabled or self._control is None:
            return None
        async with self._lock:  # one check for all answers that are in doubt at the same time
            if self.outage is None and self._answered_from_s < since_s:
                await self._check(self._control, doubt, since_s)
            return self.outage

    @property
    def knows_an_answer(self) -> bool:
        """Whether a request is known that the target answers."""
        return self._enabled and self._control is not None

    async def still_answers(self) -> bool:
        """Whether the target answers now what it answered before; asked once. True when nothing is known."""
        since_s = self._now_s()
        if not self._enabled or self._control is None:
            return True
        async with self._lock:
            return self._answered_from_s >= since_s or not await self._doubt_about_control(self._control)

    async def answers_now(self) -> bool:
        """The same, but false when nothing is known."""
        return self.knows_an_answer and await self.still_answers()

    async def _check(self, control: Request, doubt: str, since_s: float) -> None:
        seen = doubt
        for attempt in range(ATTEMPTS):
            if attempt:
                await self._sleep(PAUSES_S[attempt - 1])
            if self._answered_from_s >= since_s:
                return
            seen = await self._doubt_about_control(control)
            if not seen:
                return
        message = (
            f"the target no longer answers: POST {control.path}, which it answered before, has no answer any more "
            f"({seen}); what was asked until then is judged"
        )
        self.outage = Failure(kind=OUTAGE, message=message)

    async def _doubt_about_control(self, control: Request) -> str:
        """Sends the control; why its answer is doubtful too. Empty when it is not, or at a limit of the run."""
        if self._controls >= MAX_CONTROLS:
            return ""
        self._controls += 1
        started_s = self._now_s()
        response, failure = await self._send(control)
        if failure is not None:
            return failure.message if failure.kind in NO_ANSWER else ""
        doubt = "" if response is None or is_message(response) else doubt_about(response)
        if not doubt:
            self._answered_from_s = max(self._answered_from_s, started_s)
        return doubt


def is_message(response: Response) -> bool:
    """Whether a response is whole and successful, and no web page."""
    return 200 <= response.status < 300 and response.ending == COMPLETE and not is_web_page(response)


def is_web_page(response: Response) -> bool:
    """Whether the body is an HTML page, which no API sends."""
    return response.body[:256].lstrip().lower().startswith(_WEB_PAGE)


def doubt_about(response: Response, *, expected: Collection[int] = ()) -> str:
    """Why a response may come from an outage and not from the API, in words; empty when that is clear.

    `expected` are the statuses that the request is sent for.
    """
    if is_web_page(response):
        return f"status {response.status} and a web page"
    if response.status in DOUBTFUL_STATUSES and response.status not in expected:
        return f"status {response.status}{_said(response)}"
    if response.ending not in (COMPLETE, LEFT, TOO_LARGE):
        return response.detail or response.ending
    return "a stream without an end" if _ends_early(response) else ""


def _said(response: Response) -> str:
    """The message of an error, as the end of a phrase; empty without one."""
    error = response.fields.get("error")
    message = error.get("message") if isinstance(error, dict) else None
    return f': "{message[:MESSAGE_CHARACTERS]}"' if isinstance(message, str) and message else ""


def _ends_early(response: Response) -> bool:
    """Whether a stream ends without message_stop or an error: a server without a length cannot show that it broke."""
    if not response.is_event_stream or response.ending != COMPLETE:
        return False
    return not any(event.type in ("message_stop", "error") for event in response.events[-8:])
