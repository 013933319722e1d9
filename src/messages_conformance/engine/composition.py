"""An Ask becomes a Request: the profile's headers, the run's model, and the same bytes every time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from messages_conformance.exchange import CUT_BODY, KEY_PLACEHOLDER, MODEL_PLACEHOLDER, WRONG_KEY, Ask, Request

if TYPE_CHECKING:
    from messages_conformance.contract import Profile


CUT_OFF_BYTES: Final = 100
"""How much of a body is announced and never sent where it is cut."""

INDENT: Final = "  \t"
"""Spaces and a tab: either alone is found in bodies that clients send, and JSON allows both."""


def compose(ask: Ask, *, profile: Profile, model: str | None) -> Request:
    """The request that asks it; the key's place is held by KEY_PLACEHOLDER. Raises ValueError for an unknown `auth`."""
    headers = list(_auth_headers(ask.auth, profile))
    if profile.api_version is not None:
        headers.append(("anthropic-version", profile.api_version))
    if ask.body is not None:
        headers.append(("content-type", "application/json"))
    headers.append(("accept", "application/json"))
    _change_all(headers, ask.headers)
    body = _body(ask, model)
    if ask.wire == CUT_BODY:
        headers.append(("content-length", str(len(body) + CUT_OFF_BYTES)))
    if ask.header_case == "odd":
        headers = [(_odd(name), value) for name, value in headers]
    return Request(method=ask.method, path=ask.path, headers=tuple(headers), body=body, wire=ask.wire)


def _change_all(headers: list[tuple[str, str]], changes: tuple[tuple[str, str | None], ...]) -> None:
    seen: set[str] = set()
    for name, value in changes:
        if name.lower() in seen and value is not None:
            headers.append((name, value))
        else:
            _change(headers, name, value)
        seen.add(name.lower())


def _auth_headers(auth: str, profile: Profile) -> tuple[tuple[str, str], ...]:
    scheme, key = profile.auth if auth in ("profile", "wrong") else auth, KEY_PLACEHOLDER
    if auth == "wrong":
        key = WRONG_KEY
    match scheme:
        case "none":
            return ()
        case "bearer":
            return (("authorization", f"Bearer {key}"),)
        case "x-api-key":
            return (("x-api-key", key),)
    raise ValueError(f"unknown auth {auth!r} in an Ask; valid: profile, none, wrong, bearer, x-api-key")


def _odd(name: str) -> str:
    """The name with every other letter in upper case."""
    return "".join(letter.upper() if place % 2 else letter.lower() for place, letter in enumerate(name))


def _change(headers: list[tuple[str, str]], name: str, value: str | None) -> None:
    """Puts a value under a name, at its old place if it had one; None takes the header away."""
    places = [place for place, (held, _) in enumerate(headers) if held.lower() == name.lower()]
    if value is None:
        for place in reversed(places):
            del headers[place]
    elif places:
        headers[places[0]] = (name, value)
    else:
        headers.append((name, value))


def _body(ask: Ask, model: str | None) -> bytes:
    if ask.body is None:
        return b""
    if not isinstance(ask.body, Mapping):
        return ask.body.replace(MODEL_PLACEHOLDER.encode(), json.dumps(model or "")[1:-1].encode())
    fields: dict[str, Any] = dict(ask.body)
    if ask.fill_model and model is not None and "model" not in fields:
        fields = {"model": model, **fields}
    if ask.layout == "reordered":
        fields = dict(reversed(fields.items()))
    if ask.layout == "indented":
        text = json.dumps(fields, ensure_ascii=False, indent=INDENT)
    else:
        text = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    # A lone surrogate has no UTF-8; Python's backslash form of it is the escape that JSON has for it.
    return text.encode("utf-8", "backslashreplace")
