"""The elements of one array in a large JSON document, one after the other, in bounded memory."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import IO, Any, Final

READ_BYTES: Final = 1 << 20
"""Bytes that are read at once (our own: larger reads are not faster)."""

MAX_ITEM_CHARACTERS: Final = 256 * 1024 * 1024
"""Longest element that is read into memory (our own: the exchange with the longest answer has a few megabytes)."""

_SPACE: Final = " \t\r\n"
_STRUCTURE: Final = re.compile(r'["{}\[\]]')
_STRING_END: Final = re.compile(r'["\\]')


class JsonCut(Exception):
    """The document ends, or stops being JSON, at `offset` characters after its beginning."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


class JsonReader:
    """Reads one JSON document from a stream of bytes; `offset` is the number of characters that were consumed."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self._text = ""
        self._at = 0
        self._ended = False
        self._before = 0

    @property
    def offset(self) -> int:
        """Characters that were consumed."""
        return self._before + self._at

    def elements(self, *path: str) -> Iterator[Any]:
        """The elements of the array under these keys; raises JsonCut where the document cannot be read any further.

        The keys before the array on its path must be those of objects. Values of other keys are skipped.
        """
        for key in path:
            if not self._enter(key):
                return
        self._expect("[")
        if self._peek() == "]":
            self._at += 1
            return
        while True:
            yield self._value()
            if self._next() == "]":
                return

    def keys(self) -> Iterator[tuple[str, Any]]:
        """The members of an object, one after the other, each with its value."""
        self._expect("{")
        if self._peek() == "}":
            return
        while True:
            name = self._value()
            self._expect(":")
            yield name, self._value()
            if self._next() == "}":
                return

    def _enter(self, key: str) -> bool:
        """Moves to the value of a key of the object that begins here; returns False when it has no such key."""
        self._expect("{")
        if self._peek() == "}":
            return False
        while True:
            name = self._value()
            self._expect(":")
            if name == key:
                return True
            self._value()
            if self._next() == "}":
                return False

    def _expect(self, character: str) -> None:
        found = self._peek()
        if found != character:
            raise JsonCut(f"{character!r} was expected, not {found!r}", self.offset)
        self._at += 1

    def _next(self) -> str:
        """The comma or the closing bracket after a value."""
        found = self._peek()
        if found not in ",]}":
            raise JsonCut(f"a comma was expected, not {found!r}", self.offset)
        self._at += 1
        return found

    def _peek(self) -> str:
        """The next character that is no white space."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in _SPACE:
                self._at += 1
            if self._at < len(self._text):
                return self._text[self._at]
            self._more()

    def _more(self) -> None:
        """Reads more text, and forgets what was consumed; raises JsonCut at the end of the file."""
        if self._ended:
            raise JsonCut("the file ends in the middle", self.offset)
        data = self._file.read(max(READ_BYTES, len(self._text) - self._at))  # an element is copied a few times at most
        self._ended = not data
        self._before += self._at
        self._text = self._text[self._at :] + self._decoder.decode(data, final=self._ended)
        self._at = 0

    def _value(self) -> Any:
        """The value that begins here."""
        first = self._peek()
        start_offset = self.offset
        end = self._end_of_string(self._at + 1) if first == '"' else self._end_of_other(first)
        text = self._text[self._at : end]
        self._at = end
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            raise JsonCut(f"not JSON ({error})", start_offset) from None

    def _end_of_string(self, at: int) -> int:
        """The position after the closing quote; `at` is the position after the opening one."""
        while True:
            match = _STRING_END.search(self._text, at)
            if match is None:
                at = self._grown(len(self._text))
            elif match[0] == '"':
                return match.end()
            else:
                at = match.end() + 1
                if at > len(self._text):
                    at = self._grown(match.start()) + 2

    def _end_of_other(self, first: str) -> int:
        if first not in "{[":
            return self._end_of_word()
        depth, at = 0, self._at
        while True:
            match = _STRUCTURE.search(self._text, at)
            if match is None:
                at = self._grown(len(self._text))
                continue
            at = match.end()
            if match[0] == '"':
                at = self._end_of_string(at)
                continue
            depth += 1 if match[0] in "{[" else -1
            if depth == 0:
                return at

    def _end_of_word(self) -> int:
        at = self._at
        while True:
            while at < len(self._text) and self._text[at] not in " \t\r\n,]}":
                at += 1
            if at < len(self._text) or self._ended:
                return at
            at = self._grown(at)

    def _grown(self, at: int) -> int:
        """Reads more text and returns where the position `at` is now."""
        if len(self._text) - self._at > MAX_ITEM_CHARACTERS:
            raise JsonCut(f"one value is longer than {MAX_ITEM_CHARACTERS:,} characters", self.offset)
        distance = at - self._at
        self._more()
        return self._at + distance
