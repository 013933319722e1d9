"""Sends cases through the gateway, and makes one exchange with both sides of each."""

from __future__ import annotations

import asyncio
import json
import random
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

from messages_conformance.exchange import (
    KEY_PLACEHOLDER,
    LEAVE_EARLY,
    SILENT,
    Behind,
    Exchange,
    Failure,
    Request,
    Response,
    header_placeholder,
)
from messages_conformance.gateway.cases import SCRIPT, STREAM, Case
from messages_conformance.gateway.cases.answers import LONGER
from messages_conformance.gateway.cases.isolation import SLOW, beside, together
from messages_conformance.gateway.records import Secrets, call_of, secrets_of
from messages_conformance.gateway.said import said_of
from messages_conformance.rules import CATALOGUE
from messages_conformance.targets import HttpTarget, Unreachable
from messages_conformance.upstream import Script, Text, Upstream, UpstreamExchange

AT_ONCE: Final = 16
"""This many single cases are sent at the same time (our own: a gateway in Python answers fifty in a second)."""

LEAVING_S: Final = 40.0
"""How long we wait for the upstream's request to end; the longest script speaks for a third of it (our own)."""

DISCONNECTED: Final = "disconnected"
"""The kind of failure of a connection that the gateway closes without an answer."""

LIMITED: Final = frozenset({429, 503, 529})
"""With these a gateway says that it has too many requests at the moment."""

WAITS_S: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0, 8.0)
"""The pause before each new try of a request that the gateway itself refused for the moment (our own)."""

MAX_TOKENS: Final = 256
IN_FULL: Final = frozenset({"silence", "slow"})
"""Cases whose wait is so long that a busy machine cannot be the reason."""

TIMED: Final = (
    "gateway.stream.incremental",
    "gateway.stream.arguments",
    "gateway.stream.pings",
    "gateway.stream.silence",
    "gateway.stream.closed",
    "gateway.isolation.slow-stream",
    "gateway.error.client-leaves-soon",
)
"""What may fail because our own machine was busy: then the case is sent once more, with longer pauses."""

MOST_DOUBTFUL: Final = 8
"""If more cases fail by the same requirement about times, a busy machine is not the reason. Then only this many are
sent once more (our own)."""

RESET_WAITS: Final = 3
"""A request is sent again this many times if its connection ends before the upstream is asked. A gateway may accept
fewer connections at the same time than we open (our own)."""

FAILURE_WAITS: Final = 1
"""A request is sent again this many times after a 5xx before the upstream is asked. The gateway may have used a
connection that had just been closed (our own). What it does each time is judged."""

VERSION: Final = "2023-06-01"


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A case as it was sent: its request, its script with the nonce, and what came."""

    case: Case
    script: Script
    nonce: str
    request: Request
    response: Response | None
    failure: Failure | None
    started_s: float
    observes: tuple[str, ...] = ()
    waits: tuple[str, ...] = ()
    """What was waited for before this try."""


@dataclass(frozen=True, kw_only=True)
class Setup:
    """The gateway under test, its upstream, and what it promises beyond its profile."""

    target: HttpTarget
    upstream: Upstream
    dialect: str
    promise: str
    model: str
    promises: tuple[str, ...] = ()
    bearer: bool = False
    added_headers: tuple[str, ...] = ()


async def send_all(setup: Setup, cases: Sequence[Case], *, together_too: bool = True) -> tuple[Exchange, ...]:
    """Sends every case in its forms, then several clients at once; returns the exchanges, numbered from 1.

    The cases with pauses come first and alone, so that no other request delays what is measured. The long
    silence goes on while all others are sent.
    """
    limit = asyncio.Semaphore(AT_ONCE)

    async def limited(case: Case, streamed: bool) -> Sent:
        async with limit:
            return await send(setup, case, streamed=streamed)

    def each(chosen: Iterable[Case], one: Callable[[Case, bool], Awaitable[Sent]]) -> list[asyncio.Future[Sent]]:
        return [asyncio.ensure_future(one(case, form == STREAM)) for case in chosen for form in case.forms]

    async def at_once(case: Case, streamed: bool) -> Sent:
        return await send(setup, case, streamed=streamed)

    silent = each(filter(_is_long, cases), at_once)
    timed = each((case for case in cases if case.script.pauses and not _is_long(case)), at_once)
    apart = await send_beside(setup) if together_too else []
    await asyncio.gather(*timed)
    single = each((case for case in cases if not case.script.pauses and not _is_long(case)), limited)
    crowd = each(together(), at_once) if together_too else []
    sent = [*await asyncio.gather(*silent, *timed, *single, *crowd), *apart]
    return await _again(setup, await joined(setup, sent), sent)


async def send_beside(setup: Setup, *, factor: float = 1.0) -> list[Sent]:
    """Sends slow answers, a stream and a whole one, and others beside them when the upstream has their requests."""
    case = slower(SLOW, factor)
    ready = [(form, prepared(case)) for form in case.forms]
    slow = [asyncio.ensure_future(send(setup, case, streamed=form == STREAM, ready=pair)) for form, pair in ready]
    tokens = [script.token() for _, (_, script) in ready]
    while not all(map(setup.upstream.records, tokens)) and not all(one.done() for one in slow):  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    quick = await asyncio.gather(*(send(setup, one, streamed=form == STREAM) for one in beside() for form in one.forms))
    done = await asyncio.gather(*slow)
    pause_s = max(pause.seconds for pause in case.script.pauses)
    resumed = [resumed_s(setup.upstream.records(token), pause_s) for token in tokens]
    until_s = min((at_s for at_s in resumed if at_s is not None), default=None)
    if until_s is None:
        return [*done, *quick]
    return [*done, *(replace(one, observes=(f"beside-until:{until_s - one.started_s}",)) for one in quick)]


def resumed_s(records: Sequence[UpstreamExchange], pause_s: float) -> float | None:
    """When the upstream went on after its pause; None if it did not pause, because the gateway had left."""
    times = [chunk.at_s for record in records for chunk in record.chunks]
    gaps = [(later - sooner, later) for sooner, later in pairwise(times)]
    longest_s, until_s = max(gaps, default=(0.0, 0.0))
    return until_s if longest_s >= pause_s / 2 else None


async def _again(setup: Setup, exchanges: tuple[Exchange, ...], sent: Sequence[Sent]) -> tuple[Exchange, ...]:
    """The exchanges; those that may have failed because a machine was busy are replaced by a second try.

    The second tries wait at the same time. Once a requirement fails in a second try, too, its other findings stay.
    """
    kept = list(exchanges)
    doubtful = {n: doubts(kept[n]) for n, one in enumerate(sent) if not _is_long(one.case)}
    left = {name: [n for n, names in doubtful.items() if name in names] for name in TIMED}
    while any(left.values()):
        now = {name: numbers[:MOST_DOUBTFUL] for name, numbers in left.items()}
        chosen = sorted(frozenset(n for numbers in now.values() for n in numbers))
        for n, again in zip(chosen, await asyncio.gather(*(_retried(setup, sent[n]) for n in chosen)), strict=True):
            (kept[n],) = await joined(setup, [again], first=n + 1)
        failed = {name for name, numbers in now.items() if any(name in doubts(kept[n]) for n in numbers)}
        left = {name: numbers[MOST_DOUBTFUL:] for name, numbers in left.items() if name not in failed}
    return tuple(kept)


async def _retried(setup: Setup, one: Sent) -> Sent:
    """The same case, sent once more with longer pauses."""
    if any(name.startswith("beside-until:") for name in one.observes):
        again = await send_beside(setup, factor=LONGER)
        return of_the_same_form([other for other in again if other.case.name == one.case.name], one)
    return await send(setup, slower(one.case, LONGER), streamed=one.request.streamed)


def _is_long(case: Case) -> bool:
    """Whether a wait is so long that a busy machine cannot be the reason."""
    return bool(IN_FULL.intersection(case.observes))


def of_the_same_form(tries: Iterable[Sent], one: Sent) -> Sent:
    """The try that asks for an answer of the same form. It observes nothing if no stream was slow this time."""
    return next(again for again in tries if again.request.streamed is one.request.streamed)


def doubts(exchange: Exchange) -> frozenset[str]:
    """The requirements that depend on times and have a finding on this exchange."""
    if exchange.response is None:
        return frozenset()
    rows = (CATALOGUE[name] for name in TIMED)
    return frozenset(row.id for row in rows if row.applies(exchange) and any(True for _ in row.judge(exchange)))


def slower(case: Case, factor: float) -> Case:
    """The case with longer pauses, and a longer wait before the answer."""
    pauses = tuple(replace(pause, seconds=pause.seconds * factor) for pause in case.script.pauses)
    wait_s = case.script.wait_before_headers_s * factor
    return replace(case, script=replace(case.script, pauses=pauses, wait_before_headers_s=wait_s))


# -- one case ------------------------------------------------------------------------------------------------------


def prepared(case: Case) -> tuple[str, Script]:
    """A new nonce, and the script of the case with it."""
    nonce = f"nonce-{secrets.token_hex(6)}"
    return nonce, with_nonce(case.script, nonce, case.name)


async def send(setup: Setup, case: Case, *, streamed: bool, ready: tuple[str, Script] | None = None) -> Sent:
    """Sends one case; again after a while if the gateway itself limits its clients, which no case is about."""
    waits: tuple[str, ...] = ()
    for number, wait_s in enumerate(WAITS_S):
        sent = replace(await send_once(setup, case, streamed=streamed, ready=ready), waits=waits)
        why = put_off(sent) if number < most_waits(sent) else ""
        if not why or setup.upstream.records(sent.script.token()):
            return sent
        waits += (f"waited {wait_s:g} s after {why}",)
        await asyncio.sleep(wait_s * random.uniform(0.5, 1.5))  # so that the others do not come at the same time
    return replace(await send_once(setup, case, streamed=streamed, ready=ready), waits=waits)


def most_waits(sent: Sent) -> int:
    """How often a request that the upstream did not get is sent again."""
    if sent.response is None:
        return RESET_WAITS
    return len(WAITS_S) if sent.response.status in LIMITED else FAILURE_WAITS


def put_off(sent: Sent) -> str:
    """Why a gateway that did not ask its upstream may answer later: a status, or a closed connection; else empty."""
    if sent.response is not None:
        status = sent.response.status
        return str(status) if status in LIMITED or status >= 500 else ""
    return "a closed connection" if sent.failure is not None and sent.failure.kind == DISCONNECTED else ""


async def send_once(setup: Setup, case: Case, *, streamed: bool, ready: tuple[str, Script] | None = None) -> Sent:
    """Sends one case once."""
    nonce, script = ready or prepared(case)
    request = request_of(setup, case, script, nonce, streamed=streamed)
    started_s = time.monotonic()
    response, failure = None, None
    try:
        response = await setup.target.send(request)
    except Unreachable as error:
        failure = error.failure
    return Sent(
        case=case,
        script=script,
        nonce=nonce,
        request=request,
        response=response,
        failure=failure,
        started_s=started_s,
    )


def with_nonce(script: Script, nonce: str, name: str) -> Script:
    """The script with the nonce in its last text, if it is one that ends well; and with a name of its own."""
    named = replace(script, case=f"{name} {nonce}")
    last = script.blocks[-1] if script.blocks else None
    if not isinstance(last, Text) or script.interruption is not None or script.failure is not None:
        return named
    return replace(named, blocks=(*script.blocks[:-1], Text(f"{last.text} {nonce}")))


def request_of(setup: Setup, case: Case, script: Script, nonce: str, *, streamed: bool) -> Request:
    """The request of a case, with the token of the script and the nonce in its last turn."""
    fields: dict[str, Any] = {"model": setup.model, "max_tokens": MAX_TOKENS, **case.request}
    if streamed:
        fields["stream"] = True
    body = json.dumps(fields, ensure_ascii=False).replace(SCRIPT, f"{nonce} {script.token()}")
    key = ("authorization", f"Bearer {KEY_PLACEHOLDER}") if setup.bearer else ("x-api-key", KEY_PLACEHOLDER)
    headers = (("content-type", "application/json"), ("anthropic-version", VERSION), key, *case.headers)
    headers += tuple((name, header_placeholder(name)) for name in setup.added_headers)
    wire = LEAVE_EARLY if case.leaves else ""
    path = f"/v1/messages?{case.query}" if case.query else "/v1/messages"
    return Request(method="POST", path=path, headers=headers, body=body.encode(), wire=wire)


# -- both sides ----------------------------------------------------------------------------------------------------


async def joined(setup: Setup, sent: Iterable[Sent], *, first: int = 1) -> tuple[Exchange, ...]:
    """The exchanges with the upstream's records, once the upstream's answers have ended."""
    waiting = list(sent)
    records = {one.script.token(): await _ended(setup, one) for one in waiting}
    hidden = secrets_of(setup.upstream.records(), client_key=setup.target.key, port=setup.upstream.port)
    hidden.remember()
    return tuple(_exchange(setup, one, records, hidden, number) for number, one in enumerate(waiting, start=first))


async def _ended(setup: Setup, one: Sent) -> tuple[UpstreamExchange, ...]:
    token = one.script.token()
    deadline_s = time.monotonic() + LEAVING_S
    while time.monotonic() < deadline_s:
        if all(record.ended_s is not None for record in setup.upstream.records(token)):
            break
        await asyncio.sleep(0.02)
    return tuple(setup.upstream.records(token))


def _exchange(
    setup: Setup,
    one: Sent,
    records: Mapping[str, tuple[UpstreamExchange, ...]],
    hidden: Secrets,
    number: int,
) -> Exchange:
    said = said_of(one.script, streamed=one.request.streamed, dialect=setup.dialect)
    excused = one.failure is not None and (said.status != 200 or bool(said.broken))
    failure = replace(one.failure, kind=SILENT) if one.failure is not None and excused else one.failure
    return Exchange(
        number=number,
        request=one.request,
        response=None if one.response is None else hidden.response(one.response),
        failure=failure,
        situations=(one.case.name,),
        requested_model=setup.model,
        waits=one.waits,
        behind=Behind(
            case=one.case.name,
            dialect=setup.dialect,
            said=said,
            calls=tuple(
                call_of(record, started_s=one.started_s, secrets=hidden) for record in records[one.script.token()]
            ),
            promises=setup.promises,
            inexpressible=_inexpressible(one.case, setup),
            nonce=one.nonce,
            observes=(*_observes(one.case, setup.promise), *one.observes),
        ),
    )


def _inexpressible(case: Case, setup: Setup) -> tuple[str, ...]:
    """What the upstream's dialect has no form for. Responses have none for stop sequences, however few there are."""
    if setup.promise != "translates":
        return ()
    stops = setup.dialect == "openai-responses" and "stop_sequences" in case.request
    return tuple(dict.fromkeys((*case.inexpressible, *(["stop_sequences"] if stops else []))))


def _observes(case: Case, promise: str) -> tuple[str, ...]:
    paused = (*case.observes, *(f"paused-after:{count}" for count in case.pauses))
    return (*paused, "keep-alive") if case.keeps_alive and promise == "passthrough" else paused
