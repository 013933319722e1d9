"""The items of the list in a YAML document, one after the other, in bounded memory.

Only plain data is built: strings, numbers, true and false, null, bytes, lists and mappings. A tag of a programming
language (`!ruby/object:...`) is ignored; its node is read as plain data. Dates stay text.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import IO, Any, Final

import yaml

MAX_ITEM_EVENTS: Final = 5_000_000
"""Most YAML nodes of one item (our own: a recorded exchange has a few hundred, a parsed body some ten thousand)."""

_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER: Final = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NULL: Final = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEAN: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


class YamlCut(Exception):
    """The document stops being YAML in line `line`, counted from 1."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


def top_level(file: IO[bytes]) -> Iterator[tuple[str, Any]]:
    """The members of the mapping at the top. Of a list, each item is yielded alone, under the key of the list.

    A document that is a list has the key "". Raises YamlCut where the document cannot be read any further.
    """
    parser = _LOADER(file)
    builder = _Builder(parser)
    try:
        while not isinstance(event := parser.get_event(), yaml.MappingStartEvent | yaml.SequenceStartEvent):
            if isinstance(event, yaml.ScalarEvent | yaml.AliasEvent | yaml.StreamEndEvent):
                raise YamlCut("a mapping was expected", 1)
        if isinstance(event, yaml.SequenceStartEvent):
            yield from (("", item) for item in builder.items())
            return
        while not isinstance(event := parser.get_event(), yaml.MappingEndEvent):
            key = builder.value(event)
            if parser.check_event(yaml.SequenceStartEvent):
                parser.get_event()
                yield from ((str(key), item) for item in builder.items())
            else:
                yield str(key), builder.value(parser.get_event())
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
        raise YamlCut(str(problem), mark.line + 1 if mark is not None else 1) from None
    except (RecursionError, UnicodeDecodeError) as error:
        raise YamlCut(str(error), 1) from None
    finally:
        parser.dispose()


class _Builder:
    """Builds values out of the events of a parser. Anchors are known until the end of the item in which they are."""

    def __init__(self, parser: Any) -> None:
        self._parser = parser
        self._anchors: dict[str, Any] = {}
        self._events = 0

    def items(self) -> Iterator[Any]:
        """The items of the list whose start was read."""
        while not isinstance(event := self._parser.get_event(), yaml.SequenceEndEvent):
            self._anchors, self._events = {}, 0
            yield self.value(event)

    def value(self, event: Any) -> Any:
        """The value that begins with this event."""
        self._events += 1
        if self._events > MAX_ITEM_EVENTS:
            raise YamlCut(f"one item has more than {MAX_ITEM_EVENTS:,} nodes", event.start_mark.line + 1)
        if isinstance(event, yaml.AliasEvent):
            return self._anchors.get(event.anchor or "")
        if isinstance(event, yaml.ScalarEvent):
            built: Any = _scalar(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            built = []
            while not isinstance(event_of_item := self._parser.get_event(), yaml.SequenceEndEvent):
                built.append(self.value(event_of_item))
        else:
            built = self._mapping()
        if event.anchor is not None:
            self._anchors[event.anchor] = built
        return built

    def _mapping(self) -> dict[str, Any]:
        built: dict[str, Any] = {}
        while not isinstance(event := self._parser.get_event(), yaml.MappingEndEvent):
            key = self.value(event)
            value = self.value(self._parser.get_event())
            if key == "<<" and isinstance(value, dict):
                built = {**value, **built}
            else:
                built[key if isinstance(key, str) else str(key)] = value
        return built


def _scalar(event: Any) -> Any:
    """The value of a scalar. Only a plain one can be a number, true, false or null."""
    text, tag = event.value, event.tag or ""
    if tag.endswith("binary"):
        try:
            return base64.b64decode(re.sub(r"\s", "", text), validate=True)
        except (ValueError, binascii.Error):
            return text
    if event.style or (tag and not event.implicit[0]) or tag.endswith(":str"):
        return text
    if text in _NULL:
        return None
    if text in _BOOLEAN:
        return _BOOLEAN[text]
    if _INTEGER.fullmatch(text):
        return int(text) if len(text) < 19 else text
    if _FLOAT.fullmatch(text):
        return float(text)
    return text
