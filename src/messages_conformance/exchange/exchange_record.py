"""Exchanges as JSON objects: the lines of exchanges.jsonl. Reading gives an equal exchange; bodies are in base64."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from messages_conformance.exchange.ask import Origin
from messages_conformance.exchange.body_chunks import Chunk
from messages_conformance.exchange.exchange import Exchange, Failure, RecordingPart
from messages_conformance.exchange.http_request import Request
from messages_conformance.exchange.http_response import Response

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
        "request": _request_record(exchange.request),
        "response": None if exchange.response is None else _response_record(exchange.response),
        "failure": None if exchange.failure is None else asdict(exchange.failure),
    }


def from_record(record: Mapping[str, Any]) -> Exchange:
    """The exchange of a saved record; raises KeyError or ValueError when the record is not one."""
    response, failure, origin = record["response"], record["failure"], record.get("origin")
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
        origin=_origin_from(origin) if origin else None,
        intermittent=record.get("intermittent", False),
        lacks=frozenset(RecordingPart(part) for part in record.get("lacks", ())),
        request=_request_from(record["request"]),
        response=None if response is None else _response_from(response),
        failure=None if failure is None else Failure(kind=failure["kind"], message=failure["message"]),
    )


def _origin_record(origin: Origin) -> Record:
    fields = asdict(origin)
    return {"drawing": fields.pop("set_name"), **fields}  # "drawing" is the name of this key in all recordings


def _origin_from(record: Mapping[str, Any]) -> Origin:
    return Origin(set_name=record["drawing"], **{name: value for name, value in record.items() if name != "drawing"})


def _request_record(request: Request) -> Record:
    return {
        "method": request.method,
        "path": request.path,
        "headers": [list(pair) for pair in request.headers],
        "body_base64": base64.b64encode(request.body).decode(),
        **({"wire": request.wire} if request.wire else {}),
    }


def _request_from(record: Mapping[str, Any]) -> Request:
    return Request(
        method=record["method"],
        path=record["path"],
        headers=_pairs(record["headers"]),
        body=base64.b64decode(record["body_base64"]),
        wire=record.get("wire", ""),
    )


def _response_record(response: Response) -> Record:
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
