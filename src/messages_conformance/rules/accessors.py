"""Functions with which rules read exchanges: predicates for `applies`, parts of a message, places, schema findings."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import wraps
from hashlib import blake2b
from typing import Any, Concatenate, Final, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

from messages_conformance import contract
from messages_conformance.exchange import COMPLETE, REFUSED, UNPARSED, Exchange, Response, StreamEvent
from messages_conformance.rules.recording_parts import PROBES, RAW_BODY, REQUEST, RESPONSE_HEADERS, has
from messages_conformance.rules.verdict import STATUS, Finding, Place, Unverified
from messages_conformance.stream import Walk, is_sentinel, logical_events, walk

BROKEN_STREAM = Unverified(reason="the stream violates another requirement, so this one cannot be judged")
NO_MESSAGE = Unverified(reason="the stream has no message_start, so it has no message")

MAX_BODY_CHARACTERS: Final = 160
"""How much of a body a finding quotes (our own: two lines of a terminal)."""

P = ParamSpec("P")
T = TypeVar("T")


class _Ids:
    """Reads the ids of messages and blocks; a rule that does so declares IDS, because a recorder may replace them."""

    def of(self, item: Mapping[str, Any]) -> Any:
        """The value of `id`; None when absent."""
        return item.get("id")


ids: Final = _Ids()


def once_per_exchange(function: Callable[Concatenate[Exchange, P], T]) -> Callable[Concatenate[Exchange, P], T]:
    """Keeps the results of a function for as long as the exchange exists: many rules read the same parts of it.

    The other arguments are positional and hashable.
    """
    place = f"once {function.__module__}.{function.__qualname__}"

    @wraps(function)
    def once(exchange: Exchange, /, *args: P.args, **kwargs: P.kwargs) -> T:
        kept: dict[Any, Any] = exchange.__dict__
        key = (place, args) if args else place
        if key not in kept:  # in the exchange itself, like a cached property: a rule asks thousands of times
            kept[key] = function(exchange, *args, **kwargs)
        result: T = kept[key]
        return result

    return once


_SORTED: Final = json.JSONEncoder(sort_keys=True)
"""One encoder for all calls: `json.dumps` with an option makes one for each call."""


def json_key(value: Any) -> bytes:
    """A short key that is equal for equal JSON values, whatever the order of their members."""
    return blake2b(_SORTED.encode(value).encode(), digest_size=16).digest()


# -- which exchanges ------------------------------------------------------------------------------------------------


def answered(exchange: Exchange) -> bool:
    """There is a response with any status."""
    return exchange.response is not None


@once_per_exchange
def created(exchange: Exchange) -> bool:
    """A POST to /v1/messages that is valid was answered with success.

    The answer to an invalid request has no documented form, so only the rules for refusals judge it.
    """
    return exchange.creates_message and exchange.succeeded and not near_miss(exchange) and not expects_refusal(exchange)


def expects_refusal(exchange: Exchange) -> bool:
    """The request was sent to be refused; False where the recording has no probes."""
    return has(exchange, PROBES) and exchange.expect == REFUSED


def near_miss(exchange: Exchange) -> bool:
    """A generated request with one mistake on purpose, whether it has to be refused or not."""
    return exchange.origin is not None and exchange.origin.near_miss


def not_streamed(exchange: Exchange) -> bool:
    """A request without streaming was answered with success."""
    return created(exchange) and not exchange.request.streamed


@once_per_exchange
def json_message(exchange: Exchange) -> bool:
    """A request without streaming was answered with a JSON object that is not an error envelope."""
    return not_streamed(exchange) and isinstance(_response(exchange).json, dict) and not carries_error(exchange)


@once_per_exchange
def stream_requested(exchange: Exchange) -> bool:
    """A request with streaming was answered with success, in any form."""
    return created(exchange) and exchange.request.streamed


@once_per_exchange
def streamed(exchange: Exchange) -> bool:
    """A request with streaming was answered with server-sent events."""
    return stream_requested(exchange) and _response(exchange).is_event_stream


@once_per_exchange
def has_message(exchange: Exchange) -> bool:
    """The answer is a message, streamed or not."""
    return json_message(exchange) or streamed(exchange)


def refused(exchange: Exchange) -> bool:
    """The answer is a 4xx or 5xx."""
    return answered(exchange) and _response(exchange).status >= 400


def cleanly_refused(exchange: Exchange) -> str:
    """The status and message of a refusal that says why; empty for every other answer.

    The message is in the documented form, or in the detail of a web framework: other rules judge the form. A 401, 408
    or 429 refuses the caller or asks it to wait; it does not refuse the request itself.
    """
    response = exchange.response
    if response is None or not 400 <= response.status < 500 or response.status in (401, 408, 429):
        return ""
    error = response.fields.get("error")
    message = error.get("message") if isinstance(error, dict) else error
    if message is None:
        message = _detail(response.fields.get("detail"))
    if not isinstance(message, str) or not message:
        return ""
    return f"{response.status} {shown(' '.join(message.split()), 160)}"


_CONTEXT_WORDS: Final = re.compile(r"context[ _](?:length|window|size|limit)|prompt is too long|maximum context", re.I)
"""How vendors say that a prompt does not fit: Anthropic ("prompt is too long: 210000 tokens > 200000 maximum"), OpenAI
and vLLM ("maximum context length is 4096 tokens"), llama.cpp ("exceeds the available context size")."""

MIN_WINDOW_TOKENS: Final = 2_048
"""The smallest window of a model that is served today. A token has a byte at least, so a smaller request fits."""


def beyond_context(exchange: Exchange) -> str:
    """The words of a refusal because the request exceeds the window of the model; empty for any other answer."""
    if has(exchange, REQUEST) and len(exchange.request.body) + (limit_of(exchange) or 0) < MIN_WINDOW_TOKENS:
        return ""
    refusal = cleanly_refused(exchange)
    return refusal if _CONTEXT_WORDS.search(refusal) else ""


def _detail(detail: object) -> object:
    """The messages of a refusal by FastAPI: a text, or the `msg` of each of its problems."""
    if not isinstance(detail, list):
        return detail
    texts = [problem.get("msg") for problem in detail if isinstance(problem, dict)]
    return "; ".join(text for text in texts if isinstance(text, str))


REFUSED_IN_FRONT: Final = frozenset({401, 413})
"""Statuses with which a tier in front of the API refuses a request before it gets an id (recorded: 401; documented:
413)."""


def is_refused_in_front(exchange: Exchange) -> bool:
    """The front tier refused the request: it got no id, neither in a header nor in the error body."""
    response = _response(exchange)
    has_id = response.header("request-id") is not None or response.fields.get("request_id") is not None
    return response.status in REFUSED_IN_FRONT and not has_id


def carries_error(exchange: Exchange) -> bool:
    """The status is a success, but the body is an error envelope of Anthropic's or another form."""
    body = _response(exchange).fields
    return exchange.succeeded and (
        body.get("type") == "error" or ("error" in body and body["error"] is not None and "content" not in body)
    )


def _response(exchange: Exchange) -> Response:
    assert exchange.response is not None, "rules are asked only about exchanges with a response"
    return exchange.response


# -- parts of a message ---------------------------------------------------------------------------------------------


def response_of(exchange: Exchange) -> Response:
    """The response of an exchange that has one."""
    return _response(exchange)


def body_of(exchange: Exchange) -> Mapping[str, Any]:
    """The JSON body as a mapping; empty if it is not an object."""
    return _response(exchange).fields


def walk_of(exchange: Exchange) -> Walk:
    """The walk over the events of a stream: its deviations and the accumulated message."""
    return walk(_response(exchange))


@once_per_exchange
def message_of(exchange: Exchange) -> Mapping[str, Any] | None:
    """The message, accumulated if it was streamed; None if a stream has no message_start."""
    return walk_of(exchange).message if streamed(exchange) else body_of(exchange)


@once_per_exchange
def usage_of(exchange: Exchange) -> Mapping[str, Any]:
    """The final usage of the message; empty if there is none."""
    usage = (message_of(exchange) or {}).get("usage")
    return usage if isinstance(usage, dict) else {}


def is_broken_stream(exchange: Exchange) -> bool:
    """The answer is a stream that leaves the grammar or has no end."""
    return streamed(exchange) and (bool(walk_of(exchange).deviations) or not walk_of(exchange).complete)


def thinking_type(exchange: Exchange) -> Any:
    """The `thinking.type` of a request; None without one."""
    thinking = exchange.request.fields.get("thinking")
    return thinking.get("type") if isinstance(thinking, Mapping) else None


def thought_tokens(usage: Mapping[str, Any]) -> int:
    """The tokens used for thinking, which may be hidden."""
    details = usage.get("output_tokens_details")
    return count(details, "thinking_tokens") if isinstance(details, dict) else 0


@once_per_exchange
def blocks_of(exchange: Exchange) -> tuple[Mapping[str, Any], ...]:
    """The content blocks that are objects."""
    content = (message_of(exchange) or {}).get("content")
    return tuple(block for block in content if isinstance(block, dict)) if isinstance(content, list) else ()


def text_of(exchange: Exchange) -> str:
    """The text of all text blocks, concatenated."""
    return "".join(
        block["text"]
        for block in blocks_of(exchange)
        if block.get("type") == "text" and isinstance(block.get("text"), str)
    )


def closing_usage(exchange: Exchange) -> Mapping[str, Any]:
    """The final usage; empty if a stream is incomplete or has no plausible final output_tokens.

    Other rules report such a stream, so that each cause is reported once.
    """
    if not streamed(exchange):
        return usage_of(exchange)
    walked = walk_of(exchange)
    counted = [event.fields["usage"] for event in walked.message_deltas if isinstance(event.fields.get("usage"), dict)]
    start = walked.message_start.fields.get("message") if walked.message_start is not None else None
    first = start.get("usage") if isinstance(start, dict) else None
    begun = count(first, "output_tokens") if isinstance(first, dict) else 0
    final = count(counted[-1], "output_tokens") if counted else 0
    has_count = bool(counted) and isinstance(counted[-1].get("output_tokens"), int)
    return usage_of(exchange) if walked.complete and has_count and final >= begun else {}


def stop_reason_of(exchange: Exchange) -> Any:
    """The stop_reason of the message, of any type; None if there is none."""
    return (message_of(exchange) or {}).get("stop_reason")


def count(usage: Mapping[str, Any], name: str) -> int:
    """A token count; 0 if it is absent, null or not an integer."""
    value = usage.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def limit_of(exchange: Exchange) -> int | None:
    """The max_tokens of the request; None if it is not an integer of 1 or more."""
    limit = exchange.request.fields.get("max_tokens")
    return limit if isinstance(limit, int) and not isinstance(limit, bool) and limit >= 1 else None


INPUT_COUNTS = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
"""Their sum is the total input (types/message.py of the official SDK)."""


def total_input(usage: Mapping[str, Any]) -> int:
    """The input tokens, including those written to the cache and read from it."""
    return sum(count(usage, name) for name in INPUT_COUNTS)


@once_per_exchange
def input_of(exchange: Exchange) -> int:
    """The total input of the final usage."""
    return total_input(usage_of(exchange))


def in_message(exchange: Exchange, pointer: str) -> Place:
    """A place in the message; in a stream, the last event that sets it."""
    if not streamed(exchange):
        return Place(pointer=pointer)
    deltas = walk_of(exchange).message_deltas
    field = pointer.split("/")[1] if "/" in pointer else ""
    if deltas and field in ("stop_reason", "stop_sequence", "stop_details"):
        return at(deltas[-1], f"/delta{pointer}")
    if deltas and field == "usage":
        return at(deltas[-1], pointer)
    return Place(pointer=f"the accumulated message, {pointer}")


def at(event: StreamEvent, pointer: str | None = None) -> Place:
    """The place of an event in a stream."""
    return Place(
        event=event.number, event_type=event.type or None, offset_bytes=event.wire.offset_bytes, pointer=pointer
    )


# -- shapes ---------------------------------------------------------------------------------------------------------

_shapes: WeakKeyDictionary[Response, tuple[tuple[str | None, Finding], ...]] = WeakKeyDictionary()


def shape(exchange: Exchange, requirement: str) -> Iterator[Finding]:
    """Where the body violates its schema, if the schema names this requirement for it."""
    yield from grouped(finding for named, finding in _misfits(exchange) if named == requirement)


def has_misshapen_event(exchange: Exchange) -> bool:
    """Whether an event of a stream violates its schema, under any requirement."""
    return bool(_misfits(exchange))


def _misfits(exchange: Exchange) -> tuple[tuple[str | None, Finding], ...]:
    """Every place where the body violates its schema, with the requirement; computed once per response."""
    response = _response(exchange)
    if response not in _shapes:
        _shapes[response] = tuple(_shape_findings(exchange, response))
    return _shapes[response]


def is_misshapen(exchange: Exchange, *event_types: str) -> bool:
    """Whether an event of these types violates its schema, so that its content is not reliable."""
    list(shape(exchange, ""))
    return any(finding.place.event_type in event_types for _, finding in _shapes[_response(exchange)])


def _shape_findings(exchange: Exchange, response: Response) -> Iterator[tuple[str | None, Finding]]:
    if streamed(exchange):
        for event in logical_events(response):
            yield from _event_findings(event)
        return
    name = "error" if response.status >= 400 else "response"
    if not contract.valid(name, response.json):
        for problem in contract.explain(name, response.json):
            yield (
                problem.requirement,
                Finding(place=Place(pointer=problem.pointer), found=problem.found, wanted=problem.wanted),
            )


def _event_findings(event: StreamEvent) -> Iterator[tuple[str | None, Finding]]:
    data = event.data
    if event.type not in contract.event_types() or not isinstance(data, dict) or is_sentinel(event):
        return
    name = f"events/{event.type}"
    if contract.valid(name, data):
        return
    for problem in contract.explain(name, data):
        yield problem.requirement, Finding(place=at(event, problem.pointer), found=problem.found, wanted=problem.wanted)


def schema_findings(schema: str, exchange: Exchange, requirement: str) -> Iterator[Finding]:
    """Where a JSON body violates the schema called `schema`, under the requirement that the schema names for it."""
    body = _response(exchange).json
    if not isinstance(body, dict):
        yield Finding(place=Place(pointer=""), found=shown(body_text(exchange).strip()), wanted="a JSON object")
        return
    yield from grouped(
        Finding(place=Place(pointer=problem.pointer), found=problem.found, wanted=problem.wanted)
        for problem in contract.explain(schema, body)
        if problem.requirement == requirement
    )


def grouped(findings: Iterable[Finding]) -> Iterator[Finding]:
    """The first finding only, with the number of similar ones in the same exchange: one fault is one finding."""
    listed = list(findings)
    if not listed:
        return
    first, more = listed[0], len(listed) - 1
    found = (
        first.found
        if not more
        else f"{first.found} (and at {more} more place{'s' if more > 1 else ''} of this response)"
    )
    yield Finding(found=found, wanted=first.wanted, place=first.place)


def body_text(exchange: Exchange) -> str:
    """The body as text; bytes that are not UTF-8 become U+FFFD."""
    return _response(exchange).text


def status_and_body(exchange: Exchange) -> str:
    """The status and the words of a refusal, for `found`: `404: "model: no such model"`; else how the body begins."""
    response = _response(exchange)
    message = error_message(exchange) if response.status >= 400 else ""
    return f"{response.status}: {shown(message or body_text(exchange).strip(), MAX_BODY_CHARACTERS)}"


_TITLE: Final = re.compile(r"<title>([^<]+)</title>", re.IGNORECASE)


def error_message(exchange: Exchange) -> str:
    """The words of an error for a reader, whatever its form: the message, the detail of a web framework, or the title
    of a page. Empty when the body has none of them."""
    fields = _response(exchange).fields
    error = fields.get("error")
    candidates = [error.get("message") if isinstance(error, dict) else error, _detail(fields.get("detail"))]
    words = next((text for text in (*candidates, fields.get("message")) if isinstance(text, str) and text.strip()), "")
    if not words and (title := _TITLE.search(body_text(exchange))):
        words = title[1]
    return " ".join(words.split())


def refusal(exchange: Exchange, wanted: str) -> Finding:
    """A finding about the status of an answer that should have been another one."""
    return Finding(exchange=exchange.number, place=STATUS, found=status_and_body(exchange), wanted=wanted)


def media_type_of(exchange: Exchange) -> str:
    """The media type, for `found`; "no content type" without one, "an unknown content type" if it was not recorded."""
    if not has(exchange, RESPONSE_HEADERS):
        return "an unknown content type"
    return _response(exchange).media_type or "no content type"


_UTF8 = codecs.getincrementaldecoder("utf-8")


def is_utf8(exchange: Exchange) -> bool:
    """Whether the body is UTF-8 throughout, or up to a character that its early end cuts.

    Also true if the recording has no raw body.
    """
    if not has(exchange, RAW_BODY):
        return True
    try:
        _UTF8().decode(_response(exchange).body, final=_response(exchange).ending == COMPLETE)
    except UnicodeDecodeError:
        return False
    return True


def shown(value: Any, limit: int = 100) -> str:
    """A value as text of at most `limit` characters, for `found` and `wanted`."""
    text = "not JSON" if value is UNPARSED else repr(value) if not isinstance(value, str) else f'"{value}"'
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
