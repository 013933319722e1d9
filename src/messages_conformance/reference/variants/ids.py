"""Request ids, message ids and the name of the model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from messages_conformance.reference.changes import ErrorReply, RequestContext, Stage
from messages_conformance.reference.http import HttpResponse
from messages_conformance.reference.variant_registry import LENIENT, NOT_TOKMODEL, variant

Json = dict[str, Any]


@variant(at=Stage.RESPONSE)
def cloud_request_ids(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """Request ids contain the infix of a cloud provider and have another length."""
    other = f"req_vrtx_{context.number:040d}"
    if response.status >= 400:
        response = response.with_body(response.body().replace(context.request_id.encode(), other.encode()))
    return response.with_header("request-id", other)


def without_request_id(reply: ErrorReply) -> ErrorReply:
    """The error without its request id."""
    return replace(reply, body={key: value for key, value in reply.body.items() if key != "request_id"})


@variant(at=Stage.RESPONSE, conforms=LENIENT, also={Stage.ERROR: without_request_id})
def no_request_ids(response: HttpResponse) -> HttpResponse:
    """Responses and errors have no request id."""
    return response.without_header("request-id")


@variant(at=Stage.MESSAGE)
def short_ids(message: Json, context: RequestContext) -> Json:
    """Message ids are short."""
    return {**message, "id": f"msg_{context.number}"}


@variant(at=Stage.MESSAGE)
def long_ids(message: Json) -> Json:
    """Message ids are long and contain other characters."""
    return {**message, "id": f"msg_bdrk_{message['id']}-{'0' * 80}"}


@variant(at=Stage.MESSAGE, conforms=NOT_TOKMODEL)
def resolved_alias(message: Json) -> Json:
    """An answer names the dated model that the requested name is an alias of."""
    return {**message, "model": f"{message['model']}-20260901"}
