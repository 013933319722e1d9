"""Rules about what is newer than a gateway that passes the Messages API through: it reaches the other side as it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from messages_conformance.exchange import UNPARSED, Exchange, parse_json
from messages_conformance.exchange.behind import OTHER
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import message_of, shown
from messages_conformance.rules.catalogue import LOSES, MISBILLS, rule
from messages_conformance.rules.gateway.accessors import (
    PASSTHROUGH,
    blocks,
    call_of,
    differs,
    got_message,
    reached,
    said,
    same,
)
from messages_conformance.rules.verdict import MUST, SHOULD, Finding

PROTOCOL: Final = "code.claude.com/docs/en/llm-gateway-protocol, read 2026-08-22"

COMPARED: Final[Mapping[str, frozenset[str]]] = {
    "text": frozenset({"text"}),
    "image": frozenset({"source"}),
    "document": frozenset({"source"}),
    "tool_use": frozenset({"id", "name", "input"}),
    "tool_result": frozenset({"tool_use_id", "content", "is_error"}),
    "thinking": frozenset({"thinking", "signature"}),
    "redacted_thinking": frozenset({"data"}),
    "custom": frozenset({"name", "description", "input_schema"}),
}
"""Type of a block or a tool -> the fields that other rules compare. Types that are not here count as a whole."""


def _newer(part: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a block or a tool that no other rule compares; a custom tool may leave its type out."""
    kind = str(part.get("type", "custom"))
    known = COMPARED.get(kind, frozenset()) | {"cache_control"}
    fields = {name: value for name, value in part.items() if name not in known and name != "type"}
    return {"type": kind, **fields} if fields or kind not in COMPARED else {}


def _parts(body: Any) -> Iterator[Mapping[str, Any]]:
    """Every block and tool of a request: those of the system prompt, of the turns, and in results."""
    fields = body if isinstance(body, dict) else {}
    for listed in (fields.get("tools"), fields.get("system")):
        yield from _dicts(listed)
    for turn in _dicts(fields.get("messages")):
        for block in _dicts(turn.get("content")):
            yield block
            yield from _dicts(block.get("content")) if block.get("type") == "tool_result" else ()


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _has_newer_parts(exchange: Exchange) -> bool:
    return reached(exchange) and any(map(_newer, _parts(exchange.request.json)))


@rule(
    "gateway.request.block-fields",
    MUST,
    harm=LOSES,
    families={PASSTHROUGH},
    source=PROTOCOL,
    applies=_has_newer_parts,
)
def passes_fields_of_blocks_on(exchange: Exchange) -> Iterable[Finding]:
    """Every field of a block or a tool reaches the upstream, and every block of a type that is new, too."""
    call = call_of(exchange)
    left = list(_parts(None if call is None else call.request.json))
    for wanted in filter(None, map(_newer, _parts(exchange.request.json))):
        found = next((part for part in left if _contains({"type": "custom", **part}, wanted)), None)
        if found is None:
            like = [part for part in left if part.get("type", "custom") == wanted["type"]]
            yield from differs(
                "/messages", shown(like[0], 300) if like else "no such block or tool", shown(wanted, 300)
            )
            return
        left.remove(found)


def _contains(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(name in found and same(found[name], value) for name, value in wanted.items())


def _said_other(exchange: Exchange) -> list[Any]:
    values = [parse_json(block.text.encode()) for block in said(exchange).blocks if block.kind == OTHER]
    return [value for value in values if value is not UNPARSED]


@rule(
    "gateway.answer.other-blocks",
    MUST,
    harm=LOSES,
    families={PASSTHROUGH},
    source=PROTOCOL,
    applies=lambda exchange: got_message(exchange) and bool(_said_other(exchange)),
)
def delivers_other_blocks(exchange: Exchange) -> Iterable[Finding]:
    """Blocks of server tools, and of types that are new, reach the client with all of their fields."""
    found = iter(blocks(exchange))
    for wanted in _said_other(exchange):
        if not any(_contains(block, wanted) for block in found):
            like = [block for block in blocks(exchange) if block.get("type") == wanted.get("type")]
            yield from differs("/content", shown(like[0], 300) if like else "no such block", shown(wanted, 300))
            return


def _upstream_message(exchange: Exchange) -> Mapping[str, Any]:
    """The message that the upstream sent, out of its own bytes."""
    call = call_of(exchange)
    return message_of(replace(exchange, response=None if call is None else call.response)) or {}


ELSEWHERE: Final = frozenset({"id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "usage"})
"""Fields of a message that other rules compare; a gateway may name its own id and model."""

COUNTS: Final = frozenset({"input_tokens", "output_tokens", "cache_read_input_tokens"})
"""Fields of usage that other rules compare."""


def _says_nothing(value: Any) -> bool:
    """Null, and counts of 0, may be left out."""
    if isinstance(value, dict):
        return all(map(_says_nothing, value.values()))
    return value is None or value == 0


@rule(
    "gateway.answer.other-fields",
    SHOULD,
    harm=MISBILLS,
    families={PASSTHROUGH},
    source=sources.CACHING,
    applies=got_message,
)
def delivers_other_fields(exchange: Exchange) -> Iterable[Finding]:
    """Every other field of the message and of its usage reaches the client, the lifetimes of cached tokens included."""
    wanted, found = _upstream_message(exchange), message_of(exchange) or {}
    usage = (wanted.get("usage") or {}, found.get("usage") or {})
    for pointer, (theirs, ours), known in (("", (wanted, found), ELSEWHERE), ("/usage", usage, COUNTS)):
        for name, value in theirs.items() if isinstance(theirs, dict) and isinstance(ours, dict) else ():
            if name in known or _says_nothing(value) or (name in ours and same(ours[name], value)):
                continue
            yield from differs(f"{pointer}/{name}", shown(ours[name]) if name in ours else "absent", shown(value))
            return
