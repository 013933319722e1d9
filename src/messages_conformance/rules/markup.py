"""The rule for markup that a model writes for its server, and that the server has to remove."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import chain
from typing import Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules.accessors import (
    blocks_of,
    has_message,
    in_message,
    shown,
    text_of,
    thinking_type,
)
from messages_conformance.rules.catalogue import LOSES, rule
from messages_conformance.rules.recording_parts import REQUEST
from messages_conformance.rules.verdict import SHOULD, Finding

MARKUP: Final = re.compile(
    r"</?think>|</?tool_call>|</?function_calls>|</?(?:antml:)?invoke\b|<function=|<start_of_turn>|<end_of_turn>"
    r"|\[TOOL_CALLS\]|\[/?INST\]|<\|[a-z_]{2,24}\|>|<｜[^｜\s]{2,40}｜>"
)
"""Markup with which open models mark thinking, tool calls and the speaker for their server."""

THINKING_TAGS: Final = re.compile(r"</?(?:thinking|thought|thoughts|reasoning|reflection)>")
"""Tags around thinking. A model may write them on its own, so they count only where a thinking block is due."""

AROUND: Final = 30
"""Characters before and after the markup that a finding shows."""


@rule(
    "response.content.no-model-markup",
    SHOULD,
    harm=LOSES,  # a call or the thinking is in the text
    source="sgl-project/sglang#8149, mlx-node/mlx-node#45 (GitHub), read 2026-11-22",
    applies=has_message,
    reads={REQUEST},
)
def removes_the_markup_of_the_model(exchange: Exchange) -> Iterable[Finding]:
    """A text has no markup of the model for thinking, tool calls or speakers, unless the request contains it."""
    text = text_of(exchange)
    marks = chain(MARKUP.finditer(text), THINKING_TAGS.finditer(text) if _lost_thinking(exchange) else ())
    request = exchange.request.body.decode("utf-8", "replace")
    for mark in marks:
        if mark.group() not in request:
            found = shown(text[max(0, mark.start() - AROUND) : mark.end() + AROUND])
            place = in_message(exchange, "/content")
            yield Finding(place=place, found=found, wanted=f"the text without {shown(mark.group())}")
            return


def _lost_thinking(exchange: Exchange) -> bool:
    """True when the request asks for thinking and the answer has no block of it."""
    kinds = {str(block.get("type")) for block in blocks_of(exchange)}
    return thinking_type(exchange) in ("enabled", "adaptive") and not kinds & {"thinking", "redacted_thinking"}
