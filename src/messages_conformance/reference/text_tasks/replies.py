"""The answer to a question: the first skill that recognises the question answers it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import Final

from messages_conformance.reference.text_tasks.earlier_turns import list_code_words, recall
from messages_conformance.reference.text_tasks.facts import SUM, calculate, count, state_fact
from messages_conformance.reference.text_tasks.prose import short_answer, write_at_length
from messages_conformance.reference.text_tasks.repeating import repeat_exactly, say, say_one_word

REFUSED: Final = {
    "bio": re.compile(r"\b(?:nerve agent|nerve gas|bioweapon|biological weapon|weaponi[sz]e)\b", re.IGNORECASE),
    "cyber": re.compile(r"\bransomware\b|\bcomputer (?:worm|virus)\b", re.IGNORECASE),
}
HOW_TO: Final = re.compile(
    r"\b(?:how (?:do|can|would|to)|steps|instructions|recipe|write|make|build|create)\b", re.IGNORECASE
)
REASONING: Final = re.compile(r"\b(?:think|reason|prove|explain|why|step by step|work out|figure out)\b", re.IGNORECASE)
ANNOUNCING: Final = re.compile(r"\b(?:say|tell me|announce|explain)\b[^.\n]*\babout to\b", re.IGNORECASE)


def refusal_category(question: str) -> str | None:
    """The category of harm for which the model refuses a question; None if it answers."""
    if not HOW_TO.search(question):
        return None
    return next((category for category, pattern in REFUSED.items() if pattern.search(question)), None)


def needs_thinking(question: str) -> bool:
    """Whether a question is a calculation or asks for reasons, so that an adaptive model thinks first."""
    return bool(SUM.search(question) or REASONING.search(question))


def preface(question: str) -> str:
    """The sentence before a tool call; empty unless the question asks for one."""
    return "I am going to look that up now." if ANNOUNCING.search(question) else ""


def reply(question: str, earlier: Sequence[str]) -> str:
    """The answer to a question; `earlier` are the texts before it, oldest first."""
    for skill in (
        repeat_exactly,
        partial(list_code_words, earlier=earlier),
        partial(recall, earlier=earlier),
        count,
        calculate,
        state_fact,
        say_one_word,
        say,
        write_at_length,
    ):
        text = skill(question)
        if text is not None:
            return text
    return short_answer(question)
