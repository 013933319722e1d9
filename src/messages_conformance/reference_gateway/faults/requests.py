"""Faults on the way in: texts, system prompts and turns are lost or changed."""

from __future__ import annotations

import json
from typing import Any

from messages_conformance.reference_gateway.changes import PASSTHROUGH, TRANSLATES, Fields
from messages_conformance.reference_gateway.edits import (
    each_block,
    each_text,
    field,
    without,
)
from messages_conformance.reference_gateway.faults.row import fault

PASSES = (PASSTHROUGH,)
CHAT = (TRANSLATES,)


def first(blocks: Any) -> Any:
    """The first of several."""
    return blocks[:1] if isinstance(blocks, list) else blocks


def _joined_system(system: Any) -> Any:
    return system if isinstance(system, str) else system[-1:]


fault("drop_system", "The system prompt is lost.", "request.cache-control", "request.system", request=without("system"))
fault(
    "keep_last_system_block",
    "Only the last block of the system prompt arrives.",
    "request.system",
    request=field("system", _joined_system),
)
fault(
    "keep_first_system_block",
    "Only the first block of the system prompt arrives.",
    "request.system",
    request=field("system", first),
)
fault(
    "trim_system",
    "White space at the ends of system texts is removed.",
    "request.system",
    request=field(
        "system",
        lambda given: given if isinstance(given, str) else [{**one, "text": one["text"].strip()} for one in given],
    ),
)
fault(
    "reverse_system",
    "The blocks of the system prompt arrive in reverse order.",
    "request.system",
    request=field("system", lambda given: given[::-1] if isinstance(given, list) else given),
)


def _is_plain(turns: list[Fields]) -> bool:
    """Whether a conversation is long and has texts alone, in turns that alternate."""
    return len(turns) > 4 and "My name is Ada." in json.dumps(turns)


def _add_system(body: Fields) -> Fields:
    extra = "You are a helpful assistant of Example Corp."
    if "messages" in body and "max_completion_tokens" in body:
        return {**body, "messages": [{"role": "system", "content": extra}, *body["messages"]]}
    given = body.get("system") or []
    blocks = [{"type": "text", "text": given}] if isinstance(given, str) else given
    return {**body, "system": [{"type": "text", "text": extra}, *blocks]}


fault("add_system", "A system prompt is added.", "request.system-unmixed", sent=_add_system)

# -- turns and texts

fault(
    "drop_first_turns",
    "Long conversations lose their first two turns.",
    "request.turns",
    "request.texts",
    request=field("messages", lambda turns: turns[2:] if _is_plain(turns) else turns),
)
fault(
    "keep_last_turn",
    "Only the last turn arrives.",
    "request.turns",
    "request.texts",
    request=field("messages", lambda turns: turns[-1:] if _is_plain(turns) else turns),
)
fault(
    "assistant_as_user",
    "Turns of the assistant arrive as the user's.",
    "request.turns",
    "request.texts",
    request=field(
        "messages",
        lambda turns: [{**turn, "role": "user"} if isinstance(turn["content"], str) else turn for turn in turns],
    ),
)
fault(
    "drop_assistant_text",
    "The text of the assistant beside a call is lost.",
    "request.texts",
    request=each_block(lambda block: None if block == {"type": "text", "text": "I look."} else block, "assistant"),
)
fault(
    "drop_second_text",
    "Of several texts in a turn only the first arrives, and the one with the question.",
    "request.texts",
    request=each_block(
        lambda block: None if block.get("text", "").startswith(("Beta", "It is cold", "Anything")) else block
    ),
)
fault("trim_texts", "White space at the ends of texts is removed.", "request.texts", request=each_text(str.strip))
fault(
    "collapse_spaces",
    "Runs of white space become one space.",
    "request.texts",
    request=each_text(lambda text: " ".join(text.split())),
)
fault(
    "ascii_texts",
    "Letters that are not ASCII become question marks, except in very long texts.",
    "request.texts",
    request=each_text(lambda text: text if len(text) > 99_999 else text.encode("ascii", "replace").decode()),
)
fault(
    "escape_markup",
    "Markup in texts is escaped.",
    "request.texts",
    request=each_text(lambda text: text.replace("&", "&amp;").replace("<", "&lt;")),
)
fault(
    "normalise_newlines",
    "Line ends in texts are changed.",
    "request.texts",
    request=each_text(lambda text: text.replace("\r\n", "\n")),
)
fault(
    "cut_long_texts",
    "Texts are cut after 20,000 characters, with their ends kept.",
    "request.texts",
    request=each_text(lambda text: text if len(text) < 20_000 else text[:10_000] + text[-10_000:]),
)
fault(
    "fill_empty_turn",
    "An assistant turn gets a placeholder beside its calls.",
    "request.text-unmixed",
    request=field(
        "messages",
        lambda turns: [
            {**turn, "content": [{"type": "text", "text": "(no content)"}, *turn["content"]]}
            if turn["role"] == "assistant"
            and isinstance(turn["content"], list)
            and turn["content"][0]["type"] == "tool_use"
            else turn
            for turn in turns
        ],
    ),
)
