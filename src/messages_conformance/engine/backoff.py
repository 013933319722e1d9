"""How long to wait after a refusal: what the response states, else twice as long as before."""

from __future__ import annotations

import math
from datetime import UTC
from email.utils import parsedate_to_datetime
from random import Random
from typing import Final

from messages_conformance.exchange import Response

WAITED_OUT: Final = frozenset({429, 503, 529})
"""Statuses that say "not now": rate limit, unavailable, overloaded (api/errors; RFC 9110 for 503)."""

FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 8.0
"""First wait and ceiling without a Retry-After: the values of the official SDKs."""

JITTER: Final = 0.25
"""Up to this part of a pause is left off, so that those who were refused together do not return together."""


def stated_pause_s(response: Response, *, now_s: float) -> float | None:
    """The seconds that retry-after-ms or Retry-After asks for, counted from `now_s` (Unix time); None without one."""
    milliseconds = _number(response.header("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    text = response.header("retry-after")
    seconds = _number(text)
    return seconds if seconds is not None or text is None else _until(text, now_s)


def pause_s(refusals: int, stated_s: float | None, jitter: Random) -> float:
    """The wait after the given number of refusals in a row, counted from 1.

    A stated wait is kept to. When even that did not help, the doubling pauses are its floor: a server that states 0
    forever is not asked forever.
    """
    if stated_s is not None:
        return stated_s if refusals == 1 else max(stated_s, _doubled(refusals - 1, jitter))
    return _doubled(refusals, jitter)


def _doubled(step: int, jitter: Random) -> float:
    whole = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * (1 << min(step - 1, 16)))
    return whole * (1 - JITTER * jitter.random())


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return max(0.0, value) if math.isfinite(value) else None


def _until(text: str, now_s: float) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, IndexError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, moment.timestamp() - now_s)
