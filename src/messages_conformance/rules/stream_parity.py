"""Rules for what streaming must not change: the same request has the same kinds of content with and without it.

Two answers of a model may differ, so these rules do not compare words. They compare what is equal in all correct pairs
of answers: there is text, there are spaces between its words, and a tool call has its input.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import comb
from typing import Any, Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import (
    blocks_of,
    count,
    has_message,
    in_message,
    is_misshapen,
    json_key,
    message_of,
    once_per_exchange,
    shown,
    stop_reason_of,
    thinking_type,
    usage_of,
    walk_of,
)
from messages_conformance.rules.catalogue import ANTHROPIC, LOSES, MISLEADS, RUN, rule
from messages_conformance.rules.offered_tools import offered_tools
from messages_conformance.rules.recording_parts import REQUEST
from messages_conformance.rules.response import bills_more_than_it_shows, tokens_of_empty_answer
from messages_conformance.rules.shared_results import once_per_run
from messages_conformance.rules.verdict import MUST, Finding, Place, Unverified
from messages_conformance.stream import BLOCK_DELTA, BLOCK_START

Pair = tuple[Exchange, Exchange]
"""A streamed answer, and the answer to the same request without streaming."""

MIN_PIECES: Final = 20
MIN_CHARS: Final = 100
"""With fewer deltas, or a shorter text, it may be chance that no delta begins or ends with a space (our own)."""

PROSE_SPACES: Final = 0.08
"""In languages with spaces between words, at least this share of prose is spaces (English: 15 to 18 %)."""

CASED_SHARE: Final = 0.5
"""In Latin, Greek or Cyrillic script, at least this share of prose is letters (English: 80 %)."""

LOST_SHARE: Final = 0.5
"""A stream with less than this share of the spaces of the other answer has lost them (our own)."""

MIN_RUN_LETTERS: Final = 30
"""At least this many letters without a space are not a word (our own; German has a few longer ones)."""

RUN_SHARE: Final = 0.3
"""At least this share of prose that lost its spaces is in such runs: its punctuation is still there (our own)."""

MIN_THINKING: Final = 4
MIN_ORDERS: Final = 400
"""At least this many answers of each form, and this many ways to choose one form, exclude chance (our own)."""

MIN_PAIRS: Final = 6
"""At least this many pairs must differ in one direction, and none in the other, to exclude chance. A model that decides
at random differs in one direction in at most a quarter of all pairs. So all of six pairs differ less than once in a
thousand."""

BILLED_SHARE: Final = 0.9
"""One call costs about half of two calls; an answer with one that is billed like two has lost the other (our own)."""

KINDS: Final = ("text", "tool_use", "thinking")
CITATIONS: Final = "citations"
"""Not a kind of block: text blocks have it where a document of the request enables it."""

CUT: Final = ("max_tokens", "refusal", "model_context_window_exceeded", "pause_turn")
TWO_WORDS: Final = re.compile(r"(?<=\w)\s+(?=\w)")


@once_per_run
def answered_pairs(exchanges: Sequence[Exchange]) -> list[Pair]:
    """Each request that has a complete and valid answer with and without streaming.

    A request that was sent several times makes several pairs; no answer is in two of them.
    """
    pairs: list[Pair] = []
    wholes: dict[bytes, deque[Exchange]] = defaultdict(deque)
    answers = [exchange for exchange in exchanges if has_message(exchange) and message_of(exchange) is not None]
    for answer in answers:
        if not answer.request.fields.get("stream"):
            wholes[_request_key(answer)].append(answer)
    for answer in answers:
        if answer.request.fields.get("stream") and wholes[_request_key(answer)]:
            pairs.append((answer, wholes[_request_key(answer)].popleft()))
    return [pair for pair in pairs if _are_valid(*pair)]


@once_per_exchange
def _request_key(exchange: Exchange) -> bytes:
    fields = {name: value for name, value in exchange.request.fields.items() if name != "stream"}
    return json_key(fields)


def _are_valid(streamed: Exchange, whole: Exchange) -> bool:
    walked = walk_of(streamed)
    if walked.deviations or not walked.complete or is_misshapen(streamed, BLOCK_START, BLOCK_DELTA):
        return False
    content = (message_of(whole) or {}).get("content")
    if not isinstance(content, list) or not all(isinstance(block.get("type"), str) for block in blocks_of(whole)):
        return False
    return len(blocks_of(whole)) == len(content) and all(
        isinstance(stop_reason_of(answer), str) for answer in (streamed, whole)
    )


def both_ended(pair: Pair) -> bool:
    """Whether no answer of the pair was cut."""
    return all(stop_reason_of(answer) not in CUT for answer in pair)


# -- spaces ---------------------------------------------------------------------------------------------------------


@rule(
    "stream.delta.blanks-kept",
    MUST,
    harm=LOSES,
    source=f"{sources.STREAMING} (text deltas); cita-777/metapi#494 (GitHub), read 2026-11-22",
    needs={"stream"},
    over=RUN,
    model_dependent=True,
    reads={REQUEST},
    provoked="A long text is requested with and without streaming.",
)
def keeps_the_spaces_between_words(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """The deltas contain the spaces between words: none is lost between two deltas."""
    compared = False
    for streamed, whole in answered_pairs(exchanges):
        pieces = pieces_of(streamed)
        text, other = "".join(pieces), "".join(_texts(whole))
        if len(pieces) < MIN_PIECES or min(len(text), len(other)) < MIN_CHARS or _share_of_spaces(other) < PROSE_SPACES:
            continue
        if not _is_alphabetic(text):
            continue  # the model may answer in Chinese once and in English the other time
        compared = True
        bare = all(not piece[0].isspace() and not piece[-1].isspace() for piece in pieces)
        if bare and _share_of_spaces(text) < LOST_SHARE * _share_of_spaces(other) and _runs_together(text):
            found = f"{shown(text, 60)}, in {len(pieces)} deltas none of which begins or ends with a space"
            wanted = f"spaces between the words, as in exchange {whole.number}"
            yield Finding(exchange=streamed.number, place=in_message(streamed, "/content"), found=found, wanted=wanted)
            return
    if not compared:
        yield Unverified(reason="no long text was returned with and without streaming")


def pieces_of(exchange: Exchange) -> list[str]:
    """The texts of all text deltas that are not empty."""
    deltas = [event.fields.get("delta") for block in walk_of(exchange).blocks for event in block.deltas]
    texts = [delta.get("text") for delta in deltas if isinstance(delta, dict) and delta.get("type") == "text_delta"]
    return [text for text in texts if isinstance(text, str) and text]


def _texts(exchange: Exchange) -> list[str]:
    texts = [block.get("text") for block in blocks_of(exchange) if block.get("type") == "text"]
    return [text for text in texts if isinstance(text, str) and text]


def _share_of_spaces(text: str) -> float:
    return sum(char.isspace() for char in text) / len(text) if text else 0.0


def _runs_together(text: str) -> bool:
    """Whether much of a text is in runs of letters that are too long for words; codes and addresses have none."""
    rows = re.findall(rf"[^\W\d_]{{{MIN_RUN_LETTERS},}}", text)
    # One repeated letter is not prose.
    return sum(len(row) for row in rows if len(set(row)) > 4) >= RUN_SHARE * len(text)


def _is_alphabetic(text: str) -> bool:
    """Whether a text uses letters with upper and lower case; such scripts have spaces between words."""
    return sum(char.lower() != char.upper() for char in text) >= CASED_SHARE * len(text)


# -- tool call inputs ----------------------------------------------------------------------------------------------


@rule(
    "stream.final.tool-input",
    MUST,
    harm=LOSES,
    families={ANTHROPIC},
    needs={"stream", "tools"},
    source=f"{sources.STREAMING} (tool use); maximhq/bifrost#1354 (GitHub), read 2026-11-22",
    over=RUN,
    model_dependent=True,
    reads={REQUEST},
    provoked="Tools are called with and without streaming.",
)
def streams_the_input_of_tool_calls(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """A streamed tool call has its input, with the same spaces, as without streaming."""
    calls = [both for pair in answered_pairs(exchanges) for both in _paired_calls(*pair)]
    if not calls:
        yield Unverified(reason="no request was answered with calls of the same tools with and without streaming")
        return
    # A difference in both directions comes from the model: now and then it writes NewYork, or forgets an input.
    directions = (calls, [(other, call) for call, other in calls])
    for differs in (_without_spaces, _empty):
        in_streams, in_others = (
            [found for found in map(differs, paired) if found is not None] for paired in directions
        )
        yield from in_streams[:1] if _answers(in_streams) >= MIN_PAIRS and not in_others else ()
        yield from in_others[:1] if _answers(in_others) >= MIN_PAIRS and not in_streams else ()


def _answers(findings: Iterable[Finding]) -> int:
    """The number of answers: a model that forgets the input of one call may forget it in all calls of the answer."""
    return len({finding.exchange for finding in findings})


Call = tuple[Exchange, int, Mapping[str, Any]]
"""An answer, the position of a call in its content, and the call."""


def _paired_calls(streamed: Exchange, whole: Exchange) -> Iterator[tuple[Call, Call]]:
    """The calls of a streamed answer, each with the call at the same position in the other one."""
    calls, others = _placed(streamed), _placed(whole)
    if both_ended((streamed, whole)) and _tool_names(calls) == _tool_names(others):
        yield from zip(calls, others, strict=True)


def _tool_names(calls: list[Call]) -> list[object]:
    return [block.get("name") for _, _, block in calls]


def _placed(exchange: Exchange) -> list[Call]:
    calls = [(number, block) for number, block in enumerate(blocks_of(exchange)) if block.get("type") == "tool_use"]
    return [(exchange, number, block) for number, block in calls if isinstance(block.get("input"), dict)]


def _empty(calls: tuple[Call, Call]) -> Finding | None:
    """A call without the input that its tool requires and that the other answer has."""
    (exchange, number, block), (_, _, other) = calls
    required = _required(exchange, block.get("name"))
    if block["input"] or not required or any(name not in other["input"] for name in required):
        return None
    place = in_message(exchange, f"/content/{number}/input")
    return Finding(exchange=exchange.number, place=place, found="{}", wanted=f"an input with {', '.join(required)}")


def _required(exchange: Exchange, name: object) -> list[str]:
    """The members that the input_schema of a tool requires."""
    for tool in offered_tools(exchange):
        schema = tool.get("input_schema") if tool.get("name") == name else None
        required = schema.get("required") if isinstance(schema, dict) else None
        if isinstance(required, list):
            return [item for item in required if isinstance(item, str)]
    return []


def _without_spaces(calls: tuple[Call, Call]) -> Finding | None:
    """A value of an input that equals the one of the other answer without the spaces between its words."""
    (exchange, number, block), (_, _, other) = calls
    for name, value in block["input"].items():
        same = other["input"].get(name)
        if isinstance(value, str) and isinstance(same, str) and value != same and value == TWO_WORDS.sub("", same):
            place = in_message(exchange, f"/content/{number}/input/{name}")
            return Finding(exchange=exchange.number, place=place, found=shown(value), wanted=shown(same))
    return None


# -- kinds of blocks ------------------------------------------------------------------------------------------------


@rule(
    "stream.final.same-kinds",
    MUST,
    harm=LOSES,
    source=f"{sources.STREAMING} (the final message equals that of create); raullenchai/Rapid-MLX#413 (GitHub)",
    needs={"stream"},
    over=RUN,
    model_dependent=True,
    reads={REQUEST},
    provoked="Requests for text, for tool calls and with thinking are sent with and without streaming.",
)
def has_the_same_kinds_of_content_when_streamed(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """An answer has text, tool calls, thinking and citations both with and without streaming."""
    # Other rules judge a missing call with stop_reason tool_use, and an empty answer that was billed.
    pairs = [pair for pair in answered_pairs(exchanges) if both_ended(pair) and not any(map(_announces_a_call, pair))]
    if any(tokens_of_empty_answer(answer) for pair in pairs for answer in pair):
        return
    if not pairs:
        yield Unverified(reason="no request was answered with and without streaming")
    thought_is_judged = False
    for kind in (*KINDS, CITATIONS):
        presence = [(pair, _has(kind, pair[0]), _has(kind, pair[1])) for pair in pairs if _may_have(kind, pair[0])]
        in_both = any(in_stream and in_other for _, in_stream, in_other in presence)
        streamed_only = [pair for pair, in_stream, in_other in presence if in_stream and not in_other]
        whole_only = [pair for pair, in_stream, in_other in presence if in_other and not in_stream]
        if in_both or min(len(streamed_only), len(whole_only)):
            continue
        for lacking, unequal, found in (
            (0, whole_only, f"no {_words(kind)} in any stream"),
            (1, streamed_only, f"no {_words(kind)} in any answer without streaming"),
        ):
            if len(unequal) >= MIN_PAIRS:
                answer, other = unequal[0][lacking], unequal[0][1 - lacking]
                wanted = f"one, as in exchange {other.number}"
                place = Place(pointer="/content")
                thought_is_judged |= kind == "thinking"
                yield Finding(exchange=answer.number, place=place, found=f"{found} ({len(unequal)})", wanted=wanted)
    yield from () if thought_is_judged else _thinks_in_one_form(exchanges)
    # If hidden output is billed too, the tokens show nothing about the calls.
    if not any(map(bills_more_than_it_shows, exchanges)):
        yield from _lost_calls(pairs)
        yield from _lost_calls([(whole, streamed) for streamed, whole in pairs])


def _thinks_in_one_form(exchanges: Sequence[Exchange]) -> Iterator[Finding]:
    """Requests with thinking, whatever else they ask for: always a thought in one form, and never in the other."""
    answers = [one for one in exchanges if has_message(one) and both_ended((one, one))]
    # An answer whose blocks are not readable shows nothing.
    asked = [one for one in answers if _may_have("thinking", one) and _has_typed_blocks(one)]
    streams, wholes = (
        [one for one in asked if bool(one.request.fields.get("stream")) is form] for form in (True, False)
    )
    if min(len(streams), len(wholes)) < MIN_THINKING or comb(len(asked), len(streams)) < MIN_ORDERS:
        return
    for lacking, having, words in ((streams, wholes, "stream"), (wholes, streams, "answer without streaming")):
        if all(_has("thinking", one) for one in having) and not any(_has("thinking", one) for one in lacking):
            found = f"no thinking block in any {words} ({len(lacking)})"
            wanted = f"one, as in all {len(having)} others, such as exchange {having[0].number}"
            yield Finding(exchange=lacking[0].number, place=Place(pointer="/content"), found=found, wanted=wanted)


def _has_typed_blocks(exchange: Exchange) -> bool:
    blocks = blocks_of(exchange)
    return bool(blocks) and all(isinstance(block.get("type"), str) for block in blocks)


def _lost_calls(pairs: list[Pair]) -> Iterator[Finding]:
    """Several calls of which the first answer of every pair has only one, billed like several."""
    several = [pair for pair in pairs if len(_calls(pair[1])) > 1]
    lost = [pair for pair in several if len(_calls(pair[0])) == 1 and _billed_alike(*pair)]
    if len(lost) == len(several) >= MIN_PAIRS:
        lacking, other = lost[0]
        found = f"one call, billed like the {len(_calls(other))} calls of exchange {other.number} ({len(lost)} times)"
        place = in_message(lacking, "/content")
        yield Finding(exchange=lacking.number, place=place, found=found, wanted="all billed calls")


def _calls(exchange: Exchange) -> list[Mapping[str, Any]]:
    return [block for block in blocks_of(exchange) if block.get("type") == "tool_use"]


def _billed_alike(lacking: Exchange, other: Exchange) -> bool:
    tokens = count(usage_of(lacking), "output_tokens")
    return tokens > 0 and tokens >= BILLED_SHARE * count(usage_of(other), "output_tokens")


def _words(kind: str) -> str:
    return kind if kind == CITATIONS else f"{kind} block"


def _has(kind: str, exchange: Exchange) -> bool:
    if kind == CITATIONS:
        return any(block.get(CITATIONS) for block in blocks_of(exchange))
    blocks = [block for block in blocks_of(exchange) if block.get("type") == kind]
    return any(block.get("text") != "" for block in blocks)


def _announces_a_call(exchange: Exchange) -> bool:
    return stop_reason_of(exchange) == "tool_use" and not _calls(exchange)


def _may_have(kind: str, exchange: Exchange) -> bool:
    """Whether the kind may be expected: thinking and citations only if the request enables them."""
    if kind == CITATIONS:
        return '"citations"' in json.dumps(exchange.request.fields.get("messages"))
    return kind != "thinking" or thinking_type(exchange) == "enabled"


# -- the model ------------------------------------------------------------------------------------------------------


@rule(
    "stream.start.same-model",
    MUST,
    harm=MISLEADS,
    source=f"{sources.STREAMING} (the final message equals that of create)",
    needs={"stream"},
    over=RUN,
    reads={REQUEST},
    provoked="The same requests are sent with and without streaming.",
)
def names_the_same_model_when_streamed(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """message_start names the model that an answer without streaming names."""
    pairs = [pair for pair in answered_pairs(exchanges) if all(isinstance(_model(answer), str) for answer in pair)]
    if len(pairs) < MIN_PAIRS:
        yield Unverified(reason=f"fewer than {MIN_PAIRS} requests were answered with and without streaming")
        return
    in_streams, in_others = ({_model(pair[form]) for pair in pairs} for form in (0, 1))
    # A router may choose between several models for each request.
    if not in_streams & in_others:
        streamed, whole = pairs[0]
        found = f"{shown(_model(streamed))} in {len(pairs)} streams"
        wanted = f"{shown(_model(whole))}, as in exchange {whole.number}"
        yield Finding(exchange=streamed.number, place=in_message(streamed, "/model"), found=found, wanted=wanted)


def _model(exchange: Exchange) -> Any:
    return (message_of(exchange) or {}).get("model")
