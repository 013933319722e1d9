"""Composes the Request of an Ask: the headers of the profile, the model of the run, and the same bytes every time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from messages_conformance.exchange import (
    CUT_BODY,
    KEY_PLACEHOLDER,
    MODEL_PLACEHOLDER,
    WRONG_KEY,
    Ask,
    Request,
    header_placeholder,
)

if TYPE_CHECKING:
    from messages_conformance.contract import Profile


CUT_OFF_BYTES: Final = 100
"""The bytes of a cut body that its content-length announces and that are never sent (origin: our own)."""

INDENT: Final = "  \t"
"""Spaces and a tab: clients indent with either of them, and JSON allows both."""


def compose(ask: Ask, *, profile: Profile, model: str | None, added: Iterable[str] = ()) -> Request:
    """The request of an Ask, with KEY_PLACEHOLDER in place of the key. Raises ValueError for an unknown `auth`.

    `added` are the names of headers that the user adds; a header of the Ask itself replaces them.
    """
    headers = list(_auth_headers(ask.auth, profile))
    if profile.api_version is not None:
        headers.append(("anthropic-version", profile.api_version))
    if ask.body is not None:
        headers.append(("content-type", "application/json"))
    headers.append(("accept", "application/json"))
    _change_all(headers, ask.headers)
    present = {name.lower() for name, _ in headers}
    headers += [(name, header_placeholder(name)) for name in added if name.lower() not in present]
    body = _body(ask, model)
    if ask.wire == CUT_BODY:
        headers.append(("content-length", str(len(body) + CUT_OFF_BYTES)))
    if ask.header_case == "odd":
        headers = [(_odd_case(name), value) for name, value in headers]
    return Request(method=ask.method, path=ask.path, headers=tuple(headers), body=body, wire=ask.wire)


def _change_all(headers: list[tuple[str, str]], changes: tuple[tuple[str, str | None], ...]) -> None:
    """Applies the changes in order; a name that comes twice is sent twice."""
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


def _odd_case(name: str) -> str:
    """The name with every other letter in upper case."""
    return "".join(letter.upper() if position % 2 else letter.lower() for position, letter in enumerate(name))


def _change(headers: list[tuple[str, str]], name: str, value: str | None) -> None:
    """Sets a header, at its old position if it had one; None removes it."""
    positions = [at for at, (present, _) in enumerate(headers) if present.lower() == name.lower()]
    if value is None:
        for at in reversed(positions):
            del headers[at]
    elif positions:
        headers[positions[0]] = (name, value)
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
    # UTF-8 cannot encode a lone surrogate. Python's backslash form of it is the escape that JSON uses.
    return text.encode("utf-8", "backslashreplace")
