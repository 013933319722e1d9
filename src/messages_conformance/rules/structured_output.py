"""Rules for structured output: the JSON that an answer must follow."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from messages_conformance import contract
from messages_conformance.exchange import UNPARSED, Exchange, parse_json
from messages_conformance.rules.accessors import (
    in_message,
    json_message,
    shown,
    stop_reason_of,
    text_of,
)
from messages_conformance.rules.catalogue import ANTHROPIC, BREAKS, rule
from messages_conformance.rules.recording_parts import REQUEST
from messages_conformance.rules.verdict import SHOULD, Finding, Unverified

STRUCTURED: Final = "platform.claude.com/docs/en/build-with-claude/structured-outputs, read 2026-11-22"


def _format(exchange: Exchange) -> Mapping[str, Any] | None:
    """The JSON Schema of the requested output format; None without one."""
    config = exchange.request.fields.get("output_config")
    wanted = config.get("format") if isinstance(config, dict) else None
    schema = wanted.get("schema") if isinstance(wanted, dict) and wanted.get("type") == "json_schema" else None
    return schema if isinstance(schema, dict) else None


@rule(
    "request.output_config.format-valid-json",
    SHOULD,
    harm=BREAKS,  # clients parse the text, and raise an error
    families={ANTHROPIC},
    source=STRUCTURED,
    applies=lambda exchange: json_message(exchange) and _format(exchange) is not None,
    model_dependent=True,
    needs={"structured-outputs"},
    capability="structured-outputs",
    reads={REQUEST},
    provoked="A request has an output format.",
)
def returns_json_in_the_requested_format(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """With an output format, a complete text is JSON that matches the schema, and a cut text is the beginning of it."""
    reason, text, schema = stop_reason_of(exchange), text_of(exchange), _format(exchange)
    # The rules for streams judge whether a stream has the same text.
    if reason == "max_tokens" and _is_prose(text, schema):
        # An object that was cut still begins as one.
        yield Finding(place=in_message(exchange, "/content"), found=shown(text), wanted="a JSON object")
    elif reason != "end_turn" or not text:
        yield Unverified(reason=f"no text ended with end_turn (stop_reason {shown(reason)})")
    elif (value := parse_json(text)) is UNPARSED:
        yield Finding(place=in_message(exchange, "/content"), found=shown(text), wanted="JSON and no other text")
    elif wrong := contract.schema_mismatch(schema, value):
        # The documentation leaves the letter case of enum and const values open.
        if {"enum", "const"} & _keywords(schema):
            yield Unverified(reason="the schema has an enum or const, whose letter case is open")
        else:
            yield Finding(
                place=in_message(exchange, "/content"),
                found=shown(wrong, 200),
                wanted="a value that matches the schema",
            )


def _is_prose(text: str, schema: Any) -> bool:
    """Whether a text cannot be the beginning of an object that the schema requires."""
    return (
        isinstance(schema, dict) and schema.get("type") == "object" and bool(text.strip()) and text.lstrip()[0] != "{"
    )


def _keywords(schema: Any) -> set[str]:
    """All member names in a schema, at any depth."""
    found: set[str] = set()
    json.loads(json.dumps(schema), object_hook=lambda members: found.update(members))
    return found
