"""Rules for what the model sees: it knows code words from each part of the request.

The model itself is not judged. Each code word is in one place of a conversation, and the request asks the model to list
all of them. Control requests have all words in the last message and show that the model can list them. Every answer to
the same request may omit a word. The target did not show the word to the model if the model lists such words elsewhere,
or if the word costs no input tokens.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import (
    has_message,
    in_message,
    is_broken_stream,
    is_misshapen,
    json_key,
    once_per_exchange,
    shown,
    stop_reason_of,
    streamed,
    text_of,
    total_input,
    usage_of,
)
from messages_conformance.rules.catalogue import LOSES, RUN, rule
from messages_conformance.rules.counted_parts import (
    counts_earlier_turns,
    counts_the_results_of_tools,
    counts_the_system_prompt,
    reads_system_blocks,
    reads_text_blocks,
)
from messages_conformance.rules.echoed_text import returns_the_text_of_the_model
from messages_conformance.rules.missing_text import doubled_text, lost_from_dictated_texts, missing_text
from messages_conformance.rules.parts_counted import counts_every_part
from messages_conformance.rules.recording_parts import PROBES, RAW_BODY, REQUEST
from messages_conformance.rules.shared_results import once_per_run
from messages_conformance.rules.stream.content_blocks import starts_text_blocks_empty
from messages_conformance.rules.stream.deltas import sends_text_in_increments
from messages_conformance.rules.stream.frames import carries_one_json_object_in_each_event as carries_one_json_object
from messages_conformance.rules.stream.frames import keeps_characters_whole
from messages_conformance.rules.stream_parity import keeps_the_spaces_between_words
from messages_conformance.rules.verdict import MUST, SHOULD, Finding, Unverified
from messages_conformance.stream import BLOCK_DELTA, BLOCK_START

QUESTION: Final = "list every code word"
"""The text of the last turn, in upper or lower case, of the requests that are judged here."""

WORD: Final = re.compile(r"\b[a-z]{3,}-[0-9]{2}\b")
"""A code word: made up, so that no model writes it by chance."""

SENTENCE: Final = re.compile(rf"One of the code words is ({WORD.pattern})\.")
"""The sentence that introduces a word. The same request with "Yes." instead shows how many tokens it costs."""

MIN_SENTENCE_TOKENS: Final = 4
"""The fewest tokens that this sentence costs more than "Yes." (our own: seven words and a number; usually ten)."""

MIN_ANSWERS: Final = 3
"""At least this many answers to the same request must lack the same words, and have others, to exclude chance (our
own). A model that forgets every tenth time forgets three times in a row once in a thousand."""

MAX_CONTROL_CHARACTERS: Final = 500
"""A prompt of this length is never truncated (our own)."""

SHORT_CHARACTERS: Final = 4000
"""A model that lists words of one system prompt reads so many characters more (our own)."""

MIN_LISTS: Final = 3
"""At least this many lists must be correct without streaming, and none of as many streams (our own)."""

MAX_CHANCE: Final = 0.001
"""No finding is reported if chance explains the lists with a higher probability than this (our own)."""

HYPHENS: Final = re.compile(r"[\u2010-\u2015\u2212\ufe58\ufe63\uff0d]")
SPELLED: Final = re.compile(r"([^\W\d_]+)\W{0,3}([0-9]{2})\b")
"""A code word as a model may write it: with another hyphen, a blank, or other letters."""

MIN_SPELLING: Final = 0.6
"""At least this share of the letters of a name must be the same, in the same order, and with the same number (our own).
If two letters change places in a name of four letters, the share is 0.75."""

TOKEN: Final = re.compile(r"[\w-]+")

MARKED: Final = re.compile(rf"[<>]\W*{SENTENCE.pattern}\W*[<>]")
"""A word inside an element or a comment."""

CUT: Final = ("max_tokens", "refusal", "model_context_window_exceeded", "stop_sequence", "tool_use", "pause_turn")

COUNTED: Final = (
    reads_text_blocks,
    reads_system_blocks,
    counts_the_system_prompt,
    counts_earlier_turns,
    counts_the_results_of_tools,
    counts_every_part,
)
"""The rules that find the same losses by their missing input tokens."""

Places = Mapping[str, str]
"""Code words, each with the JSON pointer of its place in the request."""


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


@once_per_exchange
def word_places(exchange: Exchange) -> Places:
    """Each code word in the system prompt and the messages, with the JSON pointer of its text."""
    fields = exchange.request.fields
    parts = {name: fields.get(name) for name in ("system", "messages")}
    return {word: pointer for pointer, text in _strings(parts, "") for word in WORD.findall(text)}


@once_per_exchange
def requests_code_words(exchange: Exchange) -> bool:
    """Whether the last turn asks for the code words, and the answer is complete and valid."""
    messages = exchange.request.fields.get("messages")
    last = messages[-1] if isinstance(messages, list) and messages else None
    if not has_message(exchange) or QUESTION not in json.dumps(last, ensure_ascii=False).lower():
        return False
    if is_broken_stream(exchange):
        return False
    return isinstance(stop_reason_of(exchange), str) and stop_reason_of(exchange) not in CUT


def _is_control(exchange: Exchange) -> bool:
    """Whether all words are in a single short message, of which no part can be lost."""
    fields = exchange.request.fields
    content = fields["messages"][-1]["content"]
    alone = len(fields["messages"]) == 1 and "system" not in fields
    return alone and isinstance(content, str) and len(content) <= MAX_CONTROL_CHARACTERS


def lacking(exchange: Exchange, words: Iterable[str]) -> list[str]:
    """Those of the words that the text of the answer does not have, in any case or spelling."""
    text = _plain(text_of(exchange))
    missing = [word for word in words if word not in text]
    return [word for word in missing if not _is_misspelled(word, text)] if missing else []


def _plain(text: str) -> str:
    """A text in lower case, with one kind of hyphen."""
    return HYPHENS.sub("-", text.lower())


def _is_misspelled(word: str, text: str) -> bool:
    """Whether a text has a word that a weak model may have written in place of this one, such as raevn-14."""
    name, _, number = word.partition("-")
    return any(
        other[2] == number and SequenceMatcher(a=name, b=other[1]).ratio() >= MIN_SPELLING
        for other in SPELLED.finditer(text)
    )


@rule(
    "request.context.complete",
    SHOULD,
    harm=LOSES,
    source=f"{sources.SEED} (system sets the context, messages are the conversation); gateways that lose parts of it: "
    "defects tool-history-dropped, array-content-message-dropped, read 2026-11-22",
    over=RUN,
    model_dependent=True,
    reads={PROBES, REQUEST},
    provoked="Code words are in different parts of a conversation, and the last turn asks for all of them.",
)
def passes_every_part_to_the_model(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """Every part of the request reaches the model: the system prompt, each turn, each block, and all of long texts."""
    losses = _losses(exchanges)
    if any(isinstance(lost, Loss) and lost.free for lost in losses):
        yield Unverified(reason="a part of the request costs no input tokens, which request.context.counted judges")
        return
    for lost in losses:
        if isinstance(lost, Unverified):
            yield lost
        elif lost.ignored:
            yield lost.finding(lost.ignored)
        else:
            text = shown(text_of(lost.answers[0]))
            yield Unverified(reason=f"the model does not list {lost.listed(lost.words)}: {text}")


@rule(
    "request.context.counted",
    MUST,
    harm=LOSES,
    source=f"{sources.SEED} (system sets the context, messages are the conversation; input_tokens counts both); "
    "rynfar/meridian#368, rynfar/meridian#720 (GitHub), read 2026-12-01",
    over=RUN,
    model_dependent=True,
    reads={PROBES, REQUEST},
    provoked="Code words are in different parts of a conversation. If answers lack one, it is left out of the request.",
)
def counts_every_code_word(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """A text of the request that no answer shows costs input tokens; one that costs none does not reach the model."""
    for lost in _losses(exchanges):
        if isinstance(lost, Unverified):
            yield lost
        elif lost.free:
            yield lost.finding(lost.words)


@once_per_run
def _losses(exchanges: Sequence[Exchange]) -> Sequence[Loss | Unverified]:
    """The words that the answers to each request lack, or why that says nothing."""
    # Streams that lack a part of their text say nothing about what the model read.
    shortened = missing_text(exchanges) is not None
    requested = [one for one in exchanges if requests_code_words(one) and not (shortened and streamed(one))]
    controls = [exchange for exchange in requested if _is_control(exchange)]
    if not controls:
        return [Unverified(reason="no answer listed code words of its last message")]
    failed_control = next((control for control in controls if lacking(control, word_places(control))), None)
    if failed_control is not None:
        text = shown(text_of(failed_control))
        return [Unverified(reason=f"the model does not list code words of its last message: {text}")]
    if any(isinstance(outcome, Finding) for judged in COUNTED for outcome in judged(exchanges)):
        return [Unverified(reason="a part of the request is not counted, which other requirements judge")]
    answers: dict[str, list[Exchange]] = defaultdict(list)
    for exchange in requested:
        if not _is_control(exchange):
            answers[json.dumps(dict(exchange.request.fields), sort_keys=True)].append(exchange)
    reach = _reach(requested)
    by_request = {json_key(dict(exchange.request.fields)): exchange for exchange in reversed(requested)}
    losses = (_lost(repeated, by_request, reach) for repeated in answers.values())
    return [loss for loss in losses if loss is not None]


@dataclass(frozen=True, kw_only=True)
class Loss:
    """Words that all answers to one request lack.

    `ignored` are those that the model lists elsewhere. `free` says that the words cost no input tokens, or is empty.
    """

    answers: Sequence[Exchange]
    words: Sequence[str]
    ignored: Sequence[str]
    free: str

    def listed(self, words: Sequence[str]) -> str:
        """Up to three of the words, with their places."""
        places = word_places(self.answers[0])
        return ", ".join(f"{shown(word)} of {places[word]}" for word in words[:3])

    def finding(self, words: Sequence[str]) -> Finding:
        """The finding about these words."""
        last = self.answers[-1]
        return Finding(
            exchange=last.number,
            place=in_message(last, "/content"),
            found=f"{shown(text_of(last))}, without {self.listed(words)} ({len(self.answers)} answers{self.free})",
            wanted=f"all {len(word_places(last))} code words",
        )


@dataclass(frozen=True, kw_only=True)
class Reach:
    """From how far back, and from which roles, a model lists words in any answer; it may ignore the rest.

    A small model uses only the last turn, or the last few thousand characters; a careful model does not reveal its
    instructions. The endpoint causes none of this, but it looks like a lost part.
    """

    characters: int
    earlier_turns: bool
    kinds: frozenset[str]
    characters_to_instructions: int

    def covers(self, exchange: Exchange, word: str) -> bool:
        """Whether this model lists words from the place of this one."""
        if _kind(exchange, word) not in self.kinds:
            return False
        if _is_instruction(exchange, word):
            return _characters_back(exchange, word) <= self.characters_to_instructions + SHORT_CHARACTERS
        near = _characters_back(exchange, word) <= self.characters
        return near and (self.earlier_turns or _is_in_last_message(exchange, word))


def _reach(requested: Iterable[Exchange]) -> Reach:
    listed = [
        (exchange, word) for exchange in requested for word in word_places(exchange) if not lacking(exchange, [word])
    ]
    in_turns = [(exchange, word) for exchange, word in listed if not _is_instruction(exchange, word)]
    return Reach(
        characters=max((_characters_back(exchange, word) for exchange, word in in_turns), default=0),
        earlier_turns=not all(_is_in_last_turn(exchange, word) for exchange, word in in_turns),
        kinds=frozenset(_kind(exchange, word) for exchange, word in listed),
        characters_to_instructions=max(
            (_characters_back(exchange, word) for exchange, word in listed if _is_instruction(exchange, word)),
            default=0,
        ),
    )


def _kind(exchange: Exchange, word: str) -> str:
    """What introduces a word: a model may omit words from tool results, from its own turns, or from markup."""
    if word in _words_in_markup(exchange):
        return "markup"
    if _is_instruction(exchange, word):
        return "instructions"
    _, _, turn, _, *inner = word_places(exchange)[word].split("/")
    message = exchange.request.fields["messages"][int(turn)]
    return "result" if "content" in inner else str(message.get("role"))


@once_per_exchange
def _words_in_markup(exchange: Exchange) -> frozenset[str]:
    """The code words that stand inside an element or a comment."""
    texts = (text for _, text in _strings(exchange.request.fields.get("messages"), ""))
    return frozenset(found[1] for text in texts for found in MARKED.finditer(text))


def _is_instruction(exchange: Exchange, word: str) -> bool:
    """Whether a word is in the system prompt, or in a message with the role system, which a server may move there."""
    place = word_places(exchange)[word].split("/")
    return place[1] == "system" or exchange.request.fields["messages"][int(place[2])].get("role") == "system"


def _is_in_last_turn(exchange: Exchange, word: str) -> bool:
    turns = exchange.request.fields["messages"]
    # Consecutive user messages are one turn.
    first = 1 + max((number for number, turn in enumerate(turns) if turn.get("role") == "assistant"), default=-1)
    return any(word_places(exchange)[word].startswith(f"/messages/{number}/") for number in range(first, len(turns)))


def _is_in_last_message(exchange: Exchange, word: str) -> bool:
    # Not every model reads consecutive user messages as one turn.
    last = len(exchange.request.fields["messages"]) - 1
    return word_places(exchange)[word].startswith(f"/messages/{last}/")


def _characters_back(exchange: Exchange, word: str) -> int:
    """The number of characters from a word to the end of the conversation, which the system prompt precedes."""
    fields = exchange.request.fields
    turns = fields["messages"]
    parts = [fields.get("system"), turns]
    if not _is_instruction(exchange, word):
        parts = [turn for turn in turns if turn.get("role") != "system"]
    text = "".join(text for _, text in _strings(parts, ""))
    return len(text) - text.rfind(word)


def _lost(repeated: list[Exchange], requested: Mapping[bytes, Exchange], reach: Reach) -> Loss | None:
    """The words that all answers to the same request lack; None if there are none, or too few answers."""
    places = word_places(repeated[0])
    lost = [word for word in places if all(lacking(exchange, [word]) for exchange in repeated)]
    if len(repeated) < MIN_ANSWERS or not lost:
        return None
    # A model that lists other words each time, or none, did not follow the request.
    steady = len(lost) < len(places) and all(lacking(exchange, places) == lost for exchange in repeated)
    ignored = [word for word in lost if steady and reach.covers(repeated[0], word)]
    return Loss(answers=repeated, words=lost, ignored=ignored, free=_costs_no_tokens(repeated[0], lost, requested))


def _costs_no_tokens(exchange: Exchange, words: list[str], requested: Mapping[bytes, Exchange]) -> str:
    """A note that the request has no more tokens than the same one without these words; empty otherwise."""
    reduced = _without(exchange.request.fields, words)
    control = requested.get(json_key(reduced))
    if control is None or reduced == exchange.request.fields:
        return ""
    with_them, without_them = total_input(usage_of(exchange)), total_input(usage_of(control))
    # A target that counts nothing does not show what a word costs.
    if not without_them or with_them >= without_them + MIN_SENTENCE_TOKENS * len(words):
        return ""
    return f"; {with_them} input tokens with it, {without_them} without (exchange {control.number})"


def _without(value: Any, words: Sequence[str]) -> Any:
    """A request in which other sentences replace those that introduce these words."""
    if isinstance(value, Mapping):
        return {name: _without(inner, words) for name, inner in value.items()}
    if isinstance(value, list):
        return [_without(inner, words) for inner in value]
    return (
        SENTENCE.sub(lambda sentence: "Yes." if sentence[1] in words else sentence[0], value)
        if isinstance(value, str)
        else value
    )


# -- the answer ----------------------------------------------------------------------------------------------------


@rule(
    "stream.delta.text-complete",
    MUST,
    harm=LOSES,
    source=f"{sources.STREAMING} (the deltas add up to the text)",
    needs={"stream"},
    over=RUN,
    model_dependent=True,
    reads={RAW_BODY, REQUEST},
    provoked="The same requests are sent with and without streaming; some ask for made-up words.",
)
def streams_the_complete_text(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """The text deltas add up to the complete text: none is lost, doubled or in the wrong place."""
    changed = missing_text(exchanges) or doubled_text(exchanges)
    others = (returns_the_text_of_the_model, keeps_the_spaces_between_words)
    if changed is None and not any(isinstance(one, Finding) for judged in others for one in judged(exchanges)):
        changed = lost_from_dictated_texts(exchanges)
    yield from [changed] if changed is not None else _listed_completely(exchanges)


def _listed_completely(exchanges: Sequence[Exchange]) -> Iterator[Finding | Unverified]:
    """Whether streams list all words that are asked for, as answers without streaming do."""
    requested = [exchange for exchange in exchanges if requests_code_words(exchange)]
    whole = [exchange for exchange in requested if not streamed(exchange)]
    streams = [exchange for exchange in requested if streamed(exchange) and _is_in_order(exchange)]
    if min(len(whole), len(streams)) < MIN_LISTS:
        yield Unverified(reason="fewer than three lists of words were returned with and without streaming")
    elif (inexact := next((answer for answer in whole if not _lists_exactly(answer)), None)) is not None:
        yield Unverified(
            reason=f"even answers without streaming do not list exactly the words: {shown(text_of(inexact))}"
        )
    elif _chance(len(whole), len(streams)) > MAX_CHANCE and not any(map(_lists_exactly, streams)):
        yield Unverified(
            reason=f"no stream lists exactly the words, but {len(streams)} streams are too few to exclude chance"
        )
    elif not any(map(_lists_exactly, streams)):
        yield Finding(
            exchange=streams[0].number,
            place=in_message(streams[0], "/content"),
            found=f"{shown(text_of(streams[0]))}, and similar in {len(streams) - 1} more streams",
            wanted=f"{', '.join(word_places(streams[0]))}: all {len(whole)} lists without streaming are correct",
        )


def _chance(whole: int, streams: int) -> float:
    """The highest probability that one random choice is correct in all answers without streaming, and in no stream."""
    share = whole / (whole + streams)
    return float(share**whole * (1 - share) ** streams)


def _is_in_order(exchange: Exchange) -> bool:
    """Whether a stream has text, in deltas that violate no other rule."""
    rules = (carries_one_json_object, sends_text_in_increments, starts_text_blocks_empty, keeps_characters_whole)
    misshapen = is_misshapen(exchange, BLOCK_START, BLOCK_DELTA)
    return bool(text_of(exchange)) and not misshapen and not any(True for rule in rules for _ in rule(exchange))


def _lists_exactly(exchange: Exchange) -> bool:
    """Whether the answer consists of the requested words only."""
    return set(TOKEN.findall(text_of(exchange).lower())) == set(word_places(exchange))
