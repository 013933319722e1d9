"""Response headers."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from messages_conformance.reference.changes import Stage
from messages_conformance.reference.http import HttpResponse
from messages_conformance.reference.variant_registry import NOT_TOKMODEL, variant

TOKEN_LIMIT: Final = 450_700
"""Rounded to thousands it is larger: rounded remaining tokens may exceed the limit."""


@variant(at=Stage.RESPONSE, needs_socket=True)
def capital_headers(response: HttpResponse) -> HttpResponse:
    """Header names are in capital letters."""
    return replace(response, headers=tuple((name.upper(), value) for name, value in response.headers))


@variant(at=Stage.RESPONSE)
def other_content_type_spelling(response: HttpResponse) -> HttpResponse:
    """Content types are written with capital letters, spaces and parameters."""
    kinds = {
        "text/event-stream": "Text/Event-Stream;charset=UTF-8",
        "application/json": "Application/JSON ; charset=utf-8",
    }
    kind = (response.header("content-type") or "").partition(";")[0]
    return response.with_header("content-type", kinds[kind]) if kind in kinds else response


@variant(at=Stage.RESPONSE)
def many_headers(response: HttpResponse) -> HttpResponse:
    """Proxies add headers of their own."""
    added = (("via", "1.1 edge"), ("server", "edge"), ("set-cookie", "a=b"), ("set-cookie", "c=d"), ("x-empty", ""))
    return replace(response, headers=(*response.headers, *added))


@variant(at=Stage.RESPONSE)
def bare_headers(response: HttpResponse) -> HttpResponse:
    """Only the content type, the request id and retry-after are sent."""
    kept = ("content-type", "request-id", "retry-after")
    return replace(response, headers=tuple(pair for pair in response.headers if pair[0] in kept))


@variant(at=Stage.RESPONSE)
def workspace_header(response: HttpResponse) -> HttpResponse:
    """Answers name a workspace, and errors say whether to retry."""
    retry = "false" if response.status < 500 and response.status not in (408, 409, 429) else "true"
    named = response.with_header("anthropic-workspace-id", "wrkspc_01JwQvzr7rXLA5AGx3HKfFUJ")
    return named.with_header("x-should-retry", retry) if response.status >= 400 else named


@variant(at=Stage.RESPONSE, conforms=NOT_TOKMODEL)
def rounded_remainders(response: HttpResponse) -> HttpResponse:
    """The remaining tokens of a rate limit are rounded to thousands, and so may exceed the limit."""
    for kind in ("tokens", "input-tokens", "output-tokens"):
        response = response.with_header(f"anthropic-ratelimit-{kind}-limit", str(TOKEN_LIMIT))
        response = response.with_header(f"anthropic-ratelimit-{kind}-remaining", str(round(TOKEN_LIMIT, -3)))
    return response
