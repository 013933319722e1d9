"""Failures that come and go: the same request passes when it is sent again, whatever it asks for.

The evidence: several requests were refused, or failed, and then answered. Other failures belong to the same cause if
they have the same status and form, and if chance explains them by the rate of such failures and the number of tries.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from messages_conformance.exchange import REFUSED, Exchange
from messages_conformance.report.failing_requests import common_features, phrases
from messages_conformance.report.feature_search import Shared, shared_features
from messages_conformance.rules.accessors import answered, body_of, near_miss, response_of

MIN_MIXED: Final = 3
"""At least this many requests must fail and then pass, before the report says that failures come and go (our own
choice)."""

LEAST_CHANCE: Final = 0.01
"""A request that failed at each try may have failed by chance if one of all that failed does so with this probability
(the usual level)."""

NO_FAILURES: Final = frozenset({401, 402, 403, 407, 413, 429, 503, 529})
"""Statuses about the key, the account, the size or the load: they say nothing about what comes and goes."""

FEW_OF_A_KIND: Final = 0.5
"""Failures are of one kind of requests if at most this part of all requests is of that kind (our own choice)."""

MIN_OF_A_KIND: Final = 2
"""If at least this many requests never pass, and share what no other request has, they are a separate kind (our
own)."""

_Form = tuple[int, str]


@dataclass(frozen=True, kw_only=True)
class Chance:
    """Failures that come and go. `sentence` says how many requests fail, `exchanges` are all failures of this form."""

    sentence: str
    exchanges: tuple[int, ...]


def chance_failures(exchanges: Iterable[Exchange], is_answered: Callable[[Exchange], bool]) -> Chance | None:
    """The most frequent form of failures that come and go; None when too few of them were seen.

    `is_answered` returns True for an exchange with a complete answer.
    """
    asked: dict[object, list[Exchange]] = {}
    for one in exchanges:
        if _is_compared(one):
            asked.setdefault(one.request.identity, []).append(one)
    mixed = Counter(
        form
        for tries in asked.values()
        if any(map(is_answered, tries))
        for form in {_form(one) for one in tries} - {None}
        if form is not None
    )
    if not mixed or max(mixed.values()) < MIN_MIXED:
        return None
    form = max(mixed, key=lambda each: (mixed[each], each))
    failing = {key: [one for one in tries if _form(one) == form] for key, tries in asked.items()}
    failing = {key: found for key, found in failing.items() if found}
    return _described(asked, _by_chance(asked, failing, is_answered), form, is_answered)


def _is_compared(exchange: Exchange) -> bool:
    """Whether an exchange is a try at a request that may pass."""
    valid = exchange.expect != REFUSED and not near_miss(exchange)
    return exchange.creates_message and answered(exchange) and valid


def _form(exchange: Exchange) -> _Form | None:
    """The status of a failure and the form of its body; None for any other answer."""
    status = response_of(exchange).status
    if status < 400 or status in NO_FAILURES:
        return None
    fields = body_of(exchange)
    error = fields.get("error")
    kind = str(error.get("type")) if isinstance(error, Mapping) else ""
    return status, f"{kind} {' '.join(sorted(map(str, fields)))}"


def _by_chance(
    asked: Mapping[object, Sequence[Exchange]],
    failing: Mapping[object, Sequence[Exchange]],
    is_answered: Callable[[Exchange], bool],
) -> Mapping[object, Sequence[Exchange]]:
    """The failures that may be chance: of requests that passed, too, or were asked too seldom to pass by chance."""
    passing = [key for key in failing if any(map(is_answered, asked[key]))]
    tries = sum(len(asked[key]) for key in asked if key in passing or any(map(is_answered, asked[key])))
    rate = sum(len(failing[key]) for key in passing) / max(tries, 1)
    left = [key for key in failing if key not in passing]
    good = [one for found in asked.values() for one in found if is_answered(one)]
    bad = [failing[key][-1] for key in left]
    kinds = [one for one in shared_features(bad, good) if not one.requests and len(one.exchanges) >= MIN_OF_A_KIND]
    explained = {number for shared in kinds for number in shared.exchanges}
    possible = [
        key
        for key in left
        if len(failing) * rate ** len(asked[key]) >= LEAST_CHANCE
        and explained.isdisjoint(one.number for one in failing[key])
    ]
    return {key: failing[key] for key in (*passing, *possible)}


def _described(
    asked: Mapping[object, Sequence[Exchange]],
    failing: Mapping[object, Sequence[Exchange]],
    form: _Form,
    is_answered: Callable[[Exchange], bool],
) -> Chance:
    # The answer to the second try shows what kind of answer failed at the first one.
    twins = [next((one for one in asked[key] if is_answered(one)), failing[key][0]) for key in failing]
    others = [one for key, tries in asked.items() if key not in failing for one in tries if is_answered(one)]
    kind = common_features(twins, others)
    kind = None if kind is None or kind.requests > FEW_OF_A_KIND * len(others) else kind
    total = len(asked) if kind is None else len(failing) + kind.requests
    what = "refused" if form[0] < 500 else "answered"
    whose = ", without regard to what they ask for" if kind is None else ", and no others are"
    sentence = (
        f"{len(failing):,} of {total:,} {_requests(kind)} are {what} with {form[0]}{whose}; sent again, the same "
        f"request passes."
    )
    return Chance(sentence=sentence, exchanges=tuple(sorted(one.number for found in failing.values() for one in found)))


def _requests(kind: Shared | None) -> str:
    if kind is None:
        return "requests"
    adjective, rest = phrases(kind)
    return " ".join([f"{adjective}requests", *[" and ".join(rest)] * bool(rest)])
