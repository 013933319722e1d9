"""Names bodies that are no answer of the Messages API: a web page, compressed bytes, text, an object of another API."""

from __future__ import annotations

from typing import Any, Final

from messages_conformance.exchange import GZIP_MAGIC, UNPARSED, Response

_OF_MESSAGES: Final = frozenset({"content", "role", "stop_reason", "stop_sequence"})
"""Members that answers of the Messages API have, and others lack: a body with one of them is meant as a message."""

_OTHERS: Final = {"choices": "Chat Completions", "candidates": "Gemini", "output": "Responses"}
"""Members of answers of other APIs -> the name of the API."""


def unlike_text(response: Response) -> str:
    """What a body is that is no text, or text for people; empty for any other body."""
    if response.body[:2] == GZIP_MAGIC:
        return "gzip bytes without content-encoding: gzip"
    start = response.body[:256].lstrip().lower()
    return "a web page" if start.startswith((b"<!doctype html", b"<html")) else ""


def unlike_message(response: Response) -> str:
    """What a body with a success status is, if it is neither a message nor a stream; empty otherwise."""
    if response.is_event_stream:
        return ""
    if response.json is UNPARSED:
        return unlike_text(response) or ("text that is not JSON" if response.body.strip() else "an empty body")
    return _unlike_object(response.json)


def _unlike_object(body: Any) -> str:
    if not isinstance(body, dict):
        return "JSON that is no object"
    if body.get("type") in ("message", "error") or "error" in body or not _OF_MESSAGES.isdisjoint(body):
        return ""
    name = next((name for member, name in _OTHERS.items() if member in body), "")
    return f"an answer of the {name} API" if name else "a JSON object that is no message"
