"""Rules for the parts of a request: each one costs input tokens, in an answer and in a count.

Requests of the suites have the same long note in different parts, or a picture or a PDF. The same request without it
costs less by the tokens of a note, whatever the tokenizer is. What costs nothing did not reach the model, or it is
billed wrongly. A finding needs a request with a single note: estimates may differ by a few percent of a request.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from messages_conformance.exchange import ACCEPTED, Exchange
from messages_conformance.rules.accessors import (
    body_of,
    count,
    in_message,
    input_of,
    json_key,
    once_per_exchange,
)
from messages_conformance.rules.catalogue import ANTHROPIC, LOSES, MISBILLS, RUN, TOKMODEL, Judging, rule
from messages_conformance.rules.input_counts import counted, inconsistent
from messages_conformance.rules.recording_parts import PROBES, REQUEST
from messages_conformance.rules.shared_results import once_per_run
from messages_conformance.rules.verdict import MUST, SHOULD, Finding, Place, Unverified

SENTENCE: Final = "The clerk of the west tower dusts the oldest maps every week and writes the date into a green book."
NOTE: Final = " ".join([SENTENCE] * 8)
"""What a part holds that must be counted: 160 words."""

NOTHING: Final = "Yes."
"""What the same part holds otherwise."""

MIN_NOTE_TOKENS: Final = 60
"""A note costs more than this with every tokenizer (160 words; our own)."""

MIN_SHARE: Final = 0.4
"""A note that costs less than this share of one is lost (our own: estimates of a request may be off by 5 %)."""

MIN_LONG_SHARE: Final = 0.8
"""Many notes in one text cost at least this share of as many single ones: a shorter text was cut (our own)."""

MIN_PICTURE_TOKENS: Final = 8
"""A picture of 160 x 160 pixels costs more than this (Claude: 34; others: 49 to 2,900), and so does a page of text."""

MIN_PDF_TOKENS: Final = 48
"""A page of 600 words costs more than this as text or as a picture; a notice in its place costs less (our own)."""

MIN_PICTURE_CHARACTERS: Final = 200
"""A picture with less base64 than this is no part: it may cost next to nothing (our own)."""

CHARACTERS_PER_TOKEN: Final = 8
"""Base64 has fewer characters per token than this as text (our own: 1.3 to 6)."""

PICTURE_FACTOR: Final = 4
"""A picture inside a tool_result costs less than this many times the same picture beside it (our own)."""

KEYWORDS: Final = frozenset({"const", "enum", "pattern", "default", "$defs"})
"""Members of a tool's schema that gateways remove, besides the descriptions."""

COUNT_PATH: Final = "/v1/messages/count_tokens"
PICTURES: Final = ("image", "pdf", "result.image", "result.pdf")
MEANING: Final = "the meaning of input_tokens: what the model reads is counted"


@dataclass(frozen=True, kw_only=True)
class Part:
    """A place of a request with notes or a picture: its pointer, the kind of the part, and the length of its data."""

    pointer: str
    kind: str
    characters: int = 0
    notes: int = 1

    @property
    def least(self) -> float:
        """The notes that the part costs at least: of many, a shorter text was cut."""
        return MIN_SHARE if self.notes == 1 else MIN_LONG_SHARE * self.notes


@dataclass(frozen=True, kw_only=True)
class Costing:
    """One request with its parts, what is left without them, and its input tokens."""

    exchange: Exchange
    parts: tuple[Part, ...]
    rest: bytes
    tokens: int


# -- reading requests -----------------------------------------------------------------------------------------------


def _kind(pointer: str, holders: Sequence[str]) -> str:
    """The kind of the part at a place; `holders` are the types of the blocks around it."""
    names = pointer.split("/")
    inside = "result." if "tool_result" in holders[:-1] else ""
    last = holders[-1] if holders else ""
    if names[1] == "tools":
        return "tool" if KEYWORDS.isdisjoint(names) else "tool.keyword"
    if "document" in holders or "search_result" in holders:
        return inside + ("document" if "document" in holders else "search_result")
    if last in ("tool_use", "tool_result") or inside:
        return "call" if last == "tool_use" else "result"
    return "system" if names[1] == "system" else "turn"


def _walk(value: Any, pointer: str, holders: tuple[str, ...], found: list[Part]) -> Any:
    """The value without its notes and pictures, which are added to `found`."""
    if isinstance(value, Mapping):
        kind = value.get("type")
        inner = (*holders, kind) if isinstance(kind, str) and "properties" not in value else holders
        if (picture := _picture(value)) is not None:
            inside = "result." if "tool_result" in holders else ""
            found.append(Part(pointer=pointer, kind=inside + picture, characters=len(value["source"]["data"])))
            return {"type": "text", "text": NOTHING}
        return {name: _walk(item, f"{pointer}/{name}", inner, found) for name, item in value.items()}
    if isinstance(value, list):
        return [_walk(item, f"{pointer}/{number}", holders, found) for number, item in enumerate(value)]
    if notes := _notes(value):
        found.append(Part(pointer=pointer, kind=_kind(pointer, holders), notes=notes))
        return NOTHING
    return value


def _notes(value: Any) -> int:
    """The number of notes of which a text consists; 0 for any other value."""
    notes = (len(value) + 1) // (len(NOTE) + 1) if isinstance(value, str) else 0
    return notes if notes and value == " ".join([NOTE] * notes) else 0


def _picture(block: Mapping[str, Any]) -> str | None:
    """image or pdf for a block with data in base64; None for a tiny picture, and for any other value."""
    source = block.get("source")
    if not isinstance(source, Mapping) or source.get("type") != "base64" or not isinstance(source.get("data"), str):
        return None
    if len(source["data"]) < MIN_PICTURE_CHARACTERS:
        return None
    return {"image": "image", "document": "pdf"}.get(str(block.get("type")))


@once_per_exchange
def _read(exchange: Exchange) -> tuple[tuple[Part, ...], bytes]:
    """The parts of a request, and a key of what is left without them."""
    fields = {name: value for name, value in exchange.request.fields.items() if name not in ("max_tokens", "stream")}
    found: list[Part] = []
    rest = _walk(fields, "", (), found)
    return tuple(found), json_key(rest)


@once_per_run
def _costings(exchanges: Sequence[Exchange], *, counts: bool) -> tuple[Sequence[Costing], float]:
    """The requests of one route that were answered with a number of input tokens, and what one note costs."""
    if counts:
        asked = [one for one in exchanges if one.request.route == COUNT_PATH and one.succeeded]
        valid = [one for one in asked if one.expect == ACCEPTED and type(body_of(one).get("input_tokens")) is int]
        tokens = [(one, count(body_of(one), "input_tokens")) for one in valid]
    else:
        messages = counted(exchanges)
        tokens = [] if inconsistent(messages) else [(one, input_of(one)) for one in messages]
    costings = [Costing(exchange=one, parts=_read(one)[0], rest=_read(one)[1], tokens=number) for one, number in tokens]
    return costings, _note_tokens(costings)


# -- comparing them -------------------------------------------------------------------------------------------------


def _note_tokens(costings: Sequence[Costing]) -> float:
    """What one note costs: the question with a note before it, against the question alone."""
    alone = {question: one for one in costings if (question := _question(one)) is not None and NOTE not in question}
    for one in costings:
        question = _question(one)
        if question is not None and question.count(NOTE) == 1 and (rest := question.removeprefix(f"{NOTE}\n")) in alone:
            return one.tokens - alone[rest].tokens
    return 0


def _question(costing: Costing) -> str | None:
    """The text of a request with one user message and nothing else."""
    fields = costing.exchange.request.fields
    messages = fields.get("messages")
    if not isinstance(messages, list) or len(messages) != 1 or not isinstance(messages[0], dict):
        return None
    content = messages[0].get("content")
    return content if isinstance(content, str) and not {"system", "tools"} & set(fields) else None


def _uncounted(costings: Sequence[Costing], note: float, kinds: frozenset[str]) -> Iterator[Finding | None]:
    """A finding for each part of some kinds that costs nothing; None for each request whose parts all cost tokens."""
    without = {one.rest: one for one in costings if not one.parts}
    compared = [(one, without[one.rest]) for one in costings if one.parts and one.rest in without]
    pictures = [one.tokens - rest.tokens for one, rest in compared if [part.kind for part in one.parts] == ["image"]]
    compared.sort(key=lambda pair: len(pair[0].parts) > 1)
    lost_alone: set[str] = set()
    for one, rest in compared:
        if kinds.isdisjoint(part.kind for part in one.parts):
            continue
        rise, alone = one.tokens - rest.tokens, len(one.parts) == 1
        least = one.parts[0].least if alone else sum(part.notes for part in one.parts) - 1 + MIN_SHARE
        if [part.kind for part in one.parts] == ["image", "image"]:
            yield _judged_pictures(one, rest, [pair for pair in compared if pair[1] is rest])
        elif alone and one.parts[0].kind in PICTURES:
            yield _judged_picture(one, rest, max(pictures, default=0))
        elif rise >= least * note:
            yield None
        elif alone:
            notes = one.parts[0].notes
            what = (
                f"a text of {notes} notes of {round(note)} tokens each"
                if notes > 1
                else f"a note of {round(note)} tokens"
            )
            lost_alone.add(_name(one, one.parts[0]))
            yield _finding(one, rest, what, round(least * note))
        elif rise < MIN_SHARE * note and lost_alone.isdisjoint(_name(one, part) for part in one.parts):
            # All of them are lost, and none of them is when it is alone.
            lost = {part.kind: part for part in one.parts if part.kind in kinds and part.kind not in PICTURES}
            what = f"{len(one.parts)} notes of {round(note)} tokens each, one of them"
            yield from (_finding(one, rest, what, round(MIN_SHARE * note), part=part) for part in lost.values())


def _judged_picture(one: Costing, without: Costing, alike: int) -> Finding | None:
    """A finding if a picture costs nothing, or what its base64 costs as text; `alike` is the cost in a message."""
    part, rise = one.parts[0], one.tokens - without.tokens
    least = MIN_PDF_TOKENS if part.kind.endswith("pdf") else MIN_PICTURE_TOKENS
    if rise < least:
        return _finding(one, without, "it", least)
    as_text = part.characters / CHARACTERS_PER_TOKEN
    if part.kind == "result.image" and rise > max(as_text, PICTURE_FACTOR * alike):
        found = f"{rise} tokens for {part.pointer}: its {part.characters} characters of base64 are counted as text"
        wanted = f"at most {PICTURE_FACTOR} times the tokens of the same image in a message"
        return Finding(exchange=one.exchange.number, place=_place(one), found=found, wanted=wanted)
    return None


def _judged_pictures(one: Costing, without: Costing, compared: Sequence[tuple[Costing, Costing]]) -> Finding | None:
    """A finding if two pictures cost no more than one of them, which costs something."""
    single = next((costing for costing, _ in compared if len(costing.parts) == 1), None)
    cost = single.tokens - without.tokens if single is not None else 0
    if single is None or cost < MIN_PICTURE_TOKENS or one.tokens - single.tokens >= MIN_SHARE * cost:
        return None
    return _finding(one, single, "two", round(MIN_SHARE * cost), part=one.parts[1])


def _finding(one: Costing, without: Costing, what: str, least: int, *, part: Part | None = None) -> Finding:
    about, other = part or one.parts[0], without.exchange.number
    rise = one.tokens - without.tokens
    effect = "adds no tokens" if rise == 0 else f"adds {rise} tokens"
    found = (
        f"{_words(one, about)}{_position(about.pointer)} {effect}: {one.tokens} with {what} in "
        f"{about.pointer}, {without.tokens} without (exchange {other})"
    )
    wanted = f"at least {without.tokens + least}"
    return Finding(exchange=one.exchange.number, place=_place(one), found=found, wanted=wanted, part=_name(one, about))


def _position(pointer: str) -> str:
    """Where a part is in its request, in words: ` (block 2 of message 3)`; empty for the only one of its kind."""
    steps = pointer.split("/")[1:]
    numbers = [
        f"{_HOLDERS[holder]} {int(step) + 1}"
        for holder, step in pairwise(steps)
        if step.isdecimal() and holder in _HOLDERS
    ]
    return f" ({' of '.join(reversed(numbers))})" if numbers else ""


_HOLDERS: Final[Mapping[str, str]] = {"messages": "message", "content": "block", "system": "block", "tools": "tool"}
"""Lists of a request -> the word for one of their items."""

_WORDS: Final[Mapping[str, str]] = {
    "system": "the system prompt",
    "system turn": "a system turn",
    "turn": "a turn",
    "block": "a text block",
    "tool": "a tool",
    "tool.keyword": "a keyword in the schema of a tool",
    "call": "a tool call",
    "result": "a tool result",
    "document": "a document",
    "search_result": "a search result",
    "image": "an image",
    "pdf": "a PDF",
    "result.document": "a document in a tool result",
    "result.search_result": "a search result in a tool result",
    "result.image": "an image in a tool result",
    "result.pdf": "a PDF in a tool result",
}
"""Names of parts -> their words."""


def _name(one: Costing, part: Part) -> str:
    """What a part is for a reader: its kind, or the kind of turn that it is in."""
    if part.kind != "turn":
        return part.kind
    turn = one.exchange.request.fields["messages"][int(part.pointer.split("/")[2])]
    return "system turn" if turn.get("role") == "system" else "block" if part.pointer.endswith("/text") else "turn"


def _words(one: Costing, part: Part) -> str:
    """A part for a reader; a turn before the last one is an earlier turn."""
    name, (_, holder, number, *_) = _name(one, part), [*part.pointer.split("/"), "", ""]
    is_earlier = holder == "messages" and int(number) < len(one.exchange.request.fields["messages"]) - 1
    return "an earlier turn" if name == "turn" and is_earlier else _WORDS[name]


def _place(one: Costing) -> Place:
    if one.exchange.request.route == COUNT_PATH:
        return Place(pointer="/input_tokens")
    return in_message(one.exchange, "/usage/input_tokens")


def _long(costings: Sequence[Costing], note: float) -> Iterator[Finding | None]:
    """A finding if many notes in one text cost less than as many single ones."""
    alone = {question: one for one in costings if (question := _question(one)) is not None and NOTE not in question}
    for one in costings:
        question = _question(one) or ""
        notes = question.count(NOTE)
        base = alone.get(question.rpartition(f"{NOTE}\n")[2])
        if notes < 2 or base is None:
            continue
        rise = one.tokens - base.tokens
        if rise >= MIN_LONG_SHARE * notes * note:
            yield None
            continue
        found = f"{one.tokens} for a text with {notes} notes of {round(note)} tokens each"
        wanted = f"about {base.tokens + round(notes * note)}: a part of the text is not counted"
        yield Finding(exchange=one.exchange.number, place=_place(one), found=found, wanted=wanted)


# -- requirements ---------------------------------------------------------------------------------------------------

UNKNOWN: Final = Unverified(reason="the input tokens do not show what a note costs")


def _judge(kinds: frozenset[str], *, counts: bool, long: bool) -> Judging:
    def judge(exchanges: Sequence[Exchange]) -> Iterator[Finding | Unverified]:
        costings, note = _costings(exchanges, counts=counts)
        if empty := [one for one in costings if counts and one.tokens == 0]:
            found = "0 for a request with messages"
            yield Finding(exchange=empty[0].exchange.number, place=_place(empty[0]), found=found, wanted="above 0")
            return
        if note < MIN_NOTE_TOKENS:
            yield from _constant(costings) if counts else ()
            yield UNKNOWN
            return
        if not counts and kinds is not TEXT_PARTS and any(_uncounted(costings, note, TEXT_PARTS)):
            # Where earlier turns are lost, request.parts.counted says so.
            costings = [one for one in costings if _is_in_the_last_turn(one, kinds)]
        outcomes = [*_uncounted(costings, note, kinds), *(_long(costings, note) if long else ())]
        findings = [outcome for outcome in outcomes if outcome is not None]
        yield from {finding.part: finding for finding in reversed(findings)}.values()
        if not outcomes:
            yield Unverified(reason="no request with such a part was answered with input tokens, and without the part")

    return judge


def _is_in_the_last_turn(one: Costing, kinds: frozenset[str]) -> bool:
    """Whether a request has no part of these kinds in a turn before the last one."""
    messages = one.exchange.request.fields.get("messages")
    last = f"/messages/{len(messages) - 1}/" if isinstance(messages, list) else ""
    pointers = [part.pointer for part in one.parts if part.kind in kinds]
    return all(pointer.startswith(last) for pointer in pointers if pointer.startswith("/messages/"))


def _constant(costings: Sequence[Costing]) -> Iterator[Finding]:
    """A finding if requests of very different sizes have the same count."""
    long = [one for one in costings if (_question(one) or "").count(NOTE) > 1]
    plain = [
        one for one in costings if _question(one) is not None and not one.parts and NOTE not in (_question(one) or "")
    ]
    if long and plain and len({one.tokens for one in costings}) == 1:
        size, other = len(long[0].exchange.request.body), plain[0].exchange.number
        found = f"{long[0].tokens} for a request of {size} bytes and for the plainest one (exchange {other})"
        yield Finding(exchange=long[0].exchange.number, place=_place(long[0]), found=found, wanted="more for more text")


TEXT_PARTS: Final = frozenset({"turn", "system", "call", "result"})
EVERY_PART: Final = TEXT_PARTS | {
    "tool",
    "document",
    "pdf",
    "image",
    "search_result",
    "result.document",
    "result.search_result",
    "result.image",
}

KEYWORDS_COUNTED: Final = "request.tools.keywords-counted"

ROWS: Final[tuple[tuple[str, str, frozenset[str], tuple[str, ...]], ...]] = (
    (
        "request.parts.counted",
        "Every turn, block, tool call and tool result of a request, and all of a long text, raises the total input.",
        TEXT_PARTS,
        (),
    ),
    (
        "request.tools.affects-input-tokens",
        "The descriptions of tools and of their parameters raise the total input.",
        frozenset({"tool"}),
        ("tools",),
    ),
    (
        KEYWORDS_COUNTED,
        "The keywords const, enum, pattern, default and $defs in the schema of a tool raise the total input.",
        frozenset({"tool.keyword"}),
        ("tools",),
    ),
    (
        "request.document.affects-input-tokens",
        "The text, the context and the content blocks of a document, and a PDF, raise the total input.",
        frozenset({"document", "pdf"}),
        ("documents",),
    ),
    (
        "request.tool_result.document-counts",
        "A document inside a tool_result raises the total input.",
        frozenset({"result.document"}),
        ("documents", "tools"),
    ),
    (
        "request.search_result.affects-input-tokens",
        "The content of a search_result raises the total input.",
        frozenset({"search_result"}),
        ("search-results",),
    ),
    (
        "request.tool_result.search-result-counts",
        "A search_result inside a tool_result raises the total input.",
        frozenset({"result.search_result"}),
        ("search-results", "tools"),
    ),
    (
        "request.image.affects-input-tokens",
        "An image raises the total input.",
        frozenset({"image"}),
        ("images",),
    ),
    (
        "request.tool_result.image-counts",
        "An image inside a tool_result raises the total input, by what an image costs and not by its base64 as text.",
        frozenset({"result.image"}),
        ("images", "tools"),
    ),
)
"""For each requirement: its id, its sentence, the kinds of parts that it judges, and the capabilities that it needs."""

CAPABILITIES: Final = ("documents", "search-results", "images")


counts_every_part: Final = _judge(TEXT_PARTS, counts=False, long=True)
"""The judge of request.parts.counted."""

counts_every_part_beforehand: Final = _judge(EVERY_PART, counts=True, long=True)
"""The judge of adjacent.count_tokens.sees-all."""


def register() -> None:
    """Adds the requirements to the catalogue."""
    for name, sentence, kinds, needs in ROWS:
        judge = counts_every_part if kinds is TEXT_PARTS else _judge(kinds, counts=False, long=False)
        _add(name, sentence, needs, judge, harm=LOSES)
    sentence = (
        "count_tokens counts every part of a request: system, turns, tools, calls, results, documents and images."
    )
    _add("adjacent.count_tokens.sees-all", sentence, ("count-tokens",), counts_every_part_beforehand, harm=MISBILLS)


def _add(name: str, sentence: str, needs: tuple[str, ...], judge: Judging, *, harm: str) -> None:
    judge.__doc__ = sentence
    rule(
        name,
        SHOULD if name == KEYWORDS_COUNTED else MUST,  # the template of a model may have no place for a keyword
        harm=harm,
        families={ANTHROPIC} if needs else {ANTHROPIC, TOKMODEL},
        source=MEANING,
        needs=needs,
        capability=next((need for need in needs if need in CAPABILITIES), None),
        over=RUN,
        reads={PROBES, REQUEST} if harm == MISBILLS else {REQUEST},
        provoked="The same request is sent with and without a long note, a picture or a PDF in one of its parts.",
    )(judge)


register()
