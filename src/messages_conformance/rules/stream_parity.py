"""Verdicts on what streaming must not change: a question asked both ways is answered with the same kinds of things.

No two answers of a model need be alike, so nothing here compares words. What is compared is what no honest pair of
answers differs in: that there are words at all, that there are blanks between them, that a call has an input.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import (
    blocks_of,
    count,
    has_message,
    in_message,
    is_misshapen,
    message_of,
    shown,
    stop_reason_of,
    usage_of,
    walk_of,
)
from messages_conformance.rules.catalogue import ANTHROPIC, RUN, rule
from messages_conformance.rules.recording_parts import REQUEST
from messages_conformance.rules.response import bills_more_than_it_shows, spent_on_nothing
from messages_conformance.rules.verdict import MUST, SHOULD, Finding, Place, Unverified
from messages_conformance.stream import BLOCK_DELTA, BLOCK_START

Pair = tuple[Exchange, Exchange]
"""A streamed answer, and the answer to the same question that came whole."""

MIN_PIECES: Final = 20
MIN_CHARS: Final = 100
"""Of fewer pieces, or shorter texts, it may be chance that none begins or ends with a blank."""

PROSE_BLANKS: Final = 0.08
"""At least this share of prose in languages with spaces is blanks (English: 15 to 18 %)."""

CASED_SHARE: Final = 0.5
"""At least this share of prose in Latin, Greek or Cyrillic letters is letters (English: 80 %)."""

LOST_SHARE: Final = 0.5
"""A stream with less than this share of the blanks of its twin has lost them (our own; deltas of one word lose all)."""

RUN_LETTERS: Final = 30
"""So many letters in a row are no word (German has longer ones, and few); prose without its blanks is made of such."""

RUN_SHARE: Final = 0.3
"""At least this share of prose without blanks is in such rows: its commas and full stops are still there (our own)."""

MIN_PAIRS: Final = 6
"""So many pairs must differ one way, and none the other, before chance is ruled out. A model that draws lots differs
one way in a quarter of all pairs at most, and so in all of six, one way or the other, less than once in a thousand."""

BILLED_SHARE: Final = 0.9
"""One call costs about half of what two do; a stream with one that is billed like two has lost the other (our own)."""

KINDS: Final = ("text", "tool_use", "thinking")
CUT: Final = ("max_tokens", "refusal", "model_context_window_exceeded", "pause_turn")
TWO_WORDS: Final = re.compile(r"(?<=\w)\s+(?=\w)")


def _pairs(exchanges: Sequence[Exchange]) -> list[Pair]:
    """Each question that was answered both ways, both times to the end and in good order.

    A question that was asked several times makes several pairs, of which no answer is in two.
    """
    pairs: list[Pair] = []
    wholes: dict[str, list[Exchange]] = defaultdict(list)
    answers = [exchange for exchange in exchanges if has_message(exchange) and message_of(exchange) is not None]
    for answer in answers:
        if not answer.request.fields.get("stream"):
            wholes[_question(answer)].append(answer)
    for answer in answers:
        if answer.request.fields.get("stream") and wholes[_question(answer)]:
            pairs.append((answer, wholes[_question(answer)].pop(0)))
    return [pair for pair in pairs if _sound(*pair)]


def _question(exchange: Exchange) -> str:
    asked = {name: value for name, value in exchange.request.fields.items() if name != "stream"}
    return json.dumps(asked, sort_keys=True)


def _sound(streamed: Exchange, whole: Exchange) -> bool:
    walked = walk_of(streamed)
    if walked.deviations or not walked.complete or is_misshapen(streamed, BLOCK_START, BLOCK_DELTA):
        return False
    content = (message_of(whole) or {}).get("content")
    if not isinstance(content, list) or not all(isinstance(block.get("type"), str) for block in blocks_of(whole)):
        return False
    return len(blocks_of(whole)) == len(content) and all(
        isinstance(stop_reason_of(answer), str) for answer in (streamed, whole)
    )


def _ended(pair: Pair) -> bool:
    return all(stop_reason_of(answer) not in CUT for answer in pair)


# -- blanks ---------------------------------------------------------------------------------------------------------


@rule(
    "stream.delta.blanks-kept",
    MUST,
    source=f"{sources.STREAMING} (text deltas); cita-777/metapi#494 (GitHub), read 2026-11-22",
    needs={"stream"},
    over=RUN,
    model_dependent=True,
    reads={REQUEST},
    provoked="A long text is asked for, whole and streamed.",
)
def keeps_the_blanks_between_words(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """The blanks between words are in the deltas: none is lost where one delta ends and the next begins."""
    seen = False
    for streamed, whole in _pairs(exchanges):
        pieces = _pieces(streamed)
        text, other = "".join(pieces), "".join(_texts(whole))
        if len(pieces) < MIN_PIECES or min(len(text), len(other)) < MIN_CHARS or _blanks(other) < PROSE_BLANKS:
            continue
        if not _is_alphabetic(text):
            continue  # a model may answer in Chinese once, and in English the other time
        seen = True
        bare = all(not piece[0].isspace() and not piece[-1].isspace() for piece in pieces)
        if bare and _blanks(text) < LOST_SHARE * _blanks(other) and _runs_together(text):
            found = f"{shown(text, 60)}, in {len(pieces)} deltas of which none begins or ends with a blank"
            wanted = f"blanks between the words, as in exchange {whole.number}"
            yield Finding(exchange=streamed.number, place=in_message(streamed, "/content"), found=found, wanted=wanted)
            return
    if not seen:
        yield Unverified(reason="no text of some length came both whole and streamed")


def _pieces(exchange: Exchange) -> list[str]:
    """The texts of all text deltas that hold any."""
    deltas = [event.fields.get("delta") for block in walk_of(exchange).blocks for event in block.deltas]
    texts = [delta.get("text") for delta in deltas if isinstance(delta, dict) and delta.get("type") == "text_delta"]
    return [text for text in texts if isinstance(text, str) and text]


def _texts(exchange: Exchange) -> list[str]:
    texts = [block.get("text") for block in blocks_of(exchange) if block.get("type") == "text"]
    return [text for text in texts if isinstance(text, str) and text]


def _blanks(text: str) -> float:
    return sum(char.isspace() for char in text) / len(text) if text else 0.0


def _runs_together(text: str) -> bool:
    """Whether much of a text is in rows of letters that no language has for words, which codes and addresses lack."""
    rows = re.findall(rf"[^\W\d_]{{{RUN_LETTERS},}}", text)
    # One letter again and again is no prose.
    return sum(len(row) for row in rows if len(set(row)) > 4) >= RUN_SHARE * len(text)


def _is_alphabetic(text: str) -> bool:
    """Whether a text is written in letters that have two cases, whose words have blanks between them."""
    return sum(char.lower() != char.upper() for char in text) >= CASED_SHARE * len(text)


# -- the input of calls ---------------------------------------------------------------------------------------------


@rule(
    "stream.final.tool-input",
    MUST,
    families={ANTHROPIC},
    needs={"stream", "tools"},
    source=f"{sources.STREAMING} (tool use); maximhq/bifrost#1354 (GitHub), read 2026-11-22",
    over=RUN,
    model_dependent=True,
    reads={REQUEST},
    provoked="Tools are called, whole and streamed.",
)
def streams_the_input_of_calls(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """A tool call has its input both whole and streamed, and the same blanks in it."""
    calls = [twins for pair in _pairs(exchanges) for twins in _twin_calls(*pair)]
    if not calls:
        yield Unverified(reason="no question was answered with calls of the same tools both whole and streamed")
        return
    # What is seen both ways is the model's doing: it writes NewYork, or forgets an input, now and then.
    both = (calls, [(twin, call) for call, twin in calls])
    for lacks in (_squeezed, _empty):
        mine, theirs = ([finding for finding in map(lacks, one_way) if finding is not None] for one_way in both)
        yield from mine[:1] if len(mine) >= MIN_PAIRS and not theirs else ()
        yield from theirs[:1] if len(theirs) >= MIN_PAIRS and not mine else ()


Call = tuple[Exchange, int, Mapping[str, Any]]
"""An answer, the place of a call in its content, and that call."""


def _twin_calls(streamed: Exchange, whole: Exchange) -> Iterator[tuple[Call, Call]]:
    """The calls of a streamed answer, each with the whole answer's in its place, where the same tools are called."""
    mine, theirs = _placed(streamed), _placed(whole)
    if _ended((streamed, whole)) and [call[2].get("name") for call in mine] == [call[2].get("name") for call in theirs]:
        yield from zip(mine, theirs, strict=True)


def _placed(exchange: Exchange) -> list[Call]:
    calls = [(number, block) for number, block in enumerate(blocks_of(exchange)) if block.get("type") == "tool_use"]
    return [(exchange, number, block) for number, block in calls if isinstance(block.get("input"), dict)]


def _empty(twins: tuple[Call, Call]) -> Finding | None:
    """A call without any input where its tool requires one and the twin has it."""
    (exchange, number, block), (_, _, twin) = twins
    required = _required(exchange, block.get("name"))
    if block["input"] or not required or any(name not in twin["input"] for name in required):
        return None
    place = in_message(exchange, f"/content/{number}/input")
    return Finding(exchange=exchange.number, place=place, found="{}", wanted=f"an input with {', '.join(required)}")


def _required(exchange: Exchange, name: object) -> list[str]:
    """What the input_schema of a tool requires."""
    tools = exchange.request.fields.get("tools")
    for tool in tools if isinstance(tools, list) else []:
        schema = tool.get("input_schema") if isinstance(tool, dict) and tool.get("name") == name else None
        required = schema.get("required") if isinstance(schema, dict) else None
        if isinstance(required, list):
            return [item for item in required if isinstance(item, str)]
    return []


def _squeezed(twins: tuple[Call, Call]) -> Finding | None:
    """A value of a streamed input that is the twin's but for the blanks between its words."""
    (exchange, number, block), (_, _, twin) = twins
    for name, value in block["input"].items():
        other = twin["input"].get(name)
        if isinstance(value, str) and isinstance(other, str) and value != other and value == TWO_WORDS.sub("", other):
            place = in_message(exchange, f"/content/{number}/input/{name}")
            return Finding(exchange=exchange.number, place=place, found=shown(value), wanted=shown(other))
    return None


# -- whole blocks ---------------------------------------------------------------------------------------------------


@rule(
    "stream.final.same-kinds",
    SHOULD,
    source=f"{sources.STREAMING} (the final message equals that of create); raullenchai/Rapid-MLX#413 (GitHub)",
    needs={"stream"},
    over=RUN,
    model_dependent=True,
    reads={REQUEST},
    provoked="Questions are asked whole and streamed: for text, for tool calls, with thinking.",
)
def answers_alike_both_ways(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """Text, tool calls and thoughts come both whole and streamed, not one way alone."""
    # A call that is claimed and does not come is judged as that, and so is an answer of nothing that was billed.
    pairs = [pair for pair in _pairs(exchanges) if _ended(pair) and not any(map(_claims_a_call, pair))]
    if any(spent_on_nothing(answer) for pair in pairs for answer in pair):
        return
    if not pairs:
        yield Unverified(reason="no question was answered both whole and streamed")
    for kind in KINDS:
        shows = [(pair, _has(kind, pair[0]), _has(kind, pair[1])) for pair in pairs if _asks_for(kind, pair[0])]
        streamed_only = [pair for pair, mine, theirs in shows if mine and not theirs]
        whole_only = [pair for pair, mine, theirs in shows if theirs and not mine]
        if any(mine and theirs for _, mine, theirs in shows) or min(len(streamed_only), len(whole_only)):
            continue
        for lacking, other, found in (
            (0, whole_only, f"no {kind} block in any stream"),
            (1, streamed_only, f"no {kind} block in any answer that came whole"),
        ):
            if len(other) >= MIN_PAIRS:
                answer, twin = other[0][lacking], other[0][1 - lacking]
                wanted = f"one, as in exchange {twin.number}"
                place = Place(pointer="/content")
                yield Finding(exchange=answer.number, place=place, found=f"{found} ({len(other)})", wanted=wanted)

    # What is billed says nothing of the calls where it is also billed for what nobody sees.
    yield from () if any(map(bills_more_than_it_shows, exchanges)) else _lost_calls(pairs)


def _lost_calls(pairs: list[Pair]) -> Iterator[Finding]:
    """Several calls that become one in every stream, and are billed as several."""
    several = [pair for pair in pairs if len(_calls(pair[1])) > 1]
    lost = [pair for pair in several if len(_calls(pair[0])) == 1 and _billed_alike(*pair)]
    if len(lost) == len(several) >= MIN_PAIRS:
        streamed, whole = lost[0]
        found = f"one call, billed like the {len(_calls(whole))} of exchange {whole.number} ({len(lost)} times)"
        place = in_message(streamed, "/content")
        yield Finding(exchange=streamed.number, place=place, found=found, wanted="all calls that were billed")


def _calls(exchange: Exchange) -> list[Mapping[str, Any]]:
    return [block for block in blocks_of(exchange) if block.get("type") == "tool_use"]


def _billed_alike(streamed: Exchange, whole: Exchange) -> bool:
    tokens = count(usage_of(streamed), "output_tokens")
    return tokens > 0 and tokens >= BILLED_SHARE * count(usage_of(whole), "output_tokens")


def _has(kind: str, exchange: Exchange) -> bool:
    blocks = [block for block in blocks_of(exchange) if block.get("type") == kind]
    return any(block.get("text") != "" for block in blocks)


def _claims_a_call(exchange: Exchange) -> bool:
    return stop_reason_of(exchange) == "tool_use" and not _calls(exchange)


def _asks_for(kind: str, exchange: Exchange) -> bool:
    """Whether the kind may be expected: thoughts only of a model that was told to think."""
    thinking = exchange.request.fields.get("thinking")
    return kind != "thinking" or (isinstance(thinking, dict) and thinking.get("type") == "enabled")
