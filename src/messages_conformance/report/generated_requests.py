"""Describes generated requests: the name, what is wrong with the request, and the command that sends it again."""

from __future__ import annotations

from typing import Any

from messages_conformance.exchange import Exchange, Origin
from messages_conformance.report.model import RunInfo
from messages_conformance.report.reproduction import quoted

DEFAULT_KEY_VARIABLE = "MESSAGES_API_KEY"


def describe_generated(exchange: Exchange) -> str:
    """A generated request in words; empty for a request of a suite."""
    origin = exchange.origin
    if origin is None:
        return ""
    wrong = f": {origin.reason}, at {origin.pointer or 'the whole body'}" if origin.near_miss else ""
    shrunk = ", reduced to the smallest request that still shows this" if origin.shrunk else ""
    seen = "; seen once: the same request, sent again, did not show it" if exchange.intermittent else ""
    return f"generated {origin.name}{wrong}{shrunk}{seen}"


def repeat_command(run: RunInfo, exchange: Exchange) -> str:
    """The command that generates and sends only this request again; empty for a request of a suite."""
    origin = exchange.origin
    if origin is None:
        return ""
    words = ["messages-conformance run", quoted(run.target), f"--profile {quoted(run.profile)}"]
    words += [f"--model {quoted(run.model)}"] if run.model else []
    words += [f"--api-key-env {quoted(run.key_variable)}"] if run.key_variable != DEFAULT_KEY_VARIABLE else []
    return " ".join([*words, f"--generate {origin.name}"])


def origin_record(origin: Origin) -> dict[str, Any]:
    """The origin of a generated request as report.json has it."""
    return {
        "name": origin.name,
        "seed": origin.seed,
        "number": origin.number,
        "pointer": origin.pointer,
        "reason": origin.reason,
        "shrunk": origin.shrunk,
    }
