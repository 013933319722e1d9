"""Language models that answer at random, as real models do at times.

The random numbers depend on the number and the body of a request. So the same question may get two different answers,
and a run with the same requests in the same order gets the same answers.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

from messages_conformance.reference import text_tasks
from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.events import Event
from messages_conformance.reference.http import HttpResponse
from messages_conformance.reference.language_model import (
    Call,
    Completion,
    Model,
    Prompt,
    calls_for,
    calls_of,
    question,
)
from messages_conformance.reference.variant_registry import NOT_TOKMODEL, variant
from messages_conformance.reference.variants.overloads import busy

Json = dict[str, Any]
SEED: Final = 0
OBEDIENT_SHARE: Final = 0.6
"""The share of requests that the model follows; all shares here are our own numbers."""

REFUSING_SHARE: Final = 0.02
NOT_THINKING_SHARE: Final = 0.3
OVERLOADED_SHARE: Final = 0.02
MAX_HIDDEN_TOKENS: Final = 400
LONG_WORDS: Final = 500
ESTIMATE_ERROR_SHARE: Final = 0.05
"""How far an estimate of the input tokens may be off."""

FOREIGN_TEXTS: Final = (
    "Das kann ich gern erklären: es ist eine lange Geschichte, und sie beginnt in einer kleinen Stadt. ",
    "面包的历史很长，人们在河边种麦子，磨成面粉，再烤成面包。",
    "パンの歴史はとても長く、人々は川のほとりで麦を育てていました。",
    "ขนมปังมีประวัติศาสตร์อันยาวนานผู้คนปลูกข้าวสาลีริมแม่น้ำ",
    "Конечно, с удовольствием расскажу: это долгая история. ",
    "🍞🙂 ",
)
WRAPPINGS: Final = (
    "**{}**",
    '"{}"',
    "```\n{}\n```",
    "# Answer\n\n{}\n",
    "Sure, here you go: {}",
    "- {}",
    "{} Anything else?",
)
EXCUSES: Final = (
    "I'm sorry, but I can't help with that.",
    "Could you tell me what you mean by that?",
    "I have no access to such tools, so I cannot say.",
    "Hmm.",
)


def random_generator(context: RequestContext, purpose: str) -> random.Random:
    """The random numbers of one request for one purpose; the same request with the same number gets the same ones."""
    return random.Random(f"{SEED}/{context.number}/{purpose}/".encode() + context.request.body)


@dataclass(frozen=True, kw_only=True)
class RandomModel(Model):
    """A model that follows most requests, and otherwise does anything that a model may do."""

    rng: random.Random = field(repr=False)
    silent: bool = False
    """Whether it may also write nothing, leave out its thinking, and refuse."""

    def complete(self, prompt: Prompt) -> Completion:
        """A random completion, sometimes after hidden reasoning."""
        if self.silent and prompt.max_tokens and self.rng.random() < REFUSING_SHARE:
            return Completion(text="", calls=(), thinking=None, output_tokens=0, stop_reason="refusal", refusal="cyber")
        hidden = self.rng.choice((0, 0, 0, 1, 7, self.rng.randint(1, MAX_HIDDEN_TOKENS)))
        hidden = min(hidden, prompt.max_tokens)
        if hidden and hidden == prompt.max_tokens:
            return self._cut_before_text(replace(prompt, thinking=False), None)
        thinks = prompt.thinking and not (self.silent and self.rng.random() < NOT_THINKING_SHARE)
        completion = super().complete(replace(prompt, max_tokens=prompt.max_tokens - hidden, thinking=thinks))
        return replace(completion, output_tokens=completion.output_tokens + hidden)

    def _after_thinking(self, prompt: Prompt, thinking: str | None, spent: int) -> Completion:
        calls = self._random_calls(prompt)
        if calls:
            return self._calling(prompt, calls, thinking, spent)
        return super()._after_thinking(replace(prompt, tools=()), thinking, spent)

    def _calling(self, prompt: Prompt, calls: tuple[Call, ...], thinking: str | None, spent: int) -> Completion:
        completion = super()._calling(prompt, calls, thinking, spent)
        words = self.rng.choice(("", "", "Let me look that up.", FOREIGN_TEXTS[1]))
        tokens = completion.output_tokens + self.count(words)
        if completion.text or not completion.calls or tokens >= prompt.max_tokens:
            return completion
        return replace(completion, text=words, output_tokens=tokens)

    def _random_calls(self, prompt: Prompt) -> tuple[Call, ...]:
        expected = calls_for(prompt)
        if self.rng.random() < OBEDIENT_SHARE or not prompt.tools or prompt.tool_choice == "none" or prompt.searches:
            return expected
        tool = self.rng.choice(prompt.tools)
        if prompt.tool_choice == "tool":
            tool = next((one for one in prompt.tools if one.name == prompt.forced_tool), tool)
        other = tuple(calls_of(tool, question(prompt)))
        chosen = self.rng.choice((expected, expected + expected, other, other + expected))
        if prompt.tool_choice == "auto":
            chosen = self.rng.choice((chosen, ()))
        elif prompt.tool_choice == "tool":
            chosen = other
        return chosen if prompt.parallel else chosen[:1]

    def _answer(self, prompt: Prompt) -> str:
        expected = super()._answer(prompt)
        if prompt.answer_schema is not None or self.rng.random() < OBEDIENT_SHARE:
            return expected
        return str(self.rng.choice(tuple(self._other_answers(prompt, expected))))

    def _other_answers(self, prompt: Prompt, expected: str) -> Iterator[str]:
        question_text = question(prompt)
        yield self.rng.choice(WRAPPINGS).format(expected)
        yield self.rng.choice(FOREIGN_TEXTS) * self.rng.choice((1, 1, 12))
        yield self.rng.choice(EXCUSES)
        yield text_tasks.prose(text_tasks.topic(question_text), LONG_WORDS)
        yield expected.partition(" ")[0]
        yield expected[: self.rng.randint(1, max(1, len(expected)))]
        yield f'You said "{question_text[:300]}", did you not?'
        yield expected.lower() if self.rng.random() < 0.5 else expected.upper()
        yield " ".join(self.rng.sample(words := expected.split(), len(words)))
        if prompt.stop_sequences:
            yield f'I am going to stop at "{self.rng.choice(prompt.stop_sequences)}", as you like.'
        if self.silent:
            yield ""


@variant(at=Stage.MODEL)
def moody_model(model: Model, context: RequestContext) -> Model:
    """The model answers at random: as requested, wrapped, translated, cut, with a question, or with any tool calls."""
    return RandomModel(pieces=model.pieces, rng=random_generator(context, "model"))


RANDOM_WORD: Final = re.compile(r"\b[0-9a-f]{24}\b")
"""A word that nobody else can have sent before."""


def mixed_cache(message: Json, context: RequestContext) -> Json:
    """Whatever could be cached is either read from the cache or written to it, at random: others may send it, too."""
    usage = message["usage"]
    if RANDOM_WORD.search(str(context.body.get("system"))):
        return message
    cached = usage.get("cache_read_input_tokens", 0) + usage.get("cache_creation_input_tokens", 0)
    if not cached or usage["cache_creation"]["ephemeral_1h_input_tokens"]:
        return message
    read = random_generator(context, "cache").choice((0, cached))
    details = {"ephemeral_5m_input_tokens": cached - read, "ephemeral_1h_input_tokens": 0}
    counts = {"cache_read_input_tokens": read, "cache_creation_input_tokens": cached - read, "cache_creation": details}
    return {**message, "usage": {**usage, **counts}}


DELTA_FIELDS: Final = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}


def uneven_deltas(events: list[Event], context: RequestContext) -> list[Event]:
    """The deltas of a block are split again at random places."""
    rng = random_generator(context, "deltas")
    result: list[Event] = []
    deltas: list[Event] = []
    for event in events:
        delta = event[1].get("delta") or {}
        kind = delta.get("type") if event[0] == "content_block_delta" else None
        if deltas and (kind not in DELTA_FIELDS or kind != deltas[0][1]["delta"]["type"]):
            result += split_again(deltas, rng)
            deltas = []
        if kind in DELTA_FIELDS:
            deltas.append(event)
        else:
            result.append(event)
    return result


def split_again(deltas: list[Event], rng: random.Random) -> list[Event]:
    """The deltas of one block, split anew into pieces of random length."""
    name, data = deltas[0]
    part = DELTA_FIELDS[data["delta"]["type"]]
    text = "".join(event[1]["delta"][part] for event in deltas)
    largest = rng.choice((1, 3, 30, 400, max(1, len(text))))
    pieces, at = [], 0
    while at < len(text):
        size = rng.randint(1, largest)
        pieces.append(text[at : at + size])
        at += size
    return [(name, {**data, "delta": {**data["delta"], part: piece}}) for piece in pieces or [text]]


def estimated(counted: Json, context: RequestContext) -> Json:
    """The count is an estimate."""
    share = 1 + random_generator(context, "count").uniform(-ESTIMATE_ERROR_SHARE, ESTIMATE_ERROR_SHARE)
    return {**counted, "input_tokens": max(1, round(counted["input_tokens"] * share))}


def overloaded_by_chance(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """About one message in fifty is answered with 529."""
    unlucky = random_generator(context, "overload").random() < OVERLOADED_SHARE
    return busy(response, replace(context, number=0), 529) if unlucky else response


@variant(
    at=Stage.MODEL,
    conforms=NOT_TOKMODEL,
    also={
        Stage.MESSAGE: mixed_cache,
        Stage.EVENTS: uneven_deltas,
        Stage.COUNT: estimated,
        Stage.RESPONSE: overloaded_by_chance,
    },
)
def moody_service(model: Model, context: RequestContext) -> Model:
    """Everything is random: silence, refusals, thinking, the cache, the size of deltas, estimates, overloads."""
    return RandomModel(pieces=model.pieces, rng=random_generator(context, "model"), silent=True)
