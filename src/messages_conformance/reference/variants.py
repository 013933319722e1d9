"""Correct servers that differ where the contract leaves freedom; nobody may be told that one of them is wrong."""

from __future__ import annotations

import gzip
import importlib
import json
import re
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from messages_conformance.reference.changes import ErrorReply, RequestContext, Rewrite, Stage, summary_of, with_context
from messages_conformance.reference.events import Event, to_json
from messages_conformance.reference.failures import TYPES, Failure
from messages_conformance.reference.http import HttpRequest, HttpResponse
from messages_conformance.reference.language_model import Model, Prompt
from messages_conformance.reference.lookup import find

ALL_PROFILES = frozenset({"tokmodel", "anthropic-2023-06-01", "anthropic-2026-10-21", "claude-code"})
ANTHROPIC = frozenset({"anthropic-2023-06-01", "anthropic-2026-10-21"})
TOKMODEL = frozenset({"tokmodel"})
LENIENT = frozenset({"tokmodel", "claude-code"})
"""Profiles that promise less than the full contract, and so leave more freedom."""

SINGLE_BYTES = 4_000
"""Bytes that are sent one by one before the rest follows faster, so that a long answer stays quick."""

DRIP_S = 0.002
DRIPS = 60
BUSY_EVERY = 9
Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One freedom taken: what it rewrites, and the profiles under which it is correct."""

    name: str
    at: Stage
    conforms: frozenset[str]
    summary: str
    rewrite: Rewrite = field(repr=False)
    also: Mapping[Stage, Rewrite] = field(default_factory=dict, repr=False)
    needs_socket: bool = False
    """Whether the freedom is one of the connection, which bytes that are handed over in memory have none of."""

    @property
    def category(self) -> str:
        """The layer of the endpoint that takes the freedom."""
        return str(self.at)


_VARIANTS: dict[str, Variant] = {}
Function = Callable[..., Any]


def variant(
    *,
    at: Stage,
    conforms: Iterable[str] = ALL_PROFILES,
    also: Mapping[Stage, Function] | None = None,
    needs_socket: bool = False,
) -> Callable[[Function], Function]:
    """Declares a variant: the function's name is its name, its docstring's first line what differs."""

    def declare(function: Function) -> Function:
        name = function.__name__
        if name in _VARIANTS:
            raise TypeError(f"two variants are named {name}")
        _VARIANTS[name] = Variant(
            name=name,
            at=at,
            conforms=frozenset(conforms),
            summary=summary_of(function),
            rewrite=with_context(function),
            also={stage: with_context(other) for stage, other in (also or {}).items()},
            needs_socket=needs_socket,
        )
        return function

    return declare


def variants() -> Mapping[str, Variant]:
    """All variants by name, in alphabetical order."""
    for more in ("freedoms", "front_ends", "moods", "quirks"):
        importlib.import_module(f"messages_conformance.reference.{more}")
    return MappingProxyType(dict(sorted(_VARIANTS.items())))


def find_variant(name: str) -> Variant:
    """The variant of that name; LookupError names near matches."""
    return find("variant", name, variants())


# How the bytes arrive


@variant(at=Stage.RESPONSE)
def single_bytes(response: HttpResponse) -> HttpResponse:
    """A stream arrives byte by byte."""
    return recut(response, 1) if response.is_stream else response


@variant(at=Stage.RESPONSE)
def odd_chunks(response: HttpResponse) -> HttpResponse:
    """A stream arrives in pieces of seven bytes, which cut through events, lines and characters."""
    return recut(response, 7) if response.is_stream else response


def recut(response: HttpResponse, size: int) -> HttpResponse:
    body = response.body()
    small, rest = body[:SINGLE_BYTES], body[SINGLE_BYTES:]
    pieces = [small[at : at + size] for at in range(0, len(small), size)]
    pieces += [rest[at : at + 501] for at in range(0, len(rest), 501)]
    return response.with_pieces(tuple((0.0, piece) for piece in pieces))


@variant(at=Stage.RESPONSE)
def joined_events(response: HttpResponse) -> HttpResponse:
    """Several events arrive in one piece."""
    if not response.is_stream:
        return response
    pieces = tuple(response.pieces)
    groups = [pieces[at : at + 3] for at in range(0, len(pieces), 3)]
    joined = ((sum(delay for delay, _ in group), b"".join(data for _, data in group)) for group in groups)
    return response.with_pieces(tuple(joined))


@variant(at=Stage.RESPONSE)
def slow_drip(response: HttpResponse) -> HttpResponse:
    """A stream takes its time between events."""
    if not response.is_stream:
        return response
    pieces = enumerate(tuple(response.pieces))
    return response.with_pieces(tuple((DRIP_S if at < DRIPS else delay_s, data) for at, (delay_s, data) in pieces))


@variant(at=Stage.RESPONSE)
def slow_start(response: HttpResponse) -> HttpResponse:
    """Every answer begins late."""
    return replace(response, delay_s=response.delay_s + 0.03)


@variant(at=Stage.RESPONSE, needs_socket=True)
def close_delimited(response: HttpResponse) -> HttpResponse:
    """The end of a body is the end of the connection."""
    return replace(response, framing="close")


@variant(at=Stage.RESPONSE, needs_socket=True)
def chunked_documents(response: HttpResponse) -> HttpResponse:
    """A JSON document arrives in chunks, without a length."""
    return response if response.is_stream else replace(recut(response, 40), framing="chunked")


@variant(at=Stage.RESPONSE, needs_socket=True)
def no_keep_alive(response: HttpResponse) -> HttpResponse:
    """Every connection serves one request."""
    return response.with_header("connection", "close")


@variant(at=Stage.RESPONSE)
def compressed_documents(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """JSON is compressed by gzip where the client allows it."""
    if response.is_stream or not wants_gzip(scene.request):
        return response
    packed = response.with_body(gzip.compress(response.body(), mtime=0))
    return packed.with_header("content-encoding", "gzip").with_header("vary", "accept-encoding")


@variant(at=Stage.RESPONSE)
def compressed_streams(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """A stream is compressed by gzip and flushed after each event where the client allows it."""
    if not response.is_stream or not wants_gzip(scene.request):
        return response
    packer = zlib.compressobj(wbits=31)
    pieces = [(delay_s, packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH)) for delay_s, data in response.pieces]
    packed = response.with_pieces((*pieces, (0.0, packer.flush())))
    return packed.with_header("content-encoding", "gzip")


def wants_gzip(request: HttpRequest) -> bool:
    return "gzip" in (request.header("accept-encoding") or "")


# Headers


@variant(at=Stage.RESPONSE, needs_socket=True)
def capital_headers(response: HttpResponse) -> HttpResponse:
    """Header names are written in capitals."""
    return replace(response, headers=tuple((name.upper(), value) for name, value in response.headers))


@variant(at=Stage.RESPONSE)
def other_content_type_spelling(response: HttpResponse) -> HttpResponse:
    """Content types are written with capitals, spaces and parameters."""
    kind = "Text/Event-Stream;charset=UTF-8" if response.is_stream else "Application/JSON ; charset=utf-8"
    return response.with_header("content-type", kind)


@variant(at=Stage.RESPONSE)
def many_headers(response: HttpResponse) -> HttpResponse:
    """Proxies have added headers of their own."""
    added = (("via", "1.1 edge"), ("server", "edge"), ("set-cookie", "a=b"), ("set-cookie", "c=d"), ("x-empty", ""))
    return replace(response, headers=(*response.headers, *added))


@variant(at=Stage.RESPONSE)
def bare_headers(response: HttpResponse) -> HttpResponse:
    """Only content type and request id are sent."""
    kept = ("content-type", "request-id", "retry-after")
    return replace(response, headers=tuple(pair for pair in response.headers if pair[0] in kept))


@variant(at=Stage.RESPONSE)
def cloud_request_ids(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """Request ids have the infix of a cloud and another length."""
    other = f"req_vrtx_{scene.number:040d}"
    if response.status >= 400:
        response = response.with_body(response.body().replace(scene.request_id.encode(), other.encode()))
    return response.with_header("request-id", other)


@variant(at=Stage.RESPONSE, conforms=LENIENT, also={Stage.ERROR: lambda reply: without_request_id(reply)})
def no_request_ids(response: HttpResponse) -> HttpResponse:
    """Answers and errors carry no request id."""
    return response.without_header("request-id")


def without_request_id(reply: ErrorReply) -> ErrorReply:
    return replace(reply, body={key: value for key, value in reply.body.items() if key != "request_id"})


# How the frames are written


def rewritten(frames: list[bytes], change: Callable[[str, str], str]) -> list[bytes]:
    """The frames, written anew from their name and the text of their data."""
    parts = (frame.decode().rstrip("\n").split("\n", 1) for frame in frames)
    return [change(name.removeprefix("event: "), data.removeprefix("data: ")).encode() for name, data in parts]


@variant(at=Stage.FRAMES)
def carriage_returns(frames: list[bytes]) -> list[bytes]:
    """Lines end with CR."""
    return [frame.replace(b"\n", b"\r") for frame in frames]


@variant(at=Stage.FRAMES)
def windows_lines(frames: list[bytes]) -> list[bytes]:
    """Lines end with CRLF."""
    return [frame.replace(b"\n", b"\r\n") for frame in frames]


@variant(at=Stage.FRAMES)
def comments(frames: list[bytes]) -> list[bytes]:
    """Comments stand before, inside and between events."""
    commented = rewritten(frames, lambda name, data: f": here\nevent: {name}\n:\ndata: {data}\n\n")
    return [b": welcome\n\n", *commented, b": bye\n\n"]


@variant(at=Stage.FRAMES)
def ids_and_retries(frames: list[bytes]) -> list[bytes]:
    """Events have ids, and the stream a retry time and fields that nobody knows."""
    numbered = iter(range(len(frames)))
    written = rewritten(frames, lambda name, data: f"id: {next(numbered)}\nevent: {name}\nfoo: bar\ndata: {data}\n\n")
    return [b"retry: 3000\n\n", *written]


@variant(at=Stage.FRAMES)
def data_before_name(frames: list[bytes]) -> list[bytes]:
    """The data of an event comes before its name."""
    return rewritten(frames, lambda name, data: f"data: {data}\nevent: {name}\n\n")


@variant(at=Stage.FRAMES)
def no_space_after_colon(frames: list[bytes]) -> list[bytes]:
    """No space follows the colon of a field."""
    return rewritten(frames, lambda name, data: f"event:{name}\ndata:{data}\n\n")


@variant(at=Stage.FRAMES)
def data_in_lines(frames: list[bytes]) -> list[bytes]:
    """The JSON of an event is spread over several data lines."""

    def spread(name: str, data: str) -> str:
        lines = json.dumps(json.loads(data), indent=2, ensure_ascii=False).split("\n")
        return f"event: {name}\n" + "".join(f"data: {line}\n" for line in lines) + "\n"

    return rewritten(frames, spread)


@variant(at=Stage.FRAMES)
def extra_blank_lines(frames: list[bytes]) -> list[bytes]:
    """Blank lines stand before the first and between all events."""
    return [b"\n\n", *(frame + b"\n" for frame in frames)]


@variant(at=Stage.FRAMES)
def escaped_json(frames: list[bytes]) -> list[bytes]:
    """Characters beyond ASCII are escaped in the JSON of an event."""
    return rewritten(frames, lambda name, data: f"event: {name}\ndata: {json.dumps(json.loads(data))}\n\n")


# Which events come

PING: Event = ("ping", {"type": "ping"})


@variant(at=Stage.EVENTS)
def many_pings(events: list[Event]) -> list[Event]:
    """A ping stands before and after every event."""
    return [PING, *(each for event in events for each in (event, PING))]


@variant(at=Stage.EVENTS)
def no_pings(events: list[Event]) -> list[Event]:
    """A stream has no ping."""
    return [event for event in events if event != PING]


@variant(at=Stage.EVENTS)
def ping_first(events: list[Event]) -> list[Event]:
    """A stream begins with a ping."""
    return [PING, *events]


@variant(at=Stage.EVENTS)
def unknown_events(events: list[Event]) -> list[Event]:
    """Events of an unknown kind stand before and after every event but the last."""
    news: Event = ("weather_report", {"type": "weather_report", "sky": "clear", "index": 99})
    return [news, *(each for event in events[:-1] for each in (event, news)), events[-1]]


@variant(at=Stage.EVENTS)
def unknown_deltas(events: list[Event]) -> list[Event]:
    """Every content block also gets a delta of an unknown kind."""
    grown: list[Event] = []
    for name, data in events:
        if name == "content_block_stop":
            delta = {"type": "mood_delta", "mood": "bright"}
            grown.append(("content_block_delta", {**data, "type": "content_block_delta", "delta": delta}))
        grown.append((name, data))
    return grown


def forgiven_unknown_blocks(failures: list[Failure], scene: RequestContext) -> list[Failure]:
    """An endpoint that gives out a block also takes it back."""
    return [failure for failure in failures if f"{UNKNOWN_BLOCK['type']!r}" not in failure.message]


UNKNOWN_BLOCK = {"type": "reference_note", "note": "there may be blocks that nobody has heard of", "weight": 1}


@variant(at=Stage.MESSAGE, also={Stage.FAILURES: forgiven_unknown_blocks})
def unknown_blocks(message: Json) -> Json:
    """An answer also holds a content block of an unknown kind."""
    return {**message, "content": [*message["content"], UNKNOWN_BLOCK]} if message["content"] else message


@variant(at=Stage.EVENTS)
def several_message_deltas(events: list[Event]) -> list[Event]:
    """Two message_delta events come, the first without a stop reason and with a part of the count."""
    grown: list[Event] = []
    for name, data in events:
        if name == "message_delta":
            usage = {**data["usage"], "output_tokens": max(1, data["usage"]["output_tokens"] // 2)}
            delta = {"stop_reason": None, "stop_sequence": None}
            grown.append((name, {**data, "delta": delta, "usage": usage}))
        grown.append((name, data))
    return grown


@variant(at=Stage.EVENTS)
def long_deltas(events: list[Event]) -> list[Event]:
    """Up to a dozen text deltas are put into one."""
    joined: list[Event] = []
    run = 0
    for name, data in events:
        text = data.get("delta", {}).get("text") if name == "content_block_delta" else None
        if text is not None and 0 < run < 12:
            before = joined.pop()[1]
            data = {**before, "delta": {**before["delta"], "text": before["delta"]["text"] + text}}
        run = run % 12 + 1 if text is not None else 0
        joined.append((name, data))
    return joined


@variant(at=Stage.EVENTS)
def letter_by_letter(events: list[Event]) -> list[Event]:
    """Every text delta carries one character, and some carry none."""
    spelled: list[Event] = []
    for name, data in events:
        text = data.get("delta", {}).get("text") if name == "content_block_delta" else None
        for letter in ["", *text] if text is not None else [None]:
            spelled.append((name, data if letter is None else {**data, "delta": {**data["delta"], "text": letter}}))
    return spelled


@variant(at=Stage.MESSAGE)
def two_text_blocks(message: Json) -> Json:
    """The text of an answer comes in two blocks."""
    blocks: list[Json] = []
    for block in message["content"]:
        middle = re.search(r"(?<=\s)(?=\S)", block["text"]) if block["type"] == "text" else None
        if middle is None or not block["text"][: middle.start()].strip():
            blocks.append(block)
        else:
            at = middle.start()
            blocks += [{**block, "text": block["text"][:at]}, {**block, "text": block["text"][at:]}]
    return {**message, "content": blocks}


# Which fields are there


def more(value: Json) -> Json:
    return {**value, "x_extra": {"nested": [1, None, "two"]}, "trace": None}


def event_with_more(event: Event) -> Event:
    name, data = event
    grown = {key: more(value) if isinstance(value, dict) else value for key, value in data.items()}
    if name == "message_start":
        grown["message"] = message_with_more(data["message"])
    return name, more(grown)


def message_with_more(message: Json) -> Json:
    blocks = [more(block) for block in message["content"]]
    return more({**message, "content": blocks, "usage": more(message["usage"])})


@variant(
    at=Stage.EVENTS,
    also={
        Stage.DOCUMENT: message_with_more,
        Stage.ERROR: lambda reply: replace(reply, body=more({**reply.body, "error": more(reply.body["error"])})),
        Stage.COUNT: more,
        Stage.MODELS: more,
        Stage.FAILURES: lambda failures: [
            failure for failure in failures if "x_extra" not in failure.message and ".trace:" not in failure.message
        ],
    },
)
def unknown_fields(events: list[Event]) -> list[Event]:
    """Every object of every answer has fields that nobody knows."""
    return [event_with_more(event) for event in events]


@variant(at=Stage.MESSAGE)
def optionals_absent(message: Json) -> Json:
    """What is optional in a Message is not there."""
    return {key: value for key, value in message.items() if key != "stop_details"} | {"usage": small(message["usage"])}


def small(usage: Json) -> Json:
    return {key: value for key, value in usage.items() if key in ("input_tokens", "output_tokens")}


@variant(at=Stage.MESSAGE)
def optionals_null(message: Json) -> Json:
    """What is optional in a Message is null."""
    nulls = dict.fromkeys(
        ("cache_creation_input_tokens", "cache_read_input_tokens", "cache_creation", "service_tier", "server_tool_use")
    )
    blocks = [{**block, "citations": None} if block["type"] == "text" else block for block in message["content"]]
    usage = {**message["usage"], **nulls, "inference_geo": None}
    return {**message, "content": blocks, "container": None, "diagnostics": None, "usage": usage}


@variant(at=Stage.MESSAGE)
def newer_service_tier(message: Json) -> Json:
    """The service tier of an answer is one that nobody has heard of."""
    return {**message, "usage": {**message["usage"], "service_tier": "flex"}}


@variant(at=Stage.EVENTS)
def brief_final_usage(events: list[Event]) -> list[Event]:
    """message_delta reports output_tokens only."""
    return [
        (
            name,
            {**data, "usage": {"output_tokens": data["usage"]["output_tokens"]}} if name == "message_delta" else data,
        )
        for name, data in events
    ]


@variant(at=Stage.EVENTS)
def rich_final_usage(events: list[Event]) -> list[Event]:
    """message_delta also reports details, and what message_start did."""
    details = {"output_tokens_details": {"thinking_tokens": 0}, "server_tool_use": {"web_search_requests": 0}}
    return [
        (name, {**data, "usage": {**data["usage"], **details}} if name == "message_delta" else data)
        for name, data in events
    ]


def without_null_sequence(value: Json) -> Json:
    return {key: item for key, item in value.items() if key != "stop_sequence" or item is not None}


def event_without_null_sequence(event: Event) -> Event:
    name, data = event
    return name, {key: without_null_sequence(item) if isinstance(item, dict) else item for key, item in data.items()}


@variant(
    at=Stage.DOCUMENT,
    conforms=LENIENT,
    also={Stage.EVENTS: lambda events: list(map(event_without_null_sequence, events))},
)
def no_stop_sequence_field(message: Json) -> Json:
    """Where no stop sequence was met there is no field for it."""
    return without_null_sequence(message)


@variant(at=Stage.MESSAGE, conforms=LENIENT)
def seven_fields(message: Json) -> Json:
    """A Message has the seven fields of the documented example and no others, but for a stop sequence that was met."""
    kept = ("id", "type", "role", "model", "content", "stop_reason", "usage", "stop_sequence")
    return {key: value for key, value in message.items() if key in kept} | {"usage": small(message["usage"])}


@variant(at=Stage.RESPONSE)
def pretty_json(response: HttpResponse) -> HttpResponse:
    """JSON documents are indented and end with a line break."""
    if response.is_stream or response.media_type != "application/json":
        return response
    text = json.dumps(json.loads(response.body()), indent=4, sort_keys=True)
    return response.with_body(text.encode() + b"\r\n")


# Identifiers and models


@variant(at=Stage.MESSAGE)
def short_ids(message: Json, scene: RequestContext) -> Json:
    """The ids of answers are short."""
    return {**message, "id": f"msg_{scene.number}"}


@variant(at=Stage.MESSAGE)
def long_ids(message: Json) -> Json:
    """The ids of answers are long and hold other characters."""
    return {**message, "id": f"msg_bdrk_{message['id']}-{'0' * 80}"}


@variant(at=Stage.MESSAGE, conforms=ALL_PROFILES - TOKMODEL)
def resolved_alias(message: Json) -> Json:
    """An answer names the dated model behind the requested name."""
    return {**message, "model": f"{message['model']}-20260901"}


@variant(at=Stage.ERROR)
def detailed_errors(reply: ErrorReply) -> ErrorReply:
    """Errors carry details and a longer message in another language."""
    error = {**reply.body["error"], "details": {"error_code": "unknown_to_all"}}
    return replace(reply, body={**reply.body, "error": {**error, "message": "Anfrage abgelehnt: " + error["message"]}})


@variant(at=Stage.ERROR, conforms=LENIENT)
def unprocessable_entities(reply: ErrorReply) -> ErrorReply:
    """A request that fails validation is answered with 422."""
    return replace(reply, status=422) if reply.status == 400 else reply


@variant(at=Stage.FAILURES, conforms=LENIENT)
def lenient_gateway(failures: list[Failure]) -> list[Failure]:
    """What the short documentation does not rule out is served."""
    documented = (
        "request.model.required",
        "request.messages.required",
        "request.messages.role-enum",
        "request.messages.role-required",
        "request.fields.types",
        "request.max_tokens.required",
        "request.max_tokens.integer",
        "request.max_tokens.negative",
        "request.temperature.range",
        "request.stream.boolean",
        "request.stop_sequences.array",
    )
    return [
        failure
        for failure in failures
        if not (failure.requirement or "").startswith(("request.", "version.", "beta."))
        or failure.requirement in documented
    ]


@variant(at=Stage.RESPONSE, conforms=LENIENT)
def messages_only(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """There is no count_tokens."""
    if not scene.request.path.endswith("/count_tokens"):
        return response
    body = {"type": "error", "error": {"type": "not_found_error", "message": "Not found"}}
    return replace(response.with_body(to_json(body).encode()), status=404)


@variant(at=Stage.MODELS, conforms=LENIENT)
def models_like_openai(value: Json) -> Json:
    """The list of models has the form of another vendor."""
    items = [{"id": item["id"], "object": "model", "created": 1_700_000_000} for item in value.get("data", [value])]
    return {"object": "list", "data": items}


# Other models


@variant(at=Stage.MODEL)
def another_tokenizer(model: Model) -> Model:
    """The tokens are three characters long."""
    return replace(model, pieces=re.compile(r".{1,3}", re.DOTALL))


@variant(at=Stage.MODEL)
def chatty_model(model: Model) -> Model:
    """The model begins every answer with a preface."""
    return replace(model, habit=lambda prompt, text: text if continues(prompt) else "Sure, gladly! " + text)


@variant(at=Stage.MODEL)
def terse_model(model: Model) -> Model:
    """The model never writes more than forty words."""
    return replace(model, habit=lambda prompt, text: " ".join(text.split(" ")[:40]))


@variant(at=Stage.MODEL)
def weak_model(model: Model) -> Model:
    """The model does not do what it is asked."""
    return replace(model, habit=lambda prompt, text: "I am not sure that I understand, but it sounds nice.")


def continues(prompt: Prompt) -> bool:
    return bool(prompt.turns) and prompt.turns[-1].role == "assistant"


# Other days


def busy(response: HttpResponse, scene: RequestContext, status: int) -> HttpResponse:
    if response.status != 200 or scene.number % BUSY_EVERY or scene.request.path != "/v1/messages":
        return response
    error = {"type": TYPES[status], "message": "Please try again shortly"}
    body = {"type": "error", "error": error, "request_id": scene.request_id}
    refused = replace(response, status=status, framing="length").with_body(to_json(body).encode())
    return refused.with_header("content-type", "application/json").with_header("retry-after", "1")


@variant(at=Stage.RESPONSE)
def occasionally_overloaded(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """Every ninth request meets an overload: 529, with the time after which to try again."""
    return busy(response, scene, 529)


@variant(at=Stage.RESPONSE)
def occasionally_throttled(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """Every ninth request is throttled: 429, with the time after which to try again."""
    return busy(response, scene, 429)
