"""When the frames of a stream are written: waits, pauses, holds, keep-alives, interruptions, and how writes are cut."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from typing import Final, Literal, TypeAlias

from messages_conformance.upstream.script import Block, Pause, Script

INSIDE_CHARACTERS: Final = re.compile(rb"[\x00-\xbf]*[\xc0-\xff]|[\x00-\xbf]+")
"""Bytes up to the first byte of a character of several bytes (RFC 3629, 3)."""

Kind: TypeAlias = Literal["around", "delta", "end"]
"""What a frame counts as. An `end` frame says how the answer ended; only `delta` frames are counted."""


@dataclass(frozen=True)
class Frame:
    """One event of a stream as bytes."""

    data: bytes
    kind: Kind = "around"


@dataclass(frozen=True)
class Step:
    """One write of a body: the wait before it, and the number of releases that it waits for. It may have no bytes."""

    data: bytes
    wait_s: float = 0.0
    hold: int = 0


def pieces_of(text: str, block: Block, script: Script) -> Iterator[str]:
    """The text in the pieces that its deltas carry; some may be empty."""
    at = 0
    for size in cycle(block.sizes or script.chunking.sizes):
        if at >= len(text):
            return
        yield text[at : at + size]
        at += size


def steps(frames: Sequence[Frame], script: Script, *, keep_alive: bytes, error: Callable[[int], bytes]) -> list[Step]:
    """The writes of a stream. `error` gives the bytes of an error event that follows a number of frames."""
    broken = script.interruption
    shown = frames if broken is None else frames[: position(frames, broken.after)]
    timed = list(_timed(frames, len(shown), script, keep_alive))
    if broken is not None and broken.how == "error":
        timed.append(Step(error(len(shown))))
    return list(_written(timed, script))


def position(frames: Sequence[Frame], after: int) -> int:
    """The index of the first frame that follows a number of deltas, or all if there are fewer.

    For 0 it is that of the first delta, or of the end in an answer without one.
    """
    deltas = [at for at, frame in enumerate(frames) if frame.kind == "delta"]
    if deltas:
        return deltas[min(after, len(deltas)) - 1] + 1 if after > 0 else deltas[0]
    return next((at for at, frame in enumerate(frames) if frame.kind == "end"), len(frames))


def _timed(frames: Sequence[Frame], count: int, script: Script, keep_alive: bytes) -> Iterator[Step]:
    """A step for each of the first frames, in their time, with the pauses between them."""
    pauses = [(position(frames, pause.after), pause) for pause in script.pauses]
    deltas = 0
    yield Step(b"", script.wait_before_events_s)
    for at in range(count + 1):
        yield from _silence((pause for where, pause in pauses if where == at), keep_alive)
        if at == count:
            return
        frame = frames[at]
        is_delta = frame.kind == "delta"
        holds = script.hold and frame.kind != "around"
        yield Step(frame.data, script.wait_between_deltas_s * (is_delta and deltas > 0), deltas if holds else 0)
        deltas += is_delta
        if is_delta and script.keep_alive_every and deltas % script.keep_alive_every == 0:
            yield Step(keep_alive)


def _silence(pauses: Iterable[Pause], keep_alive: bytes) -> Iterator[Step]:
    for pause in pauses:
        count = int(pause.seconds / pause.keep_alive_s) if pause.keep_alive_s else 0
        yield from [Step(keep_alive, pause.keep_alive_s)] * count
        yield Step(b"", pause.seconds - count * pause.keep_alive_s)


def _written(timed: Sequence[Step], script: Script) -> Iterator[Step]:
    """The steps with their bytes joined or cut, as the script says."""
    match script.chunking.writes:
        case "joined":
            yield from _joined(timed)
        case "inside-characters":
            yield from _cut(timed, INSIDE_CHARACTERS.findall)
        case "bytes":
            yield from _cut(timed, lambda data: [data[at : at + 1] for at in range(len(data))])
        case "events":
            yield from timed


def _joined(timed: Sequence[Step]) -> Iterator[Step]:
    held = timed[0]
    for step in timed[1:]:
        if step.wait_s or step.hold:
            yield held
            held = step
        else:
            held = replace(held, data=held.data + step.data)
    yield held


def _cut(timed: Sequence[Step], cut: Callable[[bytes], list[bytes]]) -> Iterator[Step]:
    for step in timed:
        first, *rest = cut(step.data) or [b""]
        yield replace(step, data=first)
        yield from map(Step, rest)
