"""The rule for texts that come back: what the model wrote is what the client gets.

A model may change a text that it repeats: some write straight quotes for typographic ones. So a difference alone shows
nothing. The stop sequence shows who changed it: a target that stops at a sequence has seen it in what the model wrote.
If no other answer to the same question has this sequence, the target changed it after the model.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile
from typing import Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import (
    has_message,
    in_message,
    is_misshapen,
    message_of,
    shown,
    stop_reason_of,
    streamed,
    text_of,
    walk_of,
)
from messages_conformance.rules.catalogue import LOSES, RUN, rule
from messages_conformance.rules.missing_text import missing_text
from messages_conformance.rules.recording_parts import REQUEST
from messages_conformance.rules.stream_parity import keeps_the_spaces_between_words
from messages_conformance.rules.verdict import MUST, Finding, Unverified
from messages_conformance.stream import BLOCK_DELTA, BLOCK_START

PROMPT: Final = "Say exactly the following text and nothing else:\n\n"
"""The beginning of the questions that are judged here; the text follows."""

MARKER: Final = re.compile(r"^\w+-\d\d|\w+-\d\d$")
"""The first and the last word of such a text."""

MIN_ANSWERS: Final = 2
"""At least this many equal answers have the change, and as many end at the stop sequence after another change (our
own). A target changes every answer in the same way; a model that changes some characters by chance does not."""

AROUND: Final = 12
"""How many characters around a change a finding quotes (our own)."""


@rule(
    "response.content.text-unchanged",
    MUST,
    harm=LOSES,
    source=f"{sources.SEED}; texts that gateways changed: allenhutchison/obsidian-gemini#331, "
    "diegosouzapw/OmniRoute#9170 (GitHub), read 2026-11-30",
    needs={"stop-sequences"},
    over=RUN,
    model_dependent=True,
    reads={REQUEST},
    provoked="The model is asked to say texts with markup, quotes, blanks, line breaks, code and several scripts.",
)
def returns_the_text_of_the_model(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """The text of an answer is what the model wrote: characters, entities, quotes, blanks and lines are unchanged."""
    asked: dict[tuple[str, bool], list[Exchange]] = defaultdict(list)
    # Other requirements judge streams that lack parts of their text, or all blanks.
    lost_blanks = any(isinstance(found, Finding) for found in keeps_the_spaces_between_words(exchanges))
    shortened = lost_blanks or missing_text(exchanges) is not None
    for exchange in exchanges:
        if shortened and exchange.request.fields.get("stream"):
            continue
        if has_message(exchange) and (text := requested_text(exchange)) is not None and _is_usable(exchange):
            asked[text, streamed(exchange)].append(exchange)
    verified = False
    for (text, _), answers in asked.items():
        whole = [answer for answer in answers if not answer.request.fields.get("stop_sequences")]
        verified = verified or any(text in text_of(answer) for answer in whole)
        yield from _changes(text, whole, [answer for answer in answers if answer not in whole])
    if not verified:
        yield Unverified(reason="no answer repeats one of the texts, so that the model may have changed them")


def requested_text(exchange: Exchange) -> str | None:
    """The text that the model is asked to say; None for any other request."""
    messages = exchange.request.fields.get("messages")
    message = messages[0] if isinstance(messages, list) and len(messages) == 1 else None
    content = message.get("content") if isinstance(message, dict) else None
    return content.removeprefix(PROMPT) if isinstance(content, str) and content.startswith(PROMPT) else None


def _is_usable(exchange: Exchange) -> bool:
    if message_of(exchange) is None:
        return False
    if not streamed(exchange):
        return True
    walked = walk_of(exchange)
    return walked.complete and not walked.deviations and not is_misshapen(exchange, BLOCK_START, BLOCK_DELTA)


def _changes(text: str, answers: list[Exchange], stopped: list[Exchange]) -> Iterator[Finding | Unverified]:
    """What the target changed in the answers to one question, which are all streamed or all whole."""
    changed = {text_of(answer) for answer in answers if text not in text_of(answer) and _is_complete(answer, text)}
    if not changed:
        return
    answer = changed.pop()
    proofs = [proof for proof in stopped if _proves(proof, text, answer)]
    if changed or len(answers) < MIN_ANSWERS or len(proofs) < max(MIN_ANSWERS, len(stopped)):
        yield Unverified(reason=f"the model may have changed it: {shown(answer)}")
        return
    sequence = _reached(proofs[0]) or ""
    at = len(text_of(proofs[0]))
    found = f"{shown(answer[max(0, at - AROUND) : at + len(sequence) + AROUND])} in {len(answers)} answers"
    wanted = f"{shown(sequence)}: the model wrote it, because this stop sequence ends exchange {proofs[0].number}"
    place = in_message(answers[0], "/content")
    yield Finding(exchange=answers[0].number, place=place, found=found, wanted=wanted)


def _is_complete(answer: Exchange, text: str) -> bool:
    """Whether an answer ended by itself and has both markers of the text."""
    return stop_reason_of(answer) == "end_turn" and all(marker in text_of(answer) for marker in MARKER.findall(text))


def _proves(proof: Exchange, text: str, answer: str) -> bool:
    """Whether an answer has an earlier change, as the other answers have, and then ends at what they all lack."""
    sequence = _reached(proof)
    if sequence is None or sequence not in text or sequence in answer:
        return False
    same = "".join(a for a, _ in takewhile(lambda both: both[0] == both[1], zip(text_of(proof), answer, strict=False)))
    return not text.startswith(same)


def _reached(proof: Exchange) -> str | None:
    """The stop sequence at which an answer ended, if it is one of the request."""
    sequence = (message_of(proof) or {}).get("stop_sequence")
    requested = proof.request.fields.get("stop_sequences")
    if stop_reason_of(proof) != "stop_sequence" or not isinstance(requested, list):
        return None
    return sequence if isinstance(sequence, str) and sequence in requested else None
