"""Requests with unusual JSON or an unusual media type."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.failures import Failure
from messages_conformance.reference.http import HttpRequest
from messages_conformance.reference.variant_registry import variant

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
LONE_SURROGATE: Final = re.compile(rb"\\ud[89ab]\w\w(?!\\ud)")
KEY_TWICE: Final = re.compile(rb'"max_tokens".*"max_tokens"', re.DOTALL)


@variant(at=Stage.REQUEST)
def lenient_json(request: HttpRequest) -> HttpRequest:
    """The parser accepts byte-order marks, lone surrogates, control characters, trailing commas and trailing text."""
    body = LONE_SURROGATE.sub(rb"\\ufffd", request.body.removeprefix(BYTE_ORDER_MARK))
    body = body.replace(b"\x01", b" ").replace(b",}", b"}").replace(b"1e400", b"16").replace(b"NaN", b"null")
    return replace(request, body=body.removesuffix(b"\n{}"))


@variant(at=Stage.FAILURES)
def strict_json(failures: list[Failure], context: RequestContext) -> list[Failure]:
    """The parser refuses duplicate keys, and numbers that fit into no machine word."""
    body = context.request.body
    refused = KEY_TWICE.search(body) or b"0" * 100 in body
    return [*failures, Failure(message="The request body is not valid JSON")] if refused and context.body else failures


def media_type(request: HttpRequest) -> str:
    """The media type of the request body in lower case, without parameters; empty if there is none."""
    return (request.header("content-type") or "").partition(";")[0].strip().lower()


@variant(at=Stage.FAILURES)
def insists_on_content_type(failures: list[Failure], context: RequestContext) -> list[Failure]:
    """A body with any media type other than application/json is refused with 415."""
    if media_type(context.request) == "application/json" or not context.request.body:
        return failures
    return [*failures, Failure(status=415, message="content-type: use application/json")]


@variant(at=Stage.FAILURES)
def strict_media_types(failures: list[Failure], context: RequestContext) -> list[Failure]:
    """A POST without the media type application/json is refused with 415 before its body is read."""
    is_json = media_type(context.request) == "application/json"
    if context.request.method != "POST" or is_json or any(failure.status == 401 for failure in failures):
        return failures
    return [Failure(status=415, message="content-type: must be application/json"), *failures]
