"""The routes beside /v1/messages."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.events import to_json
from messages_conformance.reference.http import HttpResponse
from messages_conformance.reference.variant_registry import LENIENT, variant

Json = dict[str, Any]


@variant(at=Stage.RESPONSE, conforms=LENIENT)
def messages_only(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """There is no count_tokens route."""
    if not context.request.path.endswith("/count_tokens"):
        return response
    body = {"type": "error", "error": {"type": "not_found_error", "message": "Not found"}}
    return replace(response.with_body(to_json(body).encode()), status=404)


@variant(at=Stage.MODELS, conforms=LENIENT)
def models_like_openai(value: Json) -> Json:
    """The list of models has the format of another vendor."""
    items = [{"id": item["id"], "object": "model", "created": 1_700_000_000} for item in value.get("data", [value])]
    return {"object": "list", "data": items}
