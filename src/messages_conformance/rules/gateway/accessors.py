"""What the rules about gateways read: the four records of a case, and which cases a rule applies to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from messages_conformance.exchange import (
    COMPLETE,
    STALLED,
    UNPARSED,
    Behind,
    Exchange,
    Said,
    StreamEvent,
    UpstreamCall,
    parse_json,
)
from messages_conformance.exchange.behind import CALL
from messages_conformance.rules.accessors import message_of, once_per_exchange, walk_of
from messages_conformance.rules.catalogue import LOSES, Judging, rule
from messages_conformance.rules.gateway.conversation import Conversation, read
from messages_conformance.rules.verdict import MUST, Finding, Place

PASSTHROUGH: Final = "gateway-passthrough"
TRANSLATES: Final = "gateway-translates"
GATEWAYS: Final = frozenset({PASSTHROUGH, TRANSLATES})

ANTHROPIC: Final = "anthropic"
SOURCE: Final = "both sides of a gateway, compared"
"""The source of requirements that follow from the two records themselves: what one side said, the other must get."""

ROUTES: Final[Mapping[str, str]] = {
    "anthropic": "/messages",
    "openai-chat": "/chat/completions",
    "openai-responses": "/responses",
}


def behind(exchange: Exchange) -> Behind:
    """The upstream's side; only for exchanges that have one."""
    assert exchange.behind is not None
    return exchange.behind


def said(exchange: Exchange) -> Said:
    """What the upstream had to say."""
    return behind(exchange).said


def call_of(exchange: Exchange) -> UpstreamCall | None:
    """The request to the upstream that made the answer: the last one of the dialect's route."""
    if exchange.behind is None:
        return None
    route = ROUTES[exchange.behind.dialect]
    calls = [call for call in exchange.behind.calls if call.request.route.endswith(route)]
    return calls[-1] if calls else None


def observed(name: str) -> Callable[[Exchange], bool]:
    """Accepts the cases that were made to observe something."""
    return lambda exchange: exchange.behind is not None and name in exchange.behind.observes


def values_of(name: str, exchange: Exchange) -> Iterator[str]:
    """What the cases say about a thing that they observe, such as 16 in `paused-after:16`."""
    for one in behind(exchange).observes if exchange.behind is not None else ():
        key, colon, value = one.partition(":")
        if colon and key == name:
            yield value


def reached(exchange: Exchange) -> bool:
    """The upstream received the request."""
    return call_of(exchange) is not None


def arrives(
    id: str,
    level: str = MUST,
    part: Callable[[Conversation], object] | None = None,
    *,
    harm: str = LOSES,
    families: Iterable[str] = GATEWAYS,
) -> Callable[[Judging], Judging]:
    """Registers a rule about what reaches the upstream; with `part` only where the client's request has that part."""
    applies = reached if part is None else with_part(part)
    return rule(id, level, harm=harm, families=families, source=SOURCE, applies=applies)


@once_per_exchange
def wanted_of(exchange: Exchange) -> Conversation:
    """What the client asked for."""
    return read(ANTHROPIC, exchange.request.json)


@once_per_exchange
def received_of(exchange: Exchange) -> Conversation:
    """What the upstream was asked for."""
    call = call_of(exchange)
    return read(behind(exchange).dialect, None if call is None else call.request.json)


def with_part(holds: Callable[[Conversation], object]) -> Callable[[Exchange], bool]:
    """Accepts requests that reached the upstream and have a part in which `holds` is interested."""
    return lambda exchange: reached(exchange) and bool(holds(wanted_of(exchange)))


def speaks_well(exchange: Exchange) -> bool:
    """The upstream received the request and gave a whole, correct answer."""
    call = call_of(exchange)
    if call is None or call.refused:
        return False
    return said(exchange).status == 200 and not said(exchange).broken and not leaves(exchange)


FINISHES: Final = frozenset({"stop", "length", "tool_calls", "content_filter", "stop_sequence"})
"""The finish reasons that a dialect documents. Servers have others, which say only that the answer ended."""


def ends_oddly(exchange: Exchange) -> bool:
    """The upstream ended its answer for a reason that its dialect does not document."""
    return said(exchange).finish not in FINISHES


def is_cut_in_a_call(exchange: Exchange) -> bool:
    """The limit of tokens cut the arguments of the last call, so that they are no JSON."""
    last = said(exchange).blocks[-1:]
    return bool(last) and last[0].kind == CALL and parse_json((last[0].text or "{}").encode()) is UNPARSED


def leaves(exchange: Exchange) -> bool:
    """The client leaves on purpose."""
    return bool(exchange.request.wire)


def got_message(exchange: Exchange) -> bool:
    """The upstream answered well, and the client got a whole message; what a stream out of order says is uncertain."""
    if not speaks_well(exchange) or not is_whole_message(exchange):
        return False
    return exchange.response is None or not exchange.response.is_event_stream or not walk_of(exchange).deviations


def is_whole_message(exchange: Exchange) -> bool:
    """The client got a message that looks complete."""
    response = exchange.response
    if response is None or response.status != 200:
        return False
    if response.is_event_stream:  # a stream that is held open after message_stop is whole, too
        held_open = response.ending in (COMPLETE, STALLED)
        return held_open and walk_of(exchange).complete and walk_of(exchange).error is None
    return response.ending == COMPLETE and response.fields.get("type") == "message"


def got_error(exchange: Exchange) -> bool:
    """The client got an error status."""
    return exchange.response is not None and exchange.response.status >= 400


def is_refused(exchange: Exchange) -> bool:
    """The client got a status that says that its request is wrong."""
    return exchange.response is not None and 400 <= exchange.response.status < 500


def may_not_call(exchange: Exchange) -> bool:
    """The client wants no call (tool_choice none), and the upstream got no tool that could be called."""
    translated = behind(exchange).dialect != ANTHROPIC
    return translated and wanted_of(exchange).choice == "none" and not received_of(exchange).tools


def blocks(exchange: Exchange) -> list[Mapping[str, Any]]:
    """The content blocks that the client got."""
    content = (message_of(exchange) or {}).get("content")
    return [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []


def texts(exchange: Exchange, kind: str, field: str) -> list[str]:
    """One field of all blocks of a type."""
    found = [block.get(field) for block in blocks(exchange) if block.get("type") == kind]
    return [value if isinstance(value, str) else "" for value in found]


def same(first: Any, second: Any) -> bool:
    """Whether two JSON values are equal: numbers by value, but true is not 1, and nothing is rounded."""
    if isinstance(first, bool) or isinstance(second, bool):
        return first is second
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(same(value, second[key]) for key, value in first.items())
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(same, first, second))
    return bool(first == second)


def differs(pointer: str, found: str, wanted: str) -> Iterator[Finding]:
    """One finding at a place of a request or an answer."""
    yield Finding(place=Place(pointer=pointer), found=found, wanted=wanted)


def missing_in_order(wanted: tuple[str, ...], text: str) -> str | None:
    """The first of the texts that does not occur in `text` after the one before it; None when all do."""
    at = 0
    for one in wanted:
        found = text.find(one, at)
        if found < 0:
            return one
        at = found + len(one)
    return None


def added_text(event: StreamEvent) -> str:
    """The text, thinking or arguments that a delta adds; empty for every other event."""
    delta = event.fields.get("delta")
    if event.type != "content_block_delta" or not isinstance(delta, dict):
        return ""
    values = (delta.get(name) for name in ("text", "thinking", "partial_json"))
    return "".join(value for value in values if isinstance(value, str))
