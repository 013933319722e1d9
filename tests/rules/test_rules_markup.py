"""Markup that a model writes for its server is found in texts, unless the model may have written it for the reader."""

import pytest
from builders import answered, numbered, verdicts

from messages_conformance.rules import PASS, WARN

RULE = "response.content.no-model-markup"
THINKING = {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2000}


def outcome_of(text, ask=None, before=()):
    content = [*before, {"type": "text", "text": text}]
    return verdicts(numbered(answered({"content": content}, ask=ask or {})), only=[RULE])[RULE].outcome


@pytest.mark.parametrize(
    "text",
    ["Hm.</think>Hi", "<|im_start|>Hi", "<｜tool▁calls▁begin｜>", '<invoke name="f">', "<function=f>{}", "[/INST] Hi"],
)
def test_markup_is_found(text):
    assert outcome_of(text) == WARN


@pytest.mark.parametrize("text", ["<thinking>Hm.</thinking>Hi", "<reasoning>\nHm.\n</reasoning>\n\nHi"])
def test_tags_of_thinking_are_found_where_a_thinking_block_is_due(text):
    assert outcome_of(text, THINKING) == WARN
    assert outcome_of(text) == PASS
    block = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
    assert outcome_of(text, THINKING, before=[block]) == PASS


@pytest.mark.parametrize("text", ["Use a < b, and <b>.", "a | b |> c", "[INSTALL]", "He was invoked.", "1 <function 2"])
def test_plain_text_is_not_markup(text):
    assert outcome_of(text, THINKING) == PASS
