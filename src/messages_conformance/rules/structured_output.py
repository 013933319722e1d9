"""Rules for structured output: the JSON that an answer must follow."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from messages_conformance import contract
from messages_conformance.exchange import UNPARSED, Exchange, parse_json
from messages_conformance.rules.accessors import (
    has_message,
    in_message,
    is_broken_stream,
    json_message,
    shown,
    stop_reason_of,
    streamed,
    text_of,
)
from messages_conformance.rules.catalogue import ANTHROPIC, BREAKS, DRIFTS, LOSES, RUN, rule
from messages_conformance.rules.recording_parts import REQUEST
from messages_conformance.rules.verdict import MUST, SHOULD, Finding, Unverified

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


@rule(
    "response.output_config.property-order",
    SHOULD,
    harm=DRIFTS,
    families={ANTHROPIC},
    source="platform.claude.com/docs/en/build-with-claude/structured-outputs, read 2026-08-22 (property ordering)",
    applies=lambda exchange: has_message(exchange) and _format(exchange) is not None,
    model_dependent=True,
    needs={"structured-outputs"},
    capability="structured-outputs",
    reads={REQUEST},
    provoked="Requests have an output format; at depth deep, one whose optional properties come first.",
)
def orders_properties(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """Structured output has the required properties first, then the optional ones, each in the order of the schema."""
    schema, value = _format(exchange) or {}, parse_json(text_of(exchange))
    if stop_reason_of(exchange) != "end_turn" or not isinstance(value, dict) or contract.schema_mismatch(schema, value):
        yield Unverified(reason="no complete answer matches the schema")
        return
    properties, required = schema.get("properties"), schema.get("required")
    names = list(properties) if isinstance(properties, dict) else []
    first = set(required) if isinstance(required, list) else set()
    ordered = [*(name for name in names if name in first), *(name for name in names if name not in first)]
    found = [name for name in value if name in names]
    wanted = [name for name in ordered if name in value]
    if found != wanted:
        yield Finding(place=in_message(exchange, "/content"), found=", ".join(found), wanted=", ".join(wanted))


MIN_STREAMS: Final = 2
"""At least this many streams must have prose, and no whole answer (our own)."""


@rule(
    "request.output_config.format-streamed",
    SHOULD,
    harm=BREAKS,
    families={ANTHROPIC},
    source=f"{STRUCTURED}; raullenchai/Rapid-MLX#683 (GitHub), read 2026-11-30",
    over=RUN,
    model_dependent=True,
    needs={"structured-outputs", "stream"},
    capability="structured-outputs",
    reads={REQUEST},
    provoked="Requests have an output format, with and without streaming, and invite a poem.",
)
def streams_the_requested_format(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """Streams have the requested output format if whole answers have it."""
    answers = [one for one in exchanges if has_message(one) and _format(one) is not None and _is_readable(one)]
    streams = [one for one in answers if streamed(one)]
    whole = [one for one in answers if not streamed(one)]
    if len(streams) < MIN_STREAMS or not whole or any(map(_has_no_object, whole)):
        yield Unverified(reason="no output format was honoured without streaming and requested twice in streams")
    elif all(map(_has_no_object, streams)):
        one, place = streams[0], in_message(streams[0], "/content")
        found = f"{shown(text_of(one))}, and no JSON in all {len(streams)} streams"
        wanted = f"JSON, as in exchange {whole[0].number}"
        yield Finding(exchange=one.number, place=place, found=found, wanted=wanted)


MIN_BARE: Final = 3
"""At least this many answers of one form must all have other text around their JSON (our own: a model writes a fence at
times)."""


@rule(
    "request.output_config.format-bare",
    MUST,
    harm=BREAKS,  # every client parses the text as JSON
    families={ANTHROPIC},
    source=f"{STRUCTURED} (the text is valid JSON)",
    over=RUN,
    model_dependent=True,
    needs={"structured-outputs"},
    capability="structured-outputs",
    reads={REQUEST},
    provoked="Requests have an output format, with and without streaming, and invite a poem.",
)
def sends_the_json_alone(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """With an output format, the text is the JSON alone: no code fence and no prose is around it in every answer."""
    answers = [one for one in exchanges if has_message(one) and _format(one) is not None and _is_readable(one)]
    answers = [one for one in answers if stop_reason_of(one) == "end_turn"]
    forms = [[one for one in answers if streamed(one) is form] for form in (False, True)]
    for form in forms:
        if len(form) >= MIN_BARE and all(map(_surrounds_json, form)):
            one, place = form[0], in_message(form[0], "/content")
            found = f"{shown(text_of(one))}; so in all {len(form)} {'streams' if streamed(one) else 'whole answers'}"
            yield Finding(exchange=one.number, place=place, found=found, wanted="JSON and no other text")
            return
    if max(map(len, forms)) < MIN_BARE:
        yield Unverified(reason=f"fewer than {MIN_BARE} answers to requests with an output format")


def _surrounds_json(exchange: Exchange) -> bool:
    """Whether a text has an object in it, and other text before or after it."""
    text = text_of(exchange)
    first, last = text.find("{"), text.rfind("}")
    inner = parse_json(text[first : last + 1]) if 0 <= first < last else UNPARSED
    return parse_json(text) is UNPARSED and isinstance(inner, dict)


MIN_ALONE: Final = 3
"""At least this many answers without the other field must all have the format, so that the target honours it (our
own)."""

MIN_BESIDE: Final = 4
"""At least this many answers beside the other field must all be prose (our own: no model that is held to a format
writes one)."""


@rule(
    "request.output_config.format-beside-tools",
    MUST,
    harm=LOSES,  # one field of the request is dropped, and the client parses prose
    families={ANTHROPIC},
    source=f"{STRUCTURED}; BerriAI/litellm#35637 (GitHub), read 2026-11-30",
    over=RUN,
    model_dependent=True,
    needs={"structured-outputs", "tools"},
    capability="structured-outputs",
    reads={REQUEST},
    provoked="A request has an output format and tools; if the answer is prose, it is sent again.",
)
def keeps_the_format_beside_tools(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """An output format that is honoured without tools is honoured beside tools, too."""
    return _lost_beside("tools", "system", exchanges)


@rule(
    "request.output_config.format-beside-system",
    MUST,
    harm=LOSES,
    families={ANTHROPIC},
    source=STRUCTURED,
    over=RUN,
    model_dependent=True,
    needs={"structured-outputs", "system"},
    capability="structured-outputs",
    reads={REQUEST},
    provoked="A request has an output format and a system prompt; if the answer is prose, it is sent again.",
)
def keeps_the_format_beside_a_system_prompt(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """An output format that is honoured without a system prompt is honoured beside one, too."""
    return _lost_beside("system", "tools", exchanges)


@rule(
    "request.output_config.format-beside-others",
    MUST,
    harm=LOSES,
    families={ANTHROPIC},
    source=f"{STRUCTURED}; gateways that convert such requests in another way, maximhq/bifrost#6342 (GitHub), "
    "read 2026-12-01",
    over=RUN,
    model_dependent=True,
    needs={"structured-outputs", "tools", "system"},
    capability="structured-outputs",
    reads={REQUEST},
    provoked="A request has an output format and all other parts: images, documents, results, earlier turns.",
)
def keeps_the_format_beside_other_parts(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """An output format that is honoured alone is honoured beside images, documents, results and earlier turns, too."""
    others = (keeps_the_format_beside_tools, keeps_the_format_beside_a_system_prompt)
    if any(isinstance(one, Finding) for judged in others for one in judged(exchanges)):
        yield Unverified(reason="the format is lost beside tools or a system prompt, which other requirements judge")
        return
    answers = [one for one in exchanges if has_message(one) and _format(one) is not None and _is_readable(one)]
    alone = [one for one in answers if not (_has_other_parts(one) or one.request.fields.keys() & OTHER_FIELDS)]
    beside = [one for one in answers if _has_other_parts(one)]
    thoughtful = [one for one in answers if one not in beside and one.request.fields.get("thinking")]
    yield from _never_beside(beside, alone, "other parts")
    if thoughtful:
        yield from _never_beside(thoughtful, alone, "thinking")


def _has_other_parts(exchange: Exchange) -> bool:
    """Whether a request has earlier turns, or a block that is no text."""
    turns = exchange.request.fields.get("messages")
    turns = [turn for turn in turns if isinstance(turn, dict)] if isinstance(turns, list) else []
    contents = [turn["content"] for turn in turns if isinstance(turn.get("content"), list)]
    kinds = {block.get("type") for content in contents for block in content if isinstance(block, dict)}
    return len(turns) > 1 or bool(kinds - {"text"})


OTHER_FIELDS: Final = frozenset({"system", "thinking", "tools"})

WORDS: Final = {"tools": "tools", "system": "a system prompt"}


def _lost_beside(name: str, other: str, exchanges: Sequence[Exchange]) -> Iterator[Finding | Unverified]:
    """A finding if no answer beside a field has the format, and all without it and another field have it."""
    answers = [one for one in exchanges if has_message(one) and _format(one) is not None and _is_readable(one)]
    beside = [one for one in answers if one.request.fields.get(name)]
    if any(not _has_no_object(one) for one in beside):
        return
    beside = [one for one in beside if not one.request.fields.get(other)]
    whole = [one for one in answers if not one.request.fields.keys() & WORDS.keys()]
    yield from _never_beside(beside, whole, WORDS[name])


def _never_beside(beside: Sequence[Exchange], whole: Sequence[Exchange], words: str) -> Iterator[Finding | Unverified]:
    """A finding if no answer beside something has the format, and all answers without it have the format."""
    whole = [one for one in whole if not streamed(one)]
    if any(not _has_no_object(one) for one in beside):
        return
    if not beside:
        yield Unverified(reason=f"no request with an output format and {words} was answered with a text")
    elif len(whole) < MIN_ALONE or any(map(_has_no_object, whole)) or len(beside) < MIN_BESIDE:
        yield Unverified(reason=f"the format was not honoured in each answer without {words}, or asked for too rarely")
    else:
        one = beside[0]
        found = f"{shown(text_of(one))}, and no JSON in all {len(beside)} answers to requests with {words}"
        wanted = f"JSON, as in all {len(whole)} answers without {words} (exchange {whole[0].number})"
        yield Finding(exchange=one.number, place=in_message(one, "/content"), found=found, wanted=wanted)


def _is_readable(exchange: Exchange) -> bool:
    """Whether an answer has a text; prose and JSON differ from their beginnings on."""
    return (
        stop_reason_of(exchange) in ("end_turn", "max_tokens")
        and bool(text_of(exchange))
        and not is_broken_stream(exchange)
    )


def _has_no_object(exchange: Exchange) -> bool:
    """Whether a text has no sign of an object: a text that lost a part of it still has the other parts."""
    return "{" not in text_of(exchange) and '":' not in text_of(exchange)
