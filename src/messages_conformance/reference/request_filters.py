"""Which requests a fault applies to, written down as data."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Any, Final, Literal

from messages_conformance.reference.changes import RequestContext
from messages_conformance.reference.json_edits import ABSENT, member

JsonType = Literal["list", "string"]
JSON_TYPES: Final[Mapping[JsonType, type]] = MappingProxyType({"list": list, "string": str})


@dataclass(frozen=True, kw_only=True)
class RequestFilter:
    """Selects requests; every part that is given must hold. Globs are case-sensitive.

    Members of the request's body are named by paths such as `thinking.type`. A body that the endpoint did not accept
    as a JSON object has no members.
    """

    method: str = ""
    path: str = ""
    """A glob for the path, percent-encoded and without query string."""
    target: str = ""
    """A glob for path and query string."""
    http_version: str = ""
    headers: tuple[str, ...] = ()
    """Headers that the request has."""
    without_headers: tuple[str, ...] = ()
    header_matches: Mapping[str, str] = field(default_factory=dict)
    """Header -> a glob for its first value."""
    sends: str = ""
    """A regular expression for some part of the body's bytes, in UTF-8; a dot matches line breaks, too."""
    streamed: bool | None = None
    has: tuple[str, ...] = ()
    """Members of the body that are present, whatever their value."""
    lacks: tuple[str, ...] = ()
    """Members of the body that are absent, null or empty."""
    equals: Mapping[str, Any] = field(default_factory=dict)
    matches: Mapping[str, str] = field(default_factory=dict)
    """Member -> a glob for its value, which is a string."""
    types: Mapping[str, JsonType] = field(default_factory=dict)
    longer_than: Mapping[str, int] = field(default_factory=dict)
    """Member -> a number of items that its list exceeds."""
    longer_body_than: int | None = None
    """A number of bytes that the body exceeds."""

    def selects(self, context: RequestContext) -> bool:
        """Whether the request of an exchange is one of those that the filter describes."""
        return all(self._head_holds(context)) and all(self._body_holds(context))

    def _head_holds(self, context: RequestContext) -> Iterator[bool]:
        request = context.request
        yield self.method in ("", request.method)
        yield not self.path or fnmatchcase(request.path, self.path)
        yield not self.target or fnmatchcase(request.target, self.target)
        yield self.http_version in ("", request.http_version)
        yield all(request.header(name) is not None for name in self.headers)
        yield all(request.header(name) is None for name in self.without_headers)
        yield self.longer_body_than is None or len(request.body) > self.longer_body_than
        yield not self.sends or re.search(self.sends.encode(), request.body, re.DOTALL) is not None
        for name, glob in self.header_matches.items():
            yield fnmatchcase(request.header(name) or "", glob)

    def _body_holds(self, context: RequestContext) -> Iterator[bool]:
        body = context.body
        yield self.streamed in (None, context.streams)
        yield all(member(body, path) is not ABSENT for path in self.has)
        yield all(member(body, path) is ABSENT or not member(body, path) for path in self.lacks)
        for path, wanted in self.equals.items():
            yield member(body, path) == wanted and type(member(body, path)) is type(wanted)
        for path, glob in self.matches.items():
            yield isinstance(member(body, path), str) and fnmatchcase(member(body, path), glob)
        for path, name in self.types.items():
            yield isinstance(member(body, path), JSON_TYPES[name])
        for path, count in self.longer_than.items():
            yield isinstance(member(body, path), list) and len(member(body, path)) > count
