"""Unusual values crash the server or are refused; only generated requests have such values."""

from __future__ import annotations

from typing import Final

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.edits import Failures
from messages_conformance.reference.failures import Failure
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.request_parts import tools, turns

REFUSED_VALID: Final = "transport.path.post-messages"
CRASH: Final = "errors.no-5xx-on-bad-input"


def crash(message: str) -> Failure:
    """The failure of a request with an uncaught exception."""
    return Failure(message=message, status=500)


@fault("drawn", trips={REFUSED_VALID}, at=Stage.FAILURES, generated=True)
def crash_on_a_null_user_id(failures: Failures, context: RequestContext) -> Failures:
    """A metadata.user_id that is null gives 500."""
    metadata = context.body.get("metadata")
    null = isinstance(metadata, dict) and "user_id" in metadata and metadata["user_id"] is None
    return [*failures, crash("NoneType has no len()")] if null else failures


@fault("drawn", trips={REFUSED_VALID}, at=Stage.FAILURES, generated=True)
def refuse_foreign_descriptions(failures: Failures, context: RequestContext) -> Failures:
    """A tool description with characters beyond ASCII is refused."""
    foreign = any(not str(tool.get("description", "")).isascii() for tool in tools(context.body))
    return [*failures, Failure(message="tools: 'ascii' codec can't encode characters")] if foreign else failures


@fault("drawn", trips={REFUSED_VALID}, trips_tokmodel={REFUSED_VALID}, at=Stage.FAILURES, generated=True)
def crash_on_stops_with_a_system_prompt(failures: Failures, context: RequestContext) -> Failures:
    """An empty list of stop sequences together with a system prompt gives 500."""
    both = context.body.get("stop_sequences") == [] and bool(context.body.get("system"))
    return [*failures, crash("list index out of range")] if both else failures


@fault("drawn", trips={CRASH}, trips_tokmodel={CRASH}, at=Stage.FAILURES, generated=True, depth="deep")
def crash_on_a_role_of_another_type(failures: Failures, context: RequestContext) -> Failures:
    """A role that is not a string gives 500."""
    roles = [turn.get("role", "user") for turn in turns(context.body)]
    return [crash("unhashable type")] if any(not isinstance(role, str) for role in roles) else failures
