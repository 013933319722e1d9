"""The counts of cached tokens do not fit together."""

from __future__ import annotations

from messages_conformance.reference.changes import Stage
from messages_conformance.reference.edits import Events, Json, map_start
from messages_conformance.reference.fault_registry import fault

NOTHING_CREATED = {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0}


@fault(
    "usage",
    trips={"usage.cache.read-was-written"},
    at=Stage.MESSAGE,
    seen="sgl-project/sglang#39900; vllm-project/vllm#45079",
)
def hide_cache_writes(message: Json) -> Json:
    """What is written to the cache is counted as plain input; what is read from it is reported."""
    usage = message["usage"]
    written = usage.get("cache_creation_input_tokens", 0)
    counts = {
        "input_tokens": usage["input_tokens"] + written,
        "cache_creation_input_tokens": 0,
        "cache_creation": NOTHING_CREATED,
    }
    return {**message, "usage": {**usage, **counts}} if written else message


@fault("usage", trips={"stream.msgdelta.same-split"}, at=Stage.EVENTS, seen="maximhq/bifrost#6598")
def count_cached_tokens_as_input_in_start(events: Events) -> Events:
    """message_start counts the whole prompt as input; message_delta says that most of it was cached."""

    def whole(message: Json) -> Json:
        usage = message["usage"]
        cached = usage.get("cache_read_input_tokens", 0) + usage.get("cache_creation_input_tokens", 0)
        counts = {
            "input_tokens": usage["input_tokens"] + cached,
            "cache_read_input_tokens": 0,
            "cache_creation_input_tokens": 0,
            "cache_creation": NOTHING_CREATED,
        }
        return {**message, "usage": {**usage, **counts}} if cached else message

    return map_start(events, whole)
