"""Features of requests that are rarely used are refused; the usual forms of them are accepted."""

from __future__ import annotations

from typing import Final

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.edits import Failures, refused_if
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.request_parts import blocks, turns

LONGEST_NAME: Final = 64
SERVED_TOKENS: Final = 8_192


@fault("request", trips={"request.temperature.zero"}, at=Stage.FAILURES)
def refuse_temperature_zero(failures: Failures, context: RequestContext) -> Failures:
    """A temperature of 0 is refused."""
    return refused_if(failures, context.body.get("temperature") == 0, "temperature must be strictly positive")


@fault("request", trips={"request.image.several"}, at=Stage.FAILURES, seen="unslothai/unsloth#10970")
def refuse_a_second_image(failures: Failures, context: RequestContext) -> Failures:
    """A message with two images is refused."""
    most = max((len(blocks({"messages": [turn]}, "image")) for turn in turns(context.body)), default=0)
    return refused_if(failures, most > 1, "messages: an image is not expected here")


@fault("request", trips={"request.cache_control.top-level"}, at=Stage.FAILURES, seen="BerriAI/litellm#26320")
def refuse_cache_control_of_requests(failures: Failures, context: RequestContext) -> Failures:
    """A cache_control of the whole request is refused."""
    return refused_if(failures, "cache_control" in context.body, "cache_control: Extra inputs are not permitted")


@fault("tools", trips={"request.tool_reference.long-name"}, at=Stage.FAILURES, seen="BerriAI/litellm#26398")
def refuse_long_names_in_references(failures: Failures, context: RequestContext) -> Failures:
    """A tool_reference to a tool whose name has more than 64 characters is refused."""
    contents = [block.get("content") for block in blocks(context.body, "tool_result")]
    names = [
        str(one.get("tool_name", ""))
        for content in contents
        if isinstance(content, list)
        for one in content
        if isinstance(one, dict)
    ]
    return refused_if(failures, any(len(name) > LONGEST_NAME for name in names), "tool_name: at most 64 characters")


@fault("adjacent", trips={"adjacent.models.max_tokens-accepted"}, at=Stage.FAILURES, seen="kekzl/imp#1703")
def refuse_the_promised_max_tokens(failures: Failures, context: RequestContext) -> Failures:
    """A max_tokens above 8,192 is refused, although the list of models has a larger one."""
    limit = context.body.get("max_tokens")
    return refused_if(failures, isinstance(limit, int) and limit > SERVED_TOKENS, "max_tokens exceeds the context")
