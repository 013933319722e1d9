"""A part of a request is lost only if the request has another part, or asks for a stream."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.edits import Json, dropped
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.faults.lost_beside_thinking import has_thinking
from messages_conformance.reference.faults.lost_context import map_content
from messages_conformance.reference.request_parts import blocks, object_of


def without_blocks(body: Json, kind: str) -> Json:
    """The request without blocks of one type; content that would be empty is kept."""

    def kept(content: list[Any]) -> list[Any]:
        return [one for one in content if not (isinstance(one, dict) and one.get("type") == kind)] or content

    return map_content(body, kept)


def has(kind: str) -> Callable[[Json], bool]:
    """A function that says whether a request has a block of one type."""
    return lambda body: next(iter(blocks(body, kind)), None) is not None


@fault("context", trips={"request.parts.counted"}, at=Stage.BODY)
def forget_system_prompt_beside_images(body: Json) -> Json:
    """The system prompt is lost if the request has an image."""
    return dropped(body, "system") if has("image")(body) else body


@fault("context", trips={"request.image.affects-input-tokens", "usage.input.stream-equals-nonstream"}, at=Stage.BODY)
def drop_images_of_streams(body: Json, context: RequestContext) -> Json:
    """Images are lost if a stream is asked for."""
    return without_blocks(body, "image") if context.streams else body


@fault("context", trips={"request.document.affects-input-tokens"}, at=Stage.BODY)
def drop_documents_beside_system_prompts(body: Json) -> Json:
    """Documents are lost if the request has a system prompt."""
    return without_blocks(body, "document") if body.get("system") else body


@fault("context", trips={"request.image.affects-input-tokens"}, at=Stage.BODY)
def keep_images_of_the_last_turn_only(body: Json) -> Json:
    """Only the images of the last turn reach the model."""
    earlier = without_blocks({**body, "messages": body["messages"][:-1]}, "image")["messages"]
    return {**body, "messages": [*earlier, body["messages"][-1]]}


FORMAT_BESIDE = {"request.output_config.format-beside-others", "request.output_config.format-valid-json"}


def without_format(body: Json) -> Json:
    """The request without its output format."""
    return {**body, "output_config": dropped(object_of(body, "output_config"), "format")}


@fault("request", trips=FORMAT_BESIDE, at=Stage.BODY, seen="maximhq/bifrost#6342")
def ignore_format_beside_thinking(body: Json, context: RequestContext) -> Json:
    """An output format is ignored if the request asks for thinking."""
    return without_format(body) if has_thinking(context) else body


@fault("request", trips=FORMAT_BESIDE, at=Stage.BODY)
def ignore_format_beside_images(body: Json) -> Json:
    """An output format is ignored if the request has an image."""
    return without_format(body) if has("image")(body) else body


@fault("stop", trips={"stop.stop_sequence.occurs"}, at=Stage.BODY)
def ignore_stop_sequences_beside_thinking(body: Json, context: RequestContext) -> Json:
    """Stop sequences are ignored if the request asks for thinking."""
    return dropped(body, "stop_sequences") if has_thinking(context) else body


@fault("stop", trips={"stop.stop_sequence.occurs"}, at=Stage.BODY)
def ignore_stop_sequences_beside_documents(body: Json) -> Json:
    """Stop sequences are ignored if the request has a document."""
    return dropped(body, "stop_sequences") if has("document")(body) else body


@fault("usage", trips={"stop.max_tokens.occurs", "usage.output.le-max"}, at=Stage.BODY)
def ignore_small_limits_beside_images(body: Json) -> Json:
    """A max_tokens below 32 is raised to 64 if the request has an image."""
    return {**body, "max_tokens": 64} if has("image")(body) and body.get("max_tokens", 32) < 32 else body


@fault("tools", trips={"request.tool_choice.any-forces"}, at=Stage.BODY)
def ignore_forced_choice_beside_images(body: Json) -> Json:
    """The tool choice any is ignored if the request has an image."""
    is_forced = object_of(body, "tool_choice").get("type") == "any"
    return dropped(body, "tool_choice") if is_forced and has("image")(body) else body


@fault("thinking", trips={"request.thinking.beside-others"}, at=Stage.BODY)
def forget_thinking_beside_images(body: Json) -> Json:
    """Thinking is switched off if the request has an image."""
    return dropped(body, "thinking") if has("image")(body) else body


@fault("context", trips={"request.image.affects-input-tokens"}, at=Stage.BODY)
def keep_first_image_of_each_message(body: Json) -> Json:
    """Of several images in a message, only the first one reaches the model."""

    def kept(content: list[Any]) -> list[Any]:
        images = [at for at, one in enumerate(content) if isinstance(one, dict) and one.get("type") == "image"]
        return [one for at, one in enumerate(content) if at not in images[1:]]

    return map_content(body, kept)
