"""A part of an answer as text: the status, the headers that matter, and the body around one place."""

from __future__ import annotations

from typing import Final

from messages_conformance.exchange import Response

BEFORE_BYTES: Final = 200
AFTER_BYTES: Final = 320
"""How much of a body is shown before and after the place: a few events (our own choice)."""

CUT: Final = "…"


def answer_excerpt(
    response: Response, offset_bytes: int = 0, *, header: str = "", most_bytes: int = AFTER_BYTES
) -> str:
    """The answer in several lines. `header` is shown beside content-type; `most_bytes` follow the place in the body."""
    names = {"content-type", header.lower()}
    lines = [f"{response.http_version} {response.status}"]
    lines += [f"{name}: {value}" for name, value in response.headers if name.lower() in names]
    start = max(offset_bytes - BEFORE_BYTES, 0)
    start = response.body.rfind(b"\n", 0, start) + 1 if response.is_event_stream else start
    return "\n".join((*lines, "", body_part(response.body, start, offset_bytes + most_bytes))).rstrip()


def body_part(body: bytes, start: int, end: int) -> str:
    """A part of a body; a mark shows where more of it is left out."""
    text = body[start:end].decode("utf-8", "backslashreplace")
    return f"{CUT if start else ''}{text}{CUT if end < len(body) else ''}"
