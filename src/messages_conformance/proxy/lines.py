"""One line for each exchange that passed: route, model, status, tokens, first byte, verdict."""

from __future__ import annotations

from typing import Any

from messages_conformance.exchange import COMPLETE, Exchange, Response
from messages_conformance.live import LiveExchange
from messages_conformance.report.text import inline
from messages_conformance.rules import Finding

MODEL_CHARACTERS = 40
IDS_SHOWN = 3


def line(exchange: Exchange, live: LiveExchange, findings: tuple[Finding, ...], *, violates: bool) -> str:
    """The line of an exchange; `violates` says whether one of its findings is about a MUST."""
    response = exchange.response
    parts = [
        f"{exchange.request.method} {inline(exchange.request.route, 60)}",
        inline(exchange.requested_model or "-", MODEL_CHARACTERS),
        str(response.status) if response is not None else "no answer",
        _tokens(response),
        f"first byte {live.first_byte_s * 1000:,.0f} ms" if live.first_byte_s is not None else "",
        _verdict(exchange, findings, violates=violates),
    ]
    return "  ".join(part for part in parts if part)


def _verdict(exchange: Exchange, findings: tuple[Finding, ...], *, violates: bool) -> str:
    ids = list(dict.fromkeys(finding.requirement for finding in findings))
    more = f" and {len(ids) - IDS_SHOWN} more" if len(ids) > IDS_SHOWN else ""
    shown = ", ".join(ids[:IDS_SHOWN]) + more
    if ids:
        return f"{'FAIL' if violates else 'warn'} {shown}"
    if exchange.response is None:
        return inline(exchange.failure.message, 200) if exchange.failure is not None else ""
    return "ok" if exchange.response.ending == COMPLETE else f"not judged: {inline(exchange.response.detail, 200)}"


def _tokens(response: Response | None) -> str:
    """The counts that the answer states, the last ones of a stream. Input of the cache is a part of the input."""
    counts: dict[str, Any] = {}
    for usage in _usages(response):
        counts |= {name: value for name, value in usage.items() if isinstance(value, int)}
    if not {"input_tokens", "output_tokens"} & set(counts):
        return ""
    written, read = (counts.get(f"cache_{kind}_input_tokens", 0) for kind in ("creation", "read"))
    cached = [f"{written:,} written to the cache"] if written else []
    cached += [f"{read:,} read from it"] if cached and read else [f"{read:,} read from the cache"] if read else []
    of_input = f" ({', '.join(cached)})" if cached else ""
    return f"{counts.get('input_tokens', 0) + written + read:,} in{of_input}, {counts.get('output_tokens', 0):,} out"


def _usages(response: Response | None) -> list[dict[str, Any]]:
    if response is None:
        return []
    if not response.is_event_stream:
        found = [response.fields.get("usage")]
    else:
        messages = [event.fields.get("message") for event in response.events]
        found = [message.get("usage") for message in messages if isinstance(message, dict)]
        found += [event.fields.get("usage") for event in response.events]
    return [usage for usage in found if isinstance(usage, dict)]
