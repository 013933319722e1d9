"""Parts of an answer are lost now and then, or because a schema does not require them."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from typing import Final

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.edits import Json, map_text
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.faults.input_values import map_inputs
from messages_conformance.reference.faults.lost_text import nth
from messages_conformance.reference.message import plain_text
from messages_conformance.reference.request_parts import object_of

EACH_TIME: Final = "response.content.complete-each-time"
VALUES: Final = "response.content.tool_use-values"
CUT_CALL: Final = "stop.max_tokens.cut-call"

BLANK: Final = re.compile(r"(?<=\w) (?=\w)")


@fault("text", trips={EACH_TIME}, at=Stage.MESSAGE, seen="badrisnarayanan/antigravity-claude-proxy#138")
def swallow_a_blank_of_every_second_answer(message: Json, context: RequestContext) -> Json:
    """Every second answer to one request that is not ASCII lacks one blank between two words."""
    text = plain_text(message["content"])
    blanks = list(BLANK.finditer(text))
    if text.isascii() or not blanks or nth(context, f"answers {zlib.crc32(context.request.body)}") % 2:
        return message
    at = blanks[len(blanks) // 2].start()
    return map_text(message, lambda whole: whole[:at] + whole[at + 1 :])


@fault("text", trips={EACH_TIME}, at=Stage.MESSAGE)
def unescape_every_third_answer(message: Json, context: RequestContext) -> Json:
    """Every third answer with an entity has the character instead."""
    if "&amp;" not in plain_text(message["content"]) or nth(context, "answers with an entity") % 3:
        return message
    return map_text(message, lambda text: text.replace("&amp;", "&"))


@fault("tools", trips={EACH_TIME}, at=Stage.MESSAGE)
def empty_every_third_input(message: Json, context: RequestContext) -> Json:
    """The input of every third call of a tool is empty, if the input is long."""
    long = [block["name"] for block in message["content"] if block["type"] == "tool_use" and len(block["input"]) > 5]
    empties = bool(long) and nth(context, f"calls of {long[0]}") % 3 == 0
    return map_inputs(message, lambda *_: {}) if empties else message


def required(context: RequestContext, name: str) -> list[str] | None:
    """The members that the schema of a tool requires; None if it requires none, or has no properties."""
    for tool in context.body.get("tools") or ():
        schema = object_of(tool, "input_schema") if isinstance(tool, Mapping) and tool.get("name") == name else {}
        if schema.get("properties") and schema.get("required"):
            return list(schema["required"])
    return None


@fault("tools", trips={VALUES}, at=Stage.MESSAGE)
def drop_optional_members_of_inputs(message: Json, context: RequestContext) -> Json:
    """The input of a tool call has the required members only."""

    def kept(given: Json, name: str) -> Json:
        needed = required(context, name)
        return given if needed is None else {member: value for member, value in given.items() if member in needed}

    return map_inputs(message, kept)


@fault("tools", trips={VALUES}, at=Stage.MESSAGE, seen="decolua/9router#1278")
def empty_optional_texts_of_inputs(message: Json, context: RequestContext) -> Json:
    """A text in the input of a tool call is empty if its member is optional."""

    def emptied(given: Json, name: str) -> Json:
        needed = required(context, name)
        if needed is None:
            return given
        return {
            member: "" if isinstance(value, str) and member not in needed else value for member, value in given.items()
        }

    return map_inputs(message, emptied)


@fault("tools", trips={CUT_CALL}, at=Stage.MESSAGE)
def call_with_what_was_not_cut(message: Json, context: RequestContext) -> Json:
    """A forced call that max_tokens cuts has an empty input and stop_reason tool_use."""
    forced = object_of(context.body, "tool_choice").get("name")
    if message["stop_reason"] != "max_tokens" or not forced:
        return message
    call = {"type": "tool_use", "id": f"toolu_cut{context.number:04}", "name": forced, "input": {}}
    return {**message, "content": [*message["content"], call], "stop_reason": "tool_use"}
