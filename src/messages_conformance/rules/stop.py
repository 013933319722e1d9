"""Verdicts on why a message ended, and on what follows from that."""

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
    usage_of,
    walk_of,
)
from messages_conformance.rules.catalogue import ANTHROPIC, RUN, rule
from messages_conformance.rules.recording_parts import REQUEST
from messages_conformance.rules.relations import questions_without
from messages_conformance.rules.verdict import MUST, SHOULD, Finding, Unverified

SENTENCE_ENDS: Final = (".", "!", "?", ":", "。", "！", "？", "…", '"', "”", ")", "`", "*")
"""How a text may end that says all it has to say."""

WORDS_PER_TOKEN: Final = 4
"""No tokenizer in use puts more than this many words of prose into one token."""

END_TOKENS: Final = 1
"""The token that ends an answer is counted by some, and left out by others."""

MIN_ENDED_AT_LIMIT: Final = 2
"""One answer may happen to end where its limit is, and be the beginning of a longer one; two are none by chance (our
own: no model says less than asked in one of thirty answers, and in just so many tokens)."""

OTHER_ENDS: Final = ("tool_use", "refusal", "pause_turn", "model_context_window_exceeded")
"""Reasons that may end an answer before a limit or a sequence does."""


def _sequences(exchange: Exchange) -> tuple[str, ...]:
    """The stop sequences that were asked for."""
    asked = exchange.request.fields.get("stop_sequences")
    return tuple(item for item in asked if isinstance(item, str) and item) if isinstance(asked, list) else ()


def _stop_sequence(exchange: Exchange) -> object:
    return (message_of(exchange) or {}).get("stop_sequence")


@rule("stop.end_turn.stop_sequence-null", MUST, source=sources.sdk("types/message.py"), applies=has_message)
def names_a_sequence_only_when_it_stopped_there(exchange: Exchange) -> Iterable[Finding]:
    """stop_sequence is null or absent unless stop_reason is stop_sequence."""
    named, reason = _stop_sequence(exchange), stop_reason_of(exchange)
    if named is not None and isinstance(reason, str) and reason != "stop_sequence":
        found = f"{shown(named)} with stop_reason {shown(reason)}"
        yield Finding(place=in_message(exchange, "/stop_sequence"), found=found, wanted="null")


@rule(
    "stop.stop_sequence.none-requested",
    MUST,
    source="the meaning of stop_sequences",
    applies=has_message,
    reads={REQUEST},
)
def stops_at_no_sequence_unasked(exchange: Exchange) -> Iterable[Finding]:
    """stop_reason is never stop_sequence when no stop_sequences were sent."""
    if stop_reason_of(exchange) == "stop_sequence" and not _sequences(exchange):
        place = in_message(exchange, "/stop_reason")
        yield Finding(
            place=place, found='"stop_sequence" without stop_sequences', wanted='"end_turn" or another reason'
        )


@rule(
    "stop.stop_sequence.value",
    MUST,
    families={ANTHROPIC},
    needs={"stop-sequences"},
    source=sources.sdk("types/message.py"),
    applies=has_message,
    model_dependent=True,
    reads={REQUEST},
    provoked="The model is asked to count, with one of the numbers as a stop sequence.",
)
def names_the_sequence_where_it_stopped(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """stop_sequence is exactly one of the sequences that were sent."""
    if stop_reason_of(exchange) != "stop_sequence" or not _sequences(exchange):
        yield Unverified(reason="no answer stopped at a stop sequence")
    elif _stop_sequence(exchange) not in _sequences(exchange):
        wanted = " or ".join(shown(sequence) for sequence in _sequences(exchange))
        yield Finding(
            place=in_message(exchange, "/stop_sequence"), found=shown(_stop_sequence(exchange)), wanted=wanted
        )


def _leak(exchange: Exchange) -> Iterator[Finding | Unverified]:
    if stop_reason_of(exchange) != "stop_sequence" or not _sequences(exchange):
        yield Unverified(reason="no answer stopped at a stop sequence")
        return
    named = _stop_sequence(exchange)
    matched = (named,) if isinstance(named, str) and named in _sequences(exchange) else _sequences(exchange)
    text = text_of(exchange)
    for sequence in matched:
        if sequence in text:
            yield Finding(
                place=in_message(exchange, "/content"),
                found=f"{shown(sequence)} in {shown(text[-60:])}",
                wanted="the text before it",
            )
            return


@rule(
    "stop.stop_sequence.excluded-from-text",
    SHOULD,
    source="widely relied on; stated by glossaries only (anthropiccertifications.com), read 2026-11-22",
    needs={"stop-sequences"},
    applies=json_message,
    model_dependent=True,
    reads={REQUEST},
)
def leaves_the_sequence_out(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """The sequence that matched is not in the text."""
    return _leak(exchange)


@rule(
    "stop.stop_sequence.stream-no-leak",
    SHOULD,
    source="consistency with the message that is not streamed",
    needs={"stop-sequences", "stream"},
    applies=streamed,
    model_dependent=True,
    reads={REQUEST},
)
def streams_no_part_of_the_sequence(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """The sequence that matched is not in the streamed text, even when it came in several tokens."""
    return _leak(exchange)


@rule(
    "stop.max_tokens.occurs",
    MUST,
    source=f"{sources.SEED}; {sources.STOP_REASONS}",
    over=RUN,
    model_dependent=True,
    reads={REQUEST},
    provoked="The same long answer is asked for with a small and with a large max_tokens.",
)
def says_that_the_limit_cut_it(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """An answer that was cut by the limit reports max_tokens."""
    said = "no long answer was asked for"
    ended: list[Finding] = []
    for cut, control in questions_without("max_tokens", exchanges, larger=True):
        text, full = text_of(cut).strip(), text_of(control).strip()
        reason, limit = stop_reason_of(cut), limit_of(cut)
        if limit is None or reason in OTHER_ENDS:
            continue
        if reason == "max_tokens":
            said = ""
            continue
        spent = count(usage_of(control), "output_tokens")
        # Tokens beyond one a character were spent on something that is not shown, and may not be spent again.
        # An answer that is all there may just have fitted: the token that ends it need not be counted.
        least = limit + (END_TOKENS if text == full else 0)
        seen_to_exceed = full.startswith(text) and least < spent <= len(full) and not _ended_early(cut, limit)
        # Tokens beyond one a character were spent on something else in the answer that was cut, too.
        seen_to_exceed = seen_to_exceed and count(usage_of(cut), "output_tokens") <= len(text) + END_TOKENS
        surely = len(text.split()) > WORDS_PER_TOKEN * limit
        if isinstance(reason, str) and text and (seen_to_exceed or surely):
            how = f"{shown(reason)} after {shown(text[-40:])}"
            ended.append(
                Finding(
                    exchange=cut.number,
                    place=in_message(cut, "/stop_reason"),
                    found=how,
                    wanted=f'"max_tokens" at {limit}',
                )
            )
            if surely or len(ended) >= MIN_ENDED_AT_LIMIT:
                yield from ended
                ended, said = [], ""
            else:
                said = f"a single answer ended just where its limit is, which may be chance: {how}"
        elif said:
            said = f"the model answered short of the limit: {shown(text)}"
    if said:
        yield Unverified(reason=said)


def _ended_early(cut: Exchange, limit: int) -> bool:
    """Whether an answer is counted as shorter than its limit: the model may have ended it, and gone on another time."""
    return 0 < count(usage_of(cut), "output_tokens") < limit - END_TOKENS


@rule(
    "stop.stop_sequence.occurs",
    MUST,
    source=f"{sources.SEED}; {sources.STOP_REASONS}",
    needs={"stop-sequences"},
    over=RUN,
    model_dependent=True,
    reads={REQUEST},
    provoked="The model is asked to count, with and without one of the numbers as a stop sequence.",
)
def says_that_a_sequence_stopped_it(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """Generating one of the stop sequences ends the message with stop_reason stop_sequence."""
    said = "no answer was asked for that would run into a stop sequence"
    for stopped, control in questions_without("stop_sequences", exchanges):
        text, full, reason = text_of(stopped), text_of(control), stop_reason_of(stopped)
        if reason == "stop_sequence":
            said = ""
            continue
        if not isinstance(reason, str) or reason in OTHER_ENDS or not _sequences(stopped):
            continue
        ran_through = next((sequence for sequence in _sequences(stopped) if _holds(stopped, sequence)), None)
        if ran_through is not None:
            found = f"{shown(reason)}, and {shown(ran_through)} in the text"
        elif any(_cut_before(text, full, sequence) for sequence in _sequences(stopped)) and reason != "max_tokens":
            found = f"{shown(reason)} where the text was cut: {shown(text[-40:])}"
        else:
            said = said and f"the model did not reach the sequence: {shown(text)}"
            continue
        yield Finding(
            exchange=stopped.number, place=in_message(stopped, "/stop_reason"), found=found, wanted='"stop_sequence"'
        )
        said = ""
    if said:
        yield Unverified(reason=said)


def _holds(exchange: Exchange, sequence: str) -> bool:
    """Whether a text block holds the sequence; across the seam of two blocks nobody generated it."""
    texts = (block.get("text") for block in blocks_of(exchange) if block.get("type") == "text")
    return any(isinstance(text, str) and sequence in text for text in texts)


@rule(
    "stop.stop_sequence.matched",
    MUST,
    families={ANTHROPIC},
    needs={"stop-sequences"},
    source=f"{sources.sdk('types/message.py')} (which custom stop sequence was generated)",
    over=RUN,
    model_dependent=True,
    reads={REQUEST},
    provoked="The model is asked to count, with several stop sequences of which one can occur, the first or the last.",
)
def names_the_sequence_that_was_generated(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """Of several stop sequences, stop_sequence names the one where the text ends."""
    seen = False
    for stopped, control in questions_without("stop_sequences", exchanges):
        named, text, full = _stop_sequence(stopped), text_of(stopped), text_of(control)
        if stop_reason_of(stopped) != "stop_sequence" or named not in _sequences(stopped):
            continue
        possible = [sequence for sequence in _sequences(stopped) if sequence in full]
        if len(possible) != 1 or len(_sequences(stopped)) < 2 or not _cut_before(text, full, possible[0]):
            continue
        seen = True
        if named != possible[0]:
            found = f"{shown(named)}, after {shown(text[-40:])}"
            wanted = f"{shown(possible[0])}, which comes next in exchange {control.number}"
            yield Finding(
                exchange=stopped.number, place=in_message(stopped, "/stop_sequence"), found=found, wanted=wanted
            )
    if not seen:
        yield Unverified(reason="no answer ended where one of several stop sequences comes in the answer without them")


def _cut_before(text: str, full: str, sequence: str) -> bool:
    """Whether the text is what the full answer holds before the sequence."""
    before, matched, _ = full.partition(sequence)
    # After a whole sentence the model may have ended the one answer, and gone on in the other.
    whole = before.rstrip().endswith(SENTENCE_ENDS)
    return bool(matched) and bool(text.strip()) and text.strip() == before.strip() and not whole


@rule(
    "stop.tool_use.implies-block",
    MUST,
    families={ANTHROPIC},
    source=sources.STOP_REASONS,
    applies=has_message,
)
def calls_a_tool_when_it_says_so(exchange: Exchange) -> Iterable[Finding]:
    """stop_reason tool_use comes with at least one tool_use block."""
    if stop_reason_of(exchange) != "tool_use" or not _types_are_known(exchange):
        return
    if not any(block.get("type") == "tool_use" for block in blocks_of(exchange)):
        kinds = ", ".join(str(block.get("type")) for block in blocks_of(exchange)) or "no block"
        yield Finding(place=in_message(exchange, "/content"), found=kinds, wanted="a tool_use block")


def _types_are_known(exchange: Exchange) -> bool:
    """Whether the content is an array of typed blocks; where it is not, that is judged, and nothing follows from it."""
    content = (message_of(exchange) or {}).get("content")
    if streamed(exchange) and not walk_of(exchange).complete:
        return False
    return isinstance(content, list) and all(
        isinstance(block, dict) and isinstance(block.get("type"), str) for block in content
    )


@rule(
    "stop.tool_use.block-implies",
    SHOULD,
    families={ANTHROPIC},
    source=sources.STOP_REASONS,
    applies=has_message,
)
def says_so_when_it_calls_a_tool(exchange: Exchange) -> Iterable[Finding]:
    """A complete tool_use block comes with stop_reason tool_use, unless the answer was cut."""
    reason = stop_reason_of(exchange)
    cut = ("tool_use", "max_tokens", "refusal", "model_context_window_exceeded")
    if (
        isinstance(reason, str)
        and reason not in cut
        and any(block.get("type") == "tool_use" for block in blocks_of(exchange))
    ):
        yield Finding(place=in_message(exchange, "/stop_reason"), found=shown(reason), wanted='"tool_use"')


@rule(
    "stop.pause_turn.server-tools-only",
    SHOULD,
    families={ANTHROPIC},
    source=sources.STOP_REASONS,
    applies=has_message,
    reads={REQUEST},
)
def pauses_only_for_server_tools(exchange: Exchange) -> Iterable[Finding]:
    """pause_turn comes only with server tools in the request, and with no client tool call pending."""
    tools = exchange.request.fields.get("tools")
    served = isinstance(tools, list) and any(
        isinstance(tool, dict) and tool.get("type") not in (None, "custom") for tool in tools
    )
    pending = any(block.get("type") == "tool_use" for block in blocks_of(exchange))
    if stop_reason_of(exchange) == "pause_turn" and (not served or pending):
        found = '"pause_turn" without server tools' if not served else '"pause_turn" with a tool_use block'
        yield Finding(place=in_message(exchange, "/stop_reason"), found=found, wanted='"tool_use" or "end_turn"')


@rule("stop.refusal.http-200", MUST, families={ANTHROPIC}, source=sources.REFUSALS, applies=has_message)
def details_its_refusal(exchange: Exchange) -> Iterable[Finding]:
    """A refusal comes with a stop_details object, whose category and explanation may be null."""
    details = (message_of(exchange) or {}).get("stop_details")
    if stop_reason_of(exchange) == "refusal" and not isinstance(details, dict):
        yield Finding(
            place=in_message(exchange, "/stop_details"), found=shown(details), wanted="an object of type refusal"
        )
