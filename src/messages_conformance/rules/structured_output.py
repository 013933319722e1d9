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
from messages_conformance.rules.catalogue import ANTHROPIC, rule
from messages_conformance.rules.recording_parts import REQUEST
from messages_conformance.rules.verdict import SHOULD, Finding, Unverified

STRUCTURED: Final = "platform.claude.com/docs/en/build-with-claude/structured-outputs, read 2026-11-22"


def _format(exchange: Exchange) -> Mapping[str, Any] | None:
    """The schema that the answer was asked to follow."""
    config = exchange.request.fields.get("output_config")
    wanted = config.get("format") if isinstance(config, dict) else None
    schema = wanted.get("schema") if isinstance(wanted, dict) and wanted.get("type") == "json_schema" else None
    return schema if isinstance(schema, dict) else None


@rule(
    "request.output_config.format-valid-json",
    SHOULD,
    families={ANTHROPIC},
    source=STRUCTURED,
    applies=lambda exchange: json_message(exchange) and _format(exchange) is not None,
    model_dependent=True,
    needs={"structured-outputs"},
    capability="structured-outputs",
    reads={REQUEST},
    provoked="A question is asked with an output format.",
)
def writes_the_json_that_was_asked_for(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """With an output format and stop_reason end_turn the text is JSON that fits the schema."""
    reason, text, schema = stop_reason_of(exchange), text_of(exchange), _format(exchange)
    # Whether a stream brings the same text is judged by the rules on streams.
    if reason != "end_turn" or not text:
        yield Unverified(reason=f"no text came to its own end (stop_reason {shown(reason)})")
    elif (value := parse_json(text)) is UNPARSED:
        yield Finding(place=in_message(exchange, "/content"), found=shown(text), wanted="JSON, and nothing around it")
    elif wrong := contract.misfit(schema, value):
        # The letter case of an enum's or a const's value is documented as free.
        if {"enum", "const"} & _keywords(schema):
            yield Unverified(reason="the schema has an enum or a const, whose letter case is free")
        else:
            yield Finding(
                place=in_message(exchange, "/content"), found=shown(wrong, 200), wanted="what the schema says"
            )


def _keywords(schema: Any) -> set[str]:
    """Every member name in a schema, at any depth."""
    found: set[str] = set()
    json.loads(json.dumps(schema), object_hook=lambda members: found.update(members))
    return found
