"""count_tokens and the list of models answer wrongly. Faults that need no code are rows of adjacent.toml."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from messages_conformance.reference import model_list
from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.edits import Failures, Json, dropped
from messages_conformance.reference.failures import Failure
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.language_model import Model
from messages_conformance.reference.message import input_tokens

COUNT_PATH = "/v1/messages/count_tokens"


@fault(
    "adjacent",
    trips={"adjacent.count_tokens.no-max_tokens", "adjacent.count_tokens.unknown-model"},
    at=Stage.FAILURES,
)
def demand_max_tokens_to_count(failures: Failures, context: RequestContext) -> Failures:
    """count_tokens refuses a request without max_tokens."""
    if context.request.path != COUNT_PATH or not context.body or "max_tokens" in context.body:
        return failures
    return [*failures, Failure(message="max_tokens: Field required")]


@fault(
    "adjacent",
    trips={"adjacent.count_tokens.sees-all"},
    at=Stage.COUNT,
    seen="defects.json count-tokens-ignores-system-and-tools",
)
def count_without_system_and_tools(count: Json, context: RequestContext) -> Json:
    """count_tokens counts only the messages."""
    return {"input_tokens": input_tokens(dropped(dict(context.body), "system", "tools"), Model())}


@fault("adjacent", trips={"adjacent.count_tokens.approx", "adjacent.count_tokens.monotone"}, at=Stage.COUNT)
def count_backwards(count: Json) -> Json:
    """count_tokens counts less for a longer prompt."""
    return {"input_tokens": max(0, 1_000_000 - count["input_tokens"])}


def is_list(value: Mapping[str, Any]) -> bool:
    """Whether an answer is the list of models, and not one model."""
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
    """The date of a model is a number of seconds."""
    if not is_list(value):
        return {**value, "created_at": 1_700_000_000}
    return {**value, "data": [{**item, "created_at": 1_700_000_000} for item in value["data"]]}


@fault("adjacent", trips={"adjacent.models.cursors"}, at=Stage.MODELS)
def mix_up_cursors(value: Json) -> Json:
    """The first and the last id of a page are swapped."""
    if not is_list(value):
        return value
    return {**value, "first_id": value["last_id"], "last_id": value["first_id"]}


@fault("adjacent", trips={"adjacent.models.before_id"}, at=Stage.MODELS)
def ignore_before_id(value: Json, context: RequestContext) -> Json:
    """A page before a model is the first page of the list."""
    if "before_id" not in context.request.query:
        return value
    return model_list.page(model_list.MODELS, {"limit": context.request.query.get("limit", ["20"])})


@fault("adjacent", trips={"adjacent.models.retrieve"}, at=Stage.MODELS)
def rename_retrieved_model(value: Json) -> Json:
    """A single model has another name than in the list."""
    return value if is_list(value) else {**value, "display_name": value["display_name"] + " (latest)"}
