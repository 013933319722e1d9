"""Credentials in recorded requests: what is masked in the headers, and which values must not occur anywhere else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from messages_conformance.captures.pair import Headers
from messages_conformance.captures.scrubbing import PLACEHOLDER
from messages_conformance.exchange import KEY_PLACEHOLDER, Request, Response
from messages_conformance.masking import is_secret, masked_request, masked_response

REMOVED: Final = "(removed)"
"""In place of cookies: they are credentials, and no rule reads them."""

MIN_KEY_CHARACTERS: Final = 16
"""A shorter credential is a placeholder of a recorder, and may occur in a response by chance (origin: our own). The
shortest keys of public gateways have 20 characters."""

_KEY_HEADERS: Final = ("x-api-key", "authorization", "proxy-authorization", "api-key", "x-goog-api-key")
_SCHEME: Final = re.compile(r"(bearer|basic)\s+", re.IGNORECASE)


def without_credentials(headers: Headers) -> Headers:
    """The headers with KEY_PLACEHOLDER in place of each key; what a recorder put in its place stays."""
    return tuple((name, _without_credential(name.lower(), value)) for name, value in headers)


def without_keys(request: Request, response: Response, headers: Headers) -> tuple[Request, Response]:
    """Request and response without the keys that the headers of the request, as they were sent, contain."""
    for key in keys_in(headers):
        request, response = masked_request(request, key), masked_response(response, key)
    return request, response


def keys_in(headers: Headers) -> Iterator[str]:
    """The credentials in the headers of a request that are real ones."""
    for name, value in headers:
        if name.lower() not in _KEY_HEADERS:
            continue
        key = _SCHEME.sub("", value, count=1).strip()
        real = len(key) >= MIN_KEY_CHARACTERS and not key.isalpha() and KEY_PLACEHOLDER not in key
        if real and is_secret(key) and not PLACEHOLDER.fullmatch(key):
            yield key


def _without_credential(name: str, value: str) -> str:
    if name == "cookie":
        return REMOVED
    if name not in _KEY_HEADERS or PLACEHOLDER.fullmatch(value.strip()) or not value.strip():
        return value
    scheme = _SCHEME.match(value)
    return (scheme[0] if scheme else "") + KEY_PLACEHOLDER
