"""Rules for response headers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from messages_conformance.exchange import Exchange, bounded_integer
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import answered, body_of, is_refused_in_front, refused, response_of, shown
from messages_conformance.rules.catalogue import ANTHROPIC, DRIFTS, MISLEADS, rule
from messages_conformance.rules.recording_parts import RESPONSE_HEADERS
from messages_conformance.rules.transport import FRONT_END_LIMITS
from messages_conformance.rules.verdict import MAY, MUST, SHOULD, Finding, Place, Unverified

REQUEST_ID: Final = "request-id"
REQUEST_ID_FORM: Final = re.compile(r"req_[A-Za-z0-9_]+")
RATE_LIMITED: Final = ("requests", "tokens", "input-tokens", "output-tokens")
ROUNDED: Final = 500
"""The remaining tokens are rounded to the nearest thousand (rate limits), so by at most this much upwards."""

RFC_3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")

SPENT: Final = re.compile(r"spend|spent|credit|billing|quota|month", re.IGNORECASE)
"""Words of a 429 for a spending limit: waiting does not help, so it needs no retry-after."""

MAX_RETRY_AFTER_S: Final = 3600
"""The Python SDK accepts waits of weeks; no client is meant to wait longer than an hour (requirement)."""


def _reached_the_api(exchange: Exchange) -> bool:
    """Whether the API itself answered: a proxy in front of it may refuse requests that are too large."""
    if not answered(exchange):
        return False
    if is_refused_in_front(exchange):
        return False
    return response_of(exchange).status not in FRONT_END_LIMITS or isinstance(response_of(exchange).json, dict)


@rule(
    "headers.request-id.present",
    MUST,
    harm=MISLEADS,
    families={ANTHROPIC},
    needs={"request-id"},
    source=f"{sources.ERRORS} (request id; request size limits)",
    applies=_reached_the_api,
    reads={RESPONSE_HEADERS},
)
def identifies_every_answer(exchange: Exchange) -> Iterable[Finding]:
    """Every answer has a non-empty request-id header."""
    value = response_of(exchange).header(REQUEST_ID)
    if not (value or "").strip():
        yield Finding(place=Place(header=REQUEST_ID), found="absent" if value is None else "empty", wanted="req_...")


def _identified(exchange: Exchange) -> bool:
    return answered(exchange) and bool(response_of(exchange).header(REQUEST_ID))


@rule(
    "headers.request-id.pattern",
    SHOULD,
    harm=DRIFTS,
    families={ANTHROPIC},
    needs={"request-id"},
    source=sources.ERRORS,
    applies=_identified,
    reads={RESPONSE_HEADERS},
)
def uses_the_usual_form_of_request_ids(exchange: Exchange) -> Iterable[Finding]:
    """request-id consists of req_ and letters, digits or underscores."""
    value = response_of(exchange).header(REQUEST_ID) or ""
    if not REQUEST_ID_FORM.fullmatch(value):
        yield Finding(
            place=Place(header=REQUEST_ID), found=shown(value), wanted="req_ and letters, digits, underscores"
        )


@rule(
    "headers.request-id.matches-body",
    SHOULD,
    harm=MISLEADS,
    families={ANTHROPIC},
    needs={"request-id"},
    source=sources.ERRORS,
    applies=lambda exchange: (
        refused(exchange) and _identified(exchange) and isinstance(body_of(exchange).get("request_id"), str)
    ),
    reads={RESPONSE_HEADERS},
)
def repeats_the_header_in_the_body(exchange: Exchange) -> Iterable[Finding]:
    """The request_id of an error body equals the request-id header."""
    header, body = response_of(exchange).header(REQUEST_ID), body_of(exchange)["request_id"]
    if header != body:
        yield Finding(
            place=Place(pointer="/request_id"), found=shown(body), wanted=f"{shown(header)}, as in the header"
        )


@rule(
    "headers.ratelimit.format",
    SHOULD,
    harm=MISLEADS,
    families={ANTHROPIC},
    needs={"rate-limit-headers"},
    source=sources.RATE_LIMITS,
    applies=lambda exchange: (
        answered(exchange)
        and any(name.lower().startswith("anthropic-ratelimit-") for name, _ in response_of(exchange).headers)
    ),
    on_sight=True,
    reads={RESPONSE_HEADERS},
    provoked="Judged on every answer with such headers.",
)
def states_limits_in_numbers(exchange: Exchange) -> Iterable[Finding]:
    """anthropic-ratelimit-* headers are integers of 0 or more, with remaining at most limit, and RFC 3339 times."""
    response = response_of(exchange)
    for kind in RATE_LIMITED:
        prefix = f"anthropic-ratelimit-{kind}"
        limit, remaining, reset = (response.header(f"{prefix}-{part}") for part in ("limit", "remaining", "reset"))
        for part, value in (("limit", limit), ("remaining", remaining)):
            if value is not None and not (value.isascii() and value.isdigit()):
                yield Finding(
                    place=Place(header=f"{prefix}-{part}"), found=shown(value), wanted="an integer of 0 or more"
                )
                return
        rounded = ROUNDED if kind.endswith("tokens") else 0
        most = None if limit is None else bounded_integer(limit) + rounded
        if most is not None and remaining is not None and bounded_integer(remaining) > most:
            yield Finding(place=Place(header=f"{prefix}-remaining"), found=shown(remaining), wanted=f"at most {limit}")
            return
        if reset is not None and not RFC_3339.fullmatch(reset):
            yield Finding(place=Place(header=f"{prefix}-reset"), found=shown(reset), wanted="an RFC 3339 time")
            return


HTTP_DATE: Final = re.compile(r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? .*\d\d:\d\d:\d\d.*")
"""The three forms of a date in RFC 9110, section 5.6.7, without their details."""


@rule(
    "headers.retry-after.sane",
    SHOULD,
    harm=MISLEADS,
    source=sources.sdk("_base_client.py _calculate_retry_timeout"),
    applies=lambda exchange: (
        answered(exchange) and any(response_of(exchange).header(name) for name in ("retry-after", "retry-after-ms"))
    ),
    on_sight=True,
    reads={RESPONSE_HEADERS},
    provoked="Judged on every answer with such headers.",
)
def asks_for_a_short_wait(exchange: Exchange) -> Iterable[Finding]:
    """retry-after is 0 to 1 hour in seconds or a date, retry-after-ms such a number: the SDKs wait that long."""
    for name, per_second in (("retry-after", 1), ("retry-after-ms", 1000)):
        value = response_of(exchange).header(name)
        if value is None:
            continue
        if not re.fullmatch(r"-?\d+(\.\d+)?", value.strip()):
            if name == "retry-after" and not HTTP_DATE.fullmatch(value.strip()):
                yield Finding(place=Place(header=name), found=shown(value), wanted="seconds, or an HTTP date")
                return
            continue
        wait_s = float(value) / per_second
        if wait_s < 0 or wait_s > MAX_RETRY_AFTER_S:
            yield Finding(place=Place(header=name), found=value, wanted=f"0 to {MAX_RETRY_AFTER_S * per_second}")
            return


def missing_retry_after(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """A finding for a 429 without a time to wait; a 429 for a spending limit needs none."""
    if any(response_of(exchange).header(name) for name in ("retry-after", "retry-after-ms")):
        return
    if SPENT.search(response_of(exchange).text):
        yield Unverified(reason="the 429 is for a spending limit, for which waiting does not help")
        return
    yield Finding(place=Place(header="retry-after"), found="absent", wanted="seconds to wait")


@rule(
    "headers.retry-after.on-429",
    SHOULD,
    harm=MISLEADS,
    families={ANTHROPIC},
    needs={"rate-limit-headers"},
    source=f"{sources.RATE_LIMITS}; {sources.ERRORS}",
    applies=lambda exchange: answered(exchange) and response_of(exchange).status == 429,
    on_sight=True,
    reads={RESPONSE_HEADERS},
    provoked="Judged on every 429; no request provokes one.",
)
def says_how_long_to_wait(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """A 429 for a rate limit has a retry-after header."""
    return missing_retry_after(exchange)


SHOULD_RETRY: Final = "x-should-retry"


@rule(
    "headers.x-should-retry",
    MAY,
    harm=MISLEADS,
    families={ANTHROPIC},
    source=sources.sdk("_base_client.py _should_retry"),
    applies=lambda exchange: answered(exchange) and response_of(exchange).header(SHOULD_RETRY) is not None,
    on_sight=True,
    reads={RESPONSE_HEADERS},
    provoked="Judged on every answer with this header.",
)
def says_whether_to_retry(exchange: Exchange) -> Iterable[Finding]:
    """x-should-retry is true or false: the SDKs read no other value."""
    value = response_of(exchange).header(SHOULD_RETRY)
    if value not in ("true", "false"):
        yield Finding(place=Place(header=SHOULD_RETRY), found=shown(value), wanted="true or false")
