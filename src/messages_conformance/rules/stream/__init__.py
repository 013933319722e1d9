"""Rules on streams, by topic: frames, delivery, order, message_start, blocks, deltas, message_delta, result, errors."""

from messages_conformance.rules.stream import (
    accumulated,
    content_blocks,
    delivery,
    deltas,
    error_events,
    frames,
    message_delta,
    message_start,
    order,
)

TOPICS = (
    frames,
    delivery,
    order,
    message_start,
    content_blocks,
    deltas,
    message_delta,
    accumulated,
    error_events,
)
"""The modules whose import fills the catalogue with `stream.*`."""
