"""An exchange as steps in time: what was sent and received, and when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from messages_conformance.exchange import Exchange, Response, StreamEvent
from messages_conformance.report.text import counted, inline
from messages_conformance.report.trace import DATA_CHARACTERS, content, shortened, shown


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step. `at_ms` is the time since the start of the request; None when the step has no time.

    `gap_ms` is the time since the previous event, shown or not; `named` is true for the event that the finding names.
    """

    label: str
    text: str
    at_ms: float | None = None
    gap_ms: float | None = None
    offset_bytes: int | None = None
    named: bool = False


def timeline(exchange: Exchange, *, focus: int | None = None) -> tuple[Step, ...]:
    """The steps of an exchange; of a long stream only the first and last events and those near event number `focus`."""
    steps = [_sent(exchange), *(Step(label="waited", text=inline(wait, DATA_CHARACTERS)) for wait in exchange.waits)]
    if exchange.failure is not None:
        failed = f"{exchange.failure.kind}: {exchange.failure.message}"
        steps.append(Step(label="no response", text=inline(failed, 400)))
    if exchange.response is not None:
        steps += _received(exchange.response, focus)
    return tuple(steps)


def _sent(exchange: Exchange) -> Step:
    request = exchange.request
    body = f" {shortened(request.body)}" if request.body else ""
    return Step(label="request", text=f"{inline(request.method)} {inline(request.path, 200)}{body}", at_ms=0.0)


def _received(response: Response, focus: int | None) -> Iterator[Step]:
    media = f" {inline(response.media_type, 80)}" if response.media_type else ""
    text = f"{inline(response.http_version)} {response.status}{media}"
    yield _timed("headers", text, at_s=response.headers_at_s, before_s=0.0)
    last_s = response.headers_at_s
    if response.is_event_stream:
        yield from _events(response, focus)
        last_s = response.events[-1].at_s if response.events else last_s
    elif response.body:
        last_s = response.chunks[0].at_s if response.chunks else response.ended_at_s
        text = shortened(response.body)
        yield _timed("body", text, at_s=last_s, before_s=response.headers_at_s, offset_bytes=0)
    detail = f": {inline(response.detail, 200)}" if response.detail else ""
    text = f"{inline(response.ending)}{detail}, {counted(len(response.body), 'byte')}"
    yield _timed("end", text, at_s=response.ended_at_s, before_s=last_s)


def _events(response: Response, focus: int | None) -> Iterator[Step]:
    events, last = response.events, 0
    for number in shown(len(events), focus):
        if number > last + 1:
            yield Step(label="…", text=counted(number - last - 1, "more event"))
        before_s = events[number - 2].at_s if number > 1 else response.headers_at_s
        yield _event(events[number - 1], before_s, named=number == focus)
        last = number


def _event(event: StreamEvent, before_s: float, *, named: bool) -> Step:
    name = inline(event.wire.name, 60) if event.wire.name is not None else "(no event name)"
    return _timed(
        f"#{event.number} {name}",
        content(event),
        at_s=event.at_s,
        before_s=before_s,
        offset_bytes=event.wire.offset_bytes,
        named=named,
    )


def _timed(
    label: str, text: str, *, at_s: float, before_s: float, offset_bytes: int | None = None, named: bool = False
) -> Step:
    return Step(
        label=label,
        text=text,
        at_ms=at_s * 1000,
        gap_ms=(at_s - before_s) * 1000,
        offset_bytes=offset_bytes,
        named=named,
    )
