"""Recognises headers that somebody removed or replaced before a recording was published.

A header that is absent from such a recording may have been sent, so its absence is no finding.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from messages_conformance.exchange import RecordingPart

Headers = Iterable[tuple[str, str]]

VOLATILE: Final = re.compile(
    r"(.+-)?request-?id|cf-ray|anthropic-.+|.+-ratelimit-.+|x-amz.+|.+-trace-id", re.IGNORECASE
)
"""Headers whose value differs from response to response. Every response that a server or a gateway sends has some, and
recorders remove them first (origin: 1,679 recorded responses of the API). Without any of them the headers were reduced;
Retry-After and Date are no sign, because recorders keep them."""

PLACEHOLDER: Final = re.compile(
    r"(?:.*[-_ ])?x{3,}|\*{3,}|<[\w .-]+>|\[[\w .-]+\]|\{{1,2}[\w .-]+\}{1,2}|fake.*"
    r"|.*(redacted|scrubbed|filtered|masked|placeholder).*",
    re.IGNORECASE,
)
"""Values that recorders write in place of a secret or of an id: XXX, ***, <REQUEST_ID>, [FILTERED], {{id}}, REDACTED
(origin: the default replacements of common recording libraries, and the recordings of the API)."""


_LIMITS: Final = re.compile(r"anthropic-ratelimit-.+", re.IGNORECASE)
_IDENTITY: Final = re.compile(r"(?:.+-)?request-?id|anthropic-organization-id", re.IGNORECASE)
"""The API sends both with every response that has its rate limits. Whoever publishes a recording removes them first."""


def is_placeholder(value: str, name: str = "") -> bool:
    """Whether somebody wrote this value in place of the true one; `name` is that of the header, if it is one.

    Some recorders write the name of the header: REQUEST-ID-XXX.
    """
    spelled = value.strip().lower().replace("_", "-")
    return bool(PLACEHOLDER.fullmatch(value.strip())) or bool(name and name.lower() in spelled)


def _is_replaced(header: tuple[str, str]) -> bool:
    name, value = header
    return VOLATILE.fullmatch(name) is not None and is_placeholder(value, name)


def _lost_its_identity(headers: Headers) -> bool:
    """Whether nothing identifies the response or the caller, and the other headers show that somebody reduced them.

    They have the rate limits of a caller, or they have no date, which every response has (RFC 9110, 6.6.1).
    """
    names = [name.lower() for name, _ in headers]
    is_reduced = any(map(_LIMITS.fullmatch, names)) or "date" not in names
    return is_reduced and not any(map(_IDENTITY.fullmatch, names))


def lacks_of_headers(headers: Headers) -> frozenset[RecordingPart]:
    """Returns {RESPONSE_HEADERS} when the headers were reduced or replaced; empty when they look complete."""
    headers = list(headers)
    volatile = [name for name, _ in headers if VOLATILE.fullmatch(name)]
    if volatile and not any(map(_is_replaced, headers)) and not _lost_its_identity(headers):
        return frozenset()
    return frozenset({RecordingPart.RESPONSE_HEADERS})


def are_all_headers(headers: Headers) -> bool:
    """Whether headers of a recorder that keeps all of them are still complete: nobody reduced or replaced them.

    Every response has a date (RFC 9110, 6.6.1), a content-type, and the length of its body or chunks (HTTP/1.1). Who
    reduces headers by hand does not keep these.
    """
    headers = list(headers)
    values = {name.lower(): value for name, value in headers}
    if any(map(_is_replaced, headers)) or _lost_its_identity(headers):
        return False
    framed = bool({"content-length", "transfer-encoding", "connection"} & set(values))
    return not lacks_of_headers(headers) or ("date" in values and "content-type" in values and framed)


_IDS: Final = re.compile(r'"(?:id|tool_use_id|request_id)"\s*:\s*"([^"\\]*)"')

PLACEHOLDER_ID: Final = re.compile(
    r"(?:[a-z]+_)*(?:[x*.]{3,}|0{6,}|<.*>|\[.*\]|\{.*\})|.*(redacted|scrubbed|filtered|masked|placeholder|sanitized).*",
    re.IGNORECASE,
)
"""Ids that recorders write in place of a true one: msg_XXX, toolu_000000, <ID>, [ID] (origin: as PLACEHOLDER)."""


def has_placeholder_ids(text: str) -> bool:
    """Whether a body has an id that somebody put in place of the true one."""
    return any(PLACEHOLDER_ID.fullmatch(match[1]) for match in _IDS.finditer(text))
