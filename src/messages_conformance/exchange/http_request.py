"""A request as it was sent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Final

from messages_conformance.exchange.header_lookup import first_values
from messages_conformance.exchange.strict_json import parse_json

KEY_PLACEHOLDER: Final = "$MESSAGES_API_KEY"
"""Stands for the configured key in recorded headers and in the curl commands of a report."""

HEADER_VARIABLE: Final = "MESSAGES_HEADER_"
"""The variable of a header that the user adds begins with this; the name of the header follows."""

WRONG_KEY: Final = "wrong-key-0000000000000000000000000000"
"""The key that no target may accept. It is sent to provoke a refusal, and recorded as it is."""

MESSAGES_PATH: Final = "/v1/messages"

Identity = tuple[str, str, tuple[tuple[str, str], ...], bytes, str]
"""What makes two requests the same: method, path, headers, body, wire form."""


@lru_cache(maxsize=2048)
def _parsed(body: bytes) -> Any:
    """The JSON value of a body: requests are often equal, and share it. Nobody changes it."""
    return parse_json(body)


def header_placeholder(name: str) -> str:
    """Stands for the value of a header that the user adds, in records and in the curl commands of a report."""
    return f"${HEADER_VARIABLE}{re.sub('[^A-Z0-9]', '_', name.upper())}"


def is_header_placeholder(value: str) -> bool:
    """Whether a recorded value stands for that of a header that the user adds."""
    return value.startswith(f"${HEADER_VARIABLE}")


@dataclass(frozen=True, kw_only=True, eq=False)
class Request:
    """What was sent. `path` includes the query. `headers` have KEY_PLACEHOLDER instead of the key, and a placeholder
    instead of the value of each header that the user adds.

    `wire` is one of WIRE_FORMS. `base_url` is the address before `path`, where a recording of somebody else has it.
    """

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    wire: str = ""
    base_url: str = ""

    @cached_property
    def json(self) -> Any:
        """The JSON value of the body, or UNPARSED."""
        return _parsed(self.body)

    @cached_property
    def fields(self) -> Mapping[str, Any]:
        """The JSON body when it is an object, else an empty mapping."""
        return self.json if isinstance(self.json, dict) else {}

    @cached_property
    def route(self) -> str:
        """The path without its query."""
        return self.path.partition("?")[0]

    @cached_property
    def streamed(self) -> bool:
        """Whether the request asks for a stream."""
        return self.fields.get("stream") is True

    def header(self, name: str) -> str | None:
        """The first value under a header name, in any case; None when absent."""
        return self._header_values.get(name.lower())

    @cached_property
    def _header_values(self) -> Mapping[str, str]:
        return first_values(self.headers)

    @property
    def identity(self) -> Identity:
        """Equal for requests that are the same on the wire."""
        return self.method, self.path, self.headers, self.body, self.wire
