"""More correct servers: those that look wrong at first sight, and are not."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.events import Event
from messages_conformance.reference.failures import Failure
from messages_conformance.reference.http import HttpResponse
from messages_conformance.reference.language_model import Completion, Model, Prompt
from messages_conformance.reference.variants import ALL_PROFILES, TOKMODEL, variant

Json = dict[str, Any]
NOT_TOKMODEL = ALL_PROFILES - TOKMODEL

QUEUE_S = 1.2
TIGHT_TOKENS = 60
LONG_CHARS = 100
SIGHT_CHARS = 3000
CHINESE = "面包的历史很长，人们在河边种麦子，磨成面粉，再烤成面包。"
HIDDEN_TOKENS = 30
LEAST_LIMIT = 16
BROKEN_EVERY = 5
TOKEN_LIMIT = 450_700
"""Not a multiple of a thousand: what is left of it, rounded, may be more than it."""


# Times


@variant(at=Stage.RESPONSE)
def queued_answers(response: HttpResponse, scene: RequestContext) -> HttpResponse:
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


class ForgetfulModel(Model):
    """A model that heeds the last turn of a conversation, and nothing that came before it."""

    def complete(self, prompt: Prompt) -> Completion:
        heeded = 2 if prompt.turns[-1:] and prompt.turns[-1].role == "assistant" else 1
        return super().complete(replace(prompt, system="", turns=prompt.turns[-heeded:]))


@variant(at=Stage.MODEL)
def forgetful_model(model: Model) -> Model:
    """The model is shown the whole conversation, and heeds nothing but its last turn."""
    return ForgetfulModel(pieces=model.pieces, habit=model.habit)


class ContinuingModel(Model):
    """A model that goes on with a text that was begun for it, whatever tools there are."""

    def complete(self, prompt: Prompt) -> Completion:
        begun = bool(prompt.turns) and prompt.turns[-1].role == "assistant"
        return super().complete(replace(prompt, tools=(), tool_choice="none") if begun else prompt)


@variant(at=Stage.MODEL, conforms=NOT_TOKMODEL)
def continuing_model(model: Model) -> Model:
    """A text that was begun for the model is continued, also where a tool is forced."""
    return ContinuingModel(pieces=model.pieces, habit=model.habit)


class ShortsightedModel(Model):
    """A model that heeds the last few thousand characters only."""

    def complete(self, prompt: Prompt) -> Completion:
        turns = tuple(replace(turn, text=turn.text[-SIGHT_CHARS:]) for turn in prompt.turns)
        return super().complete(replace(prompt, turns=turns))


@variant(at=Stage.MODEL)
def shortsighted_model(model: Model) -> Model:
    """The model is shown long texts whole, and heeds the end of them."""
    return ShortsightedModel(pieces=model.pieces, habit=model.habit)


class DiscreetModel(Model):
    """A model that keeps its instructions to itself, and does not follow them either."""

    def complete(self, prompt: Prompt) -> Completion:
        return super().complete(replace(prompt, system=""))


@variant(at=Stage.MODEL)
def discreet_model(model: Model) -> Model:
    """The model says nothing of its system prompt."""
    return DiscreetModel(pieces=model.pieces, habit=model.habit)


def chance(scene: RequestContext, one_in: int = 2) -> bool:
    """A coin that falls by the number of the exchange."""
    return scene.number * 2_654_435_761 // 7919 % one_in == 0


@variant(at=Stage.MESSAGE)
def whimsical_model(message: Json, scene: RequestContext) -> Json:
    """The model answers one question in three with a word, whatever was asked."""
    bound = isinstance(scene.body.get("output_config"), dict)
    if (
        bound
        or any(block["type"] != "text" for block in message["content"])
        or not chance(scene, 3)
        or message["stop_reason"] != "end_turn"
        or scene.body["max_tokens"] < 2
    ):
        return message
    usage = {**message["usage"], "output_tokens": 2}
    return {**message, "content": [{"type": "text", "text": "Perhaps."}], "usage": usage}


@variant(at=Stage.MESSAGE)
def polyglot_model(message: Json, scene: RequestContext) -> Json:
    """Longer answers happen to come in Chinese, which has no blanks, when they are streamed."""
    text = "".join(block.get("text", "") for block in message["content"])
    if not scene.streams or message["stop_reason"] != "end_turn" or len(text) < LONG_CHARS:
        return message
    return {**message, "content": [{"type": "text", "text": CHINESE * (len(text) // len(CHINESE))}]}


@variant(at=Stage.MESSAGE, conforms=NOT_TOKMODEL)
def careless_model(message: Json, scene: RequestContext) -> Json:
    """The model leaves the input of every other call empty, and writes NewYork for New York now and then."""
    tools = {tool.get("name"): tool for tool in scene.body.get("tools") or ()}
    blocks = [
        {**block, "input": carelessly(block["input"], scene)}
        if block["type"] == "tool_use" and not tools.get(block["name"], {}).get("strict")
        else block
        for block in message["content"]
    ]
    return {**message, "content": blocks}


def carelessly(given: Json, scene: RequestContext) -> Json:
    if chance(scene):
        return {}
    if not chance(scene, 3):
        return given
    return {name: value.replace(" ", "") if isinstance(value, str) else value for name, value in given.items()}


@variant(at=Stage.MESSAGE, conforms=NOT_TOKMODEL)
def fitful_thinker(message: Json, scene: RequestContext) -> Json:
    """The model thinks every other time that it is told to, and now and then nobody may see what."""
    thoughts = [block for block in message["content"] if block["type"] == "thinking"]
    if not thoughts or message["stop_reason"] == "max_tokens":
        return message
    said = [block for block in message["content"] if block["type"] != "thinking"]
    return {**message, "content": said} if chance(scene) else message


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
def cut_thoughts(events: list[Event], scene: RequestContext) -> list[Event]:
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
def overloaded_streams(events: list[Event], scene: RequestContext) -> list[Event]:
    """On a bad day one stream in five breaks off with an overloaded_error."""
    if scene.number % BROKEN_EVERY or len(events) < 4:
        return events
    error = {"type": "overloaded_error", "message": "Overloaded"}
    return [*events[:3], ("error", {"type": "error", "error": error})]


# Limits


@variant(at=Stage.FAILURES, conforms=TOKMODEL)
def least_limit(failures: list[Failure], scene: RequestContext) -> list[Failure]:
    """max_tokens is at least sixteen, as it is where other vendors' models come from; no document says less."""
    limit = scene.body.get("max_tokens")
    if not isinstance(limit, int) or not 1 <= limit < LEAST_LIMIT:
        return failures
    return [*failures, Failure(message=f"max_tokens: must be at least {LEAST_LIMIT}")]


@variant(at=Stage.FAILURES)
def strict_media_types(failures: list[Failure], scene: RequestContext) -> list[Failure]:
    """What is posted without the media type application/json is refused with 415, before anybody reads it."""
    media_type = (scene.request.header("content-type") or "").partition(";")[0].strip().lower()
    if scene.request.method != "POST" or media_type == "application/json" or any(f.status == 401 for f in failures):
        return failures
    return [Failure(status=415, message="content-type: must be application/json"), *failures]


# What stands before the endpoint


@variant(at=Stage.RESPONSE)
def refused_by_a_proxy(response: HttpResponse) -> HttpResponse:
    """A proxy refuses bodies that are too large by itself, in HTML and without a request id."""
    if response.status != 413:
        return response
    page = b"<html><head><title>413 Request Entity Too Large</title></head></html>"
    bare = response.with_body(page).without_header("request-id")
    return bare.with_header("content-type", "text/html")


# Headers


@variant(at=Stage.RESPONSE, conforms=NOT_TOKMODEL)
def rounded_remainders(response: HttpResponse) -> HttpResponse:
    """What is left of a token limit is rounded to the nearest thousand, and so may be above the limit."""
    for kind in ("tokens", "input-tokens", "output-tokens"):
        response = response.with_header(f"anthropic-ratelimit-{kind}-limit", str(TOKEN_LIMIT))
        response = response.with_header(f"anthropic-ratelimit-{kind}-remaining", str(round(TOKEN_LIMIT, -3)))
    return response
