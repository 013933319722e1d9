"""Generated requests are judged only after the finding is reproduced and minimised.

1. A refusal of a valid generated request counts only if the target accepted every feature of it elsewhere in this run
   (generate.features lists features). Otherwise the request may be refused.
2. The same request is sent once more. A finding that does not appear again is reported as intermittent.
3. Smaller requests are sent while they show the same finding; the smallest is judged instead. The number of these
   requests is limited. A request that this run sent before is not sent again.
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
"""Requests for minimising in a whole run, where requests are free (measured: about 30 reach the smallest request)."""

NOT_ABOUT_THE_REQUEST: Final = frozenset({401, 408, 429})
"""Statuses that refuse the caller or the moment, not the request."""

FREE_SCHEMES: Final = frozenset({"reference", "replay"})
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})

Send = Callable[[Ask], Exchange]
Find = Callable[[Exchange], frozenset[str]]


class Confirmation:
    """Decides which exchange is judged for a generated request.

    - `send` sends one Ask and returns its exchange.
    - `find` returns the ids of the requirements that an exchange violates, without counting them.
    - `others` returns every exchange of the run; it waits for those in flight.
    - `most` is the number of requests that may be sent for minimising.
    - `alone`: the run sends this one generated request only, so no other exchange shows what the target accepts.
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
        self._accepted: frozenset[str] | None = None
        self._answers: dict[str, Exchange] = {}

    def confirmed(self, exchange: Exchange) -> Exchange:
        """Returns the exchange to judge: the same, the same marked as intermittent, or that of a smaller request."""
        exchange = self._allowing_refusal(exchange)
        if exchange.origin is None or exchange.response is None:
            return exchange
        found = self._find(exchange)
        if not found - self._already_known():
            return exchange
        self._known = self._already_known() | found
        again = self._sent_again(exchange)
        if again is None or again.response is None:
            return exchange
        lasting = found & self._find(again)
        if not lasting:
            return replace(exchange, intermittent=True)
        return self._smallest(exchange, lasting)

    def _already_known(self) -> frozenset[str]:
        """Returns what requests of the suites violate: those findings need no generated request."""
        if self._known is None:
            written = [other for other in self._others() if other.origin is None and other.response is not None]
            self._known = frozenset(name for other in written for name in self._find(other))
        return self._known

    # -- refusals of valid requests ----------------------------------------------------------------------------------

    def _allowing_refusal(self, exchange: Exchange) -> Exchange:
        """Returns the exchange; a refusal that proves nothing about the target is marked as allowed."""
        response, origin = exchange.response, exchange.origin
        if response is None or origin is None or origin.near_miss or exchange.expect != ACCEPTED or self._alone:
            return exchange
        if not 400 <= response.status < 500 or response.status in NOT_ABOUT_THE_REQUEST:
            return exchange
        return exchange if features(exchange.request.fields) <= self._accepted_features() else _may_be_refused(exchange)

    def _accepted_features(self) -> frozenset[str]:
        """Returns the features of all requests of this run that were answered with a message."""
        if self._accepted is None:
            answered = [other for other in self._others() if has_message(other)]
            self._accepted = frozenset(name for other in answered for name in features(other.request.fields))
        return self._accepted

    # -- more requests ------------------------------------------------------------------------------------------------

    def _sent_again(self, exchange: Exchange) -> Exchange | None:
        """Sends the same request once more; returns None when that is impossible."""
        asked = _same_ask(exchange)
        try:
            return self._allowing_refusal(self._send(asked)) if asked is not None else None
        except EngineError:
            return None  # the run is ending

    def _smallest(self, exchange: Exchange, lasting: frozenset[str]) -> Exchange:
        """Returns the exchange of the smallest request that still shows all `lasting` findings."""
        assert exchange.origin is not None
        if not self._left:
            return exchange
        request = generated_request_of(exchange.origin, self._profile, _body(exchange))
        best, searching = exchange, True
        while searching:
            searching = False
            for candidate in request.smaller():
                answer = self._remembered(candidate.ask())
                if answer is None:
                    return best  # the limit is reached
                if lasting <= self._find(answer):
                    request, best, searching = candidate, answer, True
                    break
        return best

    def _remembered(self, asked: Ask) -> Exchange | None:
        """Returns the exchange of a smaller request; None when it is unknown and no more requests may be sent."""
        key = json.dumps([asked.body, asked.expect], sort_keys=True, default=str)
        if key not in self._answers:
            if not self._left:
                return None
            self._left -= 1
            try:
                self._answers[key] = self._allowing_refusal(self._send(asked))
            except EngineError:
                self._left = 0
                return None
        return self._answers[key]


def _may_be_refused(exchange: Exchange) -> Exchange:
    return replace(exchange, expect=EITHER)


def _body(exchange: Exchange) -> Mapping[str, Any]:
    return {name: value for name, value in exchange.request.fields.items() if name != "model"}


def _same_ask(exchange: Exchange) -> Ask | None:
    """Returns the Ask that makes the same request; None when the body is no JSON object."""
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
    """Returns the number of requests for minimising: as given, else the default if the target is on this machine."""
    if given is not None:
        return given
    address = urlsplit(target)
    local = address.scheme in FREE_SCHEMES or address.hostname in LOOPBACK
    return DEFAULT_SHRINK_REQUESTS if local else 0
