"""Rules for the effect of thinking: where a budget is accepted, the thinking is shown, in later turns, too."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import (
    blocks_of,
    has_message,
    in_message,
    is_broken_stream,
    stop_reason_of,
    text_of,
    thinking_type,
    thought_tokens,
    usage_of,
)
from messages_conformance.rules.catalogue import ANTHROPIC, LOSES, RUN, rule
from messages_conformance.rules.markup import removes_the_markup_of_the_model
from messages_conformance.rules.recording_parts import REQUEST
from messages_conformance.rules.verdict import SHOULD, Finding, Unverified

KINDS: Final = ("thinking", "redacted_thinking")
ENDED: Final = ("end_turn", "tool_use")

MIN_SILENT: Final = 5
"""At least this many answers to requests with a budget have no thinking, and none has thinking (our own). A model
sometimes does not think."""


def _thinking(exchange: Exchange) -> list[Mapping[str, Any]]:
    return [block for block in blocks_of(exchange) if block.get("type") in KINDS]


@rule(
    "request.thinking.honoured",
    SHOULD,
    harm=LOSES,
    families={ANTHROPIC},
    source=f"{sources.THINKING}; MAXeaglet/commandcode-proxy#4, BerriAI/litellm#29518 (GitHub), read 2026-11-30",
    needs={"thinking"},
    capability="thinking",
    over=RUN,
    model_dependent=True,
    reads={REQUEST},
    provoked="Questions are asked with a thinking budget, with and without streaming, with and without tools.",
)
def shows_the_thinking_that_is_asked_for(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """Where a thinking budget is accepted, answers have thinking blocks: not all of them are without."""
    answers = [
        one for one in exchanges if has_message(one) and thinking_type(one) == "enabled" and not is_broken_stream(one)
    ]
    complete = [one for one in answers if stop_reason_of(one) in ENDED and (text_of(one) or blocks_of(one))]
    if any(map(_thinking, answers)):
        return
    # Thinking that comes as text is another requirement.
    if any(True for one in complete for _ in removes_the_markup_of_the_model(one)):
        yield Unverified(reason="the thinking is in the text, which response.content.no-model-markup judges")
    elif len(complete) < MIN_SILENT:
        yield Unverified(reason="no answer has a thinking block, and too few requests with a budget were answered")
    else:
        tokens = max(thought_tokens(usage_of(one)) for one in complete)
        billed = f", although {tokens} thinking tokens are counted" if tokens else ""
        found = f"no thinking block in {len(complete)} answers to requests with a budget{billed}"
        wanted = "thinking blocks, or a refusal of thinking"
        first = complete[0]
        yield Finding(exchange=first.number, place=in_message(first, "/content"), found=found, wanted=wanted)


MIN_LATER: Final = 3
"""At least this many answers of one kind of request have no thinking, and none has (our own)."""

MIN_FIRST: Final = 2
"""At least this many answers to other requests show that the model thinks for each question (our own)."""


@rule(
    "request.thinking.later-turns",
    SHOULD,
    harm=LOSES,
    families={ANTHROPIC},
    source=f"{sources.THINKING}; maximhq/bifrost#5887 (GitHub), read 2026-11-30",
    needs={"thinking"},
    capability="thinking",
    over=RUN,
    model_dependent=True,
    reads={REQUEST},
    provoked="Questions are asked with a thinking budget in the first turn and after earlier turns.",
)
def thinks_in_later_turns(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """A thinking budget has an effect after earlier turns, too, and not in the first turn only."""
    yield from _lost_in(exchanges, _has_earlier_turns, "after earlier turns", "in the first turn")


@rule(
    "request.thinking.beside-tools",
    SHOULD,
    harm=LOSES,
    families={ANTHROPIC},
    source=sources.THINKING,
    needs={"thinking", "tools"},
    capability="thinking",
    over=RUN,
    model_dependent=True,
    reads={REQUEST},
    provoked="Questions are asked with a thinking budget, with and without tools.",
)
def thinks_beside_tools(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """A thinking budget has an effect in requests with tools, too."""
    yield from _lost_in(exchanges, _has_tools, "to requests with tools", "without tools")


@rule(
    "request.thinking.beside-others",
    SHOULD,
    harm=LOSES,
    families={ANTHROPIC},
    source=sources.THINKING,
    needs={"thinking", "tools", "system-blocks"},
    capability="thinking",
    over=RUN,
    model_dependent=True,
    reads={REQUEST},
    provoked="A request with a thinking budget has all other parts: images, documents, results, earlier turns, tools.",
)
def thinks_beside_other_parts(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """A thinking budget has an effect in requests with images, documents, results, cache marks and a system prompt."""
    others = (thinks_in_later_turns, thinks_beside_tools)
    if any(isinstance(one, Finding) for judged in others for one in judged(exchanges)):
        yield Unverified(
            reason="there is no thinking after earlier turns, or beside tools: other requirements judge it"
        )
        return
    yield from _lost_in(exchanges, _has_everything, "to requests with all other parts", "without them")


MIN_EMPTY: Final = 3
"""At least this many thinking blocks must all be empty (our own: a model may have nothing to show for one question)."""


@rule(
    "request.thinking.display-summarized",
    SHOULD,
    harm=LOSES,
    families={ANTHROPIC},
    source=f"{sources.THINKING} (display); decolua/9router#2295, router-for-me/CLIProxyAPI#4146 (GitHub), "
    "read 2026-11-30",
    needs={"thinking"},
    capability="thinking",
    over=RUN,
    model_dependent=True,
    reads={REQUEST},
    provoked="Questions are asked with thinking and display summarized, with and without streaming.",
)
def shows_the_summary_that_is_asked_for(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """Thinking with display summarized has a text: the thinking blocks are not all empty."""
    answers = [
        one
        for one in exchanges
        if has_message(one)
        and not is_broken_stream(one)
        and stop_reason_of(one) in (*ENDED, "stop_sequence")
        and _display(one) == "summarized"
    ]
    blocks = [(one, block) for one in answers for block in _thinking(one) if block.get("type") == "thinking"]
    if any(block.get("thinking") for _, block in blocks):
        return
    if len(blocks) < MIN_EMPTY:
        yield Unverified(reason="too few thinking blocks with display summarized")
        return
    one = blocks[0][0]
    found = f"thinking without a text in all {len(blocks)} thinking blocks"
    yield Finding(exchange=one.number, place=in_message(one, "/content"), found=found, wanted="a summary as text")


def _display(exchange: Exchange) -> Any:
    thinking = exchange.request.fields.get("thinking")
    return thinking.get("display") if isinstance(thinking, Mapping) else None


def _lost_in(
    exchanges: Sequence[Exchange], is_special: Callable[[Exchange], bool], special: str, usual: str
) -> Iterator[Finding | Unverified]:
    """A finding if answers to one kind of request never have thinking, and all answers to the others have it."""
    answers = [
        one
        for one in exchanges
        if has_message(one)
        and thinking_type(one) == "enabled"
        and not is_broken_stream(one)
        and stop_reason_of(one) in ENDED
        and not _answers_tools(one)
    ]
    lacking = [one for one in answers if is_special(one)]
    others = [one for one in answers if not is_special(one)]
    if len(lacking) < MIN_LATER or len(others) < MIN_FIRST or not all(map(_thinking, others)):
        yield Unverified(reason=f"too few answers {special}, or the model does not always think {usual}")
    elif not any(map(_thinking, lacking)):
        one = lacking[0]
        found = f"no thinking block in {len(lacking)} answers {special}"
        wanted = f"thinking blocks, as in the {len(others)} answers {usual}"
        yield Finding(exchange=one.number, place=in_message(one, "/content"), found=found, wanted=wanted)


def _turns(exchange: Exchange) -> list[Any]:
    messages = exchange.request.fields.get("messages")
    return messages if isinstance(messages, list) else []


def _has_earlier_turns(exchange: Exchange) -> bool:
    return any(isinstance(turn, Mapping) and turn.get("role") == "assistant" for turn in _turns(exchange))


def _has_everything(exchange: Exchange) -> bool:
    fields = exchange.request.fields
    return _has_earlier_turns(exchange) and bool(fields.get("tools")) and bool(fields.get("system"))


def _has_tools(exchange: Exchange) -> bool:
    return bool(exchange.request.fields.get("tools"))


def _answers_tools(exchange: Exchange) -> bool:
    """Whether the last turn has results of tools: without interleaved thinking, a model does not think again."""
    last = _turns(exchange)[-1:]
    content = last[0].get("content") if last and isinstance(last[0], Mapping) else None
    blocks = content if isinstance(content, list) else []
    return any(isinstance(block, Mapping) and block.get("type") == "tool_result" for block in blocks)
