"""Errors of the upstream and of the gateway, as the Messages API has them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from messages_conformance.reference_gateway.changes import Failed
from messages_conformance.reference_gateway.http import Headers, UpstreamAnswer

TYPES: Final[Mapping[int, str]] = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}
"""The type of an error by its status (platform.claude.com, errors)."""

JSON: Final = ("content-type", "application/json")
OUR_KEY_IS_WRONG: Final = frozenset({401, 403})
"""With these the upstream refuses the gateway's key, not the client's."""


def failed(status: int, message: str, headers: Headers = ()) -> Failed:
    """An error with the envelope of the Messages API."""
    kind = TYPES.get(status) or ("invalid_request_error" if status < 500 else "api_error")
    envelope = {"type": "error", "error": {"type": kind, "message": message}}
    return Failed(status=status, headers=(JSON, *headers), body=json.dumps(envelope, ensure_ascii=False).encode())


def upstream_failed(message: str, _: Mapping[str, str]) -> Failed:
    """The upstream cannot be reached or broke its answer off."""
    return failed(502, message)


async def passed_on(answer: UpstreamAnswer, *, verbatim: bool) -> Failed:
    """The upstream's error: as it is, or its message in an envelope with the status that the Messages API has."""
    kept = tuple(pair for pair in answer.headers if pair[0].lower() in KEPT or (verbatim and _is_theirs(pair[0])))
    body = await answer.body()
    if verbatim:
        media = answer.header("content-type") or JSON[1]
        return Failed(status=answer.status, headers=(("content-type", media), *kept), body=body)
    return failed(_status(answer.status), _message(body, answer.status), kept)


KEPT: Final = frozenset({"retry-after", "retry-after-ms", "x-should-retry", "request-id"})


def _is_theirs(name: str) -> bool:
    return name.lower().startswith("anthropic-")


def _status(status: int) -> int:
    if status in OUR_KEY_IS_WRONG:
        return 500
    return {422: 400, 503: 529}.get(status, status)


def _message(body: bytes, status: int) -> str:
    try:
        given: Any = json.loads(body)
        message = given["error"]["message"]
    except (ValueError, KeyError, TypeError):
        message = None
    return message if isinstance(message, str) and message else f"the model answered with status {status}"
