"""Correct servers in front of models that draw lots: whatever a real model does now and then, these do, anew each time.

The lots are drawn by the number and the content of a request, so that the same question asked twice, or streamed and
not, is answered in two ways; a run can be had again by its order of requests.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from messages_conformance.reference import text_tasks
from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.events import Event
from messages_conformance.reference.http import HttpResponse
from messages_conformance.reference.language_model import (
    Call,
    Completion,
    Model,
    Prompt,
    calls_of,
    question,
    wanted_calls,
)
from messages_conformance.reference.variants import ALL_PROFILES, TOKMODEL, busy, variant

Json = dict[str, Any]
SEED = 0
OBEDIENCE = 0.6
"""The share of requests that are answered as they were meant."""

HIDDEN_TOKENS = 400
LONG_WORDS = 500
ESTIMATE = 0.05
"""How far an estimate of the input may be off."""

TONGUES = (
    "Das kann ich gern erklären: es ist eine lange Geschichte, und sie beginnt in einer kleinen Stadt. ",
    "面包的历史很长，人们在河边种麦子，磨成面粉，再烤成面包。",
    "パンの歴史はとても長く、人々は川のほとりで麦を育てていました。",
    "ขนมปังมีประวัติศาสตร์อันยาวนานผู้คนปลูกข้าวสาลีริมแม่น้ำ",
    "Конечно, с удовольствием расскажу: это долгая история. ",
    "🍞🙂 ",
)
WRAPPINGS = ("**{}**", '"{}"', "```\n{}\n```", "# Answer\n\n{}\n", "Sure, here you go: {}", "- {}", "{} Anything else?")
EXCUSES = (
    "I'm sorry, but I can't help with that.",
    "Could you tell me what you mean by that?",
    "I have no access to such tools, so I cannot say.",
    "Hmm.",
)


def dice(scene: RequestContext, purpose: str) -> random.Random:
    """The lots of one request, the same whenever they are drawn for one purpose."""
    return random.Random(f"{SEED}/{scene.number}/{purpose}/".encode() + scene.request.body)


@dataclass(frozen=True, kw_only=True)
class RandomModel(Model):
    """A model that does what it is asked most of the time, and anything that a model may do the other times."""

    lots: random.Random = field(repr=False)
    silent: bool = False
    """Whether it may end its turn without a word, think or not, and refuse."""

    def complete(self, prompt: Prompt) -> Completion:
        if self.silent and prompt.max_tokens and self.lots.random() < 0.02:
            return Completion(text="", calls=(), thinking=None, output_tokens=0, stop_reason="refusal", refusal="cyber")
        hidden = self.lots.choice((0, 0, 0, 1, 7, self.lots.randint(1, HIDDEN_TOKENS)))
        hidden = min(hidden, prompt.max_tokens)
        if hidden and hidden == prompt.max_tokens:
            return self._all_spent(replace(prompt, thinking=False), None)
        thinks = prompt.thinking and not (self.silent and self.lots.random() < 0.3)
        said = super().complete(replace(prompt, max_tokens=prompt.max_tokens - hidden, thinking=thinks))
        return replace(said, output_tokens=said.output_tokens + hidden)

    def _after_thinking(self, prompt: Prompt, thinking: str | None, spent: int) -> Completion:
        calls = self._drawn_calls(prompt)
        if calls:
            return self._calling(prompt, calls, thinking, spent)
        return super()._after_thinking(replace(prompt, tools=()), thinking, spent)

    def _calling(self, prompt: Prompt, calls: tuple[Call, ...], thinking: str | None, spent: int) -> Completion:
        said = super()._calling(prompt, calls, thinking, spent)
        words = self.lots.choice(("", "", "Let me look that up.", TONGUES[1]))
        tokens = said.output_tokens + self.count(words)
        if said.text or not said.calls or tokens >= prompt.max_tokens:
            return said
        return replace(said, text=words, output_tokens=tokens)

    def _drawn_calls(self, prompt: Prompt) -> tuple[Call, ...]:
        meant = wanted_calls(prompt)
        if self.lots.random() < OBEDIENCE or not prompt.tools or prompt.tool_choice == "none" or prompt.searches:
            return meant
        tool = self.lots.choice(prompt.tools)
        if prompt.tool_choice == "tool":
            tool = next((each for each in prompt.tools if each.name == prompt.forced_tool), tool)
        other = tuple(calls_of(tool, question(prompt)))
        drawn = self.lots.choice((meant, meant + meant, other, other + meant))
        if prompt.tool_choice == "auto":
            drawn = self.lots.choice((drawn, ()))
        elif prompt.tool_choice == "tool":
            drawn = other
        return drawn if prompt.parallel else drawn[:1]

    def _answer(self, prompt: Prompt) -> str:
        meant = super()._answer(prompt)
        if prompt.answer_schema is not None or self.lots.random() < OBEDIENCE:
            return meant
        return str(self.lots.choice(tuple(self._other_answers(prompt, meant))))

    def _other_answers(self, prompt: Prompt, meant: str) -> Iterator[str]:
        asked = question(prompt)
        yield self.lots.choice(WRAPPINGS).format(meant)
        yield self.lots.choice(TONGUES) * self.lots.choice((1, 1, 12))
        yield self.lots.choice(EXCUSES)
        yield text_tasks.prose(text_tasks.topic(asked), LONG_WORDS)
        yield meant.partition(" ")[0]
        yield meant[: self.lots.randint(1, max(1, len(meant)))]
        yield f'You said "{asked[:300]}", did you not?'
        yield meant.lower() if self.lots.random() < 0.5 else meant.upper()
        yield " ".join(self.lots.sample(words := meant.split(), len(words)))
        if prompt.stop_sequences:
            yield f'I am going to stop at "{self.lots.choice(prompt.stop_sequences)}", as you like.'
        if self.silent:
            yield ""


@variant(at=Stage.MODEL)
def moody_model(model: Model, scene: RequestContext) -> Model:
    """The model draws lots: it obeys, wraps, translates, asks back, babbles, calls one tool, another, two or none."""
    return RandomModel(pieces=model.pieces, lots=dice(scene, "model"))


def mixed_cache(message: Json, scene: RequestContext) -> Json:
    """What could be cached was in the cache or was not."""
    usage = message["usage"]
    cached = usage.get("cache_read_input_tokens", 0) + usage.get("cache_creation_input_tokens", 0)
    if not cached or usage["cache_creation"]["ephemeral_1h_input_tokens"]:
        return message
    read = dice(scene, "cache").choice((0, cached))
    details = {"ephemeral_5m_input_tokens": cached - read, "ephemeral_1h_input_tokens": 0}
    counts = {"cache_read_input_tokens": read, "cache_creation_input_tokens": cached - read, "cache_creation": details}
    return {**message, "usage": {**usage, **counts}}


PARTS = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}


def uneven_deltas(events: list[Event], scene: RequestContext) -> list[Event]:
    """The deltas of a block are cut anew, anywhere."""
    lots = dice(scene, "deltas")
    cut: list[Event] = []
    held: list[Event] = []
    for event in events:
        delta = event[1].get("delta") or {}
        kind = delta.get("type") if event[0] == "content_block_delta" else None
        if held and (kind not in PARTS or kind != held[0][1]["delta"]["type"]):
            cut += recut(held, lots)
            held = []
        if kind in PARTS:
            held.append(event)
        else:
            cut.append(event)
    return cut


def recut(held: list[Event], lots: random.Random) -> list[Event]:
    name, data = held[0]
    part = PARTS[data["delta"]["type"]]
    text = "".join(event[1]["delta"][part] for event in held)
    largest = lots.choice((1, 3, 30, 400, max(1, len(text))))
    pieces, at = [], 0
    while at < len(text):
        size = lots.randint(1, largest)
        pieces.append(text[at : at + size])
        at += size
    return [(name, {**data, "delta": {**data["delta"], part: piece}}) for piece in pieces or [text]]


def estimated(counted: Json, scene: RequestContext) -> Json:
    """The count is an estimate."""
    share = 1 + dice(scene, "count").uniform(-ESTIMATE, ESTIMATE)
    return {**counted, "input_tokens": max(1, round(counted["input_tokens"] * share))}


def overloaded_by_chance(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """One message in fifty meets an overload."""
    unlucky = dice(scene, "overload").random() < 0.02
    return busy(response, replace(scene, number=0), 529) if unlucky else response


@variant(
    at=Stage.MODEL,
    conforms=ALL_PROFILES - TOKMODEL,
    also={
        Stage.MESSAGE: mixed_cache,
        Stage.EVENTS: uneven_deltas,
        Stage.COUNT: estimated,
        Stage.RESPONSE: overloaded_by_chance,
    },
)
def moody_service(model: Model, scene: RequestContext) -> Model:
    """All is left to chance: also silence, refusals, thoughts, the cache, the size of deltas, estimates, overloads."""
    return RandomModel(pieces=model.pieces, lots=dice(scene, "model"), silent=True)
