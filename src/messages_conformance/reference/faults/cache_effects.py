"""cache_control has no effect at some places, in some answers, or for as long as it says."""

from __future__ import annotations

import random
from typing import Any, Final

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.edits import Json
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.faults.lost_context import map_blocks

PLACE: Final = "usage.cache.place"
MANY_TOOLS: Final = 4
TOOL_TURNS: Final = ("tool_use", "tool_result")
EVERY_TTL: Final = ("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")


def with_counts(message: Json, *, written: int, read: int, ttl: str = "5m") -> Json:
    """The Message with other counts of cached tokens; its total input stays."""
    usage = message["usage"]
    names = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    total = sum(usage.get(name) or 0 for name in names)
    split = dict(zip(EVERY_TTL, (0, written) if ttl == "1h" else (written, 0), strict=True))
    counts = {"input_tokens": total - written - read, names[1]: written, names[2]: read, "cache_creation": split}
    return {**message, "usage": {**usage, **counts}}


def unmarked(value: Any) -> Any:
    """A value without any cache_control."""
    if isinstance(value, list):
        return [unmarked(item) for item in value]
    if isinstance(value, dict):
        return {name: unmarked(item) for name, item in value.items() if name != "cache_control"}
    return value


def without_ttl(value: Any) -> Any:
    """A value in which no cache_control has a ttl."""
    if isinstance(value, list):
        return [without_ttl(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: {"type": "ephemeral"} if name == "cache_control" and item else without_ttl(item)
        for name, item in value.items()
    }


@fault(
    "usage",
    trips={"usage.cache.read-after-write"},
    at=Stage.MESSAGE,
    seen="theopenco/llmgateway#3918",
)
def write_cache_every_time(message: Json) -> Json:
    """Each request writes its prompt to the cache, and none reads it."""
    usage = message["usage"]
    read, written = usage.get("cache_read_input_tokens") or 0, usage.get("cache_creation_input_tokens") or 0
    return with_counts(message, written=written + read, read=0) if read else message


@fault(
    "usage",
    trips={"usage.cache.stream-equals-whole"},
    at=Stage.MESSAGE,
    seen="sgl-project/sglang#29703; BerriAI/litellm#31069",
)
def hide_cache_in_streams(message: Json, context: RequestContext) -> Json:
    """Streams count the whole prompt as input, whole answers count the cached part of it."""
    return with_counts(message, written=0, read=0) if context.streams and is_cached(message) else message


@fault("usage", trips={"usage.cache.stream-equals-whole", "usage.cache.read-was-written"}, at=Stage.MESSAGE)
def hide_cache_in_whole_answers(message: Json, context: RequestContext) -> Json:
    """Whole answers count the whole prompt as input, streams count the cached part of it."""
    return message if context.streams or not is_cached(message) else with_counts(message, written=0, read=0)


def is_cached(message: Json) -> bool:
    """Whether the usage has cached tokens."""
    usage = message["usage"]
    return bool(usage.get("cache_read_input_tokens") or usage.get("cache_creation_input_tokens"))


@fault("usage", trips={PLACE}, at=Stage.BODY)
def ignore_cache_on_tools(body: Json) -> Json:
    """cache_control on tools is accepted and ignored."""
    return {**body, "tools": unmarked(body["tools"])} if "tools" in body else body


@fault("usage", trips={PLACE}, at=Stage.BODY, seen="coder/xum#816")
def ignore_cache_in_messages(body: Json) -> Json:
    """cache_control on blocks of messages is accepted and ignored."""
    return {**body, "messages": unmarked(body["messages"])}


@fault("usage", trips={PLACE}, at=Stage.BODY, seen="maximhq/bifrost#1935")
def ignore_cache_on_tool_turns(body: Json) -> Json:
    """cache_control on tool_use and tool_result blocks is accepted and ignored."""
    return map_blocks(body, lambda block: unmarked(block) if block.get("type") in TOOL_TURNS else block)


@fault("usage", trips={PLACE}, at=Stage.BODY)
def ignore_cache_on_tool_results(body: Json) -> Json:
    """cache_control on tool_result blocks is accepted and ignored."""
    return map_blocks(body, lambda block: unmarked(block) if block.get("type") == "tool_result" else block)


@fault("usage", trips={PLACE}, at=Stage.BODY)
def ignore_cache_in_system(body: Json) -> Json:
    """cache_control on blocks of the system prompt is accepted and ignored."""
    return {**body, "system": unmarked(body["system"])} if "system" in body else body


@fault("usage", trips={"usage.cache.ttl"}, at=Stage.BODY, seen="BerriAI/litellm-docs#1078")
def drop_cache_ttl(body: Json) -> Json:
    """The ttl of cache_control is dropped: everything is cached for 5 minutes."""
    changed: Json = without_ttl(body)
    return changed


@fault("usage", trips={"usage.cache.ttl"}, at=Stage.MESSAGE)
def count_every_write_for_an_hour(message: Json) -> Json:
    """Everything that is written to the cache is counted as written for 1 hour."""
    usage = message["usage"]
    written, read = usage.get("cache_creation_input_tokens") or 0, usage.get("cache_read_input_tokens") or 0
    return with_counts(message, written=written, read=read, ttl="1h") if written else message


@fault("usage", trips={"usage.cache.read-after-write"}, at=Stage.BODY, seen="maximhq/bifrost#2347")
def shuffle_tools(body: Json, context: RequestContext) -> Json:
    """All tools but the last come in another order each time, so that a cached prefix is not found again."""
    if len(body.get("tools") or ()) < MANY_TOOLS:
        return body
    *tools, last = body["tools"]
    random.Random(context.number).shuffle(tools)
    return {**body, "tools": [*tools, last]}
