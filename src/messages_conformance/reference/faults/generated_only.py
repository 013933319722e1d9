"""Crimes in corners where nobody looks: each needs a combination or a value that no request written by hand has.

They are of the kind that drawn requests are for: a valid field at an odd value, a member that is null, a text beyond
ASCII in the one place that was never tried, a value of the wrong type where only its absence was thought of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.failures import Failure
from messages_conformance.reference.fault_operations import Failures
from messages_conformance.reference.fault_registry import fault

REFUSED_VALID: Final = "transport.path.post-messages"
CRASH: Final = "errors.no-5xx-on-bad-input"


def crash(message: str) -> Failure:
    """What an uncaught exception looks like from outside."""
    return Failure(message=message, status=500)


def tools_of(scene: RequestContext) -> Iterator[Mapping[str, Any]]:
    tools = scene.body.get("tools")
    return (tool for tool in tools if isinstance(tool, dict)) if isinstance(tools, list) else iter(())


@fault("drawn", trips={REFUSED_VALID}, at=Stage.FAILURES, generated=True, depth="deep")
def refuse_top_k_of_zero(failures: Failures, scene: RequestContext) -> Failures:
    """top_k 0, the least that is allowed, is taken for an absent value and refused."""
    wrong = scene.body.get("top_k") == 0
    return [*failures, Failure(message="top_k: Input should be greater than 0")] if wrong else failures


@fault("drawn", trips={REFUSED_VALID}, at=Stage.FAILURES, generated=True)
def crash_on_a_null_user_id(failures: Failures, scene: RequestContext) -> Failures:
    """A metadata.user_id that is null ends in a 500."""
    metadata = scene.body.get("metadata")
    null = isinstance(metadata, dict) and "user_id" in metadata and metadata["user_id"] is None
    return [*failures, crash("NoneType has no len()")] if null else failures


@fault("drawn", trips={REFUSED_VALID}, at=Stage.FAILURES, generated=True)
def refuse_foreign_descriptions(failures: Failures, scene: RequestContext) -> Failures:
    """A description of a tool that is not all ASCII is refused."""
    foreign = any(not str(tool.get("description", "")).isascii() for tool in tools_of(scene))
    return [*failures, Failure(message="tools: 'ascii' codec can't encode characters")] if foreign else failures


@fault("drawn", trips={REFUSED_VALID}, trips_tokmodel={REFUSED_VALID}, at=Stage.FAILURES, generated=True)
def crash_on_stops_with_a_system_prompt(failures: Failures, scene: RequestContext) -> Failures:
    """An empty list of stop sequences together with a system prompt ends in a 500."""
    both = scene.body.get("stop_sequences") == [] and bool(scene.body.get("system"))
    return [*failures, crash("list index out of range")] if both else failures


@fault("drawn", trips={CRASH}, trips_tokmodel={CRASH}, at=Stage.FAILURES, generated=True, depth="deep")
def crash_on_a_role_of_another_type(failures: Failures, scene: RequestContext) -> Failures:
    """A role that is no string ends in a 500."""
    turns = scene.body.get("messages")
    roles = [turn.get("role", "user") for turn in turns if isinstance(turn, dict)] if isinstance(turns, list) else []
    return [crash("unhashable type")] if any(not isinstance(role, str) for role in roles) else failures
