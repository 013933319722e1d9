"""Records what clients exchange with an endpoint, each scenario apart: the proxy, with the scenario in the path.

A client gets the address `http://127.0.0.1:PORT/SCENARIO`; the proxy removes that part. For some scenarios the first
request is answered by the proxy itself, with an error that no target can be asked for.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final

from messages_conformance import contract
from messages_conformance.clients.known_clients import scenarios
from messages_conformance.exchange import Exchange
from messages_conformance.live import LiveExchange
from messages_conformance.proxy import Ended, Forwarder, bound_socket
from messages_conformance.proxy.forwarding import Message, Receive, Send
from messages_conformance.proxy.serving import quiet_server
from messages_conformance.rules import Judge
from messages_conformance.rules.verdict import MUST, Finding

STARTUP_S: Final = 20.0
ERROR_TYPES: Final = {429: "rate_limit_error", 529: "overloaded_error"}
RETRY_AFTER_S: Final = 1
MOST_BYTES: Final = 64 * 1024 * 1024
"""An answer is broken off after this many bytes (our own): an endless one would fill the memory of the client."""

END_S: Final = 3.0
"""Longest wait for the end of exchanges whose client has its result already (our own)."""

_SCENARIO: ContextVar[str] = ContextVar("scenario", default="")


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """The exchanges of a scenario, and the requirements that they violate, MUSTs first."""

    exchanges: tuple[Exchange, ...] = ()
    violated: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


class TooLong(Exception):
    """An answer has more than MOST_BYTES."""


class Recorder:
    """A proxy on loopback in front of an endpoint, until the `with` block ends.

    With `keeps_scenario` the endpoint gets the path with the scenario, too.
    """

    def __init__(self, upstream: str, profile: str, *, keeps_scenario: bool = False) -> None:
        self._upstream = upstream
        self._keeps_scenario = keeps_scenario
        self._profile = contract.profile(profile)
        self._lock = threading.Condition()
        self._active = 0
        self._recorded: dict[str, list[tuple[LiveExchange, Ended]]] = {}
        self._answered: set[str] = set()
        self._socket = bound_socket(0)
        self._ready = threading.Event()
        self._server: Any = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="recorder", daemon=True)

    def __enter__(self) -> Recorder:
        self._thread.start()
        self._ready.wait(STARTUP_S)
        return self

    def __exit__(self, *error: object) -> None:
        if self._server is not None:
            self._server.should_exit = True
        self._thread.join()
        self._socket.close()

    @property
    def base_url(self) -> str:
        """The address for a client, with `{scenario}` in the place of the scenario."""
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}/{{scenario}}"

    def forget(self) -> None:
        """Forgets everything that was recorded, before another client begins."""
        with self._lock:
            self._recorded.clear()
            self._answered.clear()

    def failures(self, scenario: str) -> tuple[str, ...]:
        """Why there was no answer to the requests of a scenario, one text for each of those requests."""
        with self._lock:
            self._lock.wait_for(lambda: not self._active, END_S)
            return tuple(ended.failure for _, ended in self._recorded.get(scenario, ()) if ended.failure)

    def judged(self, apart: Callable[[str], str] = lambda scenario: "") -> Mapping[str, Recorded]:
        """Scenario -> its exchanges, judged together with those of the other scenarios with the same `apart`.

        An exchange that does not end although its client has the result is left out.
        """
        with self._lock:
            self._lock.wait_for(lambda: not self._active, END_S)
            taken = [(scenario, *pair) for scenario, pairs in self._recorded.items() for pair in pairs]
        groups: dict[str, list[tuple[str, Exchange]]] = {}
        for number, (scenario, live, ended) in enumerate(taken, start=1):
            if live.judged:
                groups.setdefault(apart(scenario), []).append((scenario, _exchange(live, ended, number)))
        found: dict[str, Recorded] = {}
        for group in groups.values():
            found |= _judged(Judge(self._profile), group)
        return found

    async def _serve(self) -> None:
        forwarder = Forwarder(self._upstream, self._took)

        async def application(scope: Message, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                with self._counted():
                    if not await self._answers(scope, send):
                        await forwarder(scope, receive, _limited(send))

        self._server = quiet_server(application)
        serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        self._ready.set()
        await serving
        await forwarder.aclose()

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        with self._lock:
            self._active += 1
        try:
            yield
        finally:
            with self._lock:
                self._active -= 1
                self._lock.notify_all()

    def _took(self, live: LiveExchange, ended: Ended) -> None:
        with self._lock:
            self._recorded.setdefault(_SCENARIO.get(), []).append((live, ended))

    async def _answers(self, scope: Message, send: Send) -> bool:
        """Removes the scenario from the path; answers the request if it is the first one of some scenarios."""
        _, _, rest = scope["raw_path"].partition(b"/")
        name, _, path = rest.partition(b"/")
        scenario = name.decode("ascii", "replace")
        _SCENARIO.set(scenario)
        if not self._keeps_scenario:
            scope["raw_path"] = b"/" + path
        known = scenarios().get(scenario)
        if known is None or not known.answers or scope["method"] != "POST":
            return False
        with self._lock:
            if scenario in self._answered:
                return False
            self._answered.add(scenario)
        await _refuse(known.answers, send)
        return True


def _limited(send: Send) -> Send:
    """The same, which raises TooLong after MOST_BYTES of a body: the recorder then breaks the answer off."""
    sent_bytes = 0

    async def limited(message: Message) -> None:
        nonlocal sent_bytes
        sent_bytes += len(message.get("body", b""))
        if sent_bytes > MOST_BYTES:
            raise TooLong(f"more than {MOST_BYTES:,} bytes")
        await send(message)

    return limited


def _judged(judge: Judge, group: list[tuple[str, Exchange]]) -> Mapping[str, Recorded]:
    made: dict[str, list[Exchange]] = {}
    for scenario, exchange in group:
        judge.add(exchange)
        made.setdefault(scenario, []).append(exchange)
    scenario_of = {exchange.number: scenario for scenario, exchange in group}
    findings = [finding for verdict in judge.verdicts() for finding in verdict.findings]
    findings.sort(key=lambda one: (judge.catalogue[one.requirement].level != MUST, one.requirement))
    return {
        scenario: _recorded(exchanges, [one for one in findings if scenario_of.get(one.exchange) == scenario])
        for scenario, exchanges in made.items()
    }


def _recorded(exchanges: list[Exchange], findings: list[Finding]) -> Recorded:
    return Recorded(
        exchanges=tuple(exchanges),
        violated=tuple(dict.fromkeys(one.requirement for one in findings)),
        findings=tuple(findings),
    )


def _exchange(live: LiveExchange, ended: Ended, number: int) -> Exchange:
    if ended.failure:
        return live.failed("disconnected", ended.failure, number=number)
    return live.finished(number=number, ending=ended.ending, detail=ended.detail)


async def _refuse(status: int, send: Send) -> None:
    error = {"type": ERROR_TYPES[status], "message": "the proxy refuses the first request of this scenario"}
    body = json.dumps({"type": "error", "error": error, "request_id": "req_of_the_proxy"}).encode()
    fields: Mapping[str, str] = {
        "content-type": "application/json",
        "content-length": str(len(body)),
        "retry-after": str(RETRY_AFTER_S),
        "request-id": "req_of_the_proxy",
    }
    headers = [(name.encode(), value.encode()) for name, value in fields.items()]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
