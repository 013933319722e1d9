"""Bytes <-> server-sent events: incremental, with byte offsets, never lossy.

The rules of this file:

1. Bytes go in, in any chunking; the same events come out, whatever the chunking was.
2. Nothing is repaired and nothing is dropped: what the standard tells a parser to ignore (comments, unknown fields,
   an event without data, an unfinished last event) is kept here as a fact for somebody else to judge.
3. The law is "Server-sent events", WHATWG HTML Living Standard, section 9.2; its sentences stand above the lines that
   obey them.

Lines are split on LF, CR and CRLF alone. U+2028 and its kin are ordinary characters in a data line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

BOM = b"\xef\xbb\xbf"

LF, CR, CRLF = "LF", "CR", "CRLF"

_PLAIN = re.compile(rb"event: ?([^\r\n]*)\ndata: ?([^\r\n]*)\n\n")
"""The form that nearly every event has. It is read in one step; whatever differs from it is read line by line."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WireEvent:
    """One block of lines that ends with a blank line, or with the end of the stream when `dispatched` is false.

    `names` are the values of its `event:` lines (a parser takes the last, which is `name`; more than one tells of a
    missing blank line); `data` the `data:` lines joined by LF, None without one. Offsets count bytes of the decoded
    body, from 0; `end_bytes` is where the next block begins.
    """

    offset_bytes: int
    end_bytes: int
    names: tuple[str, ...]
    data: str | None
    data_offset_bytes: int | None
    id: str | None = None
    retry: str | None = None
    comments: tuple[str, ...] = ()
    unknown_fields: tuple[str, ...] = ()
    dispatched: bool = True

    @property
    def name(self) -> str | None:
        return self.names[-1] if self.names else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Framing:
    """Facts about the whole stream that no single event shows."""

    bom: bool
    line_endings: frozenset[str]
    mixed_at_bytes: int | None
    invalid_utf8_at_bytes: tuple[int, ...]
    total_bytes: int


@dataclass(slots=True)
class _Block:
    """The event that is being collected, between two blank lines."""

    offset_bytes: int
    names: list[str] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    data_offset_bytes: int | None = None
    id: str | None = None
    retry: str | None = None
    comments: list[str] = field(default_factory=list)
    unknown_fields: list[str] = field(default_factory=list)
    lines: int = 0


class Lexer:
    """Turns bytes into events as they arrive: `feed` chunks, then `close` once.

    `feed` and `close` return the events that became complete. `framing` is true of all that was fed so far.
    """

    def __init__(self) -> None:
        self._pending = bytearray()
        self._offset_bytes = 0  # of the first byte in _pending
        self._block = _Block(offset_bytes=0)
        self._bom = False
        self._started = False
        self._endings: set[str] = set()
        self._mixed_at_bytes: int | None = None
        self._invalid_utf8: list[int] = []
        self._closed = False

    @property
    def framing(self) -> Framing:
        return Framing(
            bom=self._bom,
            line_endings=frozenset(self._endings),
            mixed_at_bytes=self._mixed_at_bytes,
            invalid_utf8_at_bytes=tuple(self._invalid_utf8),
            total_bytes=self._offset_bytes + len(self._pending),
        )

    def feed(self, data: bytes) -> list[WireEvent]:
        if self._closed:
            raise ValueError("the lexer is closed: a new stream needs a new Lexer")
        self._pending += data
        return self._drain(final=False)

    def close(self) -> list[WireEvent]:
        """Ends the stream; an unfinished block comes out with `dispatched` false."""
        events = self._drain(final=True)
        self._closed = True
        if self._pending:
            self._line(bytes(self._pending))
            self._offset_bytes += len(self._pending)
            self._pending.clear()
        # "Once the end of the file is reached, any pending data must be discarded. (If the file ends in the middle of
        # an event, before the final empty line, the incomplete event is not dispatched.)"
        if self._block.lines:
            events.append(self._finish(dispatched=False))
        return events

    def _drain(self, *, final: bool) -> list[WireEvent]:
        events: list[WireEvent] = []
        buffer = self._pending
        if not self._started:
            if len(buffer) < len(BOM) and BOM.startswith(bytes(buffer)) and not final:
                return events
            self._started = True
            # "The UTF-8 decode algorithm strips one leading UTF-8 Byte Order Mark (BOM), if any."
            if buffer.startswith(BOM):
                self._bom = True
                del buffer[: len(BOM)]
                self._offset_bytes = self._block.offset_bytes = len(BOM)
        start = 0
        size = len(buffer)
        while start < size:
            plain = None if self._block.lines else self._plain(start)
            if plain is not None:
                events.append(plain)
                start = plain.end_bytes - self._offset_bytes
                continue
            end, after, ending = _line_end(buffer, start, size)
            if ending is None or (ending == CR and after == size and not final):
                break  # a CR at the end of a chunk may be the first half of CRLF
            line = bytes(buffer[start:end])
            self._note_ending(ending, self._offset_bytes + end)
            if line:
                self._line(line, at_bytes=self._offset_bytes + start)
            elif self._block.lines:
                # "If the line is empty (a blank line): Dispatch the event, as defined below."
                events.append(self._finish(dispatched=True, end_bytes=self._offset_bytes + after))
            else:
                self._block.offset_bytes = self._offset_bytes + after
            start = after
        del buffer[:start]
        self._offset_bytes += start
        return events

    def _plain(self, start: int) -> WireEvent | None:
        """The event at this place of the pending bytes when it is whole and in the commonest form."""
        found = _PLAIN.match(self._pending, start)
        if found is None:
            return None
        try:
            name, data = found[1].decode("utf-8"), found[2].decode("utf-8")
        except UnicodeDecodeError:
            return None
        self._note_ending(LF, self._offset_bytes + found.end(1))
        offset, end = self._block.offset_bytes, self._offset_bytes + found.end()
        self._block.offset_bytes = end
        return WireEvent(
            offset_bytes=offset,
            end_bytes=end,
            names=(name,),
            data=data,
            data_offset_bytes=self._offset_bytes + found.start(2),
        )

    def _note_ending(self, ending: str, at_bytes: int) -> None:
        if self._endings and ending not in self._endings and self._mixed_at_bytes is None:
            self._mixed_at_bytes = at_bytes
        self._endings.add(ending)

    def _line(self, line: bytes, *, at_bytes: int | None = None) -> None:
        at = self._offset_bytes if at_bytes is None else at_bytes
        block = self._block
        block.lines += 1
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError as error:
            self._invalid_utf8.append(at + error.start)
            text = line.decode("utf-8", "replace")
        # "If the line starts with a U+003A COLON character (:): Ignore the line."
        if text.startswith(":"):
            block.comments.append(text[1:])
            return
        # "Collect the characters on the line before the first U+003A COLON character (:), and let field be that
        # string. Collect the characters after, and let value be that string. If value starts with a U+0020 SPACE
        # character, remove it from value." Without a colon the whole line is the field name and the value is empty.
        name, _, value = text.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            block.names.append(value)
        elif name == "data":
            if block.data_offset_bytes is None:
                block.data_offset_bytes = at + _value_start(line)
            block.data.append(value)
        elif name == "id":
            block.id = value
        elif name == "retry":
            block.retry = value
        else:
            # "Otherwise: The field is ignored."
            block.unknown_fields.append(text)

    def _finish(self, *, dispatched: bool, end_bytes: int | None = None) -> WireEvent:
        block = self._block
        end = self._offset_bytes if end_bytes is None else end_bytes
        self._block = _Block(offset_bytes=end)
        return WireEvent(
            offset_bytes=block.offset_bytes,
            end_bytes=end,
            names=tuple(block.names),
            data="\n".join(block.data) if block.data_offset_bytes is not None else None,
            data_offset_bytes=block.data_offset_bytes,
            id=block.id,
            retry=block.retry,
            comments=tuple(block.comments),
            unknown_fields=tuple(block.unknown_fields),
            dispatched=dispatched,
        )


def _line_end(buffer: bytearray, start: int, size: int) -> tuple[int, int, str | None]:
    """(end of the line, start of the next, kind of ending); the kind is None when the line is not finished."""
    lf = buffer.find(b"\n", start)
    cr = buffer.find(b"\r", start, lf if lf >= 0 else size)
    if cr >= 0:
        if cr + 1 < size and buffer[cr + 1] == 0x0A:
            return cr, cr + 2, CRLF
        return cr, cr + 1, CR
    if lf >= 0:
        return lf, lf + 1, LF
    return size, size, None


def _value_start(line: bytes) -> int:
    """Where the value of a `field: value` line begins; the line's end when there is no colon."""
    field_name, colon, value = line.partition(b":")
    return len(field_name) + len(colon) + value.startswith(b" ")


def lex(body: bytes) -> tuple[tuple[WireEvent, ...], Framing]:
    """All events of a complete body, and the facts about its framing."""
    lexer = Lexer()
    events = lexer.feed(body) + lexer.close()
    return tuple(events), lexer.framing


def encode(name: str | None, data: str, *, comments: Iterable[str] = ()) -> bytes:
    """One event in the plainest form: an optional `event:` line, a `data:` line for each line of data, a blank line."""
    lines = [f":{comment}" for comment in comments]
    if name is not None:
        lines.append(f"event: {name}")
    lines += [f"data: {line}" for line in data.split("\n")]
    return ("\n".join(lines) + "\n\n").encode("utf-8")
