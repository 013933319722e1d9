"""Answers that look right alone: citations, headers, cached counts and capabilities that say something untrue."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from messages_conformance.reference.changes import ErrorReply, RequestContext, Stage
from messages_conformance.reference.edits import Json, map_text
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.faults.cache_effects import with_counts
from messages_conformance.reference.http import HttpResponse

LIMITS = "anthropic-ratelimit-"
COUNTED = "prompts that were counted"
ENDINGS = "endings of prompts"
ENDING_CHARS = 400
PAUSE_S = 25.0
CITED = {"type": "char_location", "cited_text": "x", "document_index": 0, "document_title": None}


def map_citations(message: Json, change: Any) -> Json:
    """The Message with each citation of its text blocks changed."""
    content = [
        {**block, "citations": [change(one) for one in block["citations"]]} if block.get("citations") else block
        for block in message["content"]
    ]
    return {**message, "content": content}


@fault("content", trips={"response.citations.slice"}, at=Stage.MESSAGE)
def shift_citations(message: Json) -> Json:
    """A citation of characters begins three characters too late."""
    return map_citations(
        message,
        lambda one: {**one, "start_char_index": one["start_char_index"] + 3} if "start_char_index" in one else one,
    )


@fault("content", trips={"response.citations.slice"}, at=Stage.MESSAGE)
def cite_the_next_document(message: Json) -> Json:
    """A citation names the document after the one that it quotes."""
    return map_citations(
        message, lambda one: {**one, "document_index": one["document_index"] + 1} if "document_index" in one else one
    )


@fault("content", trips={"response.citations.only-when-enabled", "response.citations.slice"}, at=Stage.MESSAGE)
def cite_without_being_asked(message: Json) -> Json:
    """Each text cites a document, whether there is one or not."""
    cited = [{**CITED, "start_char_index": 0, "end_char_index": 1}]
    content = [
        {**block, "citations": cited} if block["type"] == "text" and not block.get("citations") else block
        for block in message["content"]
    ]
    return {**message, "content": content}


@fault("content", trips={"response.output_config.property-order"}, at=Stage.MESSAGE)
def sort_structured_output(message: Json, context: RequestContext) -> Json:
    """The properties of structured output are in alphabetical order."""
    config = context.body.get("output_config")
    if not isinstance(config, dict) or config.get("format") is None:
        return message

    def ordered(text: str) -> str:
        try:
            value = json.loads(text)
        except ValueError:
            return text
        return json.dumps(value, sort_keys=True)

    return map_text(message, ordered)


@fault("headers", trips={"headers.stream-equals-json"}, at=Stage.RESPONSE)
def drop_limits_from_streams(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """Streams have no headers about rate limits."""
    if not context.streams:
        return response
    return replace(response, headers=tuple(pair for pair in response.headers if not pair[0].startswith(LIMITS)))


@fault("headers", trips={"headers.ratelimit.sane"}, at=Stage.RESPONSE)
def reset_limits_in_the_past(response: HttpResponse) -> HttpResponse:
    """Rate limits were reset weeks ago."""
    headers = [
        (name, "2026-01-01T00:00:00Z" if name.startswith(LIMITS) and name.endswith("-reset") else value)
        for name, value in response.headers
    ]
    return replace(response, headers=(*headers, ("date", format_datetime(datetime.now(UTC), usegmt=True))))


@fault("errors", trips={"errors.image.details"}, at=Stage.ERROR)
def hide_which_image_is_too_large(reply: ErrorReply) -> ErrorReply:
    """The error about an image that is too large does not say which one."""
    details = reply.body["error"].get("details") or {}
    if "paths" not in details:
        return reply
    error = {**reply.body["error"], "details": {"error_code": details["error_code"]}}
    return replace(reply, body={**reply.body, "error": error})


def ending(body: Any) -> str:
    """The end of the system prompt of a request."""
    return str(body.get("system"))[-ENDING_CHARS:]


@fault("usage", trips={"usage.cache.isolated"}, at=Stage.MESSAGE)
def read_prompts_with_the_same_ending(message: Json, context: RequestContext) -> Json:
    """A prompt that ends as a cached one is read from the cache, whatever its beginning."""
    usage, known = message["usage"], context.memory.setdefault(ENDINGS, set())
    written = usage.get("cache_creation_input_tokens") or 0
    is_known = ending(context.body) in known
    if written:
        known.add(ending(context.body))
    return with_counts(message, written=0, read=written) if written and is_known else message


@fault("usage", trips={"adjacent.count_tokens.no-side-effect"}, at=Stage.MESSAGE, depth="deep")
def write_the_cache_when_counting(message: Json, context: RequestContext) -> Json:
    """A prompt that was counted is read from the cache by its first message."""
    usage = message["usage"]
    written = usage.get("cache_creation_input_tokens") or 0
    counted = "was counted before" in str(context.body.get("system"))
    return with_counts(message, written=0, read=written) if written and counted else message


@fault("adjacent", trips={"adjacent.count_tokens.context_management"}, at=Stage.COUNT, depth="deep")
def hide_the_count_before_edits(value: Json) -> Json:
    """count_tokens returns no count before the edits of the context."""
    return {"input_tokens": value["input_tokens"]}


@fault("adjacent", trips={"adjacent.models.capabilities"}, at=Stage.MODELS)
def deny_image_input(value: Json) -> Json:
    """The list of models says that none takes images, but they do."""
    denied = {"image_input": {"supported": False}}
    if "data" not in value:
        return {**value, "capabilities": denied}
    return {**value, "data": [{**item, "capabilities": denied} for item in value["data"]]}


@fault("claude-code", trips={"claude-code.stream.silence"}, at=Stage.RESPONSE)
def fall_silent_for_25_seconds(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """A stream is silent for 25 seconds in its middle, without a ping."""
    pieces = list(response.pieces)
    if not context.streams or len(pieces) < 2:
        return response
    first, (_, second), *others = pieces
    return replace(response, pieces=(first, (PAUSE_S, second), *others))
