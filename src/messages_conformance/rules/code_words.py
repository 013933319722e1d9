"""Verdicts on what the model is shown: a word that was said in one part of the request is known in the answer.

The model itself is judged by nobody. Each word stands in one place of a conversation, the model is asked to list them
all, and it has shown elsewhere, where all words stand in the question itself, that it can. What it then leaves out of
every answer to the same request, though the request without it costs as much, it was not shown.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import (
    has_message,
    in_message,
    is_misshapen,
    shown,
    stop_reason_of,
    streamed,
    text_of,
    total_input,
    usage_of,
    walk_of,
)
from messages_conformance.rules.catalogue import RUN, rule
from messages_conformance.rules.counted_input import (
    counts_earlier_turns,
    counts_the_results_of_tools,
    reads_system_blocks,
)
from messages_conformance.rules.recording_parts import PROBES, RAW_BODY, REQUEST
from messages_conformance.rules.relations import counts_the_system_prompt, reads_text_blocks
from messages_conformance.rules.stream.content_blocks import starts_text_blocks_empty
from messages_conformance.rules.stream.deltas import sends_text_in_increments
from messages_conformance.rules.stream.frames import carries_one_json_object_in_each_event as carries_one_json_object
from messages_conformance.rules.stream.frames import keeps_characters_whole
from messages_conformance.rules.verdict import MUST, SHOULD, Finding, Unverified
from messages_conformance.stream import BLOCK_DELTA, BLOCK_START

QUESTION: Final = "list every code word"
"""What the last turn says, in any case, where this is judged."""

WORD: Final = re.compile(r"\b[a-z]{3,}-[0-9]{2}\b")
"""A code word: made up, so that no model says it by chance."""

TOLD: Final = re.compile(rf"One of the code words is ({WORD.pattern})\.")
"""How a word is told. The same request with "Yes." in place of this is the control for what the telling costs."""

TOLD_TOKENS: Final = 4
"""The least that a tokenizer takes for telling a word beyond "Yes." (seven words and a number; most take ten)."""

MIN_ANSWERS: Final = 3
"""So many answers to the same request must lack the same words, and have others, before chance is ruled out (our own:
a model that forgets every tenth time forgets three times in a row once in a thousand)."""

MAX_CONTROL_CHARACTERS: Final = 500
"""Nobody cuts a prompt as short as this."""

MIN_LISTS: Final = 3
"""As many lists at least must be right whole, and none of as many streams."""

MAX_CHANCE: Final = 0.001
"""Likelier than this to fall so by a model's lots, and nobody is accused."""

TOKEN: Final = re.compile(r"[\w-]+")

CUT: Final = ("max_tokens", "refusal", "model_context_window_exceeded", "stop_sequence", "tool_use", "pause_turn")

COUNTED: Final = (
    reads_text_blocks,
    reads_system_blocks,
    counts_the_system_prompt,
    counts_earlier_turns,
    counts_the_results_of_tools,
)
"""What judges the same losses by the tokens that they save."""

Places = Mapping[str, str]
"""Code words, each with the JSON pointer of the place in the request where it stands."""


def _strings(value: Any, pointer: str) -> Iterator[tuple[str, str]]:
    """Every string in a JSON value, with its pointer."""
    if isinstance(value, str):
        yield pointer, value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _strings(inner, f"{pointer}/{name}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _strings(inner, f"{pointer}/{number}")


def _places(exchange: Exchange) -> Places:
    fields = exchange.request.fields
    said = {name: fields.get(name) for name in ("system", "messages")}
    return {word: pointer for pointer, text in _strings(said, "") for word in WORD.findall(text)}


def _asks(exchange: Exchange) -> bool:
    """Whether the last turn asks for the code words, and an answer came to its own end in good order."""
    messages = exchange.request.fields.get("messages")
    last = messages[-1] if isinstance(messages, list) and messages else None
    if not has_message(exchange) or QUESTION not in json.dumps(last, ensure_ascii=False).lower():
        return False
    if streamed(exchange) and (walk_of(exchange).deviations or not walk_of(exchange).complete):
        return False
    return isinstance(stop_reason_of(exchange), str) and stop_reason_of(exchange) not in CUT


def _is_control(exchange: Exchange) -> bool:
    """Whether all words stand in the question itself, and in a short one, where no part of a request can be lost."""
    fields = exchange.request.fields
    content = fields["messages"][-1]["content"]
    alone = len(fields["messages"]) == 1 and "system" not in fields
    return alone and isinstance(content, str) and len(content) <= MAX_CONTROL_CHARACTERS


def _lacks(exchange: Exchange, words: Iterable[str]) -> list[str]:
    text = text_of(exchange).lower()
    return [word for word in words if word not in text]


@rule(
    "request.context.complete",
    SHOULD,
    source=f"{sources.SEED} (system sets the context, messages are the conversation); gateways that lose parts of it: "
    "defects tool-history-dropped, array-content-message-dropped, read 2026-11-22",
    over=RUN,
    model_dependent=True,
    reads={PROBES, REQUEST},
    provoked="Words are told in different parts of a conversation, and then all of them are asked for.",
)
def shows_the_model_everything(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """Every part of the request reaches the model: the system prompt, each turn, each block, and long texts whole."""
    asked = [exchange for exchange in exchanges if _asks(exchange)]
    controls = [exchange for exchange in asked if _is_control(exchange)]
    if not controls:
        yield Unverified(reason="no answer listed words that stood in the question itself")
        return
    unable = next((control for control in controls if _lacks(control, _places(control))), None)
    if unable is not None:
        yield Unverified(reason=f"the model does not list words that stand in the question: {shown(text_of(unable))}")
        return
    if any(isinstance(outcome, Finding) for judged in COUNTED for outcome in judged(exchanges)):
        yield Unverified(reason="a part of the request is not even counted, which is judged as that")
        return
    answers: dict[str, list[Exchange]] = defaultdict(list)
    for exchange in asked:
        if not _is_control(exchange):
            answers[json.dumps(dict(exchange.request.fields), sort_keys=True)].append(exchange)
    reach = _reach(asked)
    for alike in answers.values():
        yield from _lost(alike, asked, reach)


@dataclass(frozen=True, kw_only=True)
class Reach:
    """From how far back, and from where, a model told words in any answer: what lies beyond, it may have ignored.

    A small model heeds the last turn alone, or the last few thousand characters; a careful one keeps its instructions
    to itself. None of that is the endpoint's doing, and all of it looks like a part that was lost.
    """

    characters: int
    earlier_turns: bool
    kinds: frozenset[str]

    def covers(self, exchange: Exchange, word: str) -> bool:
        """Whether this model tells words that stand where this one does."""
        if _kind(exchange, word) not in self.kinds:
            return False
        if _is_instruction(exchange, word):
            return True
        near = _characters_back(exchange, word) <= self.characters
        return near and (self.earlier_turns or _is_in_last_message(exchange, word))


def _reach(asked: Iterable[Exchange]) -> Reach:
    told = [(exchange, word) for exchange in asked for word in _places(exchange) if not _lacks(exchange, [word])]
    said = [(exchange, word) for exchange, word in told if not _is_instruction(exchange, word)]
    return Reach(
        characters=max((_characters_back(exchange, word) for exchange, word in said), default=0),
        earlier_turns=not all(_is_in_last_turn(exchange, word) for exchange, word in said),
        kinds=frozenset(_kind(exchange, word) for exchange, word in told),
    )


def _kind(exchange: Exchange, word: str) -> str:
    """By whom a word was told: a model may leave out what a tool said, or what it said itself."""
    if _is_instruction(exchange, word):
        return "instructions"
    _, _, turn, _, *inner = _places(exchange)[word].split("/")
    said = exchange.request.fields["messages"][int(turn)]
    return "result" if "content" in inner else str(said.get("role"))


def _is_instruction(exchange: Exchange, word: str) -> bool:
    return _places(exchange)[word].startswith("/system")


def _is_in_last_turn(exchange: Exchange, word: str) -> bool:
    turns = exchange.request.fields["messages"]
    # Messages of the user in a row are one turn.
    first = 1 + max((number for number, turn in enumerate(turns) if turn.get("role") == "assistant"), default=-1)
    return any(_places(exchange)[word].startswith(f"/messages/{number}/") for number in range(first, len(turns)))


def _is_in_last_message(exchange: Exchange, word: str) -> bool:
    # Not every model reads messages of the user in a row as one turn.
    last = len(exchange.request.fields["messages"]) - 1
    return _places(exchange)[word].startswith(f"/messages/{last}/")


def _characters_back(exchange: Exchange, word: str) -> int:
    """How much of the conversation comes after a word."""
    text = "".join(said for _, said in _strings(exchange.request.fields["messages"], ""))
    return len(text) - text.rfind(word)


def _lost(alike: list[Exchange], asked: list[Exchange], reach: Reach) -> Iterator[Finding | Unverified]:
    """The words that no answer to the same request has, though the model tells such, or that cost no tokens either."""
    places = _places(alike[0])
    lost = [word for word in places if all(_lacks(exchange, [word]) for exchange in alike)]
    if len(alike) < MIN_ANSWERS or not lost:
        return
    # A model that lists other words each time, or none, did not do what it was asked.
    steady = len(lost) < len(places) and all(_lacks(exchange, places) == lost for exchange in alike)
    ignored = [word for word in lost if steady and reach.covers(alike[0], word)]
    listed = ", ".join(f"{shown(word)} of {places[word]}" for word in (ignored or lost)[:3])
    free = "" if ignored else _told_for_nothing(alike[0], lost, asked)
    if not ignored and not free:
        yield Unverified(reason=f"the model was told, and does not tell, {listed}: {shown(text_of(alike[0]))}")
        return
    yield Finding(
        exchange=alike[-1].number,
        place=in_message(alike[-1], "/content"),
        found=f"{shown(text_of(alike[-1]))}, without {listed} ({len(alike)} answers{free})",
        wanted=f"all {len(places)} words",
    )


def _told_for_nothing(exchange: Exchange, words: list[str], asked: list[Exchange]) -> str:
    """That a request is counted like the same one without these words; empty where it is not."""
    reduced = _without(exchange.request.fields, words)
    control = next((other for other in asked if other.request.fields == reduced), None)
    if control is None or reduced == exchange.request.fields:
        return ""
    with_them, without_them = total_input(usage_of(exchange)), total_input(usage_of(control))
    # Who counts nothing at all says nothing about what a word costs.
    if not without_them or with_them >= without_them + TOLD_TOKENS * len(words):
        return ""
    return f"; {with_them} input tokens with it, {without_them} without (exchange {control.number})"


def _without(value: Any, words: Sequence[str]) -> Any:
    """A request with other sentences in the place of those that tell these words."""
    if isinstance(value, Mapping):
        return {name: _without(inner, words) for name, inner in value.items()}
    if isinstance(value, list):
        return [_without(inner, words) for inner in value]
    return TOLD.sub(lambda told: "Yes." if told[1] in words else told[0], value) if isinstance(value, str) else value


# -- and comes back -------------------------------------------------------------------------------------------------


@rule(
    "stream.delta.text-complete",
    MUST,
    source=f"{sources.STREAMING} (the deltas add up to the text)",
    needs={"stream"},
    over=RUN,
    model_dependent=True,
    reads={RAW_BODY, REQUEST},
    provoked="Made-up words are asked for again, whole and streamed.",
)
def streams_all_that_was_written(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """The text deltas add up to the text that was written: none is lost, doubled or out of its place."""
    asked = [exchange for exchange in exchanges if _asks(exchange)]
    whole = [exchange for exchange in asked if not streamed(exchange)]
    streams = [exchange for exchange in asked if streamed(exchange) and _is_in_order(exchange)]
    if min(len(whole), len(streams)) < MIN_LISTS:
        yield Unverified(reason="fewer than three lists of words came both whole and streamed")
    elif (inexact := next((answer for answer in whole if not _lists_exactly(answer)), None)) is not None:
        yield Unverified(reason=f"not even whole answers list the words and nothing else: {shown(text_of(inexact))}")
    elif _chance(len(whole), len(streams)) > MAX_CHANCE and not any(map(_lists_exactly, streams)):
        yield Unverified(reason=f"no stream lists the words and nothing else, of which {len(streams)} prove too little")
    elif not any(map(_lists_exactly, streams)):
        yield Finding(
            exchange=streams[0].number,
            place=in_message(streams[0], "/content"),
            found=f"{shown(text_of(streams[0]))}, and no better in {len(streams) - 1} more streams",
            wanted=f"{', '.join(_places(streams[0]))}: all {len(whole)} lists that came whole are right",
        )


def _chance(whole: int, streams: int) -> float:
    """How likely it is at most that one coin falls on one side for all whole answers, on the other for all streams."""
    share = whole / (whole + streams)
    return float(share**whole * (1 - share) ** streams)


def _is_in_order(exchange: Exchange) -> bool:
    """Whether a stream has text, in deltas with which nothing else is wrong."""
    amiss = (carries_one_json_object, sends_text_in_increments, starts_text_blocks_empty, keeps_characters_whole)
    misshapen = is_misshapen(exchange, BLOCK_START, BLOCK_DELTA)
    return bool(text_of(exchange)) and not misshapen and not any(True for rule in amiss for _ in rule(exchange))


def _lists_exactly(exchange: Exchange) -> bool:
    """Whether the answer is made of the words that it was asked for."""
    return set(TOKEN.findall(text_of(exchange).lower())) == set(_places(exchange))
