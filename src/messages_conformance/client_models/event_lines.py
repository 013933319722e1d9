"""The server-sent events of a body, as the SDKs read them: by lines, with the name of the `event:` line.

An event ends with an empty line; what follows the last empty line is lost. Lines end with LF, CR or CRLF. A field
without a colon has no value; one space after the colon is removed. `id` and `retry` do nothing.

The SDKs differ in two points: Python decodes UTF-8 strictly, and does not know the byte order mark.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from messages_conformance.client_models.received import CRASH, ClientFails

BOM: Final = "\ufeff"

NAMES: Final = frozenset(
    {
        *("message_start", "message_delta", "message_stop", "message", "completion"),
        *("content_block_start", "content_block_delta", "content_block_stop"),
    }
)
"""The event names that Claude Code and the SDKs before 2.0 (Python) and 1.0 (TypeScript) read."""


def events_of(body: bytes, *, strict: bool) -> Iterator[tuple[str | None, str]]:
    """(name, data) of each event that has one of them; the name is None without an `event:` line.

    `strict` is how Python reads: raises ClientFails for bytes that are not UTF-8, and keeps a byte order mark.
    """
    name: str | None = None
    data: list[str] = []
    for raw in body.splitlines():
        line = _text(raw, strict=strict)
        if line:
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if field == "event":
                name = value
            elif field == "data":
                data.append(value)
        elif name or data:
            yield name, "\n".join(data)
            name, data = None, []


def _text(raw: bytes, *, strict: bool) -> str:
    if not strict:
        return raw.decode("utf-8", "replace").removeprefix(BOM)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise ClientFails(CRASH, "the stream has bytes that are not UTF-8") from None
