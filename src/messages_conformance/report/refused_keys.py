"""A valid key that is refused now and then: the target refuses a client after a wrong key, or loses what it knows.

The evidence: a request with the same credential and the same kind of content is answered in the same run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from messages_conformance.exchange import REFUSED, Exchange
from messages_conformance.report.chance import Chance
from messages_conformance.report.feature_search import shared_features
from messages_conformance.report.text import clause, counted, inline
from messages_conformance.rules.accessors import answered, error_message, near_miss, response_of

CREDENTIALS: Final = ("x-api-key", "authorization")
UNAUTHORIZED: Final = 401

MIN_REFUSED: Final = 2
"""One request alone may be refused for something that is its own (our own choice)."""


def refusals_of_valid_keys(exchanges: Iterable[Exchange], is_answered: Callable[[Exchange], bool]) -> Chance | None:
    """The requests that are refused with 401 although their key is accepted elsewhere. None when all of them are of a
    kind that is never answered, because then the kind explains more."""
    known = [one for one in exchanges if answered(one)]
    valid = [one for one in known if one.expect != REFUSED and not near_miss(one)]
    good = [one for one in valid if is_answered(one)]
    accepted = {_credential(one) for one in good}
    bad = [one for one in valid if response_of(one).status == UNAUTHORIZED and _credential(one) in accepted]
    if len({one.request.identity for one in bad}) < MIN_REFUSED:
        return None
    if any(not shared.requests for shared in shared_features(bad, good)):
        return None
    total = len(bad) + len(good)
    said = clause(inline(error_message(bad[0])))
    sentence = (
        f"{len(bad):,} of {counted(total, 'request')} with a valid key are refused with 401"
        + (f': "{said}"' if said else "")
        + f"; the same key is accepted in the others{_after_a_wrong_key(known, bad)}."
    )
    return Chance(sentence=sentence, exchanges=tuple(sorted(one.number for one in bad)))


def _credential(exchange: Exchange) -> tuple[str | None, ...]:
    return tuple(exchange.request.header(name) for name in CREDENTIALS)


def _after_a_wrong_key(known: Sequence[Exchange], bad: Sequence[Exchange]) -> str:
    """Words if the refusals begin after a request with a wrong key was refused; empty otherwise."""
    wrong = [one.started_s for one in known if one.expect == REFUSED and response_of(one).status == UNAUTHORIZED]
    ends = [one.started_s + response_of(one).ended_at_s for one in bad]
    is_later = bool(wrong) and 0 < min(wrong) < min(ends)
    return "; they begin after a request with a wrong key was refused" if is_later else ""
