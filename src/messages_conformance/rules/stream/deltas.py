"""Rules on content_block_delta: its type, its value, and what the deltas of a block add up to."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Final

from messages_conformance.exchange import UNPARSED, Exchange, parse_json
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import BROKEN_STREAM, at, shape, shown, streamed, walk_of
from messages_conformance.rules.catalogue import ANTHROPIC, BREAKS, LOSES, rule
from messages_conformance.rules.recording_parts import REQUEST
from messages_conformance.rules.stream.stream_accessors import delta_text, grammar_findings, is_cut, may_be_unfinished
from messages_conformance.rules.verdict import MUST, SHOULD, Finding, Place, Unverified
from messages_conformance.stream import known_event

MIN_SNAPSHOT_CHARS: Final = 3
"""If a delta repeats the delta before it, both are snapshots only from this length on (our own). "1" then "12" is
counting; "Hel" then "Hello" is not. Shorter repetitions occur in normal text."""

MIN_REPEATED_DELTAS: Final = 3
MIN_REPEATED_CHARS: Final = 20
"""A delta that repeats all deltas before it, and has at least this length, is the whole text once more (our own). Other
APIs send it at the end. Normal text does not repeat itself in this way."""


@rule(
    "stream.delta.type-matches-block",
    MUST,
    harm=BREAKS,
    source=sources.MEASURED,
    needs={"stream"},
    applies=streamed,
)
def builds_each_block_with_its_own_deltas(exchange: Exchange) -> Iterable[Finding]:
    """Each delta has a type, and occurs only in the types of block that it builds."""
    yield from shape(exchange, "stream.delta.type-matches-block")
    yield from grammar_findings(exchange, "stream.delta.type-matches-block")


@rule("stream.delta.text-string", MUST, harm=BREAKS, source=sources.MEASURED, needs={"stream"}, applies=streamed)
def sends_text_as_strings(exchange: Exchange) -> Iterable[Finding]:
    """The text of a text_delta is a string."""
    return shape(exchange, "stream.delta.text-string")


@rule(
    "stream.delta.text-incremental",
    MUST,
    harm=LOSES,
    source=f"{sources.VERSIONING}; {sources.MEASURED}",
    needs={"stream"},
    applies=streamed,
)
def sends_text_in_increments(exchange: Exchange) -> Iterable[Finding]:
    """Text deltas are increments, not snapshots of the whole text so far."""
    for block in walk_of(exchange).blocks:
        pieces = [(event, text) for event in block.deltas if (text := delta_text(event))]
        if are_snapshots([text for _, text in pieces]):
            yield Finding(
                place=at(pieces[1][0], "/delta/text"),
                found=f"{shown(pieces[1][1])} after {shown(pieces[0][1])}",
                wanted="only the text that is new",
            )
        elif (number := _whole_text_again([text for _, text in pieces])) is not None:
            event, found = pieces[number][0], shown(pieces[number][1])
            yield Finding(
                place=at(event, "/delta/text"),
                found=f"the whole text again: {found}",
                wanted="only the text that is new",
            )


def _whole_text_again(pieces: list[str]) -> int | None:
    """The position of a delta that equals all deltas before it joined; None when there is none."""
    so_far = ""
    for number, piece in enumerate(pieces):
        if number >= MIN_REPEATED_DELTAS and len(piece) >= MIN_REPEATED_CHARS and piece == so_far:
            periodic = (piece + piece).find(piece, 1) < len(piece)  # a model that repeats one phrase
            return None if periodic else number
        so_far += piece
    return None


def are_snapshots(pieces: list[str]) -> bool:
    """Whether each piece is the whole text so far: it begins with the piece before it, and is longer."""
    if len(pieces) < 2 or (len(pieces) == 2 and len(pieces[0]) < MIN_SNAPSHOT_CHARS):
        return False
    growing = all(len(later) > len(earlier) and later.startswith(earlier) for earlier, later in pairwise(pieces))
    return growing and not all(_is_repetition(earlier, later) for earlier, later in pairwise(pieces))


def _is_repetition(earlier: str, later: str) -> bool:
    """Whether the new part of the later text repeats the earlier text: a model that repeats one phrase."""
    new = later[len(earlier) :]
    return new.startswith(earlier) or earlier.startswith(new)


@rule(
    "stream.delta.partial-json-string",
    MUST,
    harm=BREAKS,
    families={ANTHROPIC},
    needs={"stream"},
    source=sources.sdk("types/input_json_delta.py"),
    applies=streamed,
)
def sends_partial_json_as_strings(exchange: Exchange) -> Iterable[Finding]:
    """The partial_json of an input_json_delta is a string, possibly empty."""
    return shape(exchange, "stream.delta.partial-json-string")


@rule(
    "stream.delta.partial-json-concat",
    MUST,
    harm=BREAKS,  # LiteLLM and both SDKs raise an error; others lose the arguments
    families={ANTHROPIC},
    needs={"stream"},
    source=f"{sources.STREAMING}; {sources.MEASURED}",
    applies=streamed,
    reads={REQUEST},
)
def completes_the_json_of_tool_input(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """The partial_json strings of a block concatenate to one JSON object, or to nothing, which means {}."""
    walked = walk_of(exchange)
    if walked.deviations or any(event.data is UNPARSED for event in walked.events if known_event(event)):
        yield BROKEN_STREAM  # lost or late deltas are reported already, and change the JSON
        return
    for block in walked.blocks:
        if not block.json_text or not block.closed or may_be_unfinished(exchange, block):
            continue
        if not isinstance(parse_json(block.json_text), dict):
            place = at(block.stop, f"/content/{block.index}/input") if block.stop is not None else Place()
            yield Finding(place=place, found=shown(block.json_text), wanted="one JSON object")


@rule(
    "stream.delta.signature-single",
    MUST,
    harm=LOSES,
    families={ANTHROPIC},
    needs={"stream"},
    source=f"{sources.THINKING}; {sources.MEASURED}",
    applies=streamed,
)
def signs_a_thinking_block_once(exchange: Exchange) -> Iterable[Finding]:
    """A thinking block has one signature_delta, right before its stop: clients keep only the last one."""
    yield from shape(exchange, "stream.delta.signature-single")
    if any(True for _ in shape(exchange, "stream.delta.type-matches-block")):
        return  # a delta without a type may be the missing signature_delta
    for block in walk_of(exchange).blocks:
        if block.type != "thinking" or block.excused or not block.closed or is_cut(exchange, block):
            continue
        kinds = [
            event.fields["delta"].get("type") for event in block.deltas if isinstance(event.fields.get("delta"), dict)
        ]
        signatures = kinds.count("signature_delta")
        if signatures == 1 and "thinking_delta" not in kinds[kinds.index("signature_delta") :]:
            continue
        place = at(block.stop) if block.stop is not None else Place()
        found = f"{signatures} signature deltas" if signatures != 1 else "a thinking_delta after the signature"
        yield Finding(place=place, found=found, wanted="one signature_delta, the last delta of the block")


@rule(
    "stream.delta.citations",
    SHOULD,
    harm=BREAKS,  # the Vercel AI SDK refuses an answer with a malformed citation
    families={ANTHROPIC},
    needs={"stream"},
    source=sources.CITATIONS,
    applies=streamed,
)
def sends_one_citation_in_each_delta(exchange: Exchange) -> Iterable[Finding]:
    """A citations_delta carries one citation object."""
    return shape(exchange, "stream.delta.citations")
