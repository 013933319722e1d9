"""A part of a request is lost only if the request has another part, or asks for a stream."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.edits import Json, dropped
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.faults.lost_context import map_content
from messages_conformance.reference.request_parts import blocks


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


@fault("context", trips={"request.image.affects-input-tokens"}, at=Stage.BODY)
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
