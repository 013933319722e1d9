"""One run against a gateway: its upstream is started, every case is sent, both sides are judged, a report is made."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Final

from rich.console import Console

from messages_conformance import report
from messages_conformance.exchange import Exchange
from messages_conformance.gateway.cases import PASSTHROUGH, TRANSLATES, Case, cases
from messages_conformance.gateway.cases.case import case
from messages_conformance.gateway.cases.failures import silences
from messages_conformance.gateway.sending import IN_FULL, Setup, joined, send, send_all, slower
from messages_conformance.report import Report
from messages_conformance.rules.gateway.accessors import ROUTES
from messages_conformance.session import Clock, Session, SessionOptions, Source, UsageError
from messages_conformance.targets import HttpTarget, TargetError
from messages_conformance.targets.address import parse_address, with_base_path
from messages_conformance.targets.connection import Connection
from messages_conformance.upstream import DIALECTS, Upstream, UpstreamExchange
from messages_conformance.upstream.script import Dialect

TIMEOUT_S: Final = 90.0
"""How long we wait for the next byte of the gateway (our own). All silences of the scripts together are shorter. So a
gateway that answers one request after the other is judged, too."""

LEAST_PATIENCE_S: Final = 30.0
"""The same for a gateway that promises to end a silence (our own)."""

MORE_THAN_PROMISED: Final = 1.5
"""We wait this many times the promised limit for the end of an endless silence (our own)."""

ALSO: Final = {
    "own-system-text": "adds a system prompt of its own",
    "no-reasoning": "leaves the reasoning of the upstream out",
    "forwards-key": "passes the client's key on to the upstream",
}
"""What a gateway can promise beyond its profile, in words."""

MODEL: Final = "claude-sonnet-4-5"
"""The model of the requests when the user names none."""

REFUSED_KEY: Final = frozenset({401, 403})
CLOCK: Final = Clock(now=lambda: datetime.now(UTC), monotonic_s=time.monotonic)


@dataclass(frozen=True, kw_only=True)
class GatewayOptions:
    """The gateway, its upstream, and what it promises. `also` are names of ALSO. `only_cases` restricts
    the cases; `several_clients` says whether those of several clients at once are sent, too. `silence_limit_s` is the
    silence of the upstream after which the gateway promises to end a request. `pace` shortens the long silence."""

    url: str
    port: int
    dialect: Dialect
    promise: str = ""
    model: str = MODEL
    key: str | None = None
    also: tuple[str, ...] = ()
    session: SessionOptions = field(default_factory=SessionOptions)
    only_cases: tuple[str, ...] = ()
    several_clients: bool = True
    silence_limit_s: float | None = None
    pace: float = 1.0
    connection: Connection = field(default_factory=Connection)
    judged_by: str = report.NO_COMMAND


def checked(options: GatewayOptions) -> GatewayOptions:
    """The options with the promise that follows from the dialect; raises UsageError when they contradict each other."""
    if options.dialect not in DIALECTS:
        raise UsageError(f"--speaks is {options.dialect!r}; valid: {', '.join(DIALECTS)}")
    promise = options.promise or (PASSTHROUGH if options.dialect == "anthropic" else TRANSLATES)
    if promise == PASSTHROUGH and options.dialect != "anthropic":
        raise UsageError(
            f"--promise passthrough needs --speaks anthropic; {options.dialect} needs --promise translates"
        )
    if promise == TRANSLATES and options.dialect == "anthropic":
        raise UsageError("--promise translates needs --speaks openai-chat or openai-responses")
    for name in options.also:
        if name not in ALSO:
            raise UsageError(f"--also is {name!r}; valid: {', '.join(ALSO)}")
    known = {one.name for one in all_cases(replace(options, promise=promise))}
    if wrong := [name for name in options.only_cases if name not in known]:
        near = ", ".join(get_close_matches(wrong[0], known, n=3)) or ", ".join(sorted(known))
        raise UsageError(f"there is no --case {wrong[0]!r}; similar: {near}")
    profile = f"gateway-{promise}"
    if options.session.profile not in (SessionOptions().profile, profile):
        profile = options.session.profile
    return replace(options, promise=promise, session=replace(options.session, profile=profile))


def judge_gateway(options: GatewayOptions, *, out: Console | None = None) -> tuple[int, Report]:
    """Returns (exit code, report). Raises UsageError, and OSError when the port is in use."""
    options = checked(options)
    options.connection.remember()
    try:
        address = parse_address(options.url)
    except TargetError as error:
        raise UsageError(str(error)) from error
    with Upstream(options.dialect, port=options.port) as upstream:
        source = Source(
            name=address.base_url, model=options.model, base_url=address.base_url, judged_by=options.judged_by
        )
        began_s = CLOCK.monotonic_s()

        def spent() -> report.Spent:
            return report.Spent(requests=len(upstream.records()), elapsed_s=CLOCK.monotonic_s() - began_s)

        session = Session(source, options=options.session, clock=CLOCK, out=out, spent=spent)
        try:
            session.begin()
            session.announce()
            try:
                asyncio.run(_judge(options, upstream, session))
            except KeyboardInterrupt:
                session.state("the run was interrupted", kind=report.INTERRUPTED)
            code = session.finish()
        finally:
            session.close()
    assert session.result is not None
    return code, session.result


async def _judge(options: GatewayOptions, upstream: Upstream, session: Session) -> None:
    limit_s = options.silence_limit_s
    patience_s = TIMEOUT_S if limit_s is None else max(LEAST_PATIENCE_S, limit_s * MORE_THAN_PROMISED)
    target = HttpTarget(
        with_base_path(parse_address(options.url), options.connection.base_path),
        key=options.key,
        timeout_s=patience_s,
        connection=options.connection,
    )
    setup = Setup(
        target=target,
        upstream=upstream,
        dialect=options.dialect,
        promise=options.promise,
        model=options.model,
        promises=options.also,
        added_headers=tuple(name for name, _ in options.connection.headers),
    )
    try:
        setup, problem = await preflight(setup)
        if problem:
            session.state(problem, kind=report.UNREACHABLE)
            return
        chosen = tuple(_chosen(all_cases(options), options.only_cases))
        exchanges = await send_all(setup, chosen, together_too=options.several_clients and not options.only_cases)
        for exchange in exchanges:
            session.judged((session.record(exchange),))
    finally:
        await target.aclose()


def all_cases(options: GatewayOptions) -> tuple[Case, ...]:
    """The single cases of a run: with that of an endless silence if the gateway promises a limit."""
    limit_s = options.silence_limit_s
    every = (*cases(options.promise), *(silences(limit_s) if limit_s is not None else ()))
    return tuple(slower(one, options.pace) if IN_FULL.intersection(one.observes) else one for one in every)


def _chosen(every: Iterable[Case], names: tuple[str, ...]) -> Iterator[Case]:
    return (one for one in every if not names or one.name in names)


# -- can it be judged at all? --------------------------------------------------------------------------------------


async def preflight(setup: Setup) -> tuple[Setup, str]:
    """The setup with the header that the gateway reads the key from, and why it cannot be judged; empty if it can."""
    exchange = await _plain(setup)
    if _refuses_the_key(exchange, setup):
        bearer = replace(setup, bearer=True)
        second = await _plain(bearer)
        if not _refuses_the_key(second, bearer):
            return bearer, problem_of(second, bearer)
    return setup, problem_of(exchange, setup)


async def _plain(setup: Setup) -> Exchange:
    sent = await send(setup, case("preflight"), streamed=False)
    (exchange,) = await joined(setup, [sent])
    return exchange


def _refuses_the_key(exchange: Exchange, setup: Setup) -> bool:
    response = exchange.response
    return response is not None and response.status in REFUSED_KEY and not setup.upstream.records()


def problem_of(exchange: Exchange, setup: Setup) -> str:
    """Why the gateway cannot be judged, in one sentence; empty when the upstream received the plainest request."""
    if exchange.failure is not None and exchange.response is None:
        return exchange.failure.message
    assert exchange.behind is not None
    route, address = ROUTES[setup.dialect], setup.upstream.base_url
    if any(call.request.route.endswith(route) for call in exchange.behind.calls):
        return ""
    others = [record for record in setup.upstream.records() if not record.path.partition("?")[0].endswith(route)]
    if named := _dialects(others):
        return f"the gateway asked the upstream in another dialect: {named}; this run has --speaks {setup.dialect}"
    if others:
        asked = f"{others[-1].method} {others[-1].path}"
        return f"the gateway asked the upstream for {asked}, and --speaks {setup.dialect} has POST {route}"
    if setup.upstream.records():
        return "the gateway called the upstream without the text of the last user turn, which carries the script"
    status = exchange.response.status if exchange.response is not None else 0
    words = " ".join((exchange.response.text if exchange.response is not None else "")[:200].split())
    if status in REFUSED_KEY:
        return f"the gateway refused the key with {status}: {words}; give the client's key with --key"
    return (
        f"the gateway answered {status} and never called the upstream at {address}: set its base URL to that address, "
        f"and give a model that it routes there with --model (it was {setup.model}); its answer: {words}"
    )


def _dialects(records: Iterable[UpstreamExchange]) -> str:
    """The first path that belongs to another dialect, with the dialect; empty without one."""
    for record in records:
        for dialect, route in ROUTES.items():
            if record.path.partition("?")[0].endswith(route):
                return f"{record.method} {record.path} is --speaks {dialect}"
    return ""
