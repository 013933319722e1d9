"""The rule for markup that a model writes for its server, and that the server has to remove."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules.accessors import has_message, in_message, shown, text_of
from messages_conformance.rules.catalogue import LOSES, rule
from messages_conformance.rules.recording_parts import REQUEST
from messages_conformance.rules.verdict import SHOULD, Finding

MARKUP: Final = re.compile(r"</?think>|</?tool_call>|</?function_calls>|\[TOOL_CALLS\]|<\|[a-z_]{2,24}\|>")
"""Markup with which open models mark thinking, tool calls and the speaker for their server."""

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
    request = exchange.request.body.decode("utf-8", "replace")
    for mark in MARKUP.finditer(text):
        if mark.group() not in request:
            found = shown(text[max(0, mark.start() - AROUND) : mark.end() + AROUND])
            place = in_message(exchange, "/content")
            yield Finding(place=place, found=found, wanted=f"the text without {shown(mark.group())}")
            return
