"""Rules for the border between thinking and the answer, and for stop sequences, which act on the text only."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import (
    blocks_of,
    has_message,
    in_message,
    is_broken_stream,
    shown,
    stop_reason_of,
    text_of,
    thinking_type,
    thought_tokens,
    usage_of,
)
from messages_conformance.rules.catalogue import ANTHROPIC, BREAKS, LOSES, MISLEADS, RUN, rule
from messages_conformance.rules.paired_requests import request_without, requests_without
from messages_conformance.rules.recording_parts import REQUEST
from messages_conformance.rules.verdict import MUST, SHOULD, Finding, Unverified

MIN_SILENT: Final = 4
"""At least this many answers have thinking and no text, and no answer has text (our own). A model that forgets to
answer does so only sometimes."""

MIN_SWALLOWED: Final = 3
"""At least this many answers end their thinking with the text that the other answers have (our own)."""

MIN_CUT: Final = 3
"""At least this many answers that max_tokens cuts begin with text, although the same answers begin with thinking (our
own)."""

MIN_WHOLE: Final = 2
"""At least this many answers that are not cut show how they begin (our own)."""

MIN_STOPPED: Final = 2
"""At least this many answers stop inside the thinking (our own)."""

ENDED_EARLY: Final = ("stop_sequence", "end_turn")
"""What servers report when a stop sequence in the thinking ended the answer."""

SAME_BEGINNING: Final = 8
"""A cut text that shares this many characters with a whole text is its beginning (our own)."""


def _thinks(exchange: Exchange) -> bool:
    return any(block.get("type") in ("thinking", "redacted_thinking") for block in blocks_of(exchange))


def _is_readable(exchange: Exchange) -> bool:
    """Whether an answer is a message, and complete if it is streamed."""
    return has_message(exchange) and not is_broken_stream(exchange)


@rule(
    "usage.thinking.none-when-disabled",
    MUST,
    harm=BREAKS,  # clients that turn thinking off do not expect its blocks
    families={ANTHROPIC},
    source=sources.THINKING,
    applies=lambda exchange: has_message(exchange) and thinking_type(exchange) == "disabled",
    model_dependent=True,
    needs={"thinking"},
    reads={REQUEST},
    provoked="A question that needs thinking is asked with thinking disabled.",
)
def shows_no_thinking_when_it_is_disabled(exchange: Exchange) -> Iterable[Finding]:
    """With thinking disabled, the answer has no thinking block and no thinking tokens."""
    for number, block in enumerate(blocks_of(exchange)):
        if block.get("type") in ("thinking", "redacted_thinking"):
            place = in_message(exchange, f"/content/{number}")
            yield Finding(place=place, found=f"a {block['type']} block", wanted="no thinking: it is disabled")
            return
    if tokens := thought_tokens(usage_of(exchange)):
        place = in_message(exchange, "/usage/output_tokens_details/thinking_tokens")
        yield Finding(place=place, found=str(tokens), wanted="0: thinking is disabled")


@rule(
    "response.content.answer-after-thinking",
    SHOULD,
    harm=LOSES,
    families={ANTHROPIC},
    source=f"{sources.THINKING}; sgl-project/sglang#40529, jundot/omlx#3796 (GitHub), read 2026-11-30",
    over=RUN,
    model_dependent=True,
    needs={"thinking"},
    capability="thinking",
    reads={REQUEST},
    provoked="Questions are asked with thinking, with and without streaming.",
)
def answers_after_thinking(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """The answer comes as text after the thinking; it is not left inside the thinking block."""
    answers = [one for one in exchanges if _is_readable(one) and stop_reason_of(one) == "end_turn"]
    thoughtful = [one for one in answers if _thought(one)]
    silent = [one for one in thoughtful if not text_of(one)]
    if swallowed := _swallowed(thoughtful):
        yield from _left_inside(swallowed, len(thoughtful))
        return
    if len(silent) < MIN_SILENT or len(silent) < len(thoughtful):
        if len(silent) == len(thoughtful):
            yield Unverified(reason="no answer has thinking and then a text")
        return
    yield from _left_inside(silent, len(thoughtful))


def _left_inside(silent: Sequence[Exchange], answers: int) -> Iterator[Finding]:
    first = silent[0]
    place = in_message(first, "/content")
    found = (
        f"only thinking in {len(silent)} of {answers} answers that ended with end_turn: {shown(_thought(first)[-60:])}"
    )
    yield Finding(exchange=first.number, place=place, found=found, wanted="a text block with the answer")


def _swallowed(thoughtful: Sequence[Exchange]) -> list[Exchange]:
    """The answers whose thinking ends with the text that other answers to the same question have after it."""
    alike: dict[bytes, list[Exchange]] = defaultdict(list)
    for one in thoughtful:
        alike[request_without(one, "stream", "max_tokens", "thinking")].append(one)
    found = []
    for answers in alike.values():
        texts = {
            text for one in answers if (text := text_of(one).strip()) and not _thought(one).rstrip().endswith(text)
        }
        found += [
            one for one in answers if not text_of(one) and any(_thought(one).rstrip().endswith(text) for text in texts)
        ]
    return found if len(found) >= MIN_SWALLOWED else []


def _thought(exchange: Exchange) -> str:
    texts = [block.get("thinking") for block in blocks_of(exchange) if block.get("type") == "thinking"]
    return "".join(text for text in texts if isinstance(text, str))


@rule(
    "response.content.thinking-cut-as-thinking",
    SHOULD,
    harm=MISLEADS,
    families={ANTHROPIC},
    source=f"{sources.THINKING}; jundot/omlx#3796 (GitHub), read 2026-11-30",
    over=RUN,
    model_dependent=True,
    needs={"thinking"},
    capability="thinking",
    reads={REQUEST},
    provoked="A question that needs thinking is asked with a small max_tokens and with a large one.",
)
def cuts_thinking_as_thinking(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """Thinking that max_tokens cuts is a thinking block, or nothing; it does not come as text."""
    alike: dict[bytes, list[Exchange]] = defaultdict(list)
    for one in exchanges:
        if _is_readable(one) and thinking_type(one) not in (None, "disabled"):
            alike[request_without(one, "max_tokens", "stream")].append(one)
    compared = False
    for answers in alike.values():
        whole = [one for one in answers if stop_reason_of(one) == "end_turn"]
        cut = [one for one in answers if stop_reason_of(one) == "max_tokens"]
        if len(whole) < MIN_WHOLE or not all(map(_thinks, whole)) or len(cut) < MIN_CUT:
            continue
        compared = True
        texts = {text_of(one)[:SAME_BEGINNING] for one in whole}
        if all(text_of(one) and not _thinks(one) and text_of(one)[:SAME_BEGINNING] not in texts for one in cut):
            found = f"{shown(text_of(cut[0]))} and no thinking block, in {len(cut)} answers"
            wanted = f"a thinking block, with which the whole answer begins (exchange {whole[0].number})"
            place = in_message(cut[0], "/content")
            yield Finding(exchange=cut[0].number, place=place, found=found, wanted=wanted)
            return
    if not compared:
        yield Unverified(reason="no answer that begins with thinking was also cut by max_tokens")


@rule(
    "stop.stop_sequence.not-in-thinking",
    SHOULD,
    harm=LOSES,
    families={ANTHROPIC},
    source="sgl-project/sglang#40529, vllm-project/vllm#14170 (GitHub), read 2026-11-30",
    over=RUN,
    model_dependent=True,
    needs={"thinking", "stop-sequences"},
    capability="thinking",
    reads={REQUEST},
    provoked="A word of the thinking of an answer, which its text does not have, is sent as a stop sequence.",
)
def ignores_stop_sequences_in_thinking(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """A stop sequence ends the text; in the thinking it does not end the answer."""
    pairs = [pair for pair in _stopped(exchanges, "thinking") if _thought(pair[1])]
    ended = [(one, whole) for one, whole in pairs if stop_reason_of(one) in ENDED_EARLY and not text_of(one)]
    inside = [
        one
        for one, whole in ended
        if _thinks(one)
        and text_of(whole)
        and not any(word in text_of(whole) + _after_end_turn(one) for word in _stops(one))
    ]
    if not pairs:
        yield Unverified(reason="no stop sequence was in the thinking of an answer and not in its text")
    elif len(inside) >= MIN_STOPPED and len(inside) == len(pairs):
        reason = stop_reason_of(inside[0])
        found = f"only thinking, in {len(inside)} answers that end at {shown(_stops(inside[0])[0])} with {reason}"
        place = in_message(inside[0], "/content")
        yield Finding(exchange=inside[0].number, place=place, found=found, wanted="the text after the thinking")


@rule(
    "stop.stop_sequence.not-in-tool-input",
    SHOULD,
    harm=LOSES,
    families={ANTHROPIC},
    source="pleaseai/shunt#607 (GitHub), read 2026-11-30",
    over=RUN,
    model_dependent=True,
    needs={"forced-tools", "tool-choice", "tools", "stop-sequences"},
    capability="forced-tools",
    reads={REQUEST},
    provoked="A forced call whose input has a word is also requested with that word as a stop sequence.",
)
def ignores_stop_sequences_in_tool_inputs(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """A stop sequence ends the text; in the input of a tool call it does not cut the call."""
    pairs = [(one, whole) for one, whole in _stopped(exchanges, "tool_use") if _is_in_inputs(_stops(one), whole)]
    if not pairs:
        yield Unverified(reason="no stop sequence was in the input of a forced call")
    for one, _ in pairs:
        if stop_reason_of(one) == "stop_sequence" and not text_of(one):
            calls = [block.get("input") for block in blocks_of(one) if block.get("type") == "tool_use"]
            found = f"{shown(calls)} with stop_reason stop_sequence"
            wanted = "a call with its whole input, and stop_reason tool_use"
            yield Finding(exchange=one.number, place=in_message(one, "/content"), found=found, wanted=wanted)
            return


def _after_end_turn(exchange: Exchange) -> str:
    """The thinking of an answer that ended by itself: if it has the stop sequence, the sequence did not end it."""
    return _thought(exchange) if stop_reason_of(exchange) == "end_turn" else ""


def _stops(exchange: Exchange) -> list[str]:
    sequences = exchange.request.fields.get("stop_sequences")
    return [one for one in sequences if isinstance(one, str)] if isinstance(sequences, list) else []


def _stopped(exchanges: Sequence[Exchange], kind: str) -> Iterator[tuple[Exchange, Exchange]]:
    """Answers to requests with stop sequences, each with one to the same request without them that has such a block."""
    answers = [one for one in exchanges if _is_readable(one)]
    for limited, control in requests_without("stop_sequences", answers):
        if _stops(limited) and any(block.get("type") == kind for block in blocks_of(control)):
            yield limited, control


def _is_in_inputs(sequences: list[str], exchange: Exchange) -> bool:
    inputs = [block.get("input") for block in blocks_of(exchange) if block.get("type") == "tool_use"]
    return not text_of(exchange) and any(word in json.dumps(inputs, ensure_ascii=False) for word in sequences)
