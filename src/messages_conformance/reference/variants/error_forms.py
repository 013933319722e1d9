"""Statuses, types and details of errors."""

from __future__ import annotations

from dataclasses import replace

from messages_conformance.reference.changes import ErrorReply, Stage
from messages_conformance.reference.failures import TYPES
from messages_conformance.reference.variant_registry import LENIENT, variant


@variant(at=Stage.ERROR)
def detailed_errors(reply: ErrorReply) -> ErrorReply:
    """Errors have details and a longer message in another language."""
    error = {**reply.body["error"], "details": {"error_code": "unknown_to_all"}}
    return replace(reply, body={**reply.body, "error": {**error, "message": "Anfrage abgelehnt: " + error["message"]}})


@variant(at=Stage.ERROR, conforms=LENIENT)
def unprocessable_entities(reply: ErrorReply) -> ErrorReply:
    """A request that fails validation is answered with 422."""
    return replace(reply, status=422) if reply.status == 400 else reply


@variant(at=Stage.ERROR)
def new_error_types(reply: ErrorReply) -> ErrorReply:
    """A status without a documented error type has an error type of its own."""
    if reply.status in TYPES:
        return reply
    return replace(reply, body={**reply.body, "error": {**reply.body["error"], "type": "method_not_allowed_error"}})
