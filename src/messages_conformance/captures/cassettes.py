"""Cassettes of VCR libraries, in YAML and in JSON: vcrpy, Ruby VCR, R vcr, Betamax, go-vcr.

They differ in names only. All have a list of interactions, each with a request and a response; the serializer of
langchain-tests writes two lists, `requests` and `responses`, in YAML:

| library | list | address | status | body |
|---|---|---|---|---|
| vcrpy | interactions | uri | status.code, or status_code | body.string, body.base64_string, content, parsed_body |
| Ruby VCR, R vcr, Betamax | http_interactions | uri | status.code, or status | body.string, .base64_string, .raw_gzip |
| go-vcr | interactions | url | code | body |
"""

from __future__ import annotations

import base64
import binascii
import gzip
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any, Final

from messages_conformance.captures.conversion import json_bytes
from messages_conformance.captures.json_items import JsonCut, JsonReader
from messages_conformance.captures.pair import Damage, Headers, Pair
from messages_conformance.captures.scrubbing import is_placeholder
from messages_conformance.captures.yaml_items import YamlCut, top_level
from messages_conformance.exchange import COMPLETE, LEFT

LISTS: Final = ("interactions", "http_interactions")
REQUESTS: Final = "requests"
RESPONSES: Final = "responses"
"""Two lists of the same length, in place of one list of interactions."""

KEEPS_WHAT_WAS_READ: Final = "duration"
"""Only go-vcr writes it. It keeps what the client has read: the beginning of a stream, if the client left (recordings
of 2025-09). Other recorders read the whole answer themselves."""

STARTED: Final = b"message_start"
ENDED: Final = (b"message_delta", b"message_stop", b"event: error", b"event:error")

_BASE64_KEYS: Final = ("base64_string", "base64", "raw")
_STATUS: Final = re.compile(r"\s*(\d{3})\b")


def read_yaml_cassette(file: IO[bytes]) -> Iterator[Pair | Damage]:
    """Yields the pairs of a cassette in YAML."""
    number, requests = 0, list[Any]()
    try:
        for key, item in top_level(file):
            if key == REQUESTS:
                requests.append(item)
            elif key == RESPONSES and number < len(requests):
                number += 1
                yield pair_of(number, {"request": requests[number - 1], "response": item})
            elif key in LISTS or key == "":
                for interaction in item if isinstance(item, list) else (item,):
                    number += 1
                    yield pair_of(number, interaction)
    except YamlCut as cut:
        yield Damage(
            message=f"the cassette cannot be read after interaction {number:,} (line {cut.line:,}: {cut}); was it cut "
            "off or edited? record it again"
        )


def read_json_cassette(file: IO[bytes], key: str) -> Iterator[Pair | Damage]:
    """Yields the pairs of a cassette in JSON, whose list has this key."""
    reader, number = JsonReader(file), 0
    try:
        for number, interaction in enumerate(reader.elements(key), start=1):
            yield pair_of(number, interaction)
    except JsonCut as cut:
        yield Damage(
            message=f"the cassette cannot be read after interaction {number:,} (byte {cut.offset:,}: {cut}); was it "
            "cut off or edited? record it again"
        )


def pair_of(number: int, interaction: Any) -> Pair | Damage:
    """The pair of one interaction, with the names of any of the libraries."""
    request = interaction.get("request") if isinstance(interaction, dict) else None
    response = interaction.get("response") if isinstance(interaction, dict) else None
    if not isinstance(request, dict) or not isinstance(response, dict):
        return Damage(message=f"interaction {number:,} has no request and response; record it again")
    sent, _ = _body(request)
    received, exact = _body(response)
    url = _address(request)
    return Pair(
        place=f"interaction {number}",
        method=str(request.get("method") or "GET").upper(),
        url=url,
        request_headers=headers_of(request.get("headers")),
        request_body=sent,
        status=_status(response),
        response_headers=headers_of(response.get("headers")),
        response_body=received,
        exact_body=exact,
        ending=LEFT if KEEPS_WHAT_WAS_READ in response and _is_beginning(received or b"") else COMPLETE,
    )


def _is_beginning(body: bytes) -> bool:
    """Whether a stream has no event of its end, and no error."""
    return STARTED in body and not any(word in body for word in ENDED)


def _address(request: Mapping[str, Any]) -> str | None:
    """The address of a request; None if somebody replaced it before the cassette was published."""
    url = str(request.get("uri") or request.get("url") or "")
    return None if is_placeholder(url) else url


def headers_of(value: Any) -> Headers:
    """Headers out of {name: value}, {name: [values]}, [[name, value]] or [{"name": ..., "value": ...}]."""
    return tuple((str(name), _text(one)) for name, one in _header_pairs(value) if name)


def _header_pairs(value: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(value, Mapping):
        for name, values in value.items():
            yield from ((name, one) for one in (values if isinstance(values, list) else (values,)))
    for row in value if isinstance(value, list) else ():
        if isinstance(row, Mapping):
            yield row.get("name"), row.get("value")
        elif isinstance(row, list) and len(row) == 2:
            yield row[0], row[1]


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else "" if value is None else str(value)


def _status(response: Mapping[str, Any]) -> int | None:
    stated = response.get("status")
    if isinstance(stated, Mapping):
        stated = stated.get("code", stated.get("status_code"))
    for value in (response.get("code"), response.get("status_code"), stated):
        if match := _STATUS.match(str(value)):
            return int(match[1])
    return None


def _body(message: Mapping[str, Any]) -> tuple[bytes | None, bool]:
    """The body of a request or response, and whether it is exact; None when it was not recorded."""
    if message.get("parsed_body") is not None:
        return json_bytes(message["parsed_body"]), False
    body = message.get("body", message.get("content"))
    if not isinstance(body, Mapping):
        return (None, False) if body is None else (json_bytes(body), isinstance(body, bytes))
    for key in _BASE64_KEYS:
        if isinstance(body.get(key), str | bytes):
            decoded = _from_base64(body[key])
            return (decoded, True) if decoded is not None else (json_bytes(body[key]), False)
    if isinstance(body.get("raw_gzip"), str | bytes):
        return _unzipped(_from_base64(body["raw_gzip"])), False
    if body.get("encoding") == "base64" and isinstance(body.get("string"), str):
        decoded = _from_base64(body["string"])
        return (decoded, True) if decoded is not None else (json_bytes(body["string"]), False)
    string = body.get("string")
    if string is None:
        return (None, False) if not body or "string" in body or "encoding" in body else (json_bytes(body), False)
    return json_bytes(string), isinstance(string, bytes)


def _from_base64(value: str | bytes) -> bytes | None:
    try:
        return base64.b64decode(
            re.sub(rb"\s", b"", value if isinstance(value, bytes) else value.encode()), validate=True
        )
    except (ValueError, binascii.Error):
        return None


def _unzipped(data: bytes | None) -> bytes | None:
    try:
        return None if data is None else gzip.decompress(data)
    except (OSError, EOFError, ValueError):
        return data
