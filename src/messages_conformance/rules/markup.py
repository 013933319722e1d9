"""A verdict on what a model writes for its server, and the server should have taken out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules.accessors import has_message, in_message, shown, text_of
from messages_conformance.rules.catalogue import rule
from messages_conformance.rules.recording_parts import REQUEST
from messages_conformance.rules.verdict import SHOULD, Finding

MARKUP: Final = re.compile(r"</?think>|</?tool_call>|</?function_calls>|\[TOOL_CALLS\]|<\|[a-z_]{2,24}\|>")
"""Marks by which open models tell their server where a thought or a call begins and ends, or who speaks."""

AROUND: Final = 30
"""Characters on either side that show where the mark stands."""


@rule(
    "response.content.no-model-markup",
    SHOULD,
    source="sgl-project/sglang#8149, mlx-node/mlx-node#45 (GitHub), read 2026-11-22",
    applies=has_message,
    reads={REQUEST},
)
def takes_out_the_marks_of_the_model(exchange: Exchange) -> Iterable[Finding]:
    """A text holds no marks of the model's own for thoughts, calls and speakers, unless the request spoke of them."""
    text = text_of(exchange)
    asked = exchange.request.body.decode("utf-8", "replace")
    for mark in MARKUP.finditer(text):
        if mark.group() not in asked:
            found = shown(text[max(0, mark.start() - AROUND) : mark.end() + AROUND])
            place = in_message(exchange, "/content")
            yield Finding(place=place, found=found, wanted=f"the text without {shown(mark.group())}")
            return
