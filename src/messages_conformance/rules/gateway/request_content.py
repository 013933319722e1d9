"""Rules about the way in: every part of the request reaches the upstream, in the form that its dialect has for it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import shown, status_and_body
from messages_conformance.rules.catalogue import BREAKS, LOSES, MISBILLS, rule
from messages_conformance.rules.gateway.accessors import (
    GATEWAYS,
    PASSTHROUGH,
    ROUTES,
    SOURCE,
    TRANSLATES,
    arrives,
    behind,
    call_of,
    differs,
    is_refused,
    leaves,
    may_not_call,
    missing_in_order,
    received_of,
    same,
    speaks_well,
    wanted_of,
    with_part,
)
from messages_conformance.rules.gateway.conversation import (
    CALL,
    FILE,
    IMAGE,
    RESULT,
    SERVER_TOOL,
    THINKING,
    Conversation,
    Part,
    Tool,
)
from messages_conformance.rules.verdict import MUST, SHOULD, Finding

OPEN_LISTS = "code.claude.com/docs/en/llm-gateway-protocol, read 2026-08-22"


def _in_a_case(exchange: Exchange) -> bool:
    return exchange.behind is not None and not leaves(exchange)


NOTHING: Final = "no request to the upstream with the text of the last turn"
"""What the upstream did not get. If it got a request that lacks the turn, no record connects that with the case."""


@rule("gateway.request.accepted", MUST, harm=BREAKS, families=GATEWAYS, source=SOURCE, applies=_in_a_case)
def passes_valid_requests_on(exchange: Exchange) -> Iterable[Finding]:
    """A valid request that the upstream's dialect can express reaches the upstream.

    A clean refusal of what depends on the model is judged by gateway.request.features.
    """
    if refuses_a_feature(exchange):
        return
    if call_of(exchange) is None and not behind(exchange).inexpressible:
        yield from differs("", f"{NOTHING}, and {_answer(exchange)}", "one request to the upstream")


def _answer(exchange: Exchange) -> str:
    return "no answer" if exchange.response is None else status_and_body(exchange)


def refuses_a_feature(exchange: Exchange) -> bool:
    """The gateway refused, with a status of the client's, a request with something that not every model has."""
    if call_of(exchange) is not None or not is_refused(exchange):
        return False
    wanted = wanted_of(exchange)
    if _ends_with_the_assistant(exchange):
        return True
    media = any(part.kind in (IMAGE, FILE, THINKING) for part in wanted.parts)
    return media or wanted.schema is not None or "thinking" in exchange.request.fields


def _ends_with_the_assistant(exchange: Exchange) -> bool:
    turns = exchange.request.fields.get("messages")
    return isinstance(turns, list) and bool(turns) and turns[-1].get("role") == "assistant"


@rule("gateway.request.features", SHOULD, harm=BREAKS, families=GATEWAYS, source=SOURCE, applies=_in_a_case)
def passes_features_on(exchange: Exchange) -> Iterable[Finding]:
    """Thinking, images, documents, output schemas and a last turn of the assistant are not refused."""
    if refuses_a_feature(exchange) and not behind(exchange).inexpressible:
        yield from differs("", f"no request to the upstream, and {_answer(exchange)}", "one request to the upstream")


@arrives("gateway.request.valid", harm=BREAKS)
def sends_what_the_dialect_has(exchange: Exchange) -> Iterable[Finding]:
    """The request to the upstream is valid in the upstream's dialect, or its refusal reaches the client.

    The refusal counts for what the dialect has no form for: the client learns that it was not understood.
    """
    call = call_of(exchange)
    if call is None or (behind(exchange).inexpressible and is_refused(exchange)):
        return
    if call.refused:
        yield from differs("", call.refused, f"a request of {behind(exchange).dialect}")


@rule("gateway.request.once", MUST, harm=MISBILLS, families=GATEWAYS, source=SOURCE, applies=speaks_well)
def asks_the_upstream_once(exchange: Exchange) -> Iterable[Finding]:
    """A request that the upstream answers well is sent to it once."""
    route = ROUTES[behind(exchange).dialect]
    asked = [call for call in behind(exchange).calls if call.request.route.endswith(route)]
    calls = [call for call in asked if call.response is not None and call.response.status == 200]
    if len(calls) > 1:
        yield from differs("", f"{len(calls)} requests to the upstream", "1")


@arrives("gateway.request.system", MUST, lambda wanted: wanted.system)
def passes_the_system_prompt_on(exchange: Exchange) -> Iterable[Finding]:
    """Every text of the system prompt reaches the upstream, in order and unchanged."""
    received = "\n".join(received_of(exchange).system)
    lost = missing_in_order(wanted_of(exchange).system, received)
    if lost is not None:
        yield from differs("/system", shown(received) if received else "no system prompt", f"{shown(lost)} in it")


@arrives("gateway.request.system-unmixed", SHOULD)
def adds_no_system_prompt(exchange: Exchange) -> Iterable[Finding]:
    """The upstream gets no system prompt that the client did not write, unless the gateway promises its own."""
    rest = "\n".join(received_of(exchange).system)
    if missing_in_order(wanted_of(exchange).system, rest) is not None:
        return  # a text was changed or lost: gateway.request.system judges it
    for text in sorted(wanted_of(exchange).system, key=len, reverse=True):
        rest = rest.replace(text, "", 1)
    if rest.strip() and "own-system-text" not in behind(exchange).promises:
        yield from differs("/system", f"also {shown(rest.strip())}", "only what the client wrote")


@arrives("gateway.request.turns")
def keeps_the_turns(exchange: Exchange) -> Iterable[Finding]:
    """The turns reach the upstream in their order and with their roles: none is missing, none is added."""
    wanted, found = _roles(wanted_of(exchange)), _roles(received_of(exchange))
    if found != wanted:
        yield from differs("/messages", ", ".join(found) or "no turn", ", ".join(wanted))


def _roles(conversation: Conversation) -> list[str]:
    return [turn.role for turn in conversation.turns]


@arrives("gateway.request.texts")
def passes_texts_on(exchange: Exchange) -> Iterable[Finding]:
    """Every text of every turn reaches the upstream unchanged, in the turn of the same role and in order."""
    for role in ("user", "assistant"):
        parts = [part for turn in wanted_of(exchange).turns if turn.role == role for part in turn.parts]
        texts = tuple(part.value for part in parts if part.kind == "text" and not part.in_result)
        received = received_of(exchange).text_of(role)
        lost = missing_in_order(texts, received)
        if lost is not None:
            yield from differs("/messages", f"{shown(received)} as {role}", f"{shown(lost)} in it")
            return


@arrives("gateway.request.text-unmixed", SHOULD)
def adds_no_text(exchange: Exchange) -> Iterable[Finding]:
    """The assistant's turns say nothing that the client did not send."""
    rest = received_of(exchange).text_of("assistant")
    wanted = wanted_of(exchange)
    for turn in wanted.turns:
        for part in turn.parts if turn.role == "assistant" else ():
            rest = rest.replace(part.value, "", 1) if isinstance(part.value, str) else rest
    if rest.strip():
        yield from differs("/messages", f"also {shown(rest.strip())}", "only what the client sent")


def _tools(exchange: Exchange) -> list[Tool]:
    """The tools that must arrive. gateway.request.inexpressible judges server tools in another dialect."""
    left_out = SERVER_TOOL in behind(exchange).inexpressible
    return [tool for tool in wanted_of(exchange).tools if not (left_out and tool.name == SERVER_TOOL)]


@arrives("gateway.request.tools", MUST, lambda wanted: wanted.tools)
def passes_tools_on(exchange: Exchange) -> Iterable[Finding]:
    """Every tool reaches the upstream with its name and its description, in order.

    A gateway may leave them out where tool_choice is none: the model may not call any.
    """
    if may_not_call(exchange):
        return
    found = {tool.name: tool for tool in received_of(exchange).tools}
    wanted = _tools(exchange)
    names = [tool.name for tool in wanted]
    if [name for name in found if name in names] != names:
        yield from differs("/tools", ", ".join(found) or "no tools", ", ".join(names))
        return
    for number, tool in enumerate(wanted):
        if tool.description is not None and tool.description not in (found[tool.name].description or ""):
            text = shown(found[tool.name].description)
            yield from differs(f"/tools/{number}/description", text, shown(tool.description))
            return


@arrives("gateway.request.tool-schemas", MUST, lambda wanted: wanted.tools)
def passes_tool_schemas_on(exchange: Exchange) -> Iterable[Finding]:
    """The schema of every tool reaches the upstream, equal as JSON; references may become what they name."""
    found = {tool.name: tool.schema for tool in received_of(exchange).tools}
    for number, tool in enumerate(_tools(exchange)):
        if tool.name in found and not same(inlined(found[tool.name]), inlined(tool.schema)):
            place = f"/tools/{number}/input_schema"
            yield from differs(place, *_apart(_json(inlined(found[tool.name])), _json(inlined(tool.schema))))
            return


MOST_LEVELS = 20
"""References are followed to this depth, because a reference may contain itself (our own)."""


def inlined(schema: Any) -> Any:
    """A JSON Schema with its own definitions in the places that refer to them."""
    schema = _plain(schema)
    definitions = schema.get("$defs", schema.get("definitions")) if isinstance(schema, dict) else None
    if not isinstance(definitions, dict):
        return schema
    rest = {name: value for name, value in schema.items() if name not in ("$defs", "definitions")}
    return _resolved(rest, definitions, 0)


def _plain(schema: Any) -> Any:
    """The schema without what says nothing: its dialect, no properties, nothing required."""
    if not isinstance(schema, dict):
        return schema
    nothing: dict[str, Any] = {"properties": {}, "required": [], "$schema": schema.get("$schema")}
    return {name: value for name, value in schema.items() if name not in nothing or value != nothing[name]}


def _resolved(value: Any, definitions: Mapping[str, Any], level: int) -> Any:
    if isinstance(value, list):
        return [_resolved(one, definitions, level) for one in value]
    if not isinstance(value, dict):
        return value
    name = str(value.get("$ref", "")).rpartition("/")[2]
    if len(value) == 1 and name in definitions and level < MOST_LEVELS:
        return _resolved(definitions[name], definitions, level + 1)
    return {key: _resolved(one, definitions, level) for key, one in value.items()}


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


AROUND = 60
"""At most this many characters before and after the first difference are shown (our own)."""


def _apart(found: str, wanted: str) -> tuple[str, str]:
    """Both texts around the place where they begin to differ."""
    pairs = zip(found, wanted, strict=False)
    at = next((number for number, (a, b) in enumerate(pairs) if a != b), min(len(found), len(wanted)))
    start = max(at - AROUND, 0)
    lead = "..." if start else ""
    return lead + found[start : at + AROUND], lead + wanted[start : at + AROUND]


# -- calls and results of tools ------------------------------------------------------------------------------------


@arrives("gateway.request.tool-calls", MUST, lambda wanted: wanted.of(CALL))
def passes_earlier_calls_on(exchange: Exchange) -> Iterable[Finding]:
    """Earlier calls of tools reach the upstream in order, with their names and their arguments equal as JSON."""
    wanted, found = wanted_of(exchange).of(CALL), received_of(exchange).of(CALL)
    if [part.name for part in found] != [part.name for part in wanted]:
        yield from differs("/messages", _named(found), _named(wanted))
        return
    for one, other in zip(wanted, found, strict=True):
        if not same(other.value, one.value):
            yield from differs("/messages", *_apart(_json(other.value), _json(one.value)))
            return


def _named(parts: tuple[Part, ...]) -> str:
    return ", ".join(f"a call of {part.name}" for part in parts) or "no call"


@arrives("gateway.request.tool-results", MUST, lambda wanted: wanted.of(RESULT))
def passes_tool_results_on(exchange: Exchange) -> Iterable[Finding]:
    """The result of every call reaches the upstream with its whole text, as the result of the same call."""
    wanted, received = wanted_of(exchange), received_of(exchange)
    found = {part.id: part for part in received.of(RESULT)}
    ids = _paired_ids(wanted, received)
    for one in wanted.of(RESULT):
        other = found.get(ids.get(one.id, one.id))
        if other is None:
            yield from differs("/messages", f"no result of the call {one.id}", shown(one.value))
            return
        if missing_in_order(tuple(one.value.split("\n")), other.value) is not None:
            yield from differs("/messages", shown(other.value), shown(one.value))
            return


def _paired_ids(wanted: Conversation, received: Conversation) -> dict[str, str]:
    """The id of each call -> its id at the upstream, which may be another one."""
    calls = zip(wanted.of(CALL), received.of(CALL), strict=False)
    return {one.id: other.id for one, other in calls}


@arrives("gateway.request.tool-errors", SHOULD, lambda wanted: any(part.is_error for part in wanted.of(RESULT)))
def passes_failures_of_tools_on(exchange: Exchange) -> Iterable[Finding]:
    """The upstream can see that a tool failed: by the field of its dialect, or in words."""
    wanted, received = wanted_of(exchange), received_of(exchange)
    ids = _paired_ids(wanted, received)
    found = {part.id: part for part in received.of(RESULT)}
    for one in wanted.of(RESULT):
        other = found.get(ids.get(one.id, one.id))
        if one.is_error and other is not None and not (other.is_error or other.value.strip() != one.value.strip()):
            yield from differs("/messages", shown(other.value), "the same with a mark that the tool failed")
            return


# -- images, documents, thinking -----------------------------------------------------------------------------------


def _lost_media(exchange: Exchange, kind: str, *, in_result: bool | None) -> Iterator[Finding]:
    wanted = [p.value for p in wanted_of(exchange).of(kind) if in_result is None or p.in_result is in_result]
    call = call_of(exchange)
    body = "" if call is None else call.request.body.decode("utf-8", "replace")
    for value in wanted:
        if value not in body:
            yield from differs("/messages", f"the {kind} is not in the request to the upstream", shown(value, 60))
            return


@arrives("gateway.request.images", MUST, lambda wanted: [part for part in wanted.of(IMAGE) if not part.in_result])
def passes_images_on(exchange: Exchange) -> Iterable[Finding]:
    """An image reaches the upstream with the same data or the same URL."""
    return _lost_media(exchange, IMAGE, in_result=False)


@arrives("gateway.request.result-images", MUST, lambda wanted: [part for part in wanted.of(IMAGE) if part.in_result])
def passes_images_of_results_on(exchange: Exchange) -> Iterable[Finding]:
    """An image in the result of a tool reaches the upstream, there or in the turn of the user."""
    return _lost_media(exchange, IMAGE, in_result=True)


@arrives("gateway.request.documents", MUST, lambda wanted: wanted.of(FILE))
def passes_documents_on(exchange: Exchange) -> Iterable[Finding]:
    """A document reaches the upstream with the same data, or the request is refused, or a header says so."""
    headers = () if exchange.response is None else exchange.response.headers
    reported = any("document" in f"{name} {value}".lower() for name, value in headers)
    if reported and "document" in behind(exchange).inexpressible:
        return []
    return _lost_media(exchange, FILE, in_result=None)


@rule(
    "gateway.request.thinking",
    MUST,
    harm=LOSES,
    families={PASSTHROUGH},
    source=sources.THINKING,
    applies=with_part(lambda wanted: wanted.of(THINKING)),
)
def passes_thinking_on(exchange: Exchange) -> Iterable[Finding]:
    """Thinking of earlier turns reaches the upstream with its signature, byte for byte."""
    wanted, found = wanted_of(exchange).of(THINKING), received_of(exchange).of(THINKING)
    if [(part.value, part.id) for part in found] != [(part.value, part.id) for part in wanted]:
        shown_parts = [shown([(part.value, part.id) for part in parts]) for parts in (found, wanted)]
        yield from differs("/messages", *shown_parts)


@arrives("gateway.request.thinking-unspoken", MUST, lambda wanted: wanted.of(THINKING), families={TRANSLATES})
def keeps_thinking_out_of_texts(exchange: Exchange) -> Iterable[Finding]:
    """Thinking of earlier turns is not presented to the upstream as a text that the assistant spoke."""
    spoken = received_of(exchange).text_of("assistant")
    for part in wanted_of(exchange).of(THINKING):
        if part.value and part.value in spoken:
            yield from differs("/messages", shown(spoken), "a text without the thinking")
            return
