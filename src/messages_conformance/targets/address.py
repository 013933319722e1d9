"""Parses the URL of a target: the base URL that a user means by what they wrote."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import SplitResult, urlsplit

from messages_conformance.targets.target import TargetError

VALID_FORMS: Final = (
    "valid: http(s)://host[:port][/prefix], reference:, reference:FAULT, reference:FAULT@CONDITION, "
    "reference:variant=NAME, replay:FILE"
)
"""The forms of a target, for messages."""

_TAIL = re.compile(r"(?:/v1(?:/messages(?:/count_tokens)?)?)?/*$")


@dataclass(frozen=True, kw_only=True)
class Address:
    """The address of an endpoint.

    `base_url` has no trailing slash, no /v1 and no user name; the path of a request follows it. `secure` means https.
    `notes` say what was left out of the URL.
    """

    base_url: str
    host: str
    port: int
    secure: bool
    notes: tuple[str, ...] = ()

    @property
    def loopback(self) -> bool:
        """Whether the host is this machine."""
        if self.host == "localhost" or self.host.endswith(".localhost"):
            return True
        try:
            address = ipaddress.ip_address(self.host)
        except ValueError:
            return False
        return address.is_loopback or address.is_unspecified


def parse_address(url: str) -> Address:
    """The address that a URL means. Raises TargetError when it is not usable; the message gives the valid forms."""
    parts, port = _split(url)
    _reject_extras(parts)
    notes = []
    if "@" in parts.netloc:
        notes.append("the user name in the URL is not used: the key comes from the environment")
    prefix = _TAIL.sub("", parts.path)
    dropped = parts.path[len(prefix) :]
    if dropped.strip("/"):
        notes.append(f"{dropped} at the end of the URL is left out: a base URL ends before it, as for an SDK")
    secure = parts.scheme.lower() == "https"
    host = parts.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    return Address(
        base_url=f"{parts.scheme.lower()}://{shown}{f':{port}' if port else ''}{prefix}",
        host=host,
        port=port or (443 if secure else 80),
        secure=secure,
        notes=tuple(notes),
    )


def with_base_path(address: Address, base_path: str) -> Address:
    """The address with a path that follows its own; raises TargetError for a path that is not usable."""
    if not base_path:
        return address
    longer = parse_address(address.base_url + base_path)
    return replace(longer, notes=(*address.notes, *longer.notes))


def _split(url: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise TargetError(f"{shown_url(url)!r} is not a URL ({error}); {VALID_FORMS}") from None
    if not parts.hostname or re.search(r"[\s\x00-\x1f\\]", url):
        raise TargetError(f"{shown_url(url)!r} names no host; write http://HOST:PORT; {VALID_FORMS}")
    if port == 0:
        raise TargetError(
            f"{shown_url(url)!r} has port 0, where nothing listens; name the server's port; {VALID_FORMS}"
        )
    return parts, port


def _reject_extras(parts: SplitResult) -> None:
    if parts.query or parts.fragment:
        extra = _without_values(f"?{parts.query}") if parts.query else "#…"
        raise TargetError(f"a base URL has no {extra!r}; leave it out; {VALID_FORMS}")


def shown_url(url: str) -> str:
    """The URL without the part before an @, which may be a password, and without the values of its query."""
    address, mark, query = re.sub(r"//[^/@]*@", "//", url).partition("?")
    return address + _without_values(mark + query)


def _without_values(query: str) -> str:
    """A query with its names alone: a value may be a key."""
    return re.sub(r"=[^&]*", "=…", query) if "=" in query else "?…" if query[1:] else query
