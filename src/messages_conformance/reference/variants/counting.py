"""Correct servers that count in their own way, and models that change what they repeat."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from messages_conformance.reference.changes import Stage
from messages_conformance.reference.language_model import Model
from messages_conformance.reference.text_changes import text_change
from messages_conformance.reference.variant_registry import variant

Json = dict[str, Any]
HIDDEN_PROMPT_TOKENS: Final = 350
"""What a system prompt of the server itself costs; our own number."""


def more_input(counted: Json) -> Json:
    """A usage or a count with the tokens of the hidden system prompt."""
    return {**counted, "input_tokens": counted["input_tokens"] + HIDDEN_PROMPT_TOKENS}


@variant(
    at=Stage.MESSAGE,
    also={Stage.COUNT: more_input},
)
def hidden_system_prompt(message: Json) -> Json:
    """The server adds a system prompt of its own to every request, and counts it."""
    return {**message, "usage": more_input(message["usage"])}


@variant(at=Stage.MODEL)
def quote_straightening_model(model: Model) -> Model:
    """The model writes straight quotes for typographic ones, as some models do."""
    change = text_change("quotes straight")
    return replace(model, change_answer=lambda prompt, text: change(text))


@variant(at=Stage.MODEL)
def tidy_model(model: Model) -> Model:
    """The model writes plain blanks, composed characters and Unix line ends, whatever it is asked to repeat."""
    changes = [text_change(name) for name in ("tabs as blanks", "line breaks of Unix", "characters composed")]

    def tidied(text: str) -> str:
        for change in changes:
            text = change(text)
        return text

    return replace(model, change_answer=lambda prompt, text: tidied(text))
