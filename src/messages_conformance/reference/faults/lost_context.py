"""Parts of the request do not reach the model, though the request is accepted."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.edits import Json
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.language_model import Completion, Model, Prompt
from messages_conformance.reference.request_parts import turns

CONTEXT: Final = "request.context.complete"
SEES_ALL: Final = "adjacent.count_tokens.sees-all"
PARTS: Final = "request.parts.counted"
BUFFER_CHARACTERS: Final = 8_000
"""What fits into the buffer of a gateway that cuts long texts (our own choice)."""


def map_content(body: Json, change: Callable[[list[Any]], list[Any]]) -> Json:
    """The body with every list of content blocks changed; strings stay."""
    messages = [
        {**turn, "content": change(turn["content"])} if isinstance(turn.get("content"), list) else turn
        for turn in body["messages"]
    ]
    return {**body, "messages": messages}


def is_result(block: Any) -> bool:
    """Whether a content block is a tool_result."""
    return isinstance(block, Mapping) and block.get("type") == "tool_result"


@fault(
    "context",
    trips={"adjacent.count_tokens.sees-all", "request.parts.counted"},
    at=Stage.BODY,
    seen="one-api and its forks: a window of the last turns",
)
def forget_all_but_four_turns(body: Json) -> Json:
    """Only the last turns of a long conversation reach the model."""
    messages = body["messages"]
    return body if len(messages) <= 4 else {**body, "messages": messages[-3:]}


@fault(
    "context",
    trips={"adjacent.count_tokens.sees-all", "request.parts.counted"},
    at=Stage.BODY,
    seen="defects.json system-array-stringified-or-rejected",
)
def read_first_system_block_only(body: Json) -> Json:
    """Only the first block of a system prompt reaches the model."""
    system = body.get("system")
    return {**body, "system": system[:1]} if isinstance(system, list) and len(system) > 1 else body


class FirstBlockModel(Model):
    """A model that does not see the system prompt after its first block."""

    def complete(self, prompt: Prompt) -> Completion:
        """The completion for the first block of the system prompt."""
        return super().complete(replace(prompt, system=prompt.system.partition("\n")[0]))


@fault("context", trips={CONTEXT}, at=Stage.MODEL)
def lose_system_blocks_that_are_billed(model: Model) -> Model:
    """Only the first block of a system prompt reaches the model, but all of them are counted."""
    return FirstBlockModel(pieces=model.pieces, change_answer=model.change_answer)


class NoSystemModel(Model):
    """A model that does not see the system prompt."""

    def complete(self, prompt: Prompt) -> Completion:
        """The completion for the messages alone."""
        return super().complete(replace(prompt, system=""))


@fault(
    "context",
    trips={CONTEXT, "request.context.equal-forms"},
    at=Stage.MODEL,
    seen="diegosouzapw/OmniRoute#12206",
)
def lose_system_lists_that_are_billed(model: Model, context: RequestContext) -> Model:
    """A system prompt in blocks does not reach the model, but it is counted; as a string it is read."""
    listed = isinstance(context.body.get("system"), list)
    return NoSystemModel(pieces=model.pieces, change_answer=model.change_answer) if listed else model


@fault(
    "context",
    trips={CONTEXT, "request.context.equal-forms"},
    at=Stage.MODEL,
)
def lose_system_strings_that_are_billed(model: Model, context: RequestContext) -> Model:
    """A system prompt that is a string does not reach the model, but it is counted; in blocks it is read."""
    string = isinstance(context.body.get("system"), str)
    return NoSystemModel(pieces=model.pieces, change_answer=model.change_answer) if string else model


@fault(
    "context",
    trips={"adjacent.count_tokens.sees-all", "request.parts.counted"},
    at=Stage.BODY,
    seen="a buffer of fixed size in a gateway",
)
def cut_long_texts(body: Json) -> Json:
    """Only the first characters of a long text reach the model."""
    messages = [
        {**turn, "content": turn["content"][:BUFFER_CHARACTERS]} if isinstance(turn.get("content"), str) else turn
        for turn in body["messages"]
    ]
    return {**body, "messages": messages}


@fault(
    "context",
    trips={"adjacent.count_tokens.sees-all", "request.parts.counted"},
    at=Stage.BODY,
    seen="defects.json tool-history-dropped",
)
def read_first_tool_result_only(body: Json) -> Json:
    """Only the first tool result of a turn reaches the model."""

    def first_alone(blocks: list[Any]) -> list[Any]:
        results = [block for block in blocks if is_result(block)]
        return [{**block, "content": "-"} if block in results[1:] else block for block in blocks]

    return map_content(body, first_alone)


@fault(
    "context",
    trips={"adjacent.count_tokens.sees-all", "request.parts.counted"},
    at=Stage.BODY,
    seen="defects.json tool-messages-order-rejected",
)
def drop_text_beside_tool_results(body: Json) -> Json:
    """Text that follows a tool result in the same turn does not reach the model."""

    def without_text(blocks: list[Any]) -> list[Any]:
        return [block for block in blocks if is_result(block)] if any(map(is_result, blocks)) else blocks

    return map_content(body, without_text)


RESULT_CHARACTERS: Final = 20_000
"""What a gateway keeps of the result of a tool (our own choice, as in public reports)."""


def cut_result(block: Json, keep: Callable[[str], str]) -> Json:
    """A tool_result with its long texts shortened; any other block as it is."""
    content = block.get("content")
    if not is_result(block):
        return block
    if isinstance(content, str):
        return {**block, "content": keep(content)}
    parts = [
        {**part, "text": keep(part["text"])} if part.get("type") == "text" else part
        for part in (content if isinstance(content, list) else [])
    ]
    return {**block, "content": parts}


@fault("context", trips={SEES_ALL, PARTS}, at=Stage.BODY, seen="oguzbilgic/kern-ai#14")
def cut_long_results(body: Json) -> Json:
    """Only the first 20,000 characters of the result of a tool reach the model."""

    def keep(text: str) -> str:
        return f"{text[:RESULT_CHARACTERS]}\n[truncated]" if len(text) > RESULT_CHARACTERS else text

    return map_blocks(body, lambda block: cut_result(block, keep))


@fault("context", trips={"adjacent.count_tokens.approx", PARTS}, at=Stage.BODY)
def leave_the_middle_of_long_results_out(body: Json, context: RequestContext) -> Json:
    """Only the beginning and the end of a long result of a tool reach the model; count_tokens counts all of it."""
    half = RESULT_CHARACTERS // 2
    if context.request.path == "/v1/messages/count_tokens":
        return body

    def keep(text: str) -> str:
        return f"{text[:half]} ... {text[-half:]}" if len(text) > RESULT_CHARACTERS else text

    return map_blocks(body, lambda block: cut_result(block, keep))


@fault(
    "request",
    trips={
        "adjacent.count_tokens.sees-all",
        "request.document.affects-input-tokens",
        "request.image.affects-input-tokens",
        "request.messages.content-blocks",
        "request.parts.counted",
        "request.tool_result.affects-input-tokens",
        "request.tool_result.document-counts",
        "request.tool_result.image-counts",
        "request.search_result.affects-input-tokens",
    },
    at=Stage.BODY,
    seen="defects.json array-content-message-dropped",
)
def drop_array_content(body: Json) -> Json:
    """A message whose content is a list of blocks does not reach the model."""
    return {**body, "messages": [turn for turn in turns(body) if isinstance(turn.get("content"), str)]}


@fault(
    "request",
    trips={"request.messages.content-blocks", "usage.cache.place"},
    at=Stage.BODY,
    seen="defects.json system-array-stringified-or-rejected",
)
def stringify_array_content(body: Json) -> Json:
    """A list of content blocks reaches the model as the JSON text of the list."""
    changed = [
        {**turn, "content": turn["content"] if isinstance(turn["content"], str) else json.dumps(turn["content"])}
        for turn in turns(body)
    ]
    return {**body, "messages": changed}


def map_blocks(body: Json, change: Callable[[Json], Json | None]) -> Json:
    """The body with every content block of every message changed; None drops a block."""

    def changed(turn: Json) -> Json:
        content = turn.get("content")
        if not isinstance(content, list):
            return turn
        new = [change(block) if isinstance(block, dict) else block for block in content]
        return {**turn, "content": [block for block in new if block is not None]}

    return {**body, "messages": [changed(turn) for turn in turns(body)]}


@fault(
    "request",
    trips={
        "adjacent.count_tokens.sees-all",
        "request.messages.affects-input-tokens",
        "request.parts.counted",
        "usage.input.monotone",
    },
    at=Stage.BODY,
)
def forget_earlier_turns(body: Json) -> Json:
    """Only the last message reaches the model."""
    return {**body, "messages": turns(body)[-1:]}


@fault(
    "request",
    trips={
        "adjacent.count_tokens.sees-all",
        "request.messages.affects-input-tokens",
        "request.parts.counted",
        "usage.input.monotone",
    },
    at=Stage.BODY,
)
def forget_own_answers(body: Json) -> Json:
    """The turns of the assistant, and all turns before them, do not reach the model."""
    roles = [turn.get("role") for turn in turns(body)]
    last = max((at for at, role in enumerate(roles) if role == "assistant"), default=-1)
    return {**body, "messages": turns(body)[last + 1 :]} if last + 1 < len(roles) else body


@fault(
    "tools",
    trips={
        "adjacent.count_tokens.sees-all",
        "request.parts.counted",
        "request.tool_result.affects-input-tokens",
        "request.tool_result.document-counts",
        "request.tool_result.image-counts",
    },
    at=Stage.BODY,
    seen="defects.json tool-history-dropped",
)
def forget_tool_results(body: Json) -> Json:
    """The content of a tool_result does not reach the model."""
    return map_blocks(body, lambda block: {**block, "content": ""} if block.get("type") == "tool_result" else block)


@fault(
    "tools",
    trips={
        "adjacent.count_tokens.sees-all",
        "request.parts.counted",
        "request.tool_result.affects-input-tokens",
        "request.tool_result.document-counts",
        "request.tool_result.image-counts",
    },
    at=Stage.BODY,
)
def forget_results_in_blocks(body: Json) -> Json:
    """The content of a tool_result reaches the model only if it is a string."""

    def emptied(block: Json) -> Json:
        listed = block.get("type") == "tool_result" and isinstance(block.get("content"), list)
        return {**block, "content": ""} if listed else block

    return map_blocks(body, emptied)


@fault(
    "request",
    trips={"request.system.blocks-read", "usage.cache.place"},
    at=Stage.BODY,
    seen="defects.json system-array-stringified-or-rejected",
)
def stringify_system(body: Json) -> Json:
    """A system prompt in blocks reaches the model as the JSON text of the list."""
    return {**body, "system": json.dumps(body["system"])} if isinstance(body.get("system"), list) else body


@fault(
    "request",
    trips={
        "adjacent.count_tokens.sees-all",
        "request.parts.counted",
        "request.system.affects-input-tokens",
        "request.system.blocks-read",
    },
    at=Stage.BODY,
)
def forget_system_blocks(body: Json) -> Json:
    """A system prompt in blocks does not reach the model."""
    return {name: value for name, value in body.items() if name != "system" or isinstance(value, str)}


@fault("context", trips={"request.context.counted"}, at=Stage.BODY, seen="rynfar/meridian#368")
def remove_reminders(body: Json) -> Json:
    """The elements system-reminder of messages, and what is in them, do not reach the model."""
    return without_matches(body, r"<system-reminder>.*?</system-reminder>")


@fault("context", trips={"request.context.counted"}, at=Stage.BODY, seen="rynfar/meridian#720")
def remove_thinking_elements(body: Json) -> Json:
    """The elements thinking in texts of messages, and what is in them, do not reach the model."""
    return without_matches(body, r"<thinking>.*?</thinking>")


@fault("context", trips={"request.context.counted"}, at=Stage.BODY)
def remove_comments_of_prompts(body: Json) -> Json:
    """Comments of HTML do not reach the model."""
    return without_matches(body, r"<!--.*?-->")


def without_matches(body: Json, pattern: str) -> Json:
    """The body without what the pattern matches in the texts of its messages."""
    messages = json.loads(re.sub(pattern, "", json.dumps(body["messages"], ensure_ascii=False)))
    return {**body, "messages": messages}
