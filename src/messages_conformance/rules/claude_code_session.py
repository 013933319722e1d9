"""Rules for the turns of a session of Claude Code in their real size: about 50 kB, with 14 tools and thinking.

Weak models are not judged: a call or a word that is missing in such a turn is compared with a small request.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules.accessors import (
    beyond_context,
    blocks_of,
    has_message,
    in_message,
    is_broken_stream,
    response_of,
    shown,
    stop_reason_of,
    text_of,
    thinking_type,
    total_input,
    usage_of,
)
from messages_conformance.rules.catalogue import ANTHROPIC, BREAKS, LOSES, RUN, rule
from messages_conformance.rules.claude_code import (
    CLAUDE_CODE,
    FEATURES,
    NEWER,
    RECOVERED,
    SYSTEM_ROLE,
    THINKING,
    TOOL_LOOP,
    TURN,
    recovers,
    refusal,
)
from messages_conformance.rules.code_words import lacking, requests_code_words, word_places
from messages_conformance.rules.offered_tools import offered_tools
from messages_conformance.rules.recording_parts import PROBES, REQUEST
from messages_conformance.rules.verdict import MUST, Finding, Unverified

SESSION: Final = "claude-code.session"
CALL: Final = "claude-code.session.call"
QUESTION_READ: Final = "claude-code.session.question-read"
RESULT_READ: Final = "claude-code.session.result-read"

TRIES: Final = 3
"""So many answers must lack a call, its arguments or all words, to exclude chance (our own)."""

ENDS: Final = ("end_turn", "tool_use", "stop_sequence")

SLACK_TOKENS: Final = 10
"""A call and its result cost at least 30 tokens (our own)."""

LOST_TOKENS: Final = 1000
"""The tools cost about 8,000 tokens; a turn with thinking that has so many fewer lost some of them (our own)."""

SMALLER: Final = frozenset({SYSTEM_ROLE, THINKING, TURN, TOOL_LOOP, *(name for name, *_ in FEATURES)})
"""Requirements about smaller requests: if one of them is refused, the refusal of a whole turn adds nothing."""

CALL_TRIES: Final = 5
"""So many calls lack arguments in whole turns, and as many have them in small requests (our own: a model that forgets
every second input does both once in a thousand times)."""

Calls = list[tuple[int, Mapping[str, Any]]]


@rule(
    SESSION,
    MUST,
    harm=BREAKS,
    families={ANTHROPIC},
    needs={CLAUDE_CODE, "stream"},
    source=NEWER,
    over=RUN,
    reads={PROBES, REQUEST},
    provoked="Whole turns of 50 kB: a first turn, results of tools, failed ones too, a later turn, that of a subagent.",
)
def answers_the_turns_of_a_session(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """Every kind of turn of a session is accepted in its real size, or refused so that Claude Code recovers."""
    turns = [one for one in exchanges if {SESSION, CALL, RESULT_READ} & set(one.probes) and len(offered_tools(one)) > 1]
    if not turns:
        yield Unverified(reason="no turn of a session was sent")
        return
    if any(map(beyond_context, turns)):
        yield Unverified(reason="the window of the model is too small for a whole turn")
        return
    refused = [found for one in turns if not _recovers(one) for found in refusal(one)]
    if refused and any(any(refusal(one)) for one in exchanges if SMALLER & set(one.probes)):
        yield Unverified(reason="a smaller request, or a part alone, is also refused")
        return
    yield from refused[:1]


def _recovers(exchange: Exchange) -> bool:
    """Whether Claude Code sends the turn again after this refusal, without what was refused."""
    thinking = exchange.request.fields.get("thinking")
    shows = isinstance(thinking, dict) and "display" in thinking and response_of(exchange).status in (400, 422)
    return shows or recovers(exchange, *RECOVERED.values(), "system")


def _is_readable(exchange: Exchange) -> bool:
    """Whether an answer is whole: other requirements judge broken streams."""
    return has_message(exchange) and not is_broken_stream(exchange) and stop_reason_of(exchange) in ENDS


def _calls(exchange: Exchange) -> Calls:
    return [(number, block) for number, block in enumerate(blocks_of(exchange)) if block.get("type") == "tool_use"]


def _missing(exchange: Exchange, call: Mapping[str, Any]) -> list[str]:
    """The members that the schema of the called tool requires and that the call does not have."""
    given = call.get("input")
    for tool in offered_tools(exchange):
        schema = tool.get("input_schema")
        if tool.get("name") == call.get("name") and isinstance(schema, dict) and isinstance(given, dict):
            return [name for name in schema.get("required", ()) if name not in given]
    return []


def _is_right(exchange: Exchange) -> bool:
    calls = _calls(exchange)
    return bool(calls) and not any(_missing(exchange, call) for _, call in calls)


@rule(
    CALL,
    MUST,
    harm=BREAKS,
    families={ANTHROPIC},
    needs={CLAUDE_CODE, "stream", "tools"},
    source=NEWER,
    over=RUN,
    model_dependent=True,
    reads={PROBES, REQUEST},
    provoked="A whole turn asks for a call. Without one, the same question is asked in a small request.",
)
def calls_tools_in_a_whole_turn(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """A call in a whole turn has the arguments that its schema requires, as in a small request."""
    asked = [
        one for one in exchanges if CALL in one.probes and has_message(one) and stop_reason_of(one) != "max_tokens"
    ]
    whole = [one for one in asked if len(offered_tools(one)) > 1]
    small = [one for one in asked if len(offered_tools(one)) == 1]
    thinking = [one for one in whole if thinking_type(one) not in (None, "disabled")]
    if not whole:
        yield Unverified(reason="no whole turn that asks for a call was answered")
    elif any(map(_is_right, whole)):
        yield from _lost_beside_thinking(thinking, [one for one in whole if one not in thinking], small)
    elif min(len(whole), len(small)) < CALL_TRIES or not all(map(_is_right, small)):
        yield Unverified(reason="the model does not call tools with arguments in a small request either")
    elif all(map(_calls, whole)):
        yield _incomplete(whole[0])
    else:
        yield Unverified(reason=f"the model called no tool in a whole turn: {shown(text_of(whole[0]))}")


def _incomplete(exchange: Exchange) -> Finding:
    number, call = next((place, call) for place, call in _calls(exchange) if _missing(exchange, call))
    return Finding(
        exchange=exchange.number,
        place=in_message(exchange, f"/content/{number}/input"),
        found=f"{shown(call.get('input'))}, and no whole input in {CALL_TRIES} whole turns",
        wanted=f"{', '.join(_missing(exchange, call))}: a small request gets all arguments",
    )


def _lost_beside_thinking(
    thinking: Sequence[Exchange], others: Sequence[Exchange], small: Sequence[Exchange]
) -> Iterator[Finding | Unverified]:
    """Calls that come without thinking, and never with it: the tools are lost if they cost nothing there."""
    if not thinking or any(map(_is_right, thinking)) or not others:
        return
    one, other = thinking[0], others[0]
    tokens, usual = total_input(usage_of(one)), total_input(usage_of(other))
    incomplete = all(map(_calls, thinking)) and len(small) >= CALL_TRIES and all(map(_is_right, small))
    if len(thinking) >= CALL_TRIES and (incomplete or usual - tokens > LOST_TOKENS):
        found = f"{shown([call.get('input') for _, call in _calls(one)])} with thinking, {tokens} input tokens"
        yield Finding(
            exchange=one.number,
            place=in_message(one, "/content"),
            found=f"{found}; a whole call without it, {usual} input tokens",
            wanted="a call with the arguments that its schema requires",
        )
    else:
        yield Unverified(reason="the model calls no tool when it thinks")


@rule(
    RESULT_READ,
    MUST,
    harm=BREAKS,
    families={ANTHROPIC},
    needs={CLAUDE_CODE, "stream", "tools"},
    source=NEWER,
    over=RUN,
    model_dependent=True,
    reads={PROBES, REQUEST},
    provoked="The result of the call of a whole turn is sent back.",
)
def reads_results_in_a_whole_turn(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """The result of a tool reaches the model: otherwise, Claude Code runs the same call again and again."""
    turns = [one for one in exchanges if RESULT_READ in one.probes and _is_readable(one)]
    answered = [one for one in turns if _calls_before(one)]
    if not answered:
        yield Unverified(reason="no result of a call in a whole turn was sent back")
        return
    repeated = [one for one in answered if any(_is_repeated(one, call) for _, call in _calls(one))]
    if len(repeated) < len(answered):
        return
    without = [total_input(usage_of(one)) for one in turns if not _calls_before(one)]
    tokens = total_input(usage_of(answered[0]))
    if len(repeated) < TRIES or not without or tokens > without[0] + SLACK_TOKENS:
        yield Unverified(reason="the model repeats its call after the result")
        return
    yield Finding(
        exchange=answered[0].number,
        place=in_message(answered[0], "/content"),
        found=f"the same call in {len(repeated)} answers; {tokens} input tokens, {without[0]} without call and result",
        wanted="an answer to the result",
    )


def _calls_before(exchange: Exchange) -> Calls:
    """The calls in the last turn of the assistant in the request."""
    messages = exchange.request.fields.get("messages")
    turns = [turn for turn in messages if turn.get("role") == "assistant"] if isinstance(messages, list) else []
    blocks = turns[-1].get("content") if turns else []
    return [(number, block) for number, block in enumerate(blocks) if block.get("type") == "tool_use"]


def _is_repeated(exchange: Exchange, call: Mapping[str, Any]) -> bool:
    same = call.get("name"), call.get("input")
    return any(same == (before.get("name"), before.get("input")) for _, before in _calls_before(exchange))


@rule(
    QUESTION_READ,
    MUST,
    harm=LOSES,
    families={ANTHROPIC},
    needs={CLAUDE_CODE, "stream"},
    source=NEWER,
    over=RUN,
    model_dependent=True,
    reads={PROBES, REQUEST},
    provoked="A question with code words comes before a short message with the role system.",
)
def reads_the_question_before_a_system_message(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """The user message before a message with the role system reaches the model."""
    asked = [one for one in exchanges if QUESTION_READ in one.probes and _is_readable(one)]
    alone = [
        one
        for one in exchanges
        if requests_code_words(one) and len(one.request.fields["messages"]) == 1 and QUESTION_READ not in one.probes
    ]
    if not asked or not alone:
        yield Unverified(reason="no question with code words was answered with and without a system message")
        return
    ignored = [one for one in asked if len(lacking(one, word_places(one))) == len(word_places(one))]
    if len(ignored) < len(asked):
        return
    if min(len(ignored), len(alone)) < CALL_TRIES or any(lacking(one, word_places(one)) for one in alone):
        yield Unverified(reason=f"the model lists no code words: {shown(text_of(asked[0]))}")
        return
    yield Finding(
        exchange=asked[0].number,
        place=in_message(asked[0], "/content"),
        found=f"{shown(text_of(asked[0]))}, without any of the words in {len(asked)} answers",
        wanted=f"{', '.join(word_places(asked[0]))}, as without the message",
    )
