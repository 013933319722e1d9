"""Rules about the way back: everything that the upstream said reaches the client, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from messages_conformance.exchange import COMPLETE, UNPARSED, Exchange, Response, parse_json
from messages_conformance.exchange.behind import CALL, REASONING, REDACTED, REFUSAL, TEXT, SaidBlock
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import (
    message_of,
    shown,
    status_and_body,
    stop_reason_of,
    usage_of,
)
from messages_conformance.rules.catalogue import BREAKS, DRIFTS, LOSES, MISBILLS, MISLEADS, rule
from messages_conformance.rules.gateway.accessors import (
    GATEWAYS,
    PASSTHROUGH,
    SOURCE,
    TRANSLATES,
    behind,
    blocks,
    call_of,
    differs,
    ends_oddly,
    got_message,
    is_cut_in_a_call,
    is_whole_message,
    said,
    same,
    speaks_well,
    texts,
)
from messages_conformance.rules.recording_parts import IDS, RESPONSE_HEADERS
from messages_conformance.rules.verdict import MUST, SHOULD, Finding, Place

STOP_REASONS: Final[Mapping[str, frozenset[str]]] = {
    "stop": frozenset({"end_turn"}),
    "length": frozenset({"max_tokens"}),
    "tool_calls": frozenset({"tool_use"}),
    "content_filter": frozenset({"refusal"}),
    "stop_sequence": frozenset({"stop_sequence"}),
}
"""What each finish reason of the upstream means to a client."""


DOCUMENTED: Final = frozenset({"end_turn", "max_tokens", "stop_sequence", "tool_use", "pause_turn", "refusal"})
"""The stop reasons of the Messages API, of which a client must get one for a finish reason that nobody knows."""


def _said(exchange: Exchange, *kinds: str) -> list[SaidBlock]:
    return [block for block in said(exchange).blocks if block.kind in kinds]


@rule("gateway.answer.delivered", MUST, harm=BREAKS, families=GATEWAYS, source=SOURCE, applies=speaks_well)
def delivers_good_answers(exchange: Exchange) -> Iterable[Finding]:
    """A whole answer of the upstream reaches the client as a whole message, in the form that it asked for."""
    response = exchange.response
    wanted = "a stream of events that ends with message_stop" if exchange.request.streamed else "a message"
    if response is None:
        yield from differs("", "no answer", wanted)
    elif ends_oddly(exchange) and not is_whole_message(exchange):
        return  # an error is an honest answer, too: nobody knows what that reason means
    elif not is_whole_message(exchange):
        yield from differs("", f"{_ending(response)}{status_and_body(exchange)}", wanted)
    elif response.is_event_stream != exchange.request.streamed:
        yield from differs("", "events" if response.is_event_stream else "one JSON body", wanted)


def _ending(response: Response) -> str:
    return "" if response.ending == COMPLETE else f"{response.ending} ({response.detail}): "


@rule("gateway.answer.text", MUST, harm=LOSES, families=GATEWAYS, source=SOURCE, applies=got_message)
def delivers_all_text(exchange: Exchange) -> Iterable[Finding]:
    """The client gets all text of the upstream, unchanged and in order, and no other text."""
    wanted = "".join(block.text for block in _said(exchange, TEXT, REFUSAL))
    found = "".join(texts(exchange, "text", "text"))
    if _said(exchange, REFUSAL) and stop_reason_of(exchange) == "refusal":
        return  # the stop reason says that the model refused; its words are optional then
    if found != wanted:
        yield from differs("/content", *_around(found, wanted))


AROUND: Final = 60
"""At most this many characters before and after the first difference are shown (our own)."""


def _around(found: str, wanted: str) -> tuple[str, str]:
    pairs = zip(found, wanted, strict=False)
    at = next((number for number, (a, b) in enumerate(pairs) if a != b), min(len(found), len(wanted)))
    start = max(at - AROUND, 0)
    lead = f"{at:,} equal characters, then " if at else ""
    return lead + shown(found[start : at + AROUND], 160), lead + shown(wanted[start : at + AROUND], 160)


@rule("gateway.answer.tool-calls", MUST, harm=LOSES, families=GATEWAYS, source=SOURCE, applies=got_message)
def delivers_all_calls(exchange: Exchange) -> Iterable[Finding]:
    """The client gets every call of a tool once, in order and with its name.

    A call whose arguments the limit of tokens cut may be left out.
    """
    wanted = [block.name for block in _said(exchange, CALL)]
    found = texts(exchange, "tool_use", "name")
    if is_cut_in_a_call(exchange) and len(found) < len(wanted):
        wanted = wanted[:-1]
    if found != wanted:
        yield from differs("/content", f"calls: {', '.join(found) or 'none'}", f"calls: {', '.join(wanted) or 'none'}")


def _called(exchange: Exchange) -> bool:
    return got_message(exchange) and bool(_said(exchange, CALL))


@rule("gateway.answer.arguments", MUST, harm=LOSES, families=GATEWAYS, source=SOURCE, applies=_called)
def delivers_arguments(exchange: Exchange) -> Iterable[Finding]:
    """The input of every call equals the upstream's arguments as JSON, large integers included."""
    inputs = [block.get("input") for block in blocks(exchange) if block.get("type") == "tool_use"]
    for number, (call, value) in enumerate(zip(_said(exchange, CALL), inputs, strict=False)):
        wanted = parse_json((call.text or "{}").encode())
        if wanted is not UNPARSED and not same(value, wanted):
            yield from differs(f"/content/{number}/input", shown(value, 200), shown(wanted, 200))
            return


@rule("gateway.answer.order", MUST, harm=LOSES, families=GATEWAYS, source=SOURCE, applies=got_message)
def keeps_the_order_of_blocks(exchange: Exchange) -> Iterable[Finding]:
    """Thinking, text and calls reach the client in the order in which the upstream said them."""
    names = {TEXT: "text", REFUSAL: "text", CALL: "tool_use"}
    wanted = _runs(names[block.kind] for block in said(exchange).blocks if block.kind in names)
    found = _runs(str(block.get("type")) for block in blocks(exchange) if block.get("type") in ("text", "tool_use"))
    if sorted(found) == sorted(wanted) and found != wanted:
        yield from differs("/content", ", ".join(found), ", ".join(wanted))


def _runs(kinds: Iterable[str]) -> list[str]:
    runs: list[str] = []
    for kind in kinds:
        if not runs or runs[-1] != kind:
            runs.append(kind)
    return runs


@rule(
    "gateway.answer.call-ids",
    MUST,
    harm=BREAKS,
    families=GATEWAYS,
    source=sources.TOOLS,
    reads={IDS},
    applies=lambda exchange: _called(exchange) and bool(texts(exchange, "tool_use", "id")),
)
def gives_every_call_an_id(exchange: Exchange) -> Iterable[Finding]:
    """Every call has an id of its own in the conversation."""
    found = texts(exchange, "tool_use", "id")
    if not all(found) or len(set(found)) != len(found):
        yield from differs("/content", shown(found), "a different id for each call")


CALL_ID: Final = re.compile(r"[a-zA-Z0-9_-]+")
"""The form of ids that the Messages API takes back in a tool_result (platform.claude.com, tool use)."""


@rule(
    "gateway.answer.call-id-form",
    SHOULD,
    harm=DRIFTS,
    families={TRANSLATES},
    source=sources.TOOLS,
    reads={IDS},
    applies=lambda exchange: _called(exchange) and all(texts(exchange, "tool_use", "id")),
)
def gives_calls_ids_of_the_form(exchange: Exchange) -> Iterable[Finding]:
    """The id of a call has letters, digits, underscores and dashes alone, whatever the upstream's looks like."""
    for found in texts(exchange, "tool_use", "id"):
        if not CALL_ID.fullmatch(found):
            yield from differs("/content", shown(found), "letters, digits, _ and -")
            return


@rule(
    "gateway.answer.stop-reason", MUST, harm=LOSES, families=GATEWAYS, source=sources.STOP_REASONS, applies=got_message
)
def maps_the_stop_reason(exchange: Exchange) -> Iterable[Finding]:
    """The stop_reason means what the upstream's finish reason means: a limit, a call, a refusal or a normal end."""
    if _said(exchange, REFUSAL):
        return  # the words of the refusal, or this stop reason, say so: gateway.answer.text judges it
    finish = said(exchange).finish
    wanted = STOP_REASONS.get(finish, DOCUMENTED)
    if finish == "stop_sequence" and behind(exchange).dialect != "anthropic":
        return
    if finish == "stop" and _said(exchange, CALL):
        wanted = STOP_REASONS["tool_calls"]
    found = stop_reason_of(exchange)
    if found not in wanted:
        yield from differs("/stop_reason", shown(found), " or ".join(sorted(wanted)))


@rule(
    "gateway.answer.stop-sequence",
    MUST,
    harm=LOSES,
    families={PASSTHROUGH},
    source=sources.STOP_REASONS,
    applies=lambda exchange: got_message(exchange) and said(exchange).finish == "stop_sequence",
)
def delivers_the_stop_sequence(exchange: Exchange) -> Iterable[Finding]:
    """The stop sequence that matched reaches the client."""
    found, wanted = (message_of(exchange) or {}).get("stop_sequence"), said(exchange).stop_sequence
    if found != wanted:
        yield from differs("/stop_sequence", shown(found), shown(wanted))


# -- thinking ------------------------------------------------------------------------------------------------------


def _reasoned(exchange: Exchange) -> bool:
    """The upstream reasoned, and the client asked for it: otherwise a gateway may leave the reasoning out."""
    return got_message(exchange) and bool(_said(exchange, REASONING)) and "thinking" in exchange.request.fields


@rule("gateway.answer.reasoning", SHOULD, harm=LOSES, families={TRANSLATES}, source=SOURCE, applies=_reasoned)
def delivers_reasoning(exchange: Exchange) -> Iterable[Finding]:
    """The upstream's reasoning reaches the client as thinking, unless the gateway promises to leave it out."""
    found = "".join(texts(exchange, "thinking", "thinking"))
    wanted = "".join(block.text for block in _said(exchange, REASONING))
    if found != wanted and not (not found and "no-reasoning" in behind(exchange).promises):
        yield from differs("/content", shown(found) if found else "no thinking", shown(wanted))


def _thinks(exchange: Exchange) -> bool:
    return got_message(exchange) and any(block.get("type") == "thinking" for block in blocks(exchange))


@rule(
    "gateway.answer.thinking-signature",
    SHOULD,
    harm=BREAKS,
    families={TRANSLATES},
    source=sources.THINKING,
    applies=_thinks,
)
def signs_thinking(exchange: Exchange) -> Iterable[Finding]:
    """Thinking has a signature, a string that is not empty: clients send it back."""
    if not all(texts(exchange, "thinking", "signature")):
        found = [block.get("signature") for block in blocks(exchange) if block.get("type") == "thinking"]
        yield from differs("/content", f"signature {shown(found[0]) if found[0] is not None else 'absent'}", "a string")


@rule(
    "gateway.answer.thinking-first",
    MUST,
    harm=LOSES,
    families={TRANSLATES},
    source=sources.THINKING,
    applies=_thinks,
)
def puts_thinking_first(exchange: Exchange) -> Iterable[Finding]:
    """Thinking comes before the text and the calls that follow from it."""
    kinds = _runs(str(block.get("type")) for block in blocks(exchange))
    reasoning_first = said(exchange).blocks[0].kind == REASONING if said(exchange).blocks else False
    if reasoning_first and kinds[0] != "thinking":
        yield from differs("/content", ", ".join(kinds), "thinking first")


@rule(
    "gateway.answer.thinking",
    MUST,
    harm=BREAKS,
    families={PASSTHROUGH},
    source=sources.THINKING,
    applies=lambda exchange: got_message(exchange) and bool(_said(exchange, REASONING, REDACTED)),
)
def delivers_signed_thinking(exchange: Exchange) -> Iterable[Finding]:
    """Thinking reaches the client with its signature and redacted thinking with its data, byte for byte."""
    wanted = [_signed(block) for block in _said(exchange, REASONING, REDACTED)]
    found = [
        (str(block.get("thinking", "")), str(block.get("signature", "")))
        if block.get("type") == "thinking"
        else ("redacted", str(block.get("data", "")))
        for block in blocks(exchange)
        if block.get("type") in ("thinking", "redacted_thinking")
    ]
    if found != wanted:
        yield from differs("/content", shown(found, 200), shown(wanted, 200))


def _signed(block: SaidBlock) -> tuple[str, str]:
    return ("redacted", block.text) if block.kind == REDACTED else (block.text, block.signature)


# -- headers -------------------------------------------------------------------------------------------------------


def _named(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The headers of an answer that belong to the Messages API."""
    lowered = {name.lower(): value for name, value in headers}
    return {name: value for name, value in lowered.items() if name == "request-id" or name.startswith("anthropic-")}


def _upstream_headers(exchange: Exchange) -> dict[str, str]:
    """None of an upstream that broke off: what the client gets may be an error of the gateway."""
    call = call_of(exchange)
    if call is None or call.response is None or said(exchange).broken:
        return {}
    return _named(call.response.headers)


@rule(
    "gateway.answer.headers",
    SHOULD,
    harm=MISLEADS,
    families={PASSTHROUGH},
    source=sources.RATE_LIMITS,
    reads={RESPONSE_HEADERS},
    applies=lambda exchange: exchange.response is not None and bool(_upstream_headers(exchange)),
)
def passes_headers_of_answers_on(exchange: Exchange) -> Iterable[Finding]:
    """request-id and every header that begins with anthropic- reach the client with the upstream's value.

    A gateway may have a request-id of its own, if the upstream's is in another header.
    """
    assert exchange.response is not None
    values = [value for _, value in exchange.response.headers]
    for name, value in _upstream_headers(exchange).items():
        found = exchange.response.header(name)
        own = name == "request-id" and found and value in values
        if found != value and not own:
            yield Finding(place=Place(header=name), found=found or "absent", wanted=value)
            return


# -- usage ---------------------------------------------------------------------------------------------------------


def _counted(exchange: Exchange) -> bool:
    return got_message(exchange) and said(exchange).usage is not None


def _count(exchange: Exchange, *names: str) -> int:
    usage: Mapping[str, Any] = usage_of(exchange)
    values = [usage.get(name) for name in names]
    return sum(value for value in values if isinstance(value, int) and not isinstance(value, bool))


@rule("gateway.answer.input-tokens", MUST, harm=MISBILLS, families=GATEWAYS, source=sources.CACHING, applies=_counted)
def delivers_input_tokens(exchange: Exchange) -> Iterable[Finding]:
    """The input tokens, with those of the cache, add up to the upstream's count."""
    usage = said(exchange).usage
    found = _count(exchange, "input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    if usage is not None and found != usage.input:
        yield from differs("/usage", f"{found:,} in all", f"{usage.input:,} in all")


@rule("gateway.answer.output-tokens", MUST, harm=MISBILLS, families=GATEWAYS, source=SOURCE, applies=_counted)
def delivers_output_tokens(exchange: Exchange) -> Iterable[Finding]:
    """output_tokens is the upstream's count, reasoning included."""
    usage, found = said(exchange).usage, _count(exchange, "output_tokens")
    if usage is not None and found != usage.output:
        yield from differs("/usage/output_tokens", f"{found:,}", f"{usage.output:,}")


@rule(
    "gateway.answer.cached-tokens",
    SHOULD,
    harm=MISBILLS,
    families=GATEWAYS,
    source=sources.CACHING,
    applies=lambda exchange: _counted(exchange) and _cached(exchange) > 0,
)
def delivers_cached_tokens(exchange: Exchange) -> Iterable[Finding]:
    """cache_read_input_tokens is the upstream's count of cached tokens."""
    found = _count(exchange, "cache_read_input_tokens")
    if found != _cached(exchange):
        yield from differs("/usage/cache_read_input_tokens", f"{found:,}", f"{_cached(exchange):,}")


def _cached(exchange: Exchange) -> int:
    usage = said(exchange).usage
    return 0 if usage is None else usage.cached


# -- form ----------------------------------------------------------------------------------------------------------


@rule("gateway.answer.form", MUST, harm=BREAKS, families=GATEWAYS, source=sources.OVERVIEW, applies=got_message)
def has_the_form_of_a_message(exchange: Exchange) -> Iterable[Finding]:
    """A message has a string id, the role assistant, a list of blocks with their fields, and counts."""
    message = message_of(exchange) or {}
    checks = (
        ("/id", isinstance(message.get("id"), str) and bool(message.get("id")), message.get("id"), "a string"),
        ("/role", message.get("role") == "assistant", message.get("role"), '"assistant"'),
        ("/content", isinstance(message.get("content"), list), message.get("content"), "a list"),
        ("/usage", _has_counts(message.get("usage")), message.get("usage"), "input_tokens and output_tokens"),
    )
    for pointer, holds, found, wanted in (*checks, *_block_checks(exchange)):
        if not holds:
            yield from differs(pointer, shown(found), wanted)
            return


def _has_counts(usage: Any) -> bool:
    return isinstance(usage, dict) and all(isinstance(usage.get(n), int) for n in ("input_tokens", "output_tokens"))


FIELDS: Final = {"text": ("text", str), "tool_use": ("input", dict), "thinking": ("thinking", str)}


def _block_checks(exchange: Exchange) -> Iterator[tuple[str, bool, Any, str]]:
    for number, block in enumerate(blocks(exchange)):
        if block.get("type") == "tool_use" and is_cut_in_a_call(exchange):
            continue
        name, kind = FIELDS.get(str(block.get("type")), ("type", str))
        wanted = {str: "a string", dict: "an object"}[kind]
        yield f"/content/{number}/{name}", isinstance(block.get(name), kind), block.get(name), wanted


@rule(
    "gateway.answer.model",
    SHOULD,
    harm=DRIFTS,
    families=GATEWAYS,
    source=sources.OVERVIEW,
    applies=got_message,
)
def names_a_model(exchange: Exchange) -> Iterable[Finding]:
    """The message names a model: the one that was asked for, or the upstream's."""
    found = (message_of(exchange) or {}).get("model")
    if not isinstance(found, str) or not found:
        yield from differs("/model", shown(found), "a string")
