"""The reference endpoint with many faults at the same time: the prefix of the path, FAULT~SCENARIO, names the fault.

Without a fault before the sign, the plain endpoint answers.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from typing import Final, cast
from urllib.parse import unquote

from messages_conformance.clients.watched_changes import WatchedChange, watched_fault
from messages_conformance.reference import Endpoint, HttpRequest, HttpResponse, Settings

SIGN: Final = "~"
"""Between the fault and the scenario in a prefix; no name has it."""


@dataclass(frozen=True, kw_only=True)
class _Faulty:
    change: WatchedChange
    endpoint: Endpoint
    met: dict[str, int] = field(default_factory=dict)
    """Scenario -> its requests on which the fault had an effect."""

    def note(self, scenario: str) -> None:
        """Counts the requests that have no scenario yet for this one: a client does its scenarios in turn."""
        new = len(self.change.requests) - sum(self.met.values())
        if new and scenario:
            self.met[scenario] = self.met.get(scenario, 0) + new


class FaultyEndpoints:
    """Endpoints that are made when the first request for their fault comes. Without a fault the endpoint is plain."""

    def __init__(self) -> None:
        self.settings = Settings()
        self._lock = threading.Lock()
        self._plain = Endpoint()
        self._faulty: dict[str, _Faulty] = {}
        self._last: dict[str, str] = {}
        self.plain_requests: list[HttpRequest] = []
        """The requests of scenarios without a fault, in order."""

    def as_endpoint(self) -> Endpoint:
        """These endpoints for a server, which needs only the methods below."""
        return cast(Endpoint, self)

    def shown(self, fault: str) -> bool:
        """Whether the fault had an effect on a request."""
        found = self._faulty.get(fault)
        return found is not None and bool(found.change.requests)

    def met(self, fault: str) -> frozenset[str]:
        """The scenarios with a request on which the fault had an effect."""
        found = self._faulty.get(fault)
        if found is None:
            return frozenset()
        found.note(self._last.get(fault, ""))  # of pieces that were sent later
        return frozenset(found.met)

    def handle(self, request: HttpRequest) -> HttpResponse:
        """The response of the endpoint whose fault the path names."""
        _, prefix, rest = request.target.split("/", 2) if request.target.count("/") > 1 else ("", "", "")
        fault, sign, scenario = unquote(prefix).partition(SIGN)
        if not sign:
            return self._plain.handle(request)
        if not fault:
            plain = replace(request, target=f"/{rest}")
            self.plain_requests.append(plain)
            return self._plain.handle(plain)
        faulty = self._of(fault)
        faulty.note(self._last.get(fault, ""))
        self._last[fault] = scenario
        response = faulty.endpoint.handle(replace(request, target=f"/{rest}"))
        faulty.note(scenario)
        return response

    def broken(self, status: int) -> HttpResponse:
        """The response to bytes that are not a whole HTTP request."""
        return self._plain.broken(status)

    def left(self) -> None:
        """A client left early; no endpoint knows whose it was."""

    def _of(self, fault: str) -> _Faulty:
        with self._lock:
            if fault not in self._faulty:
                change = watched_fault(fault)
                self._faulty[fault] = _Faulty(change=change, endpoint=Endpoint(changes=(change,)))
            return self._faulty[fault]
