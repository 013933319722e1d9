"""Recognises the format of a recording from its first bytes; the name of the file does not matter."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from messages_conformance.captures.bare import is_event
from messages_conformance.captures.curl_dumps import looks_like_dump
from messages_conformance.captures.saved_runs import is_record

HEAD_BYTES: Final = 256 * 1024
"""The first bytes, up to this number, decide the format (our own: the first members of every format fit into far
fewer)."""

SAVED_RUN: Final = "a recording of messages-conformance"
HAR: Final = "HAR"
CASSETTE_YAML: Final = "a VCR cassette in YAML"
CASSETTE_JSON: Final = "a VCR cassette in JSON"
CURL: Final = "a curl dump"
STREAM: Final = "an event stream"
DOCUMENT: Final = "a JSON answer"
ARRAY: Final = "a JSON array"
LINES: Final = "JSON lines"

FORMATS: Final = (
    "HAR, VCR cassettes (vcrpy, Ruby VCR, go-vcr, Polly), output of curl -i, event streams, JSON answers, JSON lines, "
    "and the folder or exchanges.jsonl of a run"
)
"""The formats in words, for messages."""

_HAR: Final = re.compile(r'\A\s*\{(?:[^{}\[\]]|\{[^{}]*\})*?(?<!\\)"log"\s*:\s*\{', re.DOTALL)
_LIST: Final = re.compile(r'(?<!\\)"(http_interactions|interactions)"\s*:\s*\[')
_YAML_LIST: Final = re.compile(r"^(?:(?:http_)?interactions|requests):", re.MULTILINE)
_SSE: Final = re.compile(r"\A(?:event|data|id|retry)?:", re.IGNORECASE)
_TNETSTRING: Final = re.compile(rb"\d{1,9}:\d{1,9}:|\d{1,9}:[a-z_]+[,;]")
_KNOWN_BINARIES: Final = (
    (b"PK\x03\x04", "is a ZIP archive; unpack it, and name the files in it"),
    (b"\x0a\x0d\x0d\x0a", "is a packet capture; export the HTTP traffic as HAR instead"),
    (b"\xd4\xc3\xb2\xa1", "is a packet capture; export the HTTP traffic as HAR instead"),
    (b"\xa1\xb2\xc3\xd4", "is a packet capture; export the HTTP traffic as HAR instead"),
)


class Unrecognised(Exception):
    """The bytes are no recording; the message completes the sentence that begins with the name of the file."""


def recognised(head: bytes, *, mapped: bool = False) -> str:
    """The format of a file with these first bytes; `mapped` says that the user gave a map for JSON lines.

    Raises Unrecognised with the cure.
    """
    if not head.strip(b"\xef\xbb\xbf \t\r\n"):
        raise Unrecognised("is empty; was the recording saved?")
    for magic, problem in _KNOWN_BINARIES:
        if head.startswith(magic):
            raise Unrecognised(problem)
    if _TNETSTRING.match(head):
        raise Unrecognised("is a flow file of mitmproxy; write it as HAR: mitmdump -nr FILE --set hardump=flows.har")
    text = head.decode("utf-8-sig", "replace").lstrip()
    if looks_like_dump(head.removeprefix(b"\xef\xbb\xbf")):
        return CURL
    if text[0] in "{[":
        return _json_format(text, mapped=mapped)
    if _YAML_LIST.search(text):
        return CASSETTE_YAML
    if _SSE.match(text):
        return STREAM
    if b"\0" in head or text.count("�") > len(text) // 20:
        raise Unrecognised(f"is binary, and no recording; valid: {FORMATS}")
    raise Unrecognised(f"is no recording (it begins with {text[:40]!r}); valid: {FORMATS}")


def _json_format(text: str, *, mapped: bool) -> str:
    first_line, newline, rest = text.partition("\n")
    first = _parsed(first_line)
    if isinstance(first, dict):
        return _of_object(first, alone=not rest.strip(), mapped=mapped)
    if text[0] == "[":
        return ARRAY
    if _HAR.match(text):
        return HAR
    # A file in one line that is longer than the head, or one JSON document over many lines.
    if not newline and '"body_base64"' in text:
        return SAVED_RUN
    if mapped and not newline:
        return LINES
    if _LIST.search(text):
        return CASSETTE_JSON
    if not newline and re.search(r'"(?:request|response)"\s*:\s*\{', text):
        return LINES
    return DOCUMENT


def _of_object(first: dict[str, Any], *, alone: bool, mapped: bool) -> str:
    """The format of a file whose first line is this JSON object."""
    if is_record(first):
        return SAVED_RUN
    if mapped:
        return LINES
    if isinstance(first.get("log"), dict):
        return HAR
    if isinstance(first.get("interactions", first.get("http_interactions")), list):
        return CASSETTE_JSON
    if all(isinstance(first.get(part), dict) for part in ("request", "response")) or is_event(first) or not alone:
        return LINES
    return DOCUMENT


def list_key(head: bytes) -> str:
    """The key of the list in a cassette in JSON."""
    match = _LIST.search(head.decode("utf-8", "replace"))
    return match[1] if match else "interactions"


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None
