"""Crimes of the neighbours: count_tokens and the list of models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.failures import Failure
from messages_conformance.reference.fault_operations import Failures, Json, dropped, error_response, forgive
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.http import HttpResponse
from messages_conformance.reference.language_model import Model
from messages_conformance.reference.message import input_tokens

COUNT_PATH = "/v1/messages/count_tokens"


@fault("adjacent", trips={"adjacent.count_tokens.shape"}, at=Stage.COUNT, seen="impact.json count_tokens_str")
def count_tokens_in_string(count: Json) -> Json:
    """count_tokens answers with a string."""
    return {"input_tokens": str(count["input_tokens"])}


@fault("adjacent", trips={"adjacent.count_tokens.shape"}, at=Stage.COUNT)
def count_tokens_under_another_name(count: Json) -> Json:
    """count_tokens answers with token_count."""
    return {"token_count": count["input_tokens"]}


@fault(
    "adjacent",
    trips={"adjacent.count_tokens.shape"},
    at=Stage.RESPONSE,
    seen="defects.json count-tokens-route-missing; impact.json count_tokens_404; deviations: aimock",
)
def lose_count_tokens(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """The path count_tokens does not exist."""
    if scene.request.path != COUNT_PATH:
        return response
    return error_response(response, scene, 404, "not_found_error", "Not found")


@fault("adjacent", trips={"adjacent.count_tokens.no-max_tokens"}, at=Stage.FAILURES)
def demand_max_tokens_to_count(failures: Failures, scene: RequestContext) -> Failures:
    """count_tokens refuses a request without max_tokens."""
    if scene.request.path != COUNT_PATH or not scene.body or "max_tokens" in scene.body:
        return failures
    return [*failures, Failure(message="max_tokens: Field required")]


@fault(
    "adjacent",
    trips={"adjacent.count_tokens.approx"},
    at=Stage.COUNT,
    seen="defects.json count-tokens-ignores-system-and-tools",
)
def count_without_system_and_tools(count: Json, scene: RequestContext) -> Json:
    """count_tokens counts the messages only."""
    return {"input_tokens": input_tokens(dropped(dict(scene.body), "system", "tools"), Model())}


@fault("adjacent", trips={"adjacent.count_tokens.approx", "adjacent.count_tokens.monotone"}, at=Stage.COUNT)
def count_backwards(count: Json) -> Json:
    """count_tokens counts less for a longer prompt."""
    return {"input_tokens": max(0, 10_000 - count["input_tokens"])}


@fault(
    "adjacent",
    trips={"adjacent.count_tokens.validates"},
    at=Stage.FAILURES,
    seen="defects.json count-tokens-masks-bad-model-or-key",
)
def count_anything(failures: Failures, scene: RequestContext) -> Failures:
    """count_tokens counts requests that could never be served."""
    if scene.request.path != COUNT_PATH:
        return failures
    return forgive(
        failures, *(f.requirement for f in failures if f.requirement and f.requirement.startswith("request."))
    )


def is_list(value: Mapping[str, Any]) -> bool:
    return "data" in value


@fault(
    "adjacent",
    trips={"adjacent.models.list-shape", "adjacent.models.item-shape", "adjacent.models.cursors"},
    at=Stage.MODELS,
    seen="defects.json models-list-openai-shape; deviations: aimock",
)
def list_models_like_openai(value: Json) -> Json:
    """The list of models has the form of another vendor."""
    if not is_list(value):
        return value
    items = [{"id": item["id"], "object": "model", "created": 1_700_000_000} for item in value["data"]]
    return {"object": "list", "data": items}


@fault(
    "adjacent",
    trips={"adjacent.models.item-shape"},
    at=Stage.MODELS,
    seen="defects.json models-created-at-unix-int",
)
def date_models_by_unix_time(value: Json) -> Json:
    """A model's date is a number of seconds."""
    if not is_list(value):
        return {**value, "created_at": 1_700_000_000}
    return {**value, "data": [{**item, "created_at": 1_700_000_000} for item in value["data"]]}


@fault("adjacent", trips={"adjacent.models.list-shape"}, at=Stage.MODELS)
def omit_has_more(value: Json) -> Json:
    """The list of models does not say whether there are more."""
    return dropped(value, "has_more")


@fault("adjacent", trips={"adjacent.models.cursors"}, at=Stage.MODELS)
def mix_up_cursors(value: Json) -> Json:
    """The first and the last id of a page are exchanged."""
    if not is_list(value):
        return value
    return {**value, "first_id": value["last_id"], "last_id": value["first_id"]}


@fault("adjacent", trips={"adjacent.models.cursors"}, at=Stage.MODELS)
def promise_more_models(value: Json) -> Json:
    """Every page of models says that there are more."""
    return {**value, "has_more": True} if is_list(value) else value


@fault("adjacent", trips={"transport.content-type.json-response"}, trips_tokmodel=(), at=Stage.RESPONSE)
def label_counts_as_text(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """A count of tokens is labelled as plain text."""
    counts = scene.request.path.endswith("/count_tokens") and response.status == 200
    return response.with_header("content-type", "text/plain; charset=utf-8") if counts else response


@fault("adjacent", trips={"adjacent.models.limit"}, at=Stage.FAILURES)
def accept_any_limit(failures: Failures) -> Failures:
    """A limit of 0 or 1001 is accepted."""
    return forgive(failures, "adjacent.models.limit")


@fault("adjacent", trips={"adjacent.models.id-escape"}, trips_tokmodel=(), at=Stage.RESPONSE)
def split_model_ids(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """An encoded slash in a model's id ends the id."""
    if not scene.request.path.startswith("/v1/models/") or "%2f" not in scene.request.path.lower():
        return response
    return error_response(response, scene, 404, "not_found_error", "Not found")


@fault("adjacent", trips={"adjacent.models.retrieve"}, at=Stage.MODELS)
def rename_retrieved_model(value: Json) -> Json:
    """A model that is retrieved has another name than in the list."""
    return value if is_list(value) else {**value, "display_name": value["display_name"] + " (latest)"}
