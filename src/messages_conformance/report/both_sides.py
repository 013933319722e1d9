"""The four records of a case as text: what each side of a gateway sent and got, with the differences marked."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from typing import Any, Final

from messages_conformance.exchange import UNPARSED, Behind, Exchange, Request, Response, UpstreamCall
from messages_conformance.report.text import inline

LINE_CHARACTERS: Final = 100
"""The width of one column (our own: two of them fit on a wide terminal)."""

MOST_LINES: Final = 40
"""At most this many lines of one pair are shown; those that differ come first (our own)."""

MOST_CHARACTERS: Final = 4000
"""At most this many characters of a text are compared (our own)."""


def both_sides(exchange: Exchange) -> tuple[str, ...]:
    """The four records of a case; empty for an exchange that has only one side.

    Lines that begin with `-` are on the client's side alone, those with `+` on the upstream's side alone.
    """
    behind = exchange.behind
    if behind is None:
        return ()
    call = behind.calls[-1] if behind.calls else None
    lines = [f"case {inline(behind.case)}: the gateway's both sides (- client, + upstream, both sides have the rest)"]
    lines += ["1. the client sent / 2. the upstream received"]
    lines += _differences(_sent(exchange.request), [] if call is None else _sent(call.request))
    lines += [f"   {len(behind.calls)} requests reached the upstream"] if len(behind.calls) != 1 else []
    lines += ["3. the upstream answered / 4. the client got"]
    lines += _answers(exchange.response, call, behind)
    return tuple(lines)


def _sent(request: Request) -> list[str]:
    kept = [f"{name.lower()}: {value}" for name, value in request.headers if _matters(name)]
    return [f"{request.method} {request.path}", *sorted(kept), *_body(request.json, request.body)]


def _matters(name: str) -> bool:
    return name.lower() in ("x-api-key", "authorization", "retry-after", "content-type") or name.lower().startswith(
        ("anthropic-", "x-left-out")
    )


def _body(value: Any, raw: bytes) -> list[str]:
    """A JSON value with one line for each member, in the order of their paths."""
    if value is UNPARSED:
        return [raw.decode("utf-8", "replace")]
    return list(_leaves("", value))


def _leaves(path: str, value: Any) -> Iterator[str]:
    if isinstance(value, Mapping) and value:
        for name in sorted(value):
            yield from _leaves(f"{path}/{name}", value[name])
    elif isinstance(value, list) and value:
        for number, item in enumerate(value):
            yield from _leaves(f"{path}/{number}", item)
    else:
        yield f"{path or '/'} = {json.dumps(value, ensure_ascii=False)}"


def _answers(response: Response | None, call: UpstreamCall | None, behind: Behind) -> Iterator[str]:
    upstream = None if call is None else call.response
    yield from _differences(_got(response), _got(upstream))
    if call is not None and call.ending not in ("complete", ""):
        yield f"   the upstream's answer ended: {call.ending}"
    if response is not None and response.ending != "complete":
        yield f"   the client's answer ended: {response.ending}"
    if behind.said.broken:
        yield f"   the script of the case breaks the answer: {behind.said.broken}"


def _got(response: Response | None) -> list[str]:
    if response is None:
        return ["no answer"]
    kept = [f"{name.lower()}: {value}" for name, value in response.headers if _matters(name)]
    lines = [f"status {response.status}", *sorted(kept)]
    if response.is_event_stream:
        return lines + [f"{event.name or 'data'}: {(event.wire.data or '').strip()}" for event in response.events]
    return lines + _body(response.json, response.body)


def _differences(client: list[str], upstream: list[str]) -> Iterator[str]:
    """The lines of both sides: first alone `-` and `+`, then how many are equal."""
    ours, theirs = _shortened(client), _shortened(upstream)
    equal = shown = 0
    for tag, start, end, begin, stop in SequenceMatcher(a=ours, b=theirs, autojunk=False).get_opcodes():
        if tag == "equal":
            equal += end - start
            continue
        for mark, lines in (("-", ours[start:end]), ("+", theirs[begin:stop])):
            for line in lines:
                shown += 1
                if shown <= MOST_LINES:
                    yield f"  {mark} {line}"
    if shown > MOST_LINES:
        yield f"    ... {shown - MOST_LINES} more lines differ"
    yield f"    {equal} lines are equal on both sides"


def _shortened(lines: list[str]) -> list[str]:
    return [inline(line, LINE_CHARACTERS * 2) for line in lines[:MOST_CHARACTERS]]
