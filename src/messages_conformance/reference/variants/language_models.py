"""Language models that answer differently, but always in the same way."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from typing import Final

from messages_conformance.reference.changes import Stage
from messages_conformance.reference.language_model import Completion, Model, Prompt
from messages_conformance.reference.variant_registry import NOT_TOKMODEL, variant

TIGHT_TOKENS: Final = 60
"""Up to this max_tokens the abrupt model answers with one word; our own number."""

SEEN_CHARS: Final = 3000
"""How much of a turn the shortsighted model uses: less than the long prompts of the suites; our own number."""

HIDDEN_TOKENS: Final = 30
"""How many tokens the hidden reasoning has, if max_tokens allows it; our own number."""


def is_prefilled(prompt: Prompt) -> bool:
    """Whether the conversation ends with the beginning of the answer."""
    return bool(prompt.turns) and prompt.turns[-1].role == "assistant"


@variant(at=Stage.MODEL)
def another_tokenizer(model: Model) -> Model:
    """Tokens are three characters long."""
    return replace(model, pieces=re.compile(r".{1,3}", re.DOTALL))


@variant(at=Stage.MODEL)
def chatty_model(model: Model) -> Model:
    """The model begins every answer with a preface."""
    return replace(model, change_answer=lambda prompt, text: text if is_prefilled(prompt) else "Sure, gladly! " + text)


@variant(at=Stage.MODEL)
def terse_model(model: Model) -> Model:
    """The model never writes more than forty words."""
    return replace(model, change_answer=lambda prompt, text: " ".join(text.split(" ")[:40]))


@variant(at=Stage.MODEL)
def weak_model(model: Model) -> Model:
    """The model ignores what the question asks for."""
    return replace(model, change_answer=lambda prompt, text: "I am not sure that I understand, but it sounds nice.")


@variant(at=Stage.MODEL)
def abrupt_model(model: Model) -> Model:
    """The model answers with one word if max_tokens is small, and at length otherwise."""
    return replace(
        model,
        change_answer=lambda prompt, text: (
            text if prompt.max_tokens > TIGHT_TOKENS else text.partition(" ")[0].rstrip(",")
        ),
    )


class NoEndTokenModel(Model):
    """A model that needs no token for the end of its answer: an answer that just fits is not cut."""

    def complete(self, prompt: Prompt) -> Completion:
        """The completion, which max_tokens cuts only if text is missing."""
        completion, unlimited = super().complete(prompt), super().complete(replace(prompt, max_tokens=sys.maxsize))
        fits = (
            completion.stop_reason == "max_tokens" and completion.text == unlimited.text != "" and not unlimited.calls
        )
        return replace(completion, stop_reason="end_turn") if fits else completion


@variant(at=Stage.MODEL)
def one_token_model(model: Model) -> Model:
    """The model writes one token, which fits into a limit of one without being cut."""
    return NoEndTokenModel(pieces=model.pieces, change_answer=lambda prompt, text: "Ok")


class ReasoningModel(Model):
    """A model whose reasoning counts as output but is not shown."""

    def complete(self, prompt: Prompt) -> Completion:
        """The completion, after hidden reasoning."""
        hidden = min(HIDDEN_TOKENS, prompt.max_tokens)
        if hidden == prompt.max_tokens:
            return self._cut_before_text(replace(prompt, thinking=False), None)
        completion = super().complete(replace(prompt, max_tokens=prompt.max_tokens - hidden))
        return replace(completion, output_tokens=completion.output_tokens + hidden)


@variant(at=Stage.MODEL)
def hidden_reasoning(model: Model) -> Model:
    """The model reasons before it answers; the reasoning is not shown but counted, and may use up max_tokens."""
    return ReasoningModel(pieces=model.pieces, change_answer=model.change_answer)


class ForgetfulModel(Model):
    """A model that uses only the last turn of a conversation."""

    def complete(self, prompt: Prompt) -> Completion:
        """The completion for the last turn."""
        turns_used = 2 if is_prefilled(prompt) else 1
        return super().complete(replace(prompt, system="", turns=prompt.turns[-turns_used:]))


@variant(at=Stage.MODEL)
def forgetful_model(model: Model) -> Model:
    """The model receives the whole conversation, but uses only its last turn."""
    return ForgetfulModel(pieces=model.pieces, change_answer=model.change_answer)


class ContinuingModel(Model):
    """A model that continues a prefilled answer even if there are tools."""

    def complete(self, prompt: Prompt) -> Completion:
        """The completion, without tools after a prefill."""
        return super().complete(replace(prompt, tools=(), tool_choice="none") if is_prefilled(prompt) else prompt)


@variant(at=Stage.MODEL, conforms=NOT_TOKMODEL)
def continuing_model(model: Model) -> Model:
    """The model continues a prefilled answer, even if a tool is forced."""
    return ContinuingModel(pieces=model.pieces, change_answer=model.change_answer)


class ShortsightedModel(Model):
    """A model that uses only the last few thousand characters of each turn."""

    def complete(self, prompt: Prompt) -> Completion:
        """The completion for the ends of the turns."""
        turns = tuple(replace(turn, text=turn.text[-SEEN_CHARS:]) for turn in prompt.turns)
        return super().complete(replace(prompt, turns=turns))


@variant(at=Stage.MODEL)
def shortsighted_model(model: Model) -> Model:
    """The model receives long texts in full, but uses only their end."""
    return ShortsightedModel(pieces=model.pieces, change_answer=model.change_answer)


class DiscreetModel(Model):
    """A model that does not use its system prompt."""

    def complete(self, prompt: Prompt) -> Completion:
        """The completion without the system prompt."""
        return super().complete(replace(prompt, system=""))


@variant(at=Stage.MODEL)
def discreet_model(model: Model) -> Model:
    """The model neither follows nor reveals its system prompt."""
    return DiscreetModel(pieces=model.pieces, change_answer=model.change_answer)
