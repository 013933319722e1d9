"""Exchanges as JSON objects: the lines of exchanges.jsonl. Reading gives an equal exchange; bodies are in base64."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from itertools import accumulate
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct, structs

from messages_conformance.exchange.ask import Origin
from messages_conformance.exchange.behind import Behind, Said, SaidBlock, SaidUsage, UpstreamCall
from messages_conformance.exchange.body_chunks import Chunk
from messages_conformance.exchange.exchange import NOT_KEPT, Exchange, Failure, RecordingPart
from messages_conformance.exchange.http_request import Request
from messages_conformance.exchange.http_response import Response
from messages_conformance.exchange.load_facts import Alone, LoadFacts
from messages_conformance.exchange.stored_bodies import Coding, cut_note, packed_body, packed_chunks, unpacked_body
from messages_conformance.input_files import MAX_SAVED_BYTES, InputError, parsed_json, read_bytes, typed

Record = dict[str, Any]


def to_record(exchange: Exchange) -> Record:
    """The exchange as a JSON object. Keys are never renamed: old recordings stay readable."""
    return {
        "number": exchange.number,
        "situations": list(exchange.situations),
        "probes": list(exchange.probes),
        "expect": exchange.expect,
        "statuses": list(exchange.statuses),
        "attempt": exchange.attempt,
        "started_s": exchange.started_s,
        "requested_model": exchange.requested_model,
        "waits": list(exchange.waits),
        "observer_lag_s": exchange.observer_lag_s,
        "capability": exchange.capability,
        "origin": None if exchange.origin is None else _origin_record(exchange.origin),
        "intermittent": exchange.intermittent,
        **({"lacks": sorted(exchange.lacks)} if exchange.lacks else {}),
        **({"capture": exchange.capture} if exchange.capture else {}),
        **({} if exchange.behind is None else {"behind": _behind_record(exchange.behind)}),
        **({} if exchange.load is None else {"load": asdict(exchange.load)}),
        "request": _request_record(exchange.request),
        "response": None if exchange.response is None else _response_record(exchange.response),
        "failure": None if exchange.failure is None else asdict(exchange.failure),
    }


def read_recording(path: Path) -> Iterator[Exchange]:
    """The exchanges of an exchanges.jsonl. Raises InputError with the line."""
    lines = read_bytes(path, limit_bytes=MAX_SAVED_BYTES).split(b"\n")
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                yield from_record(parsed_json(line))
            except InputError as error:
                if number == len(lines):
                    return  # an interrupted run may leave half a line at the end
                raise InputError(f"line {number:,} is not an exchange: {error}") from error


def from_record(record: Any) -> Exchange:
    """The exchange of a saved record. Raises InputError, a ValueError, with the place of the first wrong value."""
    row = typed(record, _ExchangeRow)
    cut = _cut_of(row)
    return Exchange(
        number=row.number,
        situations=row.situations,
        probes=row.probes,
        expect=row.expect,
        statuses=row.statuses,
        attempt=row.attempt,
        started_s=row.started_s,
        requested_model=row.requested_model,
        waits=row.waits,
        observer_lag_s=row.observer_lag_s,
        capability=row.capability,
        origin=None if row.origin is None else _origin_from(row.origin),
        intermittent=row.intermittent,
        lacks=frozenset(row.lacks),
        capture=row.capture,
        behind=None if row.behind is None else _behind_from(row.behind),
        load=None if row.load is None else _load_from(row.load),
        request=_request_from(row.request),
        response=None if row.response is None or cut else _response_from(row.response),
        failure=Failure(kind=NOT_KEPT, message=cut) if cut else _failure_from(row.failure),
    )


def _cut_of(row: _ExchangeRow) -> str:
    """What the recording misses of the exchange: without it, no rule can judge it."""
    return cut_note(row.request.body_cut_from, None if row.response is None else row.response.body_cut_from)


def _failure_from(row: _FailureRow | None) -> Failure | None:
    return None if row is None else Failure(kind=row.kind, message=row.message)


def _origin_record(origin: Origin) -> Record:
    fields = asdict(origin)
    return {"drawing": fields.pop("set_name"), **fields}  # "drawing" is the name of this key in all recordings


def _origin_from(row: _OriginRow) -> Origin:
    values = structs.asdict(row)
    return Origin(set_name=values.pop("drawing"), **values)


def _request_record(request: Request, *, may_cut: bool = True) -> Record:
    return {
        "method": request.method,
        "path": request.path,
        "headers": [list(pair) for pair in request.headers],
        **packed_body(request.body, may_cut=may_cut),
        **({"wire": request.wire} if request.wire else {}),
        **({"base_url": request.base_url} if request.base_url else {}),
    }


def _request_from(row: _RequestRow) -> Request:
    return Request(
        method=row.method,
        path=row.path,
        headers=row.headers,
        body=unpacked_body(row.body_base64, row.body_coding, "request.body_base64"),
        wire=row.wire,
        base_url=row.base_url,
    )


def _response_record(response: Response, *, may_cut: bool = True) -> Record:
    return {
        "status": response.status,
        "http_version": response.http_version,
        "headers": [list(pair) for pair in response.headers],
        "headers_at_s": response.headers_at_s,
        "ended_at_s": response.ended_at_s,
        "ending": response.ending,
        "detail": response.detail,
        **packed_chunks(response, may_cut=may_cut),
    }


def _response_from(row: _ResponseRow) -> Response:
    return Response(
        status=row.status,
        http_version=row.http_version,
        headers=row.headers,
        headers_at_s=row.headers_at_s,
        ended_at_s=row.ended_at_s,
        ending=row.ending,
        detail=row.detail,
        chunks=_chunks_from(row),
    )


def _chunks_from(row: _ResponseRow) -> tuple[Chunk, ...]:
    if not row.sizes:
        return tuple(
            Chunk(at_s=at_s, data=unpacked_body(data, "", f"response.chunks[{number}][1]"))
            for number, (at_s, data) in enumerate(row.chunks)
        )
    body = unpacked_body(row.body_base64, row.body_coding, "response.body_base64")
    if len(row.sizes) != len(row.chunks) or sum(row.sizes) != len(body):
        raise InputError("response.sizes do not fit to its chunks and its body")
    ends = list(accumulate(row.sizes))
    return tuple(
        Chunk(at_s=at_s, data=body[end - size : end])
        for (at_s, _), size, end in zip(row.chunks, row.sizes, ends, strict=True)
    )


# -- the upstream's side of a gateway -------------------------------------------------------------------------------


def _behind_record(behind: Behind) -> Record:
    return {
        "case": behind.case,
        "dialect": behind.dialect,
        "said": asdict(behind.said),
        "promises": list(behind.promises),
        "inexpressible": list(behind.inexpressible),
        "nonce": behind.nonce,
        "observes": list(behind.observes),
        "calls": [
            {
                "request": _request_record(call.request, may_cut=False),
                "response": None if call.response is None else _response_record(call.response, may_cut=False),
                "started_s": call.started_s,
                "ending": call.ending,
                "left_at_s": call.left_at_s,
                "refused": call.refused,
            }
            for call in behind.calls
        ],
    }


def _behind_from(row: _BehindRow) -> Behind:
    said = structs.asdict(row.said)
    said["blocks"] = tuple(SaidBlock(**structs.asdict(block)) for block in row.said.blocks)
    said["usage"] = None if row.said.usage is None else SaidUsage(**structs.asdict(row.said.usage))
    calls = tuple(
        UpstreamCall(
            request=_request_from(call.request),
            response=None if call.response is None else _response_from(call.response),
            started_s=call.started_s,
            ending=call.ending,
            left_at_s=call.left_at_s,
            refused=call.refused,
        )
        for call in row.calls
    )
    return Behind(
        case=row.case,
        dialect=row.dialect,
        said=Said(**said),
        calls=calls,
        promises=row.promises,
        inexpressible=row.inexpressible,
        nonce=row.nonce,
        observes=row.observes,
    )


def _load_from(row: _LoadRow) -> LoadFacts:
    alone = None if row.alone is None else Alone(**structs.asdict(row.alone))
    return LoadFacts(
        phase=row.phase,
        kind=row.kind,
        nonce=row.nonce,
        in_flight=row.in_flight,
        alone=alone,
        metrics_before=row.metrics_before,
    )


# -- the types of a record ------------------------------------------------------------------------------------------

MAX_NUMBER: Final = 2**53
"""JSON readers agree about whole numbers up to here (RFC 8259, 6)."""

_Count = Annotated[int, Meta(ge=0, le=MAX_NUMBER)]
_Seconds = Annotated[float, Meta(ge=-float(MAX_NUMBER), le=float(MAX_NUMBER))]
"""Neither NaN nor infinity. A clock that was set back can make a negative one."""
_Headers = tuple[tuple[str, str], ...]


class _OriginRow(Struct, frozen=True):
    drawing: str
    seed: Annotated[int, Meta(ge=-MAX_NUMBER, le=MAX_NUMBER)]
    number: _Count
    pointer: str | None = None
    reason: str = ""
    shrunk: bool = False


class _RequestRow(Struct, frozen=True):
    method: str
    path: str
    headers: _Headers
    body_base64: str
    body_coding: Coding = ""
    body_cut_from: _Count | None = None
    wire: Literal["", "http-1.0", "expect-continue", "cut-body", "leave-early"] = ""
    base_url: str = ""


class _ResponseRow(Struct, frozen=True):
    status: Annotated[int, Meta(ge=100, le=999)]
    http_version: str
    headers: _Headers
    headers_at_s: _Seconds
    ended_at_s: _Seconds
    ending: Literal["complete", "reset", "stalled", "timeout", "too-large", "left"]
    detail: str
    chunks: tuple[tuple[_Seconds, str], ...]
    sizes: tuple[_Count, ...] = ()
    body_base64: str = ""
    body_coding: Coding = ""
    body_cut_from: _Count | None = None


class _FailureRow(Struct, frozen=True):
    kind: str
    message: str


class _SaidBlockRow(Struct, frozen=True):
    kind: Literal["text", "reasoning", "redacted", "call", "refusal", "other"]
    text: str
    name: str = ""
    signature: str = ""


class _SaidUsageRow(Struct, frozen=True):
    input: int
    output: int
    cached: int = 0
    cache_written: int = 0


class _SaidRow(Struct, frozen=True):
    blocks: tuple[_SaidBlockRow, ...]
    finish: str
    stop_sequence: str | None
    usage: _SaidUsageRow | None
    status: int
    message: str
    broken: str
    headers: _Headers
    after: int


class _CallRow(Struct, frozen=True):
    request: _RequestRow
    response: _ResponseRow | None
    started_s: _Seconds
    ending: str
    left_at_s: _Seconds | None
    refused: str


class _BehindRow(Struct, frozen=True):
    case: str
    dialect: Literal["anthropic", "openai-chat", "openai-responses"]
    said: _SaidRow
    promises: tuple[str, ...]
    inexpressible: tuple[str, ...]
    nonce: str
    observes: tuple[str, ...]
    calls: tuple[_CallRow, ...]


class _AloneRow(Struct, frozen=True):
    accepted: bool
    complete: bool
    input_tokens: int | None = None
    output_tokens: int | None = None
    characters: _Count = 0
    spread_s: _Seconds = 0.0
    elapsed_s: _Seconds = 0.0


class _LoadRow(Struct, frozen=True):
    phase: Literal["alone", "load", "after"]
    kind: str
    nonce: str = ""
    in_flight: _Count = 1
    alone: _AloneRow | None = None
    metrics_before: dict[str, float] = {}


class _ExchangeRow(Struct, frozen=True):
    number: _Count
    situations: tuple[str, ...]
    probes: tuple[str, ...]
    expect: Literal["accepted", "refused", "either"]
    statuses: tuple[_Count, ...]
    attempt: _Count
    started_s: _Seconds
    requested_model: str | None
    waits: tuple[str, ...]
    observer_lag_s: _Seconds
    request: _RequestRow
    response: _ResponseRow | None
    failure: _FailureRow | None
    capability: str | None = None
    origin: _OriginRow | None = None
    intermittent: bool = False
    lacks: tuple[RecordingPart, ...] = ()
    capture: str = ""
    behind: _BehindRow | None = None
    load: _LoadRow | None = None
