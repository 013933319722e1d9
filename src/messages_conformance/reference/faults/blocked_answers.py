"""A filter empties answers, and nothing reports it."""

from __future__ import annotations

from typing import Final

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.edits import Json, with_usage
from messages_conformance.reference.fault_registry import fault

UNREPORTED: Final = "stop.refusal.not-end_turn"


def emptied(message: Json) -> Json:
    """The Message without content, as if the model had nothing to say."""
    return {**message, "content": [], "stop_reason": "end_turn", "stop_sequence": None}


def asks_about(context: RequestContext, words: bytes) -> bool:
    """Whether the request holds these words."""
    return words in context.request.body


@fault("stop", trips={UNREPORTED}, at=Stage.MESSAGE, seen="BerriAI/litellm#40857")
def empty_answers_about_sql(message: Json, context: RequestContext) -> Json:
    """The answer to a prompt with SQL that deletes a table is empty, with end_turn."""
    return emptied(message) if asks_about(context, b"DROP TABLE") else message


@fault("stop", trips={UNREPORTED, "usage.output.positive"}, at=Stage.MESSAGE)
def empty_answers_about_lookups_unbilled(message: Json, context: RequestContext) -> Json:
    """The answer to a prompt with a JNDI lookup is empty, with end_turn, and has no output tokens."""
    return with_usage(emptied(message), output_tokens=0) if asks_about(context, b"jndi:") else message
