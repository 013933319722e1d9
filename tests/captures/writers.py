"""Exchanges written in the formats of other recorders, as those write them."""

from __future__ import annotations

import base64
import gzip
import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import yaml

from messages_conformance.exchange import Exchange, RecordingPart, to_record

HOST = "https://api.example.com"

Writer = Callable[[Iterable[Exchange]], bytes]


def sent(exchange: Exchange) -> tuple[str, str, tuple[tuple[str, str], ...], bytes]:
    request = exchange.request
    known = RecordingPart.REQUEST not in exchange.lacks
    return request.method, HOST + request.path, request.headers, request.body if known else b""


def received(exchange: Exchange) -> tuple[int, tuple[tuple[str, str], ...], bytes]:
    response = exchange.response
    assert response is not None
    return response.status, response.headers, response.body


def text_of(body: bytes) -> str:
    return body.decode("utf-8", "replace")


def lists(headers: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for name, value in headers:
        found[name].append(value)
    return dict(found)


def har(exchanges: Iterable[Exchange], *, polly: bool = False) -> bytes:
    entries = []
    for number, exchange in enumerate(exchanges):
        method, url, request_headers, request_body = sent(exchange)
        status, headers, body = received(exchange)
        binary = body.decode("utf-8", "ignore").encode() != body
        text = {"text": base64.b64encode(body).decode(), "encoding": "base64"} if binary else {"text": text_of(body)}
        content: dict[str, Any] = {"size": len(body), "mimeType": dict(headers).get("content-type", ""), **text}
        if polly and "gzip" in dict(headers).get("content-encoding", ""):
            packed = gzip.compress(body)
            content["text"] = json.dumps(
                [base64.b64encode(packed[i : i + 100]).decode() for i in range(0, len(packed), 100)]
            )
            content |= {"_isBinary": True, "encoding": "base64"}
        entries.append(
            {
                **({"_id": f"{number:032x}", "_order": 0, "cache": {}} if polly else {}),
                "startedDateTime": "2026-11-30T12:00:00.000Z",
                "time": 12.5,
                "request": {
                    "method": method,
                    "url": url,
                    "httpVersion": "HTTP/1.1",
                    "headers": [{"name": name, "value": value} for name, value in request_headers],
                    "queryString": [],
                    "cookies": [],
                    **(
                        {"postData": {"mimeType": "application/json", "text": text_of(request_body)}}
                        if request_body
                        else {}
                    ),
                },
                "response": {
                    "status": status,
                    "statusText": "",
                    "httpVersion": "HTTP/1.1",
                    "headers": [{"name": name, "value": value} for name, value in headers],
                    "content": content,
                    "cookies": [],
                    "redirectURL": "",
                },
                "timings": {"send": 0, "wait": 1, "receive": 2},
            }
        )
    creator = {"name": "Polly.JS", "version": "6.0.6"} if polly else {"name": "WebInspector", "version": "537.36"}
    return json.dumps(
        {"log": {"version": "1.2", "creator": creator, "pages": [], "entries": entries}}, indent=2
    ).encode()


def polly(exchanges: Iterable[Exchange]) -> bytes:
    return har(exchanges, polly=True)


def vcrpy_document(exchanges: Iterable[Exchange], *, as_json: bool = False) -> Any:
    rows = []
    for exchange in exchanges:
        method, url, request_headers, request_body = sent(exchange)
        status, headers, body = received(exchange)
        binary = body.decode("utf-8", "ignore").encode() != body
        string = (
            {"base64_string": base64.b64encode(body).decode()}
            if binary and as_json
            else {"string": body if binary else text_of(body)}
        )
        rows.append(
            {
                "request": {
                    "body": text_of(request_body) if request_body else None,
                    "headers": lists(request_headers),
                    "method": method,
                    "uri": url,
                },
                "response": {
                    "body": string,
                    "headers": lists(headers),
                    "status": {"code": status, "message": "OK"},
                },
            }
        )
    return {"interactions": rows, "version": 1}


def vcrpy_yaml(exchanges: Iterable[Exchange]) -> bytes:
    return yaml.dump(vcrpy_document(exchanges), Dumper=getattr(yaml, "CDumper", yaml.Dumper)).encode()


def two_lists_yaml(exchanges: Iterable[Exchange]) -> bytes:
    """As langchain-tests writes it: two lists, and addresses that are replaced."""
    rows = vcrpy_document(exchanges)["interactions"]
    requests = [{**row["request"], "uri": "**REDACTED**"} for row in rows]
    return yaml.safe_dump({"requests": requests, "responses": [row["response"] for row in rows]}).encode()


def vcrpy_json(exchanges: Iterable[Exchange]) -> bytes:
    return (json.dumps(vcrpy_document(exchanges, as_json=True), indent=4) + "\n").encode()


def vcrpy_parsed(exchanges: Iterable[Exchange]) -> bytes:
    """As some projects write it: JSON bodies parsed, keys sorted, only a few headers kept, the request id scrubbed."""
    document = vcrpy_document(exchanges)
    for row in document["interactions"]:
        for side in ("request", "response"):
            body = row[side]["body"]
            text = body["string"] if isinstance(body, dict) else body
            if text and "\\ud" in text.lower():  # YAML cannot hold a lone surrogate
                continue
            try:
                row[side]["parsed_body"] = json.loads(text)
                del row[side]["body"]
            except (ValueError, TypeError, RecursionError):
                pass
        kept = {name: values for name, values in row["response"]["headers"].items() if name.lower() == "content-type"}
        row["response"]["headers"] = kept
    return yaml.dump(document, Dumper=getattr(yaml, "CDumper", yaml.Dumper)).encode()


def ruby_vcr(exchanges: Iterable[Exchange]) -> bytes:
    rows = []
    for exchange in exchanges:
        method, url, request_headers, request_body = sent(exchange)
        status, headers, body = received(exchange)
        binary = body.decode("utf-8", "ignore").encode() != body
        rows.append(
            {
                "request": {
                    "method": method.lower(),
                    "uri": url,
                    "body": {"encoding": "UTF-8", "string": text_of(request_body)},
                    "headers": lists(request_headers),
                },
                "response": {
                    "status": {"code": status, "message": "OK"},
                    "headers": lists(headers),
                    "body": {"encoding": "ASCII-8BIT", "string": body}
                    if binary
                    else {"encoding": "UTF-8", "string": text_of(body)},
                },
                "recorded_at": "Mon, 30 Nov 2026 12:00:00 GMT",
            }
        )
    document = {"http_interactions": rows, "recorded_with": "VCR 6.3.1"}
    return b"---\n" + yaml.dump(document, Dumper=getattr(yaml, "CDumper", yaml.Dumper), sort_keys=False).encode()


def go_vcr(exchanges: Iterable[Exchange]) -> bytes:
    rows = []
    for number, exchange in enumerate(exchanges):
        method, url, request_headers, request_body = sent(exchange)
        status, headers, body = received(exchange)
        rows.append(
            {
                "id": number,
                "request": {
                    "proto": "HTTP/1.1",
                    "content_length": len(request_body),
                    "host": "api.example.com",
                    "body": text_of(request_body),
                    "headers": lists(request_headers),
                    "url": url,
                    "method": method,
                },
                "response": {
                    "proto": "HTTP/2.0",
                    "content_length": -1,
                    "uncompressed": True,
                    "body": text_of(body),
                    "headers": lists(headers),
                    "status": f"{status} OK",
                    "code": status,
                    "duration": "1.2s",
                },
            }
        )
    document = {"version": 2, "interactions": rows}
    return b"---\n" + yaml.dump(document, Dumper=getattr(yaml, "CDumper", yaml.Dumper), sort_keys=False).encode()


def curl_dump(exchanges: Iterable[Exchange], *, command: bool = True) -> bytes:
    """Dumps in a row, each after its command, as somebody collects them in a file."""
    parts = []
    for exchange in exchanges:
        method, url, request_headers, request_body = sent(exchange)
        status, headers, body = received(exchange)
        if command:
            words = [f"curl -iN -X {method} {url}"]
            words += [f"-H {quoted(f'{name}: {value}')}" for name, value in request_headers]
            words += [f"-d {quoted(text_of(request_body))}"] if request_body else []
            parts.append(("$ " + " \\\n  ".join(words) + "\n").encode())
        parts.append(f"HTTP/1.1 {status} OK\r\n".encode())
        parts += [f"{name}: {value}\r\n".encode() for name, value in headers]
        parts += [b"\r\n", body, b"" if body.endswith(b"\n") else b"\n"]
    return b"".join(parts)


def quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def json_lines(exchanges: Iterable[Exchange]) -> bytes:
    rows = []
    for exchange in exchanges:
        method, _, request_headers, request_body = sent(exchange)
        status, headers, body = received(exchange)
        rows.append(
            {
                "request": {
                    "method": method,
                    "path": exchange.request.path,
                    "headers": list(map(list, request_headers)),
                    "body": text_of(request_body),
                },
                "response": {"status": status, "headers": list(map(list, headers)), "body": text_of(body)},
            }
        )
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def own(exchanges: Iterable[Exchange]) -> bytes:
    return b"".join(json.dumps(to_record(exchange)).encode() + b"\n" for exchange in exchanges)


WRITERS: dict[str, Writer] = {
    "har": har,
    "polly": polly,
    "vcrpy_yaml": vcrpy_yaml,
    "vcrpy_json": vcrpy_json,
    "vcrpy_parsed": vcrpy_parsed,
    "ruby_vcr": ruby_vcr,
    "go_vcr": go_vcr,
    "curl": curl_dump,
    "json_lines": json_lines,
    "own": own,
}
