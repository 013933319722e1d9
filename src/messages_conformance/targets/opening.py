"""Opens the target that a string describes, or raises an error with the form that was probably meant."""

from __future__ import annotations

import re
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from messages_conformance.masking import remember_address, remember_secret
from messages_conformance.targets.address import VALID_FORMS, parse_address, shown_url, with_base_path
from messages_conformance.targets.connection import Connection
from messages_conformance.targets.http import HttpTarget
from messages_conformance.targets.reference import ReferenceTarget
from messages_conformance.targets.replay import ReplayTarget
from messages_conformance.targets.target import Target, TargetError

DEFAULT_TIMEOUT_S: Final = 60.0
"""How long to wait for the next byte, unless --timeout says otherwise (origin: our own)."""

_SCHEMES = ("http", "https", "reference", "replay")


def open_target(
    spec: str,
    *,
    key: str | None,
    timeout_s: float = DEFAULT_TIMEOUT_S,
    version_required: bool = False,
    connection: Connection = Connection(),  # noqa: B008 (frozen)
) -> Target:
    """The target that `spec` describes. Raises TargetError with the probable mistake, its cure and the valid forms.

    `key` is sent where a request's headers hold KEY_PLACEHOLDER. `timeout_s` limits the wait for the next byte.
    `version_required` is for the reference endpoint: whether it refuses requests without anthropic-version.
    `connection` has added headers, a base path and certificates.
    """
    spec = spec.strip()
    remember_secret(key)
    remember_address(spec)
    connection.remember()
    key = _checked(key)
    scheme, colon, rest = spec.partition(":")
    match scheme.lower() if colon else "":
        case "http" | "https" if rest.startswith("//"):
            address = with_base_path(parse_address(spec), connection.base_path)
            return HttpTarget(address, key=key, timeout_s=timeout_s, connection=connection)
        case "reference":
            return ReferenceTarget(
                rest.strip(), timeout_s=timeout_s, version_required=version_required, connection=connection
            )
        case "replay" if rest:
            return ReplayTarget(Path(rest).expanduser(), key=key)
    raise TargetError(f"{_guess(spec)}; {VALID_FORMS}")


def _checked(key: str | None) -> str | None:
    if not key:
        return None
    if not key.isprintable() or not key.isascii() or key != key.strip():
        raise TargetError(
            "the key holds a blank at an end, a line break or a character that no header can carry; "
            "set the variable again, without quotes and line breaks inside its value"
        )
    return key


def _guess(spec: str) -> str:
    """The description that was probably meant."""
    if not spec:
        return "no target was given"
    shown = shown_url(re.sub(r"(//|^)[^/@]*@", r"\1", spec))
    scheme, colon, rest = shown.partition(":")
    if colon and scheme.lower() in ("http", "https"):
        return f"{shown!r} lacks slashes; did you mean {scheme.lower()}://{rest.lstrip('/')}?"
    if scheme.lower() == "replay":
        return "replay: lacks its file; did you mean replay:reports/latest/exchanges.jsonl?"
    near = get_close_matches(scheme.lower(), _SCHEMES, n=1)
    if near:
        return f"{shown!r} is no target; did you mean {near[0]}:{rest}?"
    if "://" in spec:
        return f"{scheme!r} is no scheme that a target can have; did you mean https://{shown.partition('://')[2]}?"
    if spec.endswith(".jsonl"):
        return f"{shown!r} is a file; did you mean replay:{shown}?"
    if re.fullmatch(r"[a-z]+(_[a-z0-9]+)+", spec):
        return f"{shown!r} is no target; did you mean reference:{shown}?"
    local = re.match(r"(localhost|127\.|0\.0\.0\.0|\[|\d)|.*:\d+", shown)
    return f"{shown!r} has no scheme; did you mean {'http' if local else 'https'}://{shown}?"
