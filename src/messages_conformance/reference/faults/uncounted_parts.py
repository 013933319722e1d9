"""Parts of a request do not reach the model, or are not counted: blocks, documents, images, tools, ends of texts."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.edits import Json
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.faults.lost_context import map_blocks
from messages_conformance.reference.language_model import Model
from messages_conformance.reference.message import input_tokens
from messages_conformance.reference.request_parts import object_of, tools, turns

PARTS: Final = "request.parts.counted"
COUNTS: Final = "adjacent.count_tokens.sees-all"
TOOLS: Final = "request.tools.affects-input-tokens"
DOCUMENT: Final = "request.document.affects-input-tokens"
RESULT_DOCUMENT: Final = "request.tool_result.document-counts"
SEARCH: Final = "request.search_result.affects-input-tokens"
RESULT_SEARCH: Final = "request.tool_result.search-result-counts"
IMAGE: Final = "request.image.affects-input-tokens"
RESULT_IMAGE: Final = "request.tool_result.image-counts"
DEFAULT_CONTEXT_WORDS: Final = 4_000
"""What a model server reads by default if nobody sets the size of its context (ollama: 4,096 tokens)."""
CONTEXT_WORDS: Final = 2_000
"""The length of a prompt that a gateway cuts (our own choice)."""

Change = Callable[[Json], Json]


# What the model gets


def without_kind(*kinds: str) -> Change:
    """Blocks of some types directly in a message are dropped."""
    return lambda body: map_blocks(body, lambda block: None if block.get("type") in kinds else block)


def in_results(change: Callable[[list[Any]], list[Any]]) -> Change:
    """The lists of blocks inside tool results are changed."""

    def changed(block: Json) -> Json:
        content = block.get("content")
        if block.get("type") != "tool_result" or not isinstance(content, list):
            return block
        return {**block, "content": change(content)}

    return lambda body: map_blocks(body, changed)


def is_kind(block: Any, *kinds: str) -> bool:
    """Whether a value is a block of one of some types."""
    return isinstance(block, dict) and block.get("type") in kinds


@fault("context", trips={DOCUMENT}, at=Stage.BODY, seen="deviations: claude-proxy; BerriAI/litellm#36671")
def drop_documents(body: Json) -> Json:
    """Documents in a user message are dropped."""
    return without_kind("document")(body)


@fault("context", trips={SEARCH}, at=Stage.BODY, seen="unslothai/unsloth#11152")
def drop_search_results(body: Json) -> Json:
    """Search results in a user message are dropped."""
    return without_kind("search_result")(body)


@fault("context", trips={IMAGE, COUNTS}, at=Stage.BODY, seen="deviations: claude-proxy")
def drop_images(body: Json) -> Json:
    """Images in a user message are dropped."""
    return without_kind("image")(body)


@fault("context", trips={IMAGE, COUNTS}, at=Stage.BODY)
def replace_images_with_a_note(body: Json) -> Json:
    """Images in a user message are replaced by a short text."""
    note = {"type": "text", "text": "[image not available]"}
    return map_blocks(body, lambda block: note if block.get("type") == "image" else block)


@fault(
    "context",
    trips={RESULT_DOCUMENT},
    at=Stage.BODY,
    seen="unslothai/unsloth#11152; sgl-project/sglang#25876",
)
def drop_documents_in_results(body: Json) -> Json:
    """Documents inside a tool_result are dropped."""
    return in_results(lambda blocks: [one for one in blocks if not is_kind(one, "document")])(body)


@fault("context", trips={RESULT_SEARCH, COUNTS}, at=Stage.BODY, seen="unslothai/unsloth#11152", depth="deep")
def drop_search_results_in_results(body: Json) -> Json:
    """Search results inside a tool_result are dropped."""
    return in_results(lambda blocks: [one for one in blocks if not is_kind(one, "search_result")])(body)


@fault("context", trips={RESULT_IMAGE, COUNTS}, at=Stage.BODY, seen="defects.json tool-result-image-dropped")
def drop_images_in_results(body: Json) -> Json:
    """Images inside a tool_result are dropped."""
    return in_results(lambda blocks: [one for one in blocks if not is_kind(one, "image")])(body)


@fault(
    "context",
    trips={RESULT_IMAGE, COUNTS},
    at=Stage.BODY,
    seen="defects.json tool-result-image-stringified; headroomlabs-ai/headroom#2681",
)
def stringify_images_in_results(body: Json) -> Json:
    """Images inside a tool_result reach the model as base64 text."""

    def stringified(blocks: list[Any]) -> list[Any]:
        return [{"type": "text", "text": json.dumps(one)} if is_kind(one, "image") else one for one in blocks]

    return in_results(stringified)(body)


@fault("context", trips={PARTS, COUNTS}, at=Stage.BODY)
def read_first_block_of_results_only(body: Json) -> Json:
    """Only the first block inside a tool_result reaches the model."""
    return in_results(lambda blocks: blocks[:1])(body)


@fault("context", trips={PARTS, COUNTS, "request.messages.content-blocks"}, at=Stage.BODY)
def read_first_text_block_only(body: Json) -> Json:
    """Only the first text block of a user message reaches the model, if it has no other blocks."""

    def shortened(turn: Json) -> Json:
        content = turn.get("content")
        several = isinstance(content, list) and all(is_kind(block, "text") for block in content)
        return {**turn, "content": content[:1]} if several and isinstance(content, list) else turn

    return {**body, "messages": [shortened(turn) for turn in turns(body)]}


@fault("context", trips={PARTS, COUNTS}, at=Stage.BODY, seen="StringKe/claudex#8")
def drop_text_before_tool_results(body: Json) -> Json:
    """Text beside a tool_result in the same message is dropped."""

    def shortened(turn: Json) -> Json:
        content = turn.get("content")
        if not isinstance(content, list) or not any(is_kind(block, "tool_result") for block in content):
            return turn
        return {**turn, "content": [block for block in content if not is_kind(block, "text")]}

    return {**body, "messages": [shortened(turn) for turn in turns(body)]}


@fault("context", trips={PARTS, COUNTS}, at=Stage.BODY, seen="headroomlabs-ai/headroom#2681")
def forget_inputs_of_calls(body: Json) -> Json:
    """The inputs of earlier tool calls do not reach the model."""
    return map_blocks(body, lambda block: {**block, "input": {}} if block.get("type") == "tool_use" else block)


@fault("context", trips={PARTS, COUNTS}, at=Stage.BODY)
def cut_prompts_after_two_thousand_words(body: Json) -> Json:
    """The end of a text of more than 2,000 words is lost."""

    def cut(turn: Json) -> Json:
        words = turn["content"].split(" ") if isinstance(turn.get("content"), str) else []
        return {**turn, "content": " ".join(words[:CONTEXT_WORDS])} if len(words) > CONTEXT_WORDS else turn

    return {**body, "messages": [cut(turn) for turn in turns(body)]}


@fault("context", trips={PARTS, COUNTS}, at=Stage.BODY, seen="ollama/ollama#16618")
def keep_end_of_long_prompts(body: Json) -> Json:
    """Of a text of more than 4,000 words, only the end reaches the model, and no system prompt."""
    contents = [turn["content"] for turn in turns(body) if isinstance(turn.get("content"), str)]
    if max((len(content.split(" ")) for content in contents), default=0) <= DEFAULT_CONTEXT_WORDS:
        return body
    ends = [
        {**turn, "content": " ".join(turn["content"].split(" ")[-DEFAULT_CONTEXT_WORDS:])}
        if isinstance(turn.get("content"), str)
        else turn
        for turn in turns(body)
    ]
    return {**{name: value for name, value in body.items() if name != "system"}, "messages": ends}


def map_tools(body: Json, change: Change) -> Json:
    """The body with every tool changed."""
    return {**body, "tools": [change(tool) for tool in tools(body)]} if body.get("tools") else body


@fault("context", trips={TOOLS, COUNTS}, at=Stage.BODY)
def drop_descriptions_of_tools(body: Json) -> Json:
    """The descriptions of tools do not reach the model."""
    return map_tools(body, lambda tool: {name: value for name, value in tool.items() if name != "description"})


@fault("context", trips={TOOLS, COUNTS}, at=Stage.BODY)
def drop_descriptions_of_parameters(body: Json) -> Json:
    """The descriptions of the properties in an input_schema do not reach the model."""

    def stripped(tool: Json) -> Json:
        schema = object_of(tool, "input_schema")
        properties = {
            name: {key: item for key, item in value.items() if key != "description"}
            if isinstance(value, dict)
            else value
            for name, value in object_of(schema, "properties").items()
        }
        return {**tool, "input_schema": {**schema, "properties": properties}} if properties else tool

    return map_tools(body, stripped)


@fault("context", trips={DOCUMENT}, at=Stage.BODY)
def drop_context_of_documents(body: Json) -> Json:
    """The title and the context of a document do not reach the model."""

    def stripped(block: Json) -> Json:
        names = ("title", "context") if block.get("type") == "document" else ()
        return {name: value for name, value in block.items() if name not in names}

    return map_blocks(body, stripped)


@fault("context", trips={DOCUMENT}, at=Stage.BODY)
def read_plain_documents_only(body: Json) -> Json:
    """Documents made of content blocks are dropped."""

    def is_listed(block: Json) -> bool:
        return block.get("type") == "document" and object_of(block, "source").get("type") == "content"

    return map_blocks(body, lambda block: None if is_listed(block) else block)


@fault("context", trips={DOCUMENT}, at=Stage.BODY)
def drop_pdf_documents(body: Json) -> Json:
    """PDF documents are dropped."""

    def is_pdf(block: Json) -> bool:
        return block.get("type") == "document" and object_of(block, "source").get("type") == "base64"

    return map_blocks(body, lambda block: None if is_pdf(block) else block)


# What is counted


def counted_as(change: Change) -> Callable[[Json, RequestContext], Json]:
    """count_tokens counts a request as if it were changed."""

    def rewrite(counted: Json, context: RequestContext) -> Json:
        return {**counted, "input_tokens": input_tokens(change(dict(context.body)), Model())}

    return rewrite


def billed_as(change: Change) -> Callable[[Json, RequestContext], Json]:
    """A Message bills the input tokens of a changed request; what is cached stays."""

    def rewrite(message: Json, context: RequestContext) -> Json:
        usage, body = message["usage"], dict(context.body)
        missing = input_tokens(body, Model()) - input_tokens(change(body), Model())
        return {**message, "usage": {**usage, "input_tokens": max(1, usage["input_tokens"] - missing)}}

    return rewrite


def text_only(body: Json) -> Json:
    """The body with its text blocks only."""
    kept = map_blocks(body, lambda block: block if block.get("type") == "text" else None)
    return {name: value for name, value in kept.items() if name != "system" or isinstance(value, str)}


def last_message(body: Json) -> Json:
    """The body with its last message only."""
    return {name: value for name, value in {**body, "messages": turns(body)[-1:]}.items() if name == "messages"}


@fault("adjacent", trips={COUNTS}, at=Stage.COUNT, seen="diegosouzapw/OmniRoute#6221")
def count_text_blocks_only(counted: Json, context: RequestContext) -> Json:
    """count_tokens counts text blocks only: no calls, results or images, and no system prompt in blocks."""
    return counted_as(text_only)(counted, context)


@fault("adjacent", trips={COUNTS}, at=Stage.COUNT, seen="router-for-me/CLIProxyAPI#840; Portkey-AI/gateway#1379")
def count_without_tools(counted: Json, context: RequestContext) -> Json:
    """count_tokens ignores tools."""
    return counted_as(lambda body: {**body, "tools": []})(counted, context)


@fault("adjacent", trips={COUNTS}, at=Stage.COUNT, seen="BerriAI/litellm#20367")
def count_without_images_and_documents(counted: Json, context: RequestContext) -> Json:
    """count_tokens ignores images and documents."""
    return counted_as(without_kind("image", "document"))(counted, context)


@fault("adjacent", trips={COUNTS}, at=Stage.COUNT)
def count_last_message_only(counted: Json, context: RequestContext) -> Json:
    """count_tokens counts the last message only."""
    return counted_as(last_message)(counted, context)


@fault("adjacent", trips={COUNTS}, at=Stage.COUNT)
def count_nothing(counted: Json) -> Json:
    """count_tokens always answers with 0."""
    return {**counted, "input_tokens": 0}


@fault("adjacent", trips={COUNTS}, at=Stage.COUNT)
def count_seven(counted: Json) -> Json:
    """count_tokens always answers with the same number."""
    return {**counted, "input_tokens": 7}


@fault(
    "usage",
    trips={
        "adjacent.count_tokens.approx",
        "request.messages.affects-input-tokens",
        "request.parts.counted",
        "request.system.affects-input-tokens",
        "request.tools.affects-input-tokens",
        "request.tools.keywords-counted",
        "usage.input.monotone",
    },
    at=Stage.MESSAGE,
)
def bill_last_message_only(message: Json, context: RequestContext) -> Json:
    """The input tokens of an answer are those of the last message."""
    return billed_as(last_message)(message, context)


@fault("usage", trips={"adjacent.count_tokens.approx", "request.image.affects-input-tokens"}, at=Stage.MESSAGE)
def bill_no_images(message: Json, context: RequestContext) -> Json:
    """Images in a message cost no input tokens."""
    return billed_as(without_kind("image"))(message, context)


@fault(
    "usage",
    trips={
        "adjacent.count_tokens.approx",
        "request.tools.affects-input-tokens",
        "request.tools.keywords-counted",
    },
    at=Stage.MESSAGE,
)
def bill_no_tools(message: Json, context: RequestContext) -> Json:
    """Tools cost no input tokens."""
    return billed_as(lambda body: {**body, "tools": []})(message, context)


@fault(
    "usage",
    trips={"adjacent.count_tokens.approx", "request.parts.counted", "request.system.affects-input-tokens"},
    at=Stage.MESSAGE,
)
def bill_no_system_prompt(message: Json, context: RequestContext) -> Json:
    """A system prompt costs no input tokens."""
    return billed_as(lambda body: {**body, "system": ""})(message, context)


@fault(
    "usage",
    trips={
        "adjacent.count_tokens.approx",
        "request.parts.counted",
        "request.tool_result.affects-input-tokens",
        "request.tool_result.document-counts",
        "request.tool_result.image-counts",
    },
    at=Stage.MESSAGE,
)
def bill_no_tool_turns(message: Json, context: RequestContext) -> Json:
    """Tool calls and their results in the history cost no input tokens."""
    return billed_as(without_kind("tool_use", "tool_result"))(message, context)
