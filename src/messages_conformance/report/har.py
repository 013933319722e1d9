"""HAR 1.2: the exchanges of a report, for the tools that people have. A comment names the requirements that fail."""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from messages_conformance import __version__
from messages_conformance.exchange import Exchange, Response
from messages_conformance.report.model import Report, verdict_sentence
from messages_conformance.report.run_info import RunInfo

NO_ADDRESS: Final = "https://endpoint.invalid"
"""In place of the address of a target that has none, such as a file."""

UNKNOWN: Final = -1
"""What HAR writes for a size that is not known."""


def to_har(report: Report) -> dict[str, Any]:
    """The report as a HAR object. Exchanges without a recording are left out."""
    failed: dict[int, list[str]] = defaultdict(list)
    for verdict in report.verdicts:
        for number in dict.fromkeys(finding.exchange for finding in verdict.findings):
            failed[number].append(verdict.requirement)
    return {
        "log": {
            "version": "1.2",
            "creator": {"name": "messages-conformance", "version": __version__},
            "comment": verdict_sentence(report),
            "entries": [_entry(report.run, exchange, failed[number]) for number, exchange in report.exchanges.items()],
        }
    }


def _entry(run: RunInfo, exchange: Exchange, failed: list[str]) -> dict[str, Any]:
    response = exchange.response
    wait_ms = 0.0 if response is None else response.headers_at_s * 1000
    total_ms = 0.0 if response is None else response.ended_at_s * 1000
    return {
        "startedDateTime": _started(run, exchange),
        "time": total_ms,
        "request": _request(run, exchange),
        "response": _no_response(exchange) if response is None else _response(response),
        "cache": {},
        "timings": {"send": 0, "wait": wait_ms, "receive": max(total_ms - wait_ms, 0)},
        "comment": "; ".join([*exchange.situations, *(f"violates {name}" for name in failed)]),
    }


def _started(run: RunInfo, exchange: Exchange) -> str:
    return (datetime.fromisoformat(run.started_at) + timedelta(seconds=exchange.started_s)).isoformat()


def _request(run: RunInfo, exchange: Exchange) -> dict[str, Any]:
    request = exchange.request
    base = (
        request.base_url
        or run.base_url
        or (run.target if run.target.startswith(("http://", "https://")) else NO_ADDRESS)
    )
    url = base.rstrip("/") + request.path
    posted = {"mimeType": request.header("content-type") or "", **_text(request.body)}
    return {
        "method": request.method,
        "url": url,
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _headers(request.headers),
        "queryString": [{"name": name, "value": value} for name, value in parse_qsl(urlsplit(url).query)],
        **({"postData": posted} if request.body else {}),
        "headersSize": UNKNOWN,
        "bodySize": len(request.body),
    }


def _response(response: Response) -> dict[str, Any]:
    return {
        "status": response.status,
        "statusText": "",
        "httpVersion": response.http_version,
        "cookies": [],
        "headers": _headers(response.headers),
        "content": {"size": len(response.body), "mimeType": response.media_type, **_text(response.body)},
        "redirectURL": response.header("location") or "",
        "headersSize": UNKNOWN,
        "bodySize": sum(len(chunk.data) for chunk in response.chunks),
        **({} if response.ending == "complete" else {"_error": response.detail or response.ending}),
    }


def _no_response(exchange: Exchange) -> dict[str, Any]:
    """What browsers write when no response came: the status 0, and an error."""
    return {
        "status": 0,
        "statusText": "",
        "httpVersion": "",
        "cookies": [],
        "headers": [],
        "content": {"size": 0, "mimeType": ""},
        "redirectURL": "",
        "headersSize": UNKNOWN,
        "bodySize": UNKNOWN,
        "_error": "" if exchange.failure is None else exchange.failure.message,
    }


def _headers(headers: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in headers]


def _text(body: bytes) -> dict[str, str]:
    """The body as text, or in base64 when it is not UTF-8."""
    try:
        return {"text": body.decode("utf-8")}
    except UnicodeDecodeError:
        return {"text": base64.b64encode(body).decode(), "encoding": "base64"}
