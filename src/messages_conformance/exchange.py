"""Frozen records of what was asked and what came back; every judgement is a function of these.

Times are seconds on a monotonic clock, counted from the moment the request began to be sent. Bodies are kept as the
bytes that came, before content decoding, with the arrival time of each chunk; everything else is derived from them.
A key never stands in a record: the header value holds `KEY_PLACEHOLDER`, which the target replaces while sending.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any, Final

from messages_conformance.wire import Framing, Lexer, WireEvent

KEY_PLACEHOLDER: Final = "$MESSAGES_API_KEY"
"""Stands for the configured key in recorded headers and in the curl commands of a report."""

WRONG_KEY: Final = "wrong-key-0000000000000000000000000000"
"""The key that no target may accept; sent where a rejection is asked for, and recorded as it is."""

MESSAGES_PATH: Final = "/v1/messages"

COMPLETE: Final = "complete"
RESET: Final = "reset"
STALLED: Final = "stalled"
TIMEOUT: Final = "timeout"
TOO_LARGE: Final = "too-large"
LEFT: Final = "left"
ENDINGS: Final = (COMPLETE, RESET, STALLED, TIMEOUT, TOO_LARGE, LEFT)
"""How a body ended: completed; connection broken before its end; no byte for too long; bytes, but no end in our time;
cut off by our size limit; left by us on purpose."""

HTTP_1_0: Final = "http-1.0"
EXPECT_CONTINUE: Final = "expect-continue"
CUT_BODY: Final = "cut-body"
LEAVE_EARLY: Final = "leave-early"
WIRE_FORMS: Final = ("", HTTP_1_0, EXPECT_CONTINUE, CUT_BODY, LEAVE_EARLY)
"""How a request goes over the connection: as every client sends it; as HTTP/1.0; its body held back until the target
answers 100 or a second has passed; less body than its content-length says; left after the first delta of the answer."""

SILENT: Final = "silent"
"""The kind of the Failure that is none: no answer came, and the form of the request excuses that."""

MODEL_PLACEHOLDER: Final = "$MODEL"
"""Stands for the run's model in a body that is written byte by byte."""

MAX_DECODED_BYTES: Final = 64 * 1024 * 1024
"""A compressed body is read up to here: a few kilobytes of gzip can unfold to gigabytes (origin: our own; no answer in
the Messages format comes near it)."""

GZIP_MAGIC: Final = b"\x1f\x8b"
"""How a body begins that is compressed by gzip (RFC 1952)."""

ASKED_AGAIN: Final = "asked again"
"""How the note in an exchange's `waits` begins when its first answer failed in a way that may be chance."""

ACCEPTED: Final = "accepted"
REFUSED: Final = "refused"
EITHER: Final = "either"


Identity = tuple[str, str, tuple[tuple[str, str], ...], bytes, str]


class _Unparsed:
    """The value of something that is not JSON."""

    def __repr__(self) -> str:
        return "UNPARSED"

    def __bool__(self) -> bool:
        return False


UNPARSED: Final[Any] = _Unparsed()


def parse_json(text: str | bytes) -> Any:
    """The JSON value, or UNPARSED. Like every strict parser it takes no NaN, no Infinity and no invalid UTF-8."""
    try:
        # Bytes make json.loads guess UTF-16 and let surrogates pass; a byte-order mark may be ignored (RFC 8259, 8.1).
        decoded = text.decode("utf-8-sig") if isinstance(text, bytes) else text
        return _STRICT.decode(decoded)
    except (ValueError, RecursionError):
        return UNPARSED


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_STRICT: Final = json.JSONDecoder(parse_constant=_refuse_constant)
"""Made once: `json.loads` with an option makes a decoder for each call, which costs as much as a short event."""


def header(headers: tuple[tuple[str, str], ...], name: str) -> str | None:
    """The first value under a header name, whatever its case; None when absent."""
    wanted = name.lower()
    return next((value for key, value in headers if key.lower() == wanted), None)


@dataclass(frozen=True, kw_only=True)
class Origin:
    """How a drawn request came about: what drew it, the seed, and its number among those of the same seed.

    A near miss has the JSON `pointer` of the one thing that is wrong with it, and the `reason` in words. `shrunk` marks
    a smaller request than the drawn one, made of it to explain what was found.
    """

    set_name: str
    seed: int
    number: int
    pointer: str | None = None
    reason: str = ""
    shrunk: bool = False

    @property
    def near_miss(self) -> bool:
        """True for a request with one thing wrong on purpose."""
        return self.pointer is not None

    @property
    def name(self) -> str:
        """What --draw takes to ask the same again: requests/7/12."""
        return f"{self.set_name}/{self.seed}/{self.number}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Ask:
    """Something to be asked of a target: the situation that a suite wants to bring about, not yet a request.

    `body` is the JSON body without a model (the run's model is filled in unless the key is there or `fill_model` is
    false), raw bytes, or None for no body. `headers` change the profile's headers: None removes one. `auth` is
    "profile", "none", "wrong", "bearer" or "x-api-key". `probe` names the requirement that answers for acceptance or
    refusal (`expect`); `statuses` narrows a refusal. `copy` tells identical requests apart that must each be sent.
    `attempts` is how often it may be asked in all while the requirements of its `premise` stay unverified, which is to
    say while the model does not cooperate. `capability` names what only some models can do: where the profile leaves it
    to the model, a clean refusal is no fault. `layout` writes the JSON "compact", "indented" or "reordered";
    `header_case` sends the header names "plain" or in "odd" case. `origin` says how it was drawn, if it
    was. `wire` is one of WIRE_FORMS. A header that `headers`
    name twice is sent twice, and raw bytes have the run's model in the place of MODEL_PLACEHOLDER.
    """

    situation: str
    body: Mapping[str, Any] | bytes | None = None
    method: str = "POST"
    path: str = MESSAGES_PATH
    headers: tuple[tuple[str, str | None], ...] = ()
    auth: str = "profile"
    fill_model: bool = True
    probe: str = "transport.path.post-messages"
    expect: str = ACCEPTED
    statuses: tuple[int, ...] = ()
    copy: int = 0
    attempts: int = 1
    premise: tuple[str, ...] = ()
    needs: frozenset[str] = frozenset()
    capability: str | None = None
    depth: str = "standard"
    layout: str = "compact"
    header_case: str = "plain"
    origin: Origin | None = None
    wire: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Request:
    """What was sent. `path` includes the query; `headers` hold KEY_PLACEHOLDER in place of the key.

    `wire` is one of WIRE_FORMS.
    """

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    wire: str = ""

    @cached_property
    def json(self) -> Any:
        return parse_json(self.body)

    @property
    def fields(self) -> Mapping[str, Any]:
        """The JSON body when it is an object, else an empty mapping."""
        return self.json if isinstance(self.json, dict) else {}

    @property
    def route(self) -> str:
        """The path without its query."""
        return self.path.partition("?")[0]

    @cached_property
    def streamed(self) -> bool:
        return self.fields.get("stream") is True

    def header(self, name: str) -> str | None:
        return header(self.headers, name)

    @property
    def identity(self) -> Identity:
        """Equal for requests that are the same on the wire."""
        return self.method, self.path, self.headers, self.body, self.wire


@dataclass(frozen=True, kw_only=True, slots=True)
class Chunk:
    """Bytes of the body as they came, and when, in seconds since the request began."""

    at_s: float
    data: bytes


@dataclass(frozen=True, kw_only=True, eq=False)
class StreamEvent:
    """One server-sent event of a response, numbered from 1 in the order of arrival."""

    number: int
    at_s: float
    wire: WireEvent

    @cached_property
    def data(self) -> Any:
        """The JSON value of the data, or UNPARSED."""
        return UNPARSED if self.wire.data is None else parse_json(self.wire.data)

    @property
    def fields(self) -> Mapping[str, Any]:
        return self.data if isinstance(self.data, dict) else {}

    @property
    def name(self) -> str | None:
        return self.wire.name

    @cached_property
    def type(self) -> str | None:
        """The event's type: what its data says, else its name."""
        stated = self.fields.get("type")
        return stated if isinstance(stated, str) else self.wire.name


@dataclass(frozen=True, kw_only=True, eq=False)
class Response:
    """What came back, byte by byte. `ending` is one of ENDINGS; `detail` says in words how a broken one broke."""

    status: int
    headers: tuple[tuple[str, str], ...]
    chunks: tuple[Chunk, ...]
    headers_at_s: float
    ended_at_s: float
    ending: str = COMPLETE
    detail: str = ""
    http_version: str = "HTTP/1.1"

    def header(self, name: str) -> str | None:
        return header(self.headers, name)

    @property
    def media_type(self) -> str:
        """The media type in lower case without parameters; empty when absent."""
        return (self.header("content-type") or "").partition(";")[0].strip().lower()

    @cached_property
    def decoded_chunks(self) -> tuple[Chunk, ...]:
        """The chunks after gzip or deflate was undone; as they came for any other coding."""
        if self._coding not in ("gzip", "x-gzip", "deflate"):
            return self.chunks
        return tuple(_inflate(self.chunks, self._coding))

    @property
    def _coding(self) -> str:
        return (self.header("content-encoding") or "").strip().lower()

    @property
    def mislabelled(self) -> bool:
        """True when Content-Encoding names a coding that the body does not have, so that no client can read it."""
        coding, first = self._coding, next((chunk.data for chunk in self.chunks if chunk.data), b"")
        if coding in ("br", "zstd"):
            return self.json is not UNPARSED or first.startswith((b"event:", b"data:"))
        return coding in ("gzip", "x-gzip") and bool(first) and not GZIP_MAGIC.startswith(first[:2])

    @cached_property
    def body(self) -> bytes:
        return b"".join(chunk.data for chunk in self.decoded_chunks)

    @cached_property
    def json(self) -> Any:
        return parse_json(self.body)

    @property
    def fields(self) -> Mapping[str, Any]:
        return self.json if isinstance(self.json, dict) else {}

    @cached_property
    def is_event_stream(self) -> bool:
        """True when the body reads as server-sent events, whatever its media type says."""
        if self.json is not UNPARSED:
            return False
        if self.media_type == "text/event-stream":
            return not _reads_as_markup(self.body)
        head = self.body.removeprefix(b"\xef\xbb\xbf").lstrip()[:16]
        return head.startswith((b"event:", b"data:", b":", b"id:", b"retry:"))

    @cached_property
    def _lexed(self) -> tuple[tuple[StreamEvent, ...], Framing]:
        lexer = Lexer()
        events: list[StreamEvent] = []
        for chunk in self.decoded_chunks:
            for wire in lexer.feed(chunk.data):
                events.append(StreamEvent(number=len(events) + 1, at_s=chunk.at_s, wire=wire))
        for wire in lexer.close():
            events.append(StreamEvent(number=len(events) + 1, at_s=self.ended_at_s, wire=wire))
        return tuple(events), lexer.framing

    @property
    def events(self) -> tuple[StreamEvent, ...]:
        """Every block of the event stream, those without data and the undispatched last one included."""
        return self._lexed[0]

    @property
    def framing(self) -> Framing:
        return self._lexed[1]


def _reads_as_markup(body: bytes) -> bool:
    return body.lstrip()[:1] == b"<"


def _inflate(chunks: tuple[Chunk, ...], coding: str) -> Iterator[Chunk]:
    # "deflate" means zlib by RFC 9110 and raw deflate in practice: the first bytes tell which.
    raw = coding == "deflate" and not _is_zlib(_head(chunks))
    inflater = zlib.decompressobj(-zlib.MAX_WBITS if raw else zlib.MAX_WBITS | 32)
    room = MAX_DECODED_BYTES
    for number, chunk in enumerate(chunks):
        try:
            data = inflater.decompress(chunk.data, room)
        except zlib.error:
            # Labelled as compressed, but it is not: shown as it came, with the first bytes that passed for a header.
            yield from chunks if room == MAX_DECODED_BYTES else chunks[number:]
            return
        room -= len(data)
        yield Chunk(at_s=chunk.at_s, data=data)
        if not room:  # and 0 would mean "no limit" to zlib
            return


def _head(chunks: tuple[Chunk, ...]) -> bytes:
    """The first two bytes of a body, or fewer when there are no more."""
    return b"".join(chunk.data[:2] for chunk in chunks)[:2]


def _is_zlib(head: bytes) -> bool:
    return len(head) >= 2 and head[0] & 0x0F == 8 and (head[0] << 8 | head[1]) % 31 == 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """Why there is no response: the network's fault or a limit, never a verdict about the target.

    `kind` is "refused", "dns", "tls", "timeout", "disconnected", "rate-limited", "overloaded", "budget", "cancelled" or
    SILENT.
    """

    kind: str
    message: str


class RecordingPart(StrEnum):
    """A part of a recording that a source of exchanges may be unable to provide."""

    TIMES = "times"
    """When things happened: the `at_s` of chunks and events, `headers_at_s`, `ended_at_s` and `started_s`."""

    CHUNK_BORDERS = "chunk-borders"
    """Which bytes of the body arrived together: without it the body may be one chunk, or be cut anywhere."""

    RAW_BODY = "raw-body"
    """The body byte for byte as the target sent it: without it only the decoded JSON or event data are certain."""

    RESPONSE_HEADERS = "response-headers"
    """All headers of the response: without it a header that is absent from the recording may have been sent."""

    REQUEST = "request"
    """The request as it was sent: without it method, path, headers and body are unknown or assumed."""

    PROBES = "probes"
    """What the sender expected, `probes`, `expect` and `statuses`: without it a refusal may be right or wrong."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Exchange:
    """One request and what became of it: a response, or the failure that left none.

    `situations` are the slugs of the suites that shared it; `probes`, `expect` and `statuses` come from their Asks and
    say which requirements answer for acceptance or refusal. `attempt` counts from 1 when the same was asked again.
    `observer_lag_s` is the longest time for which our own clock stood still meanwhile: below it, times mean nothing.
    `intermittent` marks an answer with something wrong that a second one to the same request had not.
    `lacks` names the parts that the source of this recording could not provide; a live run lacks nothing.
    """

    number: int
    request: Request
    response: Response | None
    situations: tuple[str, ...] = ()
    probes: tuple[str, ...] = ()
    expect: str = EITHER
    statuses: tuple[int, ...] = ()
    failure: Failure | None = None
    attempt: int = 1
    started_s: float = 0.0
    requested_model: str | None = None
    waits: tuple[str, ...] = field(default=())
    observer_lag_s: float = 0.0
    capability: str | None = None
    origin: Origin | None = None
    intermittent: bool = False
    lacks: frozenset[RecordingPart] = frozenset()

    @cached_property
    def succeeded(self) -> bool:
        return self.response is not None and 200 <= self.response.status < 300

    @property
    def repeated(self) -> bool:
        """True when it was asked again because the first answer failed in a way that may be chance."""
        return any(note.startswith(ASKED_AGAIN) for note in self.waits)

    @cached_property
    def creates_message(self) -> bool:
        """True for a POST to the Messages path."""
        return self.request.method == "POST" and self.request.route == MESSAGES_PATH

    def to_record(self) -> dict[str, Any]:
        """A JSON object that `from_record` turns back into an equal exchange; bodies in base64."""
        return {
            "number": self.number,
            "situations": list(self.situations),
            "probes": list(self.probes),
            "expect": self.expect,
            "statuses": list(self.statuses),
            "attempt": self.attempt,
            "started_s": self.started_s,
            "requested_model": self.requested_model,
            "waits": list(self.waits),
            "observer_lag_s": self.observer_lag_s,
            "capability": self.capability,
            "origin": self.origin and _origin_record(self.origin),
            "intermittent": self.intermittent,
            **({"lacks": sorted(self.lacks)} if self.lacks else {}),
            "request": {
                "method": self.request.method,
                "path": self.request.path,
                "headers": [list(pair) for pair in self.request.headers],
                "body_base64": base64.b64encode(self.request.body).decode(),
                **({"wire": self.request.wire} if self.request.wire else {}),
            },
            "response": _response_record(self.response),
            "failure": self.failure and {"kind": self.failure.kind, "message": self.failure.message},
        }


def _origin_record(origin: Origin) -> dict[str, Any]:
    fields = asdict(origin)
    return {"drawing": fields.pop("set_name"), **fields}  # the name of the key in every recording so far


def _origin_from(record: Mapping[str, Any]) -> Origin:
    return Origin(set_name=record["drawing"], **{name: value for name, value in record.items() if name != "drawing"})


def _response_record(response: Response | None) -> dict[str, Any] | None:
    if response is None:
        return None
    return {
        "status": response.status,
        "http_version": response.http_version,
        "headers": [list(pair) for pair in response.headers],
        "headers_at_s": response.headers_at_s,
        "ended_at_s": response.ended_at_s,
        "ending": response.ending,
        "detail": response.detail,
        "chunks": [[chunk.at_s, base64.b64encode(chunk.data).decode()] for chunk in response.chunks],
    }


def from_record(record: Mapping[str, Any]) -> Exchange:
    """The exchange of a saved record; raises KeyError or ValueError when the record is not one."""
    sent, came, failed = record["request"], record["response"], record["failure"]
    return Exchange(
        number=record["number"],
        situations=tuple(record["situations"]),
        probes=tuple(record["probes"]),
        expect=record["expect"],
        statuses=tuple(record["statuses"]),
        attempt=record["attempt"],
        started_s=record["started_s"],
        requested_model=record["requested_model"],
        waits=tuple(record["waits"]),
        observer_lag_s=record["observer_lag_s"],
        capability=record.get("capability"),
        origin=_origin_from(record["origin"]) if record.get("origin") else None,
        intermittent=record.get("intermittent", False),
        lacks=frozenset(RecordingPart(part) for part in record.get("lacks", ())),
        request=Request(
            method=sent["method"],
            path=sent["path"],
            headers=_pairs(sent["headers"]),
            body=base64.b64decode(sent["body_base64"]),
            wire=sent.get("wire", ""),
        ),
        response=None if came is None else _response_from(came),
        failure=None if failed is None else Failure(kind=failed["kind"], message=failed["message"]),
    )


def _response_from(record: Mapping[str, Any]) -> Response:
    return Response(
        status=record["status"],
        http_version=record["http_version"],
        headers=_pairs(record["headers"]),
        headers_at_s=record["headers_at_s"],
        ended_at_s=record["ended_at_s"],
        ending=record["ending"],
        detail=record["detail"],
        chunks=tuple(Chunk(at_s=at_s, data=base64.b64decode(data)) for at_s, data in record["chunks"]),
    )


def _pairs(headers: list[list[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in headers)
