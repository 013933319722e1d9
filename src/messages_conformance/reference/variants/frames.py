"""How an event is written as bytes."""

from __future__ import annotations

import json
from collections.abc import Callable

from messages_conformance.reference.changes import Stage
from messages_conformance.reference.variant_registry import variant


def written_again(frames: list[bytes], change: Callable[[str, str], str]) -> list[bytes]:
    """The frames, each written again from its event name and the text of its data."""
    parts = (frame.decode().rstrip("\n").split("\n", 1) for frame in frames)
    return [change(name.removeprefix("event: "), data.removeprefix("data: ")).encode() for name, data in parts]


@variant(at=Stage.FRAMES)
def carriage_returns(frames: list[bytes]) -> list[bytes]:
    """Lines end with CR."""
    return [frame.replace(b"\n", b"\r") for frame in frames]


@variant(at=Stage.FRAMES)
def windows_lines(frames: list[bytes]) -> list[bytes]:
    """Lines end with CRLF."""
    return [frame.replace(b"\n", b"\r\n") for frame in frames]


@variant(at=Stage.FRAMES)
def comments(frames: list[bytes]) -> list[bytes]:
    """There are comments before, inside and between events."""
    commented = written_again(frames, lambda name, data: f": here\nevent: {name}\n:\ndata: {data}\n\n")
    return [b": welcome\n\n", *commented, b": bye\n\n"]


@variant(at=Stage.FRAMES)
def ids_and_retries(frames: list[bytes]) -> list[bytes]:
    """Events have ids, and the stream has a retry time and unknown fields."""
    numbered = iter(range(len(frames)))
    written = written_again(
        frames, lambda name, data: f"id: {next(numbered)}\nevent: {name}\nfoo: bar\ndata: {data}\n\n"
    )
    return [b"retry: 3000\n\n", *written]


@variant(at=Stage.FRAMES)
def data_before_name(frames: list[bytes]) -> list[bytes]:
    """The data of an event comes before its name."""
    return written_again(frames, lambda name, data: f"data: {data}\nevent: {name}\n\n")


@variant(at=Stage.FRAMES)
def no_space_after_colon(frames: list[bytes]) -> list[bytes]:
    """No space follows the colon of a field."""
    return written_again(frames, lambda name, data: f"event:{name}\ndata:{data}\n\n")


@variant(at=Stage.FRAMES)
def data_in_lines(frames: list[bytes]) -> list[bytes]:
    """The JSON of an event is split over several data lines."""

    def spread(name: str, data: str) -> str:
        lines = json.dumps(json.loads(data), indent=2, ensure_ascii=False).split("\n")
        return f"event: {name}\n" + "".join(f"data: {line}\n" for line in lines) + "\n"

    return written_again(frames, spread)


@variant(at=Stage.FRAMES)
def extra_blank_lines(frames: list[bytes]) -> list[bytes]:
    """There are blank lines before the first event and between events."""
    return [b"\n\n", *(frame + b"\n" for frame in frames)]


@variant(at=Stage.FRAMES)
def escaped_json(frames: list[bytes]) -> list[bytes]:
    """Non-ASCII characters are escaped in the JSON of an event."""
    return written_again(frames, lambda name, data: f"event: {name}\ndata: {json.dumps(json.loads(data))}\n\n")
