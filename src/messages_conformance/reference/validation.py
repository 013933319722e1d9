"""Why the reference endpoint refuses a request body. Most reasons name their requirement.

A check yields all failures, so that a fault can remove one of them. The first remaining failure is the answer. Limits
and patterns are those of the public documentation, read 2026-11-22.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from messages_conformance.reference import (
    beta_validation,
    cache_validation,
    feature_validation,
    message_validation,
    output_schemas,
    request_blocks,
    thinking_validation,
    tool_validation,
)
from messages_conformance.reference.failures import Failure
from messages_conformance.reference.json_values import as_list, as_object

MAX_USER_ID = 512
MODEL_MAX_OUTPUT_TOKENS = 128_000
MAX_IMAGES = 100
"""For a model with a context window of 200,000 tokens."""

SAMPLING = ("temperature", "top_p", "top_k")
REMOVED_SAMPLING_VERSION = "2026-10-21"

COUNT_FIELDS = frozenset(
    [
        "model",
        "messages",
        "system",
        "tools",
        "tool_choice",
        "thinking",
        "output_config",
        "cache_control",
    ]
)
CREATE_FIELDS = COUNT_FIELDS | frozenset(
    [
        "max_tokens",
        "stream",
        "stop_sequences",
        "temperature",
        "top_p",
        "top_k",
        "metadata",
        "service_tier",
        "container",
        "inference_geo",
        "speed",
        "diagnostics",
    ]
)
BETA_FIELDS: Mapping[str, tuple[str, ...]] = {
    "compaction": ("compact-", "compaction-"),
    "context_management": ("context-management-", "compact-"),
    "fallbacks": ("server-side-fallback-", "fallbacks-"),
    "mcp_servers": ("mcp-client-",),
    "output_format": ("structured-outputs-",),
    "thread": ("message-threads-",),
}
"""Field -> the prefixes of the betas that allow it."""

EFFORTS = ("low", "medium", "high", "xhigh", "max")
Body = Mapping[str, Any]


def failures(
    body: Body, *, version: str | None, counting: bool = False, betas: frozenset[str] = frozenset()
) -> Iterator[Failure]:
    """Every reason to refuse a request body, in the order in which they are reported."""
    yield from model_name(body)
    if not counting:
        yield from max_tokens(body)
    yield from message_validation.message_failures(body)
    yield from message_validation.system_failures(body)
    known = COUNT_FIELDS if counting else CREATE_FIELDS
    yield from extra_fields(body, known | {name for name in BETA_FIELDS if allowed_by_beta(name, betas)})
    if not counting:
        yield from sampling(body)
        yield from small_options(body)
        yield from stop_sequences(body)
        yield from zero_conflicts(body)
    yield from thinking_validation.failures(body, counting=counting, betas=betas)
    yield from tool_validation.failures(body)
    yield from output_config(body)
    yield from cache_validation.failures(body)
    yield from citation_conflicts(body)
    yield from images(body)
    yield from feature_validation.failures(body)
    yield from beta_validation.failures(body)
    if version == REMOVED_SAMPLING_VERSION:
        yield from newer_version(body)


def betas(values: Sequence[str]) -> frozenset[str]:
    """The betas that anthropic-beta headers name."""
    return frozenset(name.strip() for value in values for name in value.split(","))


def allowed_by_beta(field: str, betas: frozenset[str]) -> bool:
    """Whether one of the betas allows a field."""
    return any(beta.startswith(BETA_FIELDS[field]) for beta in betas)


def is_integer(value: object) -> bool:
    """Whether a JSON value is an integer."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> bool:
    """Whether a JSON value is a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def model_name(body: Body) -> Iterator[Failure]:
    """Why the model name is refused; whether the model exists is checked elsewhere."""
    if "model" not in body:
        yield Failure(message="model: Field required", requirement="request.model.required")
    elif not isinstance(body["model"], str):
        yield Failure(message="model: Input should be a valid string", requirement="request.model.string")
    elif not body["model"]:
        yield Failure(message="model: String should have at least 1 character", requirement="request.model.string")


def max_tokens(body: Body) -> Iterator[Failure]:
    """Why max_tokens is refused."""
    value = body.get("max_tokens")
    if "max_tokens" not in body:
        yield Failure(message="max_tokens: Field required", requirement="request.max_tokens.required")
    elif not is_integer(value):
        yield Failure(message="max_tokens: Input should be a valid integer", requirement="request.max_tokens.integer")
    elif isinstance(value, int) and value < 0:
        yield Failure(
            message="max_tokens: Input should be greater than or equal to 0", requirement="request.max_tokens.negative"
        )
    elif isinstance(value, int) and value > MODEL_MAX_OUTPUT_TOKENS:
        yield Failure(
            message=f"max_tokens: {value} > {MODEL_MAX_OUTPUT_TOKENS}, the most that this model can write",
            requirement="request.max_tokens.model-max",
        )


def extra_fields(body: Body, known: frozenset[str]) -> Iterator[Failure]:
    """The failures for unknown fields."""
    for name in body.keys() - known:
        yield request_blocks.extra_input(name)


def sampling(body: Body) -> Iterator[Failure]:
    """Why temperature, top_p or top_k is refused."""
    for name in ("temperature", "top_p"):
        value = body.get(name)
        if value is not None and not (is_number(value) and 0 <= value <= 1):
            yield Failure(message=f"{name}: Input should be a number from 0 to 1", requirement=f"request.{name}.range")
    top_k = body.get("top_k")
    if top_k is not None and not (is_integer(top_k) and top_k >= 0):
        yield Failure(message="top_k: Input should be an integer from 0", requirement="request.top_k.range")


OPTIONS = (
    ("inference_geo", str | None, "a valid string"),
    ("container", str | dict | None, "a container's id or an object"),
    ("diagnostics", dict | None, "an object"),
)


def small_options(body: Body) -> Iterator[Failure]:
    """Why one of the smaller options is refused."""
    if body.get("stream") is not None and not isinstance(body["stream"], bool):
        yield Failure(message="stream: Input should be a valid boolean", requirement="request.stream.boolean")
    metadata = body.get("metadata")
    if metadata is not None and not valid_metadata(metadata):
        yield Failure(
            message=f"metadata: only user_id is allowed, a string of at most {MAX_USER_ID} characters",
            requirement="request.metadata.user_id",
        )
    if body.get("service_tier") not in (None, "auto", "standard_only"):
        yield Failure(
            message="service_tier: Input should be 'auto' or 'standard_only'", requirement="request.service_tier.enum"
        )
    for name, kinds, expected in OPTIONS:
        if not isinstance(body.get(name), kinds):
            yield Failure(message=f"{name}: Input should be {expected}")


def valid_metadata(metadata: object) -> bool:
    """Whether metadata has the documented form."""
    if not isinstance(metadata, dict) or metadata.keys() - {"user_id"}:
        return False
    user_id = metadata.get("user_id")
    return user_id is None or (isinstance(user_id, str) and len(user_id) <= MAX_USER_ID)


def stop_sequences(body: Body) -> Iterator[Failure]:
    """Why the stop sequences are refused."""
    value = body.get("stop_sequences")
    if value is None:
        return
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        yield Failure(
            message="stop_sequences: Input should be a list of strings", requirement="request.stop_sequences.array"
        )
        return
    for at, item in enumerate(value):
        if not item.strip():
            yield Failure(
                message=f"stop_sequences.{at}: each stop sequence must contain non-whitespace",
                requirement="request.stop_sequences.non-whitespace",
            )


def zero_conflicts(body: Body) -> Iterator[Failure]:
    """The failures for fields that max_tokens 0 excludes."""
    if body.get("max_tokens") != 0 or not is_integer(body.get("max_tokens")):
        return
    thinking_type = as_object(body.get("thinking")).get("type")
    choice_type = as_object(body.get("tool_choice")).get("type")
    conflicts = {
        "stream": body.get("stream") is True,
        "thinking": thinking_type == "enabled",
        "output_config.format": as_object(body.get("output_config")).get("format") is not None,
        "tool_choice": choice_type in ("any", "tool"),
    }
    for name, present in conflicts.items():
        if present:
            yield Failure(
                message=f"{name}: not allowed with max_tokens 0", requirement="request.max_tokens.zero-conflicts"
            )


def output_config(body: Body) -> Iterator[Failure]:
    """Why output_config is refused."""
    value = body.get("output_config", {})
    if not isinstance(value, dict | None):
        yield Failure(message="output_config: Input should be an object")
        return
    value = value or {}
    for name in value.keys() - {"effort", "format", "task_budget"}:
        yield request_blocks.extra_input(f"output_config.{name}")
    if value.get("effort") not in (None, *EFFORTS):
        yield Failure(
            message=f"output_config.effort: Input should be one of {', '.join(EFFORTS)}",
            requirement="request.output_config.effort-levels",
        )
    yield from output_format(body)


def output_format(body: Body) -> Iterator[Failure]:
    """Why the format of the answer is refused."""
    value = as_object(body.get("output_config")).get("format") or body.get("output_format")
    if value is None:
        return
    schema = as_object(value).get("schema")
    if as_object(value).get("type") != "json_schema" or not isinstance(schema, dict):
        yield Failure(message="output_config.format: Input should be {type: 'json_schema', schema: object}")
        return
    if any(enabled for _, enabled in documents_with_citations(body)):
        yield Failure(
            message="output_config.format: not allowed together with citations",
            requirement="request.output_config.citations-conflict",
        )
    yield from output_schemas.failures(schema, "output_config.format.schema")


def documents_with_citations(body: Body) -> Iterator[tuple[Body, bool]]:
    """Every document and search result, and whether citations are enabled for it."""
    for _, block in request_blocks.content_blocks(body):
        if block.get("type") in ("document", "search_result"):
            yield block, as_object(block.get("citations")).get("enabled") is True


def citation_conflicts(body: Body) -> Iterator[Failure]:
    """The failure for citations that are enabled on some documents only."""
    if len({enabled for _, enabled in documents_with_citations(body)}) > 1:
        yield Failure(
            message="messages: citations must be enabled on all documents or on none",
            requirement="request.citations.all-or-none",
        )


def images(body: Body) -> Iterator[Failure]:
    """The failure for too many images, those in tool results included."""
    blocks = [block for _, block in request_blocks.content_blocks(body)]
    inside = [part for block in blocks for part in as_list(block.get("content")) if isinstance(part, dict)]
    if sum(block.get("type") == "image" for block in (*blocks, *inside)) > MAX_IMAGES:
        yield Failure(message=f"messages: at most {MAX_IMAGES} images are allowed")


def newer_version(body: Body) -> Iterator[Failure]:
    """The failures for fields that version 2026-10-21 no longer accepts."""
    for name in SAMPLING:
        if name in body:
            yield Failure(message=f"{name}: not supported in this API version", requirement="version.sampling-removed")
    for turn, block in request_blocks.content_blocks(body):
        role, kind = turn.get("role"), block.get("type")
        if role == "assistant" and kind == "document":
            yield Failure(
                message="messages: documents are not allowed in assistant messages",
                requirement="version.assistant-document",
            )
        texts = as_list(block.get("content")) if kind == "search_result" else (block,)
        if role == "user" and any(cites(text) for text in texts):
            yield Failure(
                message="messages: citations are not allowed in user messages", requirement="version.user-citations"
            )


def cites(block: object) -> bool:
    """Whether a block is a text with citations."""
    return isinstance(block, dict) and block.get("type") == "text" and bool(block.get("citations"))


DATED_BETA = re.compile(r"[a-z0-9-]+-\d{4}-?\d{2}-?\d{2}")


def beta_failures(values: Sequence[str]) -> Iterator[Failure]:
    """The failures for unknown betas: names that do not end with a date."""
    for name in (name.strip() for value in values for name in value.split(",")):
        if not DATED_BETA.fullmatch(name):
            yield Failure(
                message=f"Unexpected value(s) `{name}` for the `anthropic-beta` header",
                requirement="beta.header.unknown",
            )
