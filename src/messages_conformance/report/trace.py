"""An exchange as short lines: what was sent and received, and when."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from messages_conformance.exchange import UNPARSED, Exchange, Request, Response, StreamEvent, parse_json
from messages_conformance.report.text import counted, inline

DATA_CHARACTERS: Final = 160
"""Length to which the data of an event or a body is cut; the order of events needs no more (our own choice)."""

HEAD_EVENTS: Final = 8
TAIL_EVENTS: Final = 5
NEAR_EVENTS: Final = 2
"""Numbers of events that are shown: the first, the last, and on each side of the event that a finding names."""

_REQUEST_HEADERS: Final = ("authorization", "x-api-key", "content-type", "accept")
_RESPONSE_HEADERS: Final = (
    "content-type",
    "content-length",
    "content-encoding",
    "transfer-encoding",
    "location",
    "www-authenticate",
    "request-id",
    "x-request-id",
    "retry-after",
    "x-should-retry",
    "server",
)


def trace(exchange: Exchange, *, focus: int | None = None) -> tuple[str, ...]:
    """The lines of an exchange; of a long stream only the first and last events and those near event number `focus`."""
    lines = [*_sent(exchange.request)]
    lines += [f"  waited: {inline(wait, DATA_CHARACTERS)}" for wait in exchange.waits]
    if exchange.failure is not None:
        lines.append(f"  no response ({inline(exchange.failure.kind)}): {inline(exchange.failure.message, 400)}")
    if exchange.response is not None:
        lines += _received(exchange.response, focus)
    return tuple(lines)


def _sent(request: Request) -> list[str]:
    lines = [f"> {inline(request.method)} {inline(request.path, 200)}"]
    lines += [f"> {inline(n)}: {inline(v, 120)}" for n, v in request.headers if _matters(n, _REQUEST_HEADERS)]
    if request.body:
        lines.append(f"> {shortened(request.body)}")
    return lines


def _received(response: Response, focus: int | None) -> list[str]:
    lines = [f"< {inline(response.http_version)} {response.status}  {_at(response.headers_at_s)}"]
    lines += [f"< {inline(n)}: {inline(v, 120)}" for n, v in response.headers if _matters(n, _RESPONSE_HEADERS)]
    lines += _streamed(response.events, focus) if response.is_event_stream else _body(response)
    detail = f": {inline(response.detail, 200)}" if response.detail else ""
    size = counted(len(response.body), "byte")
    return [*lines, f"  {_at(response.ended_at_s)}  end of the body ({inline(response.ending)}{detail}), {size}"]


def _matters(name: str, headers: tuple[str, ...]) -> bool:
    return name.lower() in headers or name.lower().startswith("anthropic-")


def _body(response: Response) -> list[str]:
    if not response.body:
        return []
    at_s = response.chunks[0].at_s if response.chunks else response.ended_at_s
    return [f"  {_at(at_s)}  {shortened(response.body)}"]


def _streamed(events: Sequence[StreamEvent], focus: int | None) -> list[str]:
    lines: list[str] = []
    last = 0
    for number in shown(len(events), focus):
        if number > last + 1:
            lines.append(f"  … {counted(number - last - 1, 'more event')} …")
        lines.append(_event(events[number - 1]))
        last = number
    return lines


def shown(total: int, focus: int | None) -> list[int]:
    """The numbers of the events to show, out of `total` events."""
    numbers = set(range(1, total + 1))
    if total > HEAD_EVENTS + TAIL_EVENTS + 1:
        near = set() if focus is None else set(range(focus - NEAR_EVENTS, focus + NEAR_EVENTS + 1))
        numbers &= set(range(1, HEAD_EVENTS + 1)) | set(range(total - TAIL_EVENTS + 1, total + 1)) | near
    return sorted(numbers)


def _event(event: StreamEvent) -> str:
    wire = event.wire
    name = inline(wire.name, 60) if wire.name is not None else "(no event name)"
    return f"  {_at(event.at_s)}  #{event.number}  byte {wire.offset_bytes:,}  {name} {content(event)}"


def content(event: StreamEvent) -> str:
    """The content of an event, cut: its data, else its first comment."""
    wire = event.wire
    if wire.data is not None:
        carried = inline(wire.data, DATA_CHARACTERS)
    elif wire.comments:
        carried = f"(comment {inline(wire.comments[0], 60)})"
    else:
        carried = "(no data)"
    return carried if wire.dispatched else f"{carried}  (cut off before its blank line)"


def _at(at_s: float) -> str:
    return f"+{round(at_s * 1000):,} ms"


def shortened(body: bytes) -> str:
    """The head and the tail of a body; JSON without white space."""
    value = parse_json(body)
    if value is UNPARSED:
        return inline(body.decode("utf-8", "backslashreplace"), DATA_CHARACTERS)
    return inline(json.dumps(value, ensure_ascii=False, separators=(",", ":")), DATA_CHARACTERS)
