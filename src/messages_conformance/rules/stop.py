"""Rules for the stop reason and the members that depend on it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import (
    blocks_of,
    count,
    has_message,
    in_message,
    json_message,
    limit_of,
    message_of,
    shown,
    stop_reason_of,
    streamed,
    text_of,
    thinking_type,
    total_input,
    usage_of,
    walk_of,
)
from messages_conformance.rules.catalogue import ANTHROPIC, BREAKS, LOSES, MISLEADS, RUN, rule
from messages_conformance.rules.model_passes import may_take_several_passes
from messages_conformance.rules.paired_requests import requests_without
from messages_conformance.rules.recording_parts import REQUEST
from messages_conformance.rules.verdict import MUST, SHOULD, Finding, Unverified
from messages_conformance.stream import is_made_by_code

SENTENCE_ENDS: Final = (".", "!", "?", ":", "。", "！", "？", "…", '"', "”", ")", "`", "*")
"""How a complete text may end."""

WORDS_PER_TOKEN: Final = 4
"""No tokenizer in use has more words of prose than this in one token (our own)."""

END_TOKENS: Final = 1
"""Some servers count the token that ends an answer, others do not (our own)."""

MIN_ENDED_AT_LIMIT: Final = 2
"""One answer may end at its limit by chance and be the beginning of a longer one; two do not (our own). A model gives
less than requested in fewer than one of thirty answers, and rarely with just this many tokens."""

SMALLEST_WINDOW: Final = 1_000
"""No model in use has a smaller context window (our own; local servers start with 2,048)."""

MIN_BEGUN: Final = 2
"""At least this many texts end with the beginning of the sequence that ended them (our own: a model may write one comma
twice)."""

OTHER_ENDS: Final = ("tool_use", "refusal", "pause_turn", "model_context_window_exceeded")
"""Stop reasons that may end an answer before a limit or a sequence does."""


def sequences_of(exchange: Exchange) -> tuple[str, ...]:
    """The stop sequences of the request."""
    requested = exchange.request.fields.get("stop_sequences")
    return tuple(item for item in requested if isinstance(item, str) and item) if isinstance(requested, list) else ()


def _stop_sequence(exchange: Exchange) -> object:
    return (message_of(exchange) or {}).get("stop_sequence")


@rule("stop.end_turn.stop_sequence-null", MUST, harm=LOSES, source=sources.sdk("types/message.py"), applies=has_message)
def names_a_sequence_only_when_it_stopped_there(exchange: Exchange) -> Iterable[Finding]:
    """stop_sequence is null or absent unless stop_reason is stop_sequence."""
    named, reason = _stop_sequence(exchange), stop_reason_of(exchange)
    if named is not None and isinstance(reason, str) and reason != "stop_sequence":
        found = f"{shown(named)} with stop_reason {shown(reason)}"
        yield Finding(place=in_message(exchange, "/stop_sequence"), found=found, wanted="null")


@rule(
    "stop.stop_sequence.none-requested",
    MUST,
    harm=LOSES,
    source="the meaning of stop_sequences",
    applies=has_message,
    reads={REQUEST},
)
def stops_only_at_requested_sequences(exchange: Exchange) -> Iterable[Finding]:
    """stop_reason is never stop_sequence when no stop_sequences were sent."""
    if stop_reason_of(exchange) == "stop_sequence" and not sequences_of(exchange):
        place = in_message(exchange, "/stop_reason")
        yield Finding(
            place=place, found='"stop_sequence" without stop_sequences', wanted='"end_turn" or another reason'
        )


@rule(
    "stop.stop_sequence.value",
    MUST,
    harm=LOSES,
    families={ANTHROPIC},
    needs={"stop-sequences"},
    source=sources.sdk("types/message.py"),
    applies=has_message,
    model_dependent=True,
    reads={REQUEST},
    provoked="A request asks the model to count, with one of the numbers as a stop sequence.",
)
def names_the_sequence_where_it_stopped(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """stop_sequence is exactly one of the sequences of the request."""
    if stop_reason_of(exchange) != "stop_sequence" or not sequences_of(exchange):
        yield Unverified(reason="no answer has stop_reason stop_sequence")
    elif _stop_sequence(exchange) not in sequences_of(exchange):
        wanted = " or ".join(shown(sequence) for sequence in sequences_of(exchange))
        yield Finding(
            place=in_message(exchange, "/stop_sequence"), found=shown(_stop_sequence(exchange)), wanted=wanted
        )


def _sequences_in_text(answers: list[Exchange], exchanges: Sequence[Exchange]) -> Iterator[Finding | Unverified]:
    """The first of some answers that has its stop sequence in its text, and the first that has a beginning of it."""
    stopped = [one for one in answers if stop_reason_of(one) == "stop_sequence" and sequences_of(one)]
    if not stopped:
        yield Unverified(reason="no answer has stop_reason stop_sequence")
        return
    whole = next(((one, sequence) for one in stopped for sequence in _matched(one) if sequence in text_of(one)), None)
    if whole is not None:
        yield _leaked(*whole, "only the text before it")
        return
    leaks = [
        (one, full, begun) for one, full in requests_without("stop_sequences", exchanges) for begun in _begun(one, full)
    ]
    numbers = {one.number for one in stopped}
    if len(leaks) >= MIN_BEGUN:
        for one, control, begun in [leak for leak in leaks if leak[0].number in numbers][:1]:
            wanted = f"only the text before {shown(_stop_sequence(one))}, as it is in exchange {control.number}"
            yield _leaked(one, begun, wanted)


def _matched(exchange: Exchange) -> tuple[str, ...]:
    """The sequence that an answer names, or all requested ones if it names none of them."""
    named = _stop_sequence(exchange)
    return (named,) if isinstance(named, str) and named in sequences_of(exchange) else sequences_of(exchange)


def _begun(stopped: Exchange, control: Exchange) -> Iterator[str]:
    """The beginning of the named sequence with which a text ends, if the text before it is that of the control."""
    named, text, full = _stop_sequence(stopped), text_of(stopped), text_of(control)
    if stop_reason_of(stopped) != "stop_sequence" or not isinstance(named, str) or named not in sequences_of(stopped):
        return
    before, matched, _ = full.partition(named)
    begun = text.removeprefix(before)
    is_beginning = bool(begun.strip()) and begun != named and named.startswith(begun)
    # In "}}}", the sequence "}}" may also be matched at its second place.
    if matched and before and text == before + begun and is_beginning and not full.startswith(text + named):
        yield begun


def _leaked(exchange: Exchange, part: str, wanted: str) -> Finding:
    found = f"{shown(part)} in {shown(text_of(exchange)[-60:])}"
    return Finding(exchange=exchange.number, place=in_message(exchange, "/content"), found=found, wanted=wanted)


@rule(
    "stop.stop_sequence.excluded-from-text",
    SHOULD,
    harm=LOSES,
    source="widely relied on; stated by glossaries only (anthropiccertifications.com), read 2026-11-22",
    needs={"stop-sequences"},
    over=RUN,
    model_dependent=True,
    reads={REQUEST},
)
def leaves_the_sequence_out(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """The text does not contain the stop sequence that matched, nor its beginning."""
    return _sequences_in_text([one for one in exchanges if json_message(one)], exchanges)


@rule(
    "stop.stop_sequence.stream-no-leak",
    SHOULD,
    harm=LOSES,
    source="consistency with the message that is not streamed",
    needs={"stop-sequences", "stream"},
    over=RUN,
    model_dependent=True,
    reads={REQUEST},
)
def streams_no_part_of_the_sequence(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """The streamed text does not contain the stop sequence that matched, even if it consists of several tokens."""
    return _sequences_in_text([one for one in exchanges if streamed(one)], exchanges)


@rule(
    "stop.max_tokens.occurs",
    MUST,
    harm=LOSES,  # a cut answer looks complete
    source=f"{sources.SEED}; {sources.STOP_REASONS}",
    over=RUN,
    model_dependent=True,
    reads={REQUEST},
    provoked="The same request for a long answer has a small and a large max_tokens.",
)
def reports_that_it_reached_max_tokens(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """An answer that ends at the limit has stop_reason max_tokens."""
    reason_not_verified = "no request for a long answer was answered"
    ended: list[Finding] = []
    for cut, control in requests_without("max_tokens", exchanges, larger=True):
        text, full = text_of(cut).strip(), text_of(control).strip()
        reason, limit = stop_reason_of(cut), limit_of(cut)
        if limit is not None and _is_no_full_window(cut, limit):
            place = in_message(cut, "/stop_reason")
            found = f"{shown(reason)} with {total_input(usage_of(cut))} input tokens and {limit} output tokens"
            yield Finding(exchange=cut.number, place=place, found=found, wanted=f'"max_tokens" at {limit}')
            reason_not_verified = ""
        if limit is None or reason in OTHER_ENDS:
            continue
        if reason == "max_tokens":
            reason_not_verified = ""
            continue
        spent = count(usage_of(control), "output_tokens")
        # More than one token per character means hidden output, which another answer may not have.
        # A complete answer may just have fitted: the token that ends it may not be counted.
        least = limit + (END_TOKENS if text == full else 0)
        exceeds = full.startswith(text) and least < spent <= len(full) and not _ended_early(cut, limit)
        # The same holds for the answer that was cut.
        exceeds = exceeds and count(usage_of(cut), "output_tokens") <= len(text) + END_TOKENS
        # A model thinks as much as it likes, and then answers in fewer or in more words.
        exceeds = exceeds and thinking_type(cut) in (None, "disabled")
        certainly = len(text.split()) > WORDS_PER_TOKEN * limit
        if isinstance(reason, str) and text and (exceeds or certainly):
            found = f"{shown(reason)} after {shown(text[-40:])}"
            ended.append(
                Finding(
                    exchange=cut.number,
                    place=in_message(cut, "/stop_reason"),
                    found=found,
                    wanted=f'"max_tokens" at {limit}',
                )
            )
            if certainly or len(ended) >= MIN_ENDED_AT_LIMIT:
                yield from ended
                ended, reason_not_verified = [], ""
            else:
                reason_not_verified = f"a single answer ended at its limit, which may be chance: {found}"
        elif reason_not_verified:
            reason_not_verified = f"the model gave an answer below the limit: {shown(text)}"
    if reason_not_verified:
        yield Unverified(reason=reason_not_verified)


def _is_no_full_window(cut: Exchange, limit: int) -> bool:
    """Whether an answer with as many tokens as its limit reports a full context window, which has space left."""
    used = count(usage_of(cut), "output_tokens")
    full = stop_reason_of(cut) == "model_context_window_exceeded"
    return full and used == limit and 0 < total_input(usage_of(cut)) + used < SMALLEST_WINDOW


def _ended_early(cut: Exchange, limit: int) -> bool:
    """Whether an answer has fewer tokens than its limit: the model may have ended it, and written more another time."""
    return 0 < count(usage_of(cut), "output_tokens") < limit - END_TOKENS


@rule(
    "stop.stop_sequence.occurs",
    MUST,
    harm=LOSES,
    source=f"{sources.SEED}; {sources.STOP_REASONS}",
    needs={"stop-sequences"},
    over=RUN,
    model_dependent=True,
    reads={REQUEST},
    provoked="Requests ask for a text, with and without a part of it as a stop sequence.",
)
def reports_that_it_stopped_at_a_sequence(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """When the model writes a stop sequence, the message ends there with stop_reason stop_sequence."""
    reason_not_verified = "no request made the model generate a stop sequence"
    pairs = list(requests_without("stop_sequences", exchanges))
    is_reported = any(stop_reason_of(stopped) == "stop_sequence" for stopped, _ in pairs)
    cuts = [_ends_before_a_sequence(*pair) for pair in pairs]
    for (stopped, _), is_cut in zip(pairs, cuts, strict=True):
        text, reason = text_of(stopped), stop_reason_of(stopped)
        if reason == "stop_sequence":
            reason_not_verified = ""
            continue
        if not isinstance(reason, str) or reason in OTHER_ENDS or not sequences_of(stopped):
            continue
        generated = next((sequence for sequence in sequences_of(stopped) if _contains(stopped, sequence)), None)
        if generated is not None:
            found = f"{shown(reason)}, with {shown(generated)} in the text"
        elif is_cut and (sum(cuts) > 1 or not is_reported):
            found = f"{shown(reason)}, although the text ends at the sequence: {shown(text[-40:])}"
        else:
            reason_not_verified = reason_not_verified and f"the model did not generate the sequence: {shown(text)}"
            continue
        yield Finding(
            exchange=stopped.number, place=in_message(stopped, "/stop_reason"), found=found, wanted='"stop_sequence"'
        )
        reason_not_verified = ""
    if reason_not_verified:
        yield Unverified(reason=reason_not_verified)


def _ends_before_a_sequence(stopped: Exchange, control: Exchange) -> bool:
    """Whether the text ends where the control has a sequence; one such answer alone may be a short one by chance."""
    text, full, reason = text_of(stopped), text_of(control), stop_reason_of(stopped)
    if reason in ("stop_sequence", "max_tokens", *OTHER_ENDS):
        return False
    return any(_cut_before(text, full, sequence) for sequence in sequences_of(stopped))


def _contains(exchange: Exchange, sequence: str) -> bool:
    """Whether a text block contains the sequence; a sequence across two blocks was not generated."""
    texts = (block.get("text") for block in blocks_of(exchange) if block.get("type") == "text")
    return any(isinstance(text, str) and sequence in text for text in texts)


@rule(
    "stop.stop_sequence.matched",
    MUST,
    harm=LOSES,
    families={ANTHROPIC},
    needs={"stop-sequences"},
    source=f"{sources.sdk('types/message.py')} (which custom stop sequence was generated)",
    over=RUN,
    model_dependent=True,
    reads={REQUEST},
    provoked="A request asks the model to count, with several stop sequences of which only one can occur.",
)
def names_the_sequence_that_was_generated(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """With several stop sequences, stop_sequence names the one at which the text ends."""
    seen = False
    for stopped, control in requests_without("stop_sequences", exchanges):
        named, text, full = _stop_sequence(stopped), text_of(stopped), text_of(control)
        if stop_reason_of(stopped) != "stop_sequence" or named not in sequences_of(stopped):
            continue
        possible = [sequence for sequence in sequences_of(stopped) if sequence in full]
        if len(possible) != 1 or len(sequences_of(stopped)) < 2 or not _cut_before(text, full, possible[0]):
            continue
        seen = True
        if named != possible[0]:
            found = f"{shown(named)}, after {shown(text[-40:])}"
            wanted = f"{shown(possible[0])}, which comes next in exchange {control.number}"
            yield Finding(
                exchange=stopped.number, place=in_message(stopped, "/stop_sequence"), found=found, wanted=wanted
            )
    if not seen:
        yield Unverified(
            reason="no answer ended at one of several stop sequences that the same request without them generated"
        )


def _cut_before(text: str, full: str, sequence: str) -> bool:
    """Whether the text is the part of the full answer before the sequence."""
    before, matched, _ = full.partition(sequence)
    # After a complete sentence the model may have ended one answer and continued the other.
    is_sentence = before.rstrip().endswith(SENTENCE_ENDS)
    return bool(matched) and bool(text.strip()) and text.strip() == before.strip() and not is_sentence


@rule(
    "stop.tool_use.implies-block",
    MUST,
    harm=BREAKS,  # Claude Code reports an error; others lose the text
    families={ANTHROPIC},
    source=sources.STOP_REASONS,
    applies=has_message,
)
def calls_a_tool_when_it_reports_one(exchange: Exchange) -> Iterable[Finding]:
    """An answer with stop_reason tool_use has at least one tool_use block."""
    if stop_reason_of(exchange) != "tool_use" or not _types_are_known(exchange):
        return
    if not any(block.get("type") == "tool_use" for block in blocks_of(exchange)):
        kinds = ", ".join(str(block.get("type")) for block in blocks_of(exchange)) or "no block"
        yield Finding(place=in_message(exchange, "/content"), found=kinds, wanted="a tool_use block")


def _types_are_known(exchange: Exchange) -> bool:
    """Whether the content is an array of typed blocks; other rules judge it if it is not."""
    content = (message_of(exchange) or {}).get("content")
    if streamed(exchange) and not walk_of(exchange).complete:
        return False
    return isinstance(content, list) and all(
        isinstance(block, dict) and isinstance(block.get("type"), str) for block in content
    )


@rule(
    "stop.tool_use.block-implies",
    MUST,
    harm=LOSES,  # loops that read stop_reason never run the tool
    families={ANTHROPIC},
    source=sources.STOP_REASONS,
    applies=has_message,
)
def reports_that_it_calls_a_tool(exchange: Exchange) -> Iterable[Finding]:
    """An answer with a complete tool_use block has stop_reason tool_use, unless it was cut."""
    reason = stop_reason_of(exchange)
    cut = ("tool_use", "max_tokens", "refusal", "model_context_window_exceeded")
    if (
        isinstance(reason, str)
        and reason not in cut
        and any(block.get("type") == "tool_use" and not is_made_by_code(block) for block in blocks_of(exchange))
    ):
        yield Finding(place=in_message(exchange, "/stop_reason"), found=shown(reason), wanted='"tool_use"')


@rule(
    "stop.pause_turn.server-tools-only",
    SHOULD,
    harm=LOSES,  # clients repeat the request instead of running the tool
    families={ANTHROPIC},
    source=sources.STOP_REASONS,
    applies=has_message,
    reads={REQUEST},
)
def pauses_only_for_server_tools(exchange: Exchange) -> Iterable[Finding]:
    """stop_reason pause_turn requires server tools in the request and no pending call of a client tool."""
    served = may_take_several_passes(exchange)
    pending = any(block.get("type") == "tool_use" for block in blocks_of(exchange))
    if stop_reason_of(exchange) == "pause_turn" and (not served or pending):
        found = '"pause_turn" without server tools' if not served else '"pause_turn" with a tool_use block'
        yield Finding(place=in_message(exchange, "/stop_reason"), found=found, wanted='"tool_use" or "end_turn"')


@rule("stop.refusal.http-200", MUST, harm=MISLEADS, families={ANTHROPIC}, source=sources.REFUSALS, applies=has_message)
def details_its_refusal(exchange: Exchange) -> Iterable[Finding]:
    """A refusal has a stop_details object, whose category and explanation may be null."""
    details = (message_of(exchange) or {}).get("stop_details")
    if stop_reason_of(exchange) == "refusal" and not isinstance(details, dict):
        yield Finding(
            place=in_message(exchange, "/stop_details"), found=shown(details), wanted="an object of type refusal"
        )
