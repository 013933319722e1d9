"""Finds what all failing exchanges share and no passing one has: one feature of the request, or two together.

The search is greedy. The feature that covers most failures comes first, then the one that covers most of the rest. A
feature that a passing exchange has explains nothing. Sets of exchanges are bit masks, so that a long run costs little.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import Final

from messages_conformance.exchange import Exchange
from messages_conformance.report.request_features import MEMBER, above, features, sizes

Describe = Callable[[Exchange], Mapping[str, str]]
"""Feature -> its words, for an exchange."""

MIN_REQUESTS: Final = 2
"""One failing request alone has too many features to choose from (our own choice)."""

CHANCE: Final = 0.05
"""The greatest accepted probability that a feature covers only failures by chance, over all features that were tried:
the usual level of significance."""

LARGE: Final = {"body bytes": 8_192, "messages": 4, "max_tokens": 1_024, "tools": 4}
"""From where on a size is an explanation. Below, it is large only because of another feature (our own choice)."""

SIZE_LEAD: Final = 2
"""A size explains failures only if it covers more than any feature does, by this factor. Requests with any feature
are larger than plain ones (our own choice)."""

PAIR_PART: Final = 2
"""Two features together explain something only if they cover more than half of what is left (our own choice). There are
many pairs, so some pair always covers a few failures."""

MIN_OFTEN: Final = 4
OFTEN_RECALL: Final = 0.75
OFTEN_PRECISION: Final = 0.5
OFTEN_LIFT: Final = 3
"""A feature says where to look if all of this holds (our own):

- at least MIN_OFTEN failing requests have it, and they are at least the part OFTEN_RECALL of all failing requests;
- at least the part OFTEN_PRECISION of the requests with it fails;
- this part is at least OFTEN_LIFT times the part of all requests that fails.
"""

MANY_FEATURES: Final = 80
"""Pairs are searched among at most this many features of failures, the most frequent first (our own choice)."""


@dataclass(frozen=True, kw_only=True)
class Shared:
    """What some failures share and no passing exchange has. `words` describe each feature, after the word request."""

    names: tuple[str, ...]
    words: tuple[str, ...]
    exchanges: tuple[int, ...]
    requests: int = 0
    """How many different requests have the features; 0 when all of them fail."""


def shared_features(bad: Sequence[Exchange], good: Sequence[Exchange], *, of: Describe = features) -> Iterator[Shared]:
    """What the bad exchanges share, the greatest part first; nothing without a good exchange to compare with."""
    left = list(bad)
    while left and good:
        found = _best(left, good, of)
        if found is None:
            often = _often(left, good, of)
            if often is not None:
                yield often
            return
        yield found
        explained = frozenset(found.exchanges)
        left = [exchange for exchange in left if exchange.number not in explained]


def _best(bad: Sequence[Exchange], good: Sequence[Exchange], of: Describe) -> Shared | None:
    """The feature, or else the pair, that covers most of the bad exchanges and no good one; None without any."""
    described = {name: words for exchange in bad for name, words in of(exchange).items()}
    of_bad = _masks(bad, described, of)
    of_good = _masks(good, described, of)
    ordered = _by_priority(bad, described, of)
    candidates: list[tuple[tuple[str, ...], int]] = [((name,), of_bad[name]) for name in ordered if not of_good[name]]
    paired = (name for name in ordered if not name.startswith(MEMBER))
    pairs = list(combinations(sorted(paired, key=lambda name: -of_bad[name].bit_count())[:MANY_FEATURES], 2))
    candidates += [
        (pair, both)
        for pair in pairs
        if (both := of_bad[pair[0]] & of_bad[pair[1]]) and not of_good[pair[0]] & of_good[pair[1]]
    ]
    large = _large(bad, good)
    for names, mask in sorted(candidates, key=lambda one: (-one[1].bit_count(), len(one[0]))):
        if large is not None and len(large.exchanges) > SIZE_LEAD * mask.bit_count():
            return large
        tried = len(ordered) if len(names) == 1 else len(pairs)
        covered = tuple(exchange for place, exchange in enumerate(bad) if mask >> place & 1)
        distinct = len({exchange.request.identity for exchange in covered})
        if len(names) > 1 and PAIR_PART * len(covered) <= len(bad):
            continue
        if distinct >= MIN_REQUESTS and tried * _by_chance(distinct, len(bad), len(good)) <= CHANCE:
            return Shared(
                names=names,
                words=tuple(described[name] for name in names),
                exchanges=tuple(exchange.number for exchange in covered),
            )
    return large


def _by_chance(having: int, bad: int, good: int) -> float:
    """The probability that no good exchange is among so many that have a feature, if the feature means nothing."""
    return comb(max(bad + good - having, 0), good) / comb(bad + good, good)


def _often(bad: Sequence[Exchange], good: Sequence[Exchange], of: Describe) -> Shared | None:
    """One feature or a pair that most of the bad requests have, and few of the good ones; None when there is none.

    It is no explanation, but it says where to look: the rest depends on what the server or its model does.
    """
    described = {name: words for exchange in bad for name, words in of(exchange).items()}
    ordered = _by_priority(bad, described, of)[:MANY_FEATURES]
    # The same request sent several times counts once.
    requests = list({exchange.request.identity: exchange for exchange in (*bad, *good)}.values())
    failing = {exchange.request.identity for exchange in bad}
    wrong = sum(1 << place for place, each in enumerate(requests) if each.request.identity in failing)
    masks = _masks(requests, ordered, of)
    least = max(OFTEN_PRECISION, OFTEN_LIFT * len(failing) / len(requests))
    best: tuple[str, ...] = ()
    covered, most = 0, 0.0
    for names in [*((name,) for name in ordered), *combinations(ordered, 2)]:
        having = masks[names[0]] & masks[names[-1]]
        hit = (having & wrong).bit_count()
        if hit < max(MIN_OFTEN, OFTEN_RECALL * len(failing)):
            continue
        recall, precision = hit / len(failing), hit / having.bit_count()
        if precision >= least and recall * precision > most:
            best, covered, most = names, having, recall * precision
    if not best:
        return None
    numbers = tuple(exchange.number for exchange in bad if all(name in of(exchange) for name in best))
    words = tuple(described[name] for name in best)
    return Shared(names=best, words=words, exchanges=numbers, requests=covered.bit_count())


def _masks(exchanges: Sequence[Exchange], names: Iterable[str], of: Describe) -> Mapping[str, int]:
    """Feature -> a bit mask of the exchanges that have it."""
    masks = dict.fromkeys(names, 0)
    for place, exchange in enumerate(exchanges):
        for name in of(exchange):
            if name in masks:
                masks[name] |= 1 << place
    return masks


def _by_priority(bad: Sequence[Exchange], names: Iterable[str], of: Describe) -> list[str]:
    """The features in the order in which `of` lists them: of two that cover the same, the first is named."""
    rank: dict[str, int] = {}
    for exchange in bad:
        for place, name in enumerate(of(exchange)):
            rank[name] = max(rank.get(name, 0), place)
    return sorted(names, key=lambda name: rank[name])


def _large(bad: Sequence[Exchange], good: Sequence[Exchange]) -> Shared | None:
    """The bad exchanges in which a number is large and exceeds that of every good one; None when there are too few."""
    found = []
    for name, least in LARGE.items():
        most = max(sizes(exchange)[name] for exchange in good)
        exceeding = [exchange for exchange in bad if sizes(exchange)[name] > max(most, least)]
        if len({exchange.request.identity for exchange in exceeding}) >= MIN_REQUESTS:
            numbers = tuple(exchange.number for exchange in exceeding)
            refused = min(sizes(exchange)[name] for exchange in exceeding)
            found.append(Shared(names=(f"above.{name}",), words=(above(name, refused, most),), exchanges=numbers))
    # Of two that explain as many, the bytes are the consequence.
    return max(found, key=lambda one: (len(one.exchanges), "body bytes" not in one.names[0]), default=None)
