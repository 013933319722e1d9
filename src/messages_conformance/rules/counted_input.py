"""Verdicts on what reaches the model: earlier turns and the results of tools are read, and so they are counted.

No answer is judged. What is compared is the size of two prompts that differ in one thing alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import in_message, total_input, usage_of
from messages_conformance.rules.catalogue import ANTHROPIC, RUN, rule
from messages_conformance.rules.recording_parts import REQUEST
from messages_conformance.rules.relations import ERRATIC, MIN_ADDED_CHARS, counted, erratic
from messages_conformance.rules.verdict import SHOULD, Finding, Unverified

Turns = list[Mapping[str, Any]]
BLOCK_SLACK_TOKENS: Final = 4
"""A text block may cost this much more or less than its text alone (our own; JSON around it would cost 10 or more)."""

MEANING: Final = "the meaning of input_tokens; a gateway that loses a part of the request bills less for it"


def _turns(exchange: Exchange) -> Turns:
    messages = exchange.request.fields.get("messages")
    turns = messages if isinstance(messages, list) else []
    return [turn for turn in turns if isinstance(turn, dict)]


def _key(exchange: Exchange, turns: Any) -> str:
    """All of a request but what only limits the answer, with other turns."""
    fields = exchange.request.fields
    kept = {name: value for name, value in fields.items() if name not in ("messages", "max_tokens")}
    return json.dumps([kept, turns], sort_keys=True)


def _compared(pairs: Iterable[tuple[Exchange, Exchange]], what: str, unseen: str) -> Iterator[Finding | Unverified]:
    """Finds the first pair whose fuller prompt was counted as no larger than the other."""
    seen = False
    for fuller, control in pairs:
        seen = True
        mine, theirs = total_input(usage_of(fuller)), total_input(usage_of(control))
        if mine <= theirs:
            place = in_message(fuller, "/usage/input_tokens")
            found = f"{mine} with {what}, {theirs} without (exchange {control.number})"
            yield Finding(exchange=fuller.number, place=place, found=found, wanted=f"more than {theirs}")
            return
    if not seen:
        yield Unverified(reason=unseen)


@rule(
    "request.messages.affects-input-tokens",
    SHOULD,
    source=MEANING,
    over=RUN,
    reads={REQUEST},
    provoked="The last question of a conversation is asked again alone.",
)
def counts_earlier_turns(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """The turns before the last one raise the total input."""
    asked = counted(exchanges)
    if erratic(asked):
        yield ERRATIC
        return
    alone = {_key(exchange, turns): exchange for exchange in asked if len(turns := _turns(exchange)) == 1}
    pairs = [
        (exchange, alone[key])
        for exchange in asked
        if len(turns := _turns(exchange)) > 1
        and (key := _key(exchange, turns[-1:])) in alone
        and len(json.dumps(turns[:-1])) >= MIN_ADDED_CHARS
    ]
    yield from _compared(pairs, "earlier turns", "no conversation's last question was also asked alone, with counts")


@rule(
    "request.system.blocks-read",
    SHOULD,
    source=f"{sources.sdk('types/message_create_params.py')} (system); mozilla-ai/any-llm (GitHub), read 2026-11-22",
    over=RUN,
    reads={REQUEST},
    provoked="The same system prompt is sent as a string and as one text block.",
)
def reads_system_blocks(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """A system prompt in text blocks reaches the model like the same one as a string."""
    asked = counted(exchanges)
    if erratic(asked):
        yield ERRATIC
        return
    strings = {_system_key(exchange): exchange for exchange in asked if isinstance(_system(exchange), str)}
    pairs = 0
    for blocks in asked:
        string = strings.get(_system_key(blocks)) if isinstance(_system(blocks), list) else None
        if string is None:
            continue
        pairs += 1
        mine, theirs = total_input(usage_of(blocks)), total_input(usage_of(string))
        if abs(mine - theirs) > BLOCK_SLACK_TOKENS:
            found = f"{mine}, but {theirs} for the same system prompt as a string (exchange {string.number})"
            place = in_message(blocks, "/usage/input_tokens")
            yield Finding(exchange=blocks.number, place=place, found=found, wanted=f"about {theirs}")
            return
    if not pairs:
        yield Unverified(reason="no system prompt was sent both as a string and as blocks, with counts")


def _system(exchange: Exchange) -> Any:
    return exchange.request.fields.get("system")


def _system_key(exchange: Exchange) -> str:
    """All of a request but what only limits or transports the answer, with the text of its system prompt."""
    fields = exchange.request.fields
    kept = {name: value for name, value in fields.items() if name not in ("system", "max_tokens", "stream")}
    return json.dumps([kept, _text(_system(exchange))], sort_keys=True)


@rule(
    "request.tool_result.affects-input-tokens",
    SHOULD,
    families={ANTHROPIC},
    needs={"tools"},
    source=f"{MEANING} (maximhq/bifrost#2311, GitHub, read 2026-11-22)",
    over=RUN,
    model_dependent=True,
    reads={REQUEST},
    provoked="A tool's result is sent with a sentence in it, as text and as a block, and with nothing.",
)
def counts_the_results_of_tools(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """What a tool_result says raises the total input."""
    asked = counted(exchanges)
    if erratic(asked):
        yield ERRATIC
        return
    said = [(exchange, *_told(_turns(exchange))) for exchange in asked]
    silent = {_key(exchange, turns): exchange for exchange, turns, characters in said if turns and not characters}
    pairs = [
        (exchange, silent[key])
        for exchange, turns, characters in said
        if characters >= MIN_ADDED_CHARS and (key := _key(exchange, turns)) in silent
    ]
    yield from _compared(pairs, "a tool's result", "no tool's result was sent both with a sentence and with nothing")


def _told(turns: Turns) -> tuple[Turns, int]:
    """The turns with every tool_result emptied, and how many characters the results held; no turns where none did."""
    emptied, characters, results = [], 0, False
    for turn in turns:
        content = turn.get("content")
        blocks = content if isinstance(content, list) else []
        given = [block for block in blocks if isinstance(block, dict) and block.get("type") == "tool_result"]
        results = results or bool(given)
        characters += sum(len(_text(block.get("content"))) for block in given)
        kept = [
            {name: value for name, value in block.items() if name != "content"} if block in given else block
            for block in blocks
        ]
        emptied.append({**turn, "content": kept} if given else turn)
    return (emptied, characters) if results else ([], 0)


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list) else []
    return "".join(block["text"] for block in blocks if isinstance(block, dict) and isinstance(block.get("text"), str))
