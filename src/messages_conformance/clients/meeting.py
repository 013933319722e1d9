"""Which faults a client meets: those that change an answer to one of the requests of its scenarios.

The client does its scenarios once with the plain endpoint. Its requests are then repeated in memory against each fault,
so most faults that a client never meets cost it nothing.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator, Sequence

from messages_conformance.clients.client_runs import Endpoint, collect
from messages_conformance.clients.driven_target import reference_model
from messages_conformance.clients.faulty_endpoints import FaultyEndpoints
from messages_conformance.clients.installing import Installation
from messages_conformance.clients.observing import CONTROL, asked_under, compared_scenarios, limit_s
from messages_conformance.clients.watched_changes import PIECES, watched_fault
from messages_conformance.reference import API_KEY, HttpRequest, serve_endpoint
from messages_conformance.reference import Endpoint as ReferenceEndpoint


def plain_requests(installation: Installation) -> tuple[HttpRequest, ...]:
    """Every request that the client sends to the plain endpoint in the scenarios that are compared."""
    endpoints = FaultyEndpoints()
    asked = [asked_under(CONTROL, one) for one in compared_scenarios(installation)]
    with serve_endpoint(endpoints.as_endpoint()) as server:
        endpoint = Endpoint(
            base_url=f"{server.base_url}/{{scenario}}",
            model=reference_model(installation.client),
            key=API_KEY,
            limit_s=limit_s(installation),
            obedient=True,
        )
        collect(installation, asked, endpoint)
    return tuple(endpoints.plain_requests)


def meets(fault: str, requests: Iterable[HttpRequest]) -> bool:
    """Whether the fault has an effect on one of the requests; raises LookupError for an unknown fault."""
    change = watched_fault(fault)
    endpoint = ReferenceEndpoint(changes=(change,))
    for request in requests:
        for _ in itertools.islice(endpoint.handle(request).pieces, PIECES):
            pass
        if change.requests:
            return True
    return False


def met_faults(names: Sequence[str], requests: Sequence[HttpRequest], *, seed: int) -> Iterator[str]:
    """The names in an order by chance, without those that the requests never meet."""
    for name in random.Random(seed).sample(sorted(names), len(names)):
        if meets(name, requests):
            yield name
