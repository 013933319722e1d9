"""The routes beside /v1/messages."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from messages_conformance.reference import batches
from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.events import to_json
from messages_conformance.reference.http import HttpRequest, HttpResponse
from messages_conformance.reference.variant_registry import LENIENT, NOT_TOKMODEL, variant

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


def is_other_route(path: str) -> bool:
    """Whether a path is one of batches or files."""
    return path.startswith(("/v1/messages/batches", "/v1/files"))


@variant(at=Stage.RESPONSE, conforms=NOT_TOKMODEL)
def no_batches_and_files(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """There are no batches and no files: their routes are unknown."""
    if not is_other_route(context.request.path):
        return response
    error = {"type": "not_found_error", "message": "Not found"}
    body = {"type": "error", "error": error, "request_id": context.request_id}
    return replace(response.with_body(to_json(body).encode()), status=404)


@variant(at=Stage.OBJECTS, conforms=NOT_TOKMODEL)
def older_list_of_files(value: Json) -> Json:
    """The list of files has the form of the beta, and there are no batches yet."""
    if "next_page" in value:
        ids = [item["id"] for item in value["data"]] or [None]
        return {"data": value["data"], "has_more": False, "first_id": ids[0], "last_id": ids[-1]}
    return {**value, "data": [], "has_more": False, "first_id": None, "last_id": None} if "data" in value else value


@variant(at=Stage.REQUEST, conforms=NOT_TOKMODEL)
def slow_batches(request: HttpRequest, context: RequestContext) -> HttpRequest:
    """A batch is in progress for its first three looks."""
    return waiting(request, context, looks=3)


@variant(at=Stage.REQUEST, conforms=NOT_TOKMODEL)
def endless_batches(request: HttpRequest, context: RequestContext) -> HttpRequest:
    """A batch does not end within a minute, unless it is canceled."""
    return waiting(request, context, looks=1_000)


def waiting(request: HttpRequest, context: RequestContext, *, looks: int) -> HttpRequest:
    """The request; after the creation of a batch, it is in progress when it is looked at."""
    if (request.method, request.path) == ("POST", "/v1/messages/batches"):
        context.memory[batches.LOOKS] = looks
    return request


@variant(at=Stage.REQUEST, conforms=NOT_TOKMODEL)
def names_without_odd_characters(request: HttpRequest) -> HttpRequest:
    """A file is stored under its name without characters that are forbidden."""
    if (request.method, request.path) != ("POST", "/v1/files"):
        return request
    return replace(request, body=request.body.replace(b'filename="a|b.txt"', b'filename="a_b.txt"'))


@variant(at=Stage.RESPONSE, conforms=NOT_TOKMODEL)
def results_in_another_order(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """The results of a batch are in another order than its requests."""
    if not context.request.path.endswith("/results") or response.status != 200:
        return response
    return response.with_body(b"".join(reversed(response.body().splitlines(keepends=True))))
