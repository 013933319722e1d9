"""Why the reference endpoint refuses tools of betas, skills, and history that waits for results of other tools.

Limits are those of the documentation pages, read 2026-08-22, and of the OpenAPI description of 2026-05-31.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from messages_conformance.reference import request_blocks, tool_validation
from messages_conformance.reference.failures import Failure
from messages_conformance.reference.json_values import as_list, as_object

MIN_ADVISOR_TOKENS = 1_024
MAX_SKILLS = 8
MAX_IMAGE_SIDE_PIXELS = 1_568
"""A longer side is scaled down before a model of the generation 4 sees the image (page vision)."""

TOOLSETS = ("computer_toolset_20260801", "browser_toolset_20260801")
NOT_OF_TOOLSETS = ("strict", "input_examples", "defer_loading")
DISPLAY = ("display_width_px", "display_height_px")
PROGRAMMATIC = "request.programmatic.only-results"
PENDING = "request.server_tools.pending"
ADVISOR = "request.tools.advisor"

Body = Mapping[str, Any]


def failures(body: Body) -> Iterator[Failure]:
    """Every reason to refuse such parts of a request."""
    tools = [tool for tool in as_list(body.get("tools")) if isinstance(tool, dict)]
    yield from tools_of_betas(tools)
    yield from skills(body)
    yield from pending_calls(body, tools)
    yield from oversized_images(body)


def tools_of_betas(tools: Sequence[Body]) -> Iterator[Failure]:
    """Why a computer tool, an advisor or a toolset is refused."""
    kinds = [tool.get("type") for tool in tools]
    for tool in tools:
        kind = str(tool.get("type"))
        if kind in TOOLSETS and (kinds.count(kind) > 1 or any(name in tool for name in NOT_OF_TOOLSETS)):
            message = f"{kind}: at most one, without {', '.join(NOT_OF_TOOLSETS)}"
            yield Failure(message=message, requirement="request.tools.toolsets")
        if kind.startswith("computer_20") and any(below(tool.get(side), 1) for side in DISPLAY):
            yield Failure(message=f"{kind}: each side of the display is 1 or more", requirement="request.tools.display")
        if kind.startswith("advisor_") and below(tool.get("max_tokens"), MIN_ADVISOR_TOKENS):
            yield Failure(message=f"{kind}.max_tokens: at least {MIN_ADVISOR_TOKENS}", requirement=ADVISOR)


def below(value: Any, least: int) -> bool:
    """Whether a value is a number below a limit."""
    return isinstance(value, int) and value < least


def skills(body: Body) -> Iterator[Failure]:
    """Why the skills of a container are refused."""
    if len(as_list(as_object(body.get("container")).get("skills"))) > MAX_SKILLS:
        yield Failure(message=f"container.skills: at most {MAX_SKILLS}", requirement="request.container.skills")


def pending_calls(body: Body, tools: Sequence[Body]) -> Iterator[Failure]:
    """Why the message after a call that is pending is refused: a call by code, or one of a server tool."""
    turns = tool_validation.merged(as_list(body.get("messages")))
    if len(turns) < 2 or [turn["role"] for turn in turns[-2:]] != ["assistant", "user"]:
        return
    before, after = ([block for block in turn["content"] if isinstance(block, dict)] for turn in turns[-2:])
    calls = [block for block in before if block.get("type") == "tool_use"]
    if any(str(as_object(call.get("caller")).get("type")).startswith("code_execution_") for call in calls) and not (
        body.get("container") and all(map(is_plain_result, after))
    ):
        yield Failure(message="a call by code needs its container, and results of text alone", requirement=PROGRAMMATIC)
    done = {block.get("tool_use_id") for block in before if "tool_use_id" in block}
    open_calls = [block for block in before if block.get("type") == "server_tool_use" and block.get("id") not in done]
    names = [tool.get("name") for tool in tools]
    unknown = any(call.get("name") not in names for call in open_calls)
    if open_calls and (unknown or any(block.get("type") != "tool_result" for block in after)):
        yield Failure(message="a pending server tool is in tools, and only results follow it", requirement=PENDING)


def is_plain_result(block: Body) -> bool:
    """Whether a block is a tool_result that holds text alone."""
    content = block.get("content")
    return block.get("type") == "tool_result" and all(
        as_object(part).get("type") == "text" for part in (content if isinstance(content, list) else ())
    )


def oversized_images(body: Body) -> Iterator[Failure]:
    """Why an image is refused whose transformations forbid to scale it down."""
    for _, block in request_blocks.content_blocks(body):
        source = as_object(block.get("source"))
        strict = as_object(block.get("transformations")).get("oversized_image") == "error"
        known = strict and source.get("type") == "base64" and request_blocks.is_base64(source.get("data"))
        if known and max(request_blocks.png_sides(source["data"])) > MAX_IMAGE_SIDE_PIXELS:
            message = f"image: a side is longer than {MAX_IMAGE_SIDE_PIXELS} pixels"
            yield Failure(message=message, requirement="request.image.oversized-error")
