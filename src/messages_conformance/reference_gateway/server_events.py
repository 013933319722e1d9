"""Server-sent events as the gateway reads and writes them: JSON objects, with a blank line between."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

Event = dict[str, Any]
DONE = "[DONE]"
"""How a stream of Chat Completions ends."""


def frame(event: Event, *, typed: bool = True) -> bytes:
    """One event of the Messages API as bytes. Only a fault leaves the type out of the data."""
    data = {name: value for name, value in event.items() if typed or name != "type"}
    return f"event: {event['type']}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


async def data_of(pieces: AsyncIterator[bytes]) -> AsyncIterator[str]:
    """The data of each event, as soon as its blank line has come. Bytes are decoded by event, not by piece."""
    held = b""
    async for piece in pieces:
        held = (held + piece).replace(b"\r\n", b"\n")
        *ended, held = held.split(b"\n\n")
        for one in ended:
            lines = [line for line in one.decode("utf-8", "replace").split("\n") if line.startswith("data:")]
            if lines:
                yield "\n".join(line[5:].removeprefix(" ") for line in lines)
