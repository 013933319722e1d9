"""More correct servers: those that look wrong at first sight, and are not."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

from messages_conformance.reference.changes import Scene, Stage
from messages_conformance.reference.events import Event
from messages_conformance.reference.http import HttpResponse
from messages_conformance.reference.model import Completion, Model, Prompt
from messages_conformance.reference.variants import ALL_PROFILES, TOKMODEL, variant

Json = dict[str, Any]
NOT_TOKMODEL = ALL_PROFILES - TOKMODEL

QUEUE_S = 1.2
TIGHT_TOKENS = 60
HIDDEN_TOKENS = 30
BROKEN_EVERY = 5
TOKEN_LIMIT = 450_700
"""Not a multiple of a thousand: what is left of it, rounded, may be more than it."""


# Times


@variant(at=Stage.RESPONSE)
def queued_answers(response: HttpResponse, scene: Scene) -> HttpResponse:
    """Every message waits in a queue, however short it is, and is then generated faster than anybody can see."""
    if response.status != 200 or scene.request.path != "/v1/messages":
        return response
    return replace(response.with_pieces(((0.0, response.body()),)), delay_s=response.delay_s + QUEUE_S)


# Models


@variant(at=Stage.MODEL)
def abrupt_model(model: Model) -> Model:
    """The model is of two minds: what it answers at length to one request it ends after a word to the next."""
    return replace(
        model,
        habit=lambda prompt, text: text if prompt.max_tokens > TIGHT_TOKENS else text.partition(" ")[0].rstrip(","),
    )


class ContentModel(Model):
    """A model that knows the end of its answer without a token for it: what just fits was not cut."""

    def complete(self, prompt: Prompt) -> Completion:
        said, unlimited = super().complete(prompt), super().complete(replace(prompt, max_tokens=sys.maxsize))
        fits = said.stop_reason == "max_tokens" and said.text == unlimited.text != "" and not unlimited.calls
        return replace(said, stop_reason="end_turn") if fits else said


@variant(at=Stage.MODEL)
def one_token_model(model: Model) -> Model:
    """The model says one token, which just fits into a limit of one, and so was not cut."""
    return ContentModel(pieces=model.pieces, habit=lambda prompt, text: "Ok")


class ReasoningModel(Model):
    """A model whose reasoning is counted as output and shown to nobody."""

    def complete(self, prompt: Prompt) -> Completion:
        hidden = min(HIDDEN_TOKENS, prompt.max_tokens)
        if hidden == prompt.max_tokens:
            return self._all_spent(replace(prompt, thinking=False), None)
        said = super().complete(replace(prompt, max_tokens=prompt.max_tokens - hidden))
        return replace(said, output_tokens=said.output_tokens + hidden)


@variant(at=Stage.MODEL)
def hidden_reasoning(model: Model) -> Model:
    """The model reasons before it answers: nobody sees it, but it is counted, and may use up all of max_tokens."""
    return ReasoningModel(pieces=model.pieces, habit=model.habit)


@variant(at=Stage.MESSAGE, conforms=NOT_TOKMODEL)
def silent_after_thought(message: Json) -> Json:
    """The model reasons unseen, as the details of its usage say, and then has nothing to say."""
    if message.get("stop_reason") != "end_turn":
        return message
    tokens = max(message["usage"]["output_tokens"], 2)
    details = {"output_tokens": tokens, "output_tokens_details": {"thinking_tokens": tokens - 2}}
    return {**message, "content": [], "usage": {**message["usage"], **details}}


# Counts


@variant(
    at=Stage.EVENTS,
    conforms=TOKMODEL,
    also={Stage.DOCUMENT: lambda message: {**message, "usage": shared(message["usage"])}},
)
def cache_known_at_the_end(events: list[Event]) -> list[Event]:
    """Which part of the prompt came from a cache is known at the end only; until then all of it is input."""
    return [
        (name, {**data, "usage": {**data["usage"], **shared(data["usage"])}} if name == "message_delta" else data)
        for name, data in events
    ]


def shared(usage: Json) -> Json:
    fresh = usage["input_tokens"] // 8
    return {**usage, "input_tokens": fresh, "cache_read_input_tokens": usage["input_tokens"] - fresh}


# Streams that end early


@variant(at=Stage.EVENTS, conforms=NOT_TOKMODEL)
def cut_thoughts(events: list[Event], scene: Scene) -> list[Event]:
    """The limit cuts a streamed thought, which then has no signature."""
    thoughts = [at for at, (_, data) in enumerate(events) if data.get("delta", {}).get("type") == "thinking_delta"]
    if not thoughts or not events[-2][1].get("usage"):
        return events
    kept = events[: thoughts[0] + 1]
    name, ending = events[-2]
    usage = {**ending["usage"], "output_tokens": scene.body["max_tokens"]}
    stop = ("content_block_stop", {"type": "content_block_stop", "index": kept[-1][1]["index"]})
    cut = (name, {**ending, "delta": {**ending["delta"], "stop_reason": "max_tokens"}, "usage": usage})
    return [*kept, stop, cut, events[-1]]


@variant(at=Stage.EVENTS)
def overloaded_streams(events: list[Event], scene: Scene) -> list[Event]:
    """On a bad day one stream in five breaks off with an overloaded_error."""
    if scene.number % BROKEN_EVERY or len(events) < 4:
        return events
    error = {"type": "overloaded_error", "message": "Overloaded"}
    return [*events[:3], ("error", {"type": "error", "error": error})]


# Headers


@variant(at=Stage.RESPONSE, conforms=NOT_TOKMODEL)
def rounded_remainders(response: HttpResponse) -> HttpResponse:
    """What is left of a token limit is rounded to the nearest thousand, and so may be above the limit."""
    for kind in ("tokens", "input-tokens", "output-tokens"):
        response = response.with_header(f"anthropic-ratelimit-{kind}-limit", str(TOKEN_LIMIT))
        response = response.with_header(f"anthropic-ratelimit-{kind}-remaining", str(round(TOKEN_LIMIT, -3)))
    return response
