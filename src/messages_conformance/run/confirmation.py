"""What becomes of the answer to a drawn request before it is judged: it has to be fair, seen twice, and explained.

Nobody chose a drawn request by hand, so three things are done that a suite's author does for his own. A refusal of a
valid one counts only where the target is known to take everything in it (generate.features has the rule). What is
found is looked for in a second answer to the same request: where it is not there, it is reported as intermittent. And
a smaller request that shows the same takes its place, found by asking at most so many more; whatever this run asked
before is remembered and not asked again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlsplit

from messages_conformance.contract import Profile
from messages_conformance.engine import EngineError
from messages_conformance.exchange import ACCEPTED, EITHER, Ask, Exchange
from messages_conformance.generate.features import features
from messages_conformance.generate.generated_sets import generated_request_of
from messages_conformance.rules.accessors import has_message

DEFAULT_SHRINK_REQUESTS: Final = 30
"""Requests that explaining may take in a whole run where they cost nothing (measured: some 30 reach the smallest)."""

NOT_ABOUT_THE_REQUEST: Final = frozenset({401, 408, 429})
"""Refusals of the caller or of the moment."""

FREE_SCHEMES: Final = frozenset({"reference", "replay"})
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})

Send = Callable[[Ask], Exchange]
Find = Callable[[Exchange], frozenset[str]]


class Confirmation:
    """Settles the answers to drawn requests. `others` gives every exchange of the run, waiting for those under way.

    `send` asks once more, `find` gives the requirements that an exchange violates; nothing is booked by it. `most` is
    what may be sent to make requests smaller. `alone` means that nothing else is asked which could show what the target
    takes: somebody wants to see one request again.
    """

    def __init__(
        self,
        *,
        profile: Profile,
        send: Send,
        find: Find,
        others: Callable[[], Iterable[Exchange]],
        most: int,
        alone: bool,
    ) -> None:
        self._alone = alone
        self._profile = profile
        self._send = send
        self._find = find
        self._others = others
        self._left = most
        self._known: frozenset[str] | None = None
        self._taken: frozenset[str] | None = None
        self._answers: dict[str, Exchange] = {}

    def settled(self, exchange: Exchange) -> Exchange:
        """The exchange to judge in place of a drawn one: itself, itself with a mark, or a smaller one."""
        exchange = self._fair(exchange)
        if exchange.origin is None or exchange.response is None:
            return exchange
        found = self._find(exchange)
        if not found - self._already_known():
            return exchange
        self._known = self._already_known() | found
        again = self._asked_again(exchange)
        if again is None or again.response is None:
            return exchange
        lasting = found & self._find(again)
        if not lasting:
            return replace(exchange, intermittent=True)
        return self._smallest(exchange, lasting)

    def _already_known(self) -> frozenset[str]:
        """What was found by the suites' own requests: it needs no drawn one to be explained."""
        if self._known is None:
            own = [other for other in self._others() if other.origin is None and other.response is not None]
            self._known = frozenset(name for other in own for name in self._find(other))
        return self._known

    # -- fairness ---------------------------------------------------------------------------------------------------

    def _fair(self, exchange: Exchange) -> Exchange:
        """The exchange with a refusal that shows nothing taken for what it is: an honest answer."""
        response, origin = exchange.response, exchange.origin
        if response is None or origin is None or origin.near_miss or exchange.expect != ACCEPTED or self._alone:
            return exchange
        if not 400 <= response.status < 500 or response.status in NOT_ABOUT_THE_REQUEST:
            return exchange
        return exchange if features(exchange.request.fields) <= self._taken_elsewhere() else _softened(exchange)

    def _taken_elsewhere(self) -> frozenset[str]:
        """Everything that some answered request of this run used."""
        if self._taken is None:
            answered = [other for other in self._others() if has_message(other)]
            self._taken = frozenset(name for other in answered for name in features(other.request.fields))
        return self._taken

    # -- asking more ------------------------------------------------------------------------------------------------

    def _asked_again(self, exchange: Exchange) -> Exchange | None:
        """The answer to the same request, sent once more."""
        asked = _as_asked(exchange)
        try:
            return self._fair(self._send(asked)) if asked is not None else None
        except EngineError:
            return None  # the run ends

    def _smallest(self, exchange: Exchange, lasting: frozenset[str]) -> Exchange:
        """The exchange of the smallest request found that shows all of it; the exchange itself where there is none."""
        assert exchange.origin is not None
        if not self._left:
            return exchange
        held = generated_request_of(exchange.origin, self._profile, _body(exchange))
        best, searching = exchange, True
        while searching:
            searching = False
            for candidate in held.smaller():
                answer = self._remembered(candidate.ask())
                if answer is None:
                    return best  # nothing more may be asked
                if lasting <= self._find(answer):
                    held, best, searching = candidate, answer, True
                    break
        return best

    def _remembered(self, asked: Ask) -> Exchange | None:
        """The answer to a smaller request; None where none is known and none may be asked for."""
        key = json.dumps([asked.body, asked.expect], sort_keys=True, default=str)
        if key not in self._answers:
            if not self._left:
                return None
            self._left -= 1
            try:
                self._answers[key] = self._fair(self._send(asked))
            except EngineError:
                self._left = 0
                return None
        return self._answers[key]


def _softened(exchange: Exchange) -> Exchange:
    return replace(exchange, expect=EITHER)


def _body(exchange: Exchange) -> Mapping[str, Any]:
    return {name: value for name, value in exchange.request.fields.items() if name != "model"}


def _as_asked(exchange: Exchange) -> Ask | None:
    """The Ask that makes the same request; None where there is no body to send again."""
    body = exchange.request.json
    if not isinstance(body, dict):
        return None
    return Ask(
        situation=exchange.situations[0],
        body=body,
        fill_model="model" in body,
        probe=exchange.probes[0],
        expect=exchange.expect,
        statuses=exchange.statuses,
        capability=exchange.capability,
        origin=exchange.origin,
        copy=1,
    )


def shrink_requests(given: int | None, target: str) -> int:
    """What explaining may send: as given, else only where it is free, on this machine."""
    if given is not None:
        return given
    address = urlsplit(target)
    local = address.scheme in FREE_SCHEMES or address.hostname in LOOPBACK
    return DEFAULT_SHRINK_REQUESTS if local else 0
