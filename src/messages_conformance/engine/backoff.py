"""How long to wait after a refusal: as long as the response asks for, else twice as long as before."""

from __future__ import annotations

import math
from datetime import UTC
from email.utils import parsedate_to_datetime
from random import Random
from typing import Final

from messages_conformance.exchange import Response

WAITED_OUT: Final = frozenset({429, 503, 529})
"""Statuses that mean "not now": rate limit, unavailable, overloaded (api/errors; RFC 9110 for 503)."""

FIRST_PAUSE_S: Final = 0.5
"""The first pause without a Retry-After: the value of the official SDKs."""

LONGEST_PAUSE_S: Final = 8.0
"""The longest pause without a Retry-After: the value of the official SDKs."""

JITTER: Final = 0.25
"""Up to this part of a pause is left out, so that requests that were refused together are not sent again together."""


LONGEST_STATED_PAUSE_S: Final = 31 * 86_400.0
"""A longer pause is no statement, but a mistake such as a Unix time: the longest limits of accounts are those of a
month. The official SDKs ignore everything above a minute."""


def stated_pause_s(response: Response, *, now_s: float) -> float | None:
    """The seconds from `now_s` (Unix time) that retry-after-ms or Retry-After asks for; None without a valid one."""
    stated = _stated_s(response, now_s)
    return None if stated is None or stated > LONGEST_STATED_PAUSE_S else stated


def _stated_s(response: Response, now_s: float) -> float | None:
    milliseconds = _number(response.header("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    text = response.header("retry-after")
    seconds = _number(text)
    return seconds if seconds is not None or text is None else _until(text, now_s)


def pause_s(refusals: int, stated_s: float | None, jitter: Random) -> float:
    """The seconds to wait after a number of refusals in a row, counted from 1.

    A stated pause is respected. From the second refusal on the pause is at least the doubling one, because a server
    may state 0 every time.
    """
    if stated_s is not None:
        return stated_s if refusals == 1 else max(stated_s, _doubling_pause_s(refusals - 1, jitter))
    return _doubling_pause_s(refusals, jitter)


def _doubling_pause_s(step: int, jitter: Random) -> float:
    whole_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * (1 << min(step - 1, 16)))
    return whole_s * (1 - JITTER * jitter.random())


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return max(0.0, value) if math.isfinite(value) else None


def _until(text: str, now_s: float) -> float | None:
    """The seconds until an HTTP date; None where the text is no date."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, IndexError, OverflowError, TypeError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    try:
        return max(0.0, moment.timestamp() - now_s)
    except (ValueError, OverflowError):  # a time zone far from any
        return None
