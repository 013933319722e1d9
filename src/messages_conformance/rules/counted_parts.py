"""Rules for what reaches the model: earlier turns and tool results are read, and so the target counts them.

They judge no answers; they compare the input tokens of two requests that differ in one part only.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import (
    in_message,
    input_of,
    json_key,
    once_per_exchange,
    refusal,
    response_of,
)
from messages_conformance.rules.catalogue import ANTHROPIC, BREAKS, MISBILLS, RUN, rule
from messages_conformance.rules.input_counts import (
    INCONSISTENT,
    MIN_ADDED_CHARS,
    PROMPT_SLACK_TOKENS,
    counted,
    inconsistent,
)
from messages_conformance.rules.paired_requests import body_without, request_without, requests_without
from messages_conformance.rules.recording_parts import PROBES, REQUEST
from messages_conformance.rules.verdict import MUST, SHOULD, Finding, Unverified

Turns = list[Mapping[str, Any]]
BLOCK_SLACK_TOKENS: Final = 4
"""A text block may cost this much more or less than its text alone (our own; the JSON around it costs 10 or more)."""

MEANING: Final = "the meaning of input_tokens; a gateway that loses a part of the request counts fewer tokens"


def _turns(exchange: Exchange) -> Turns:
    messages = exchange.request.fields.get("messages")
    turns = messages if isinstance(messages, list) else []
    return [turn for turn in turns if isinstance(turn, dict)]


def _key(exchange: Exchange, turns: Any) -> bytes:
    """A key of the request with these turns, without the fields that only limit the answer."""
    return _fields_key(exchange) + json_key(turns)


@once_per_exchange
def _fields_key(exchange: Exchange) -> bytes:
    fields = exchange.request.fields
    return json_key({name: value for name, value in fields.items() if name not in ("messages", "max_tokens")})


def _compared(pairs: Iterable[tuple[Exchange, Exchange]], what: str, no_pair: str) -> Iterator[Finding | Unverified]:
    """The first pair whose longer request has no more input tokens than the shorter one."""
    compared = False
    for longer, shorter in pairs:
        compared = True
        more, less = input_of(longer), input_of(shorter)
        if more <= less:
            place = in_message(longer, "/usage/input_tokens")
            found = f"{more} with {what}, {less} without (exchange {shorter.number})"
            yield Finding(exchange=longer.number, place=place, found=found, wanted=f"more than {less}")
            return
    if not compared:
        yield Unverified(reason=no_pair)


@rule(
    "request.messages.affects-input-tokens",
    MUST,
    harm=MISBILLS,  # request.context.complete judges whether the model reads them
    source=MEANING,
    over=RUN,
    reads={REQUEST},
    provoked="The last message of a conversation is also sent alone.",
)
def counts_earlier_turns(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """Turns before the last one raise the total input."""
    messages = counted(exchanges)
    if inconsistent(messages):
        yield INCONSISTENT
        return
    alone = {_key(exchange, turns): exchange for exchange in messages if len(turns := _turns(exchange)) == 1}
    pairs = [
        (exchange, alone[key])
        for exchange in messages
        if len(turns := _turns(exchange)) > 1
        and (key := _key(exchange, turns[-1:])) in alone
        and len(json.dumps(turns[:-1])) >= MIN_ADDED_CHARS
    ]
    yield from _compared(pairs, "earlier turns", "no last message of a conversation was also sent alone, with counts")


@rule(
    "request.system.blocks-read",
    SHOULD,
    harm=MISBILLS,  # request.context.complete judges whether the model reads it
    source=f"{sources.sdk('types/message_create_params.py')} (system); mozilla-ai/any-llm (GitHub), read 2026-11-22",
    over=RUN,
    reads={REQUEST},
    provoked="The same system prompt is sent as a string and as one text block.",
)
def reads_system_blocks(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """A system prompt in text blocks is counted like the same text as a string."""
    messages = counted(exchanges)
    if inconsistent(messages):
        yield INCONSISTENT
        return
    strings = {_system_key(exchange): exchange for exchange in messages if isinstance(_system(exchange), str)}
    pairs = 0
    for blocks in messages:
        string = strings.get(_system_key(blocks)) if isinstance(_system(blocks), list) else None
        if string is None:
            continue
        pairs += 1
        as_blocks, as_string = input_of(blocks), input_of(string)
        if abs(as_blocks - as_string) > BLOCK_SLACK_TOKENS:
            found = f"{as_blocks}, but {as_string} for the same system prompt as a string (exchange {string.number})"
            place = in_message(blocks, "/usage/input_tokens")
            yield Finding(exchange=blocks.number, place=place, found=found, wanted=f"about {as_string}")
            return
    if not pairs:
        yield Unverified(reason="no system prompt was sent as a string and as blocks, with counts")


def _system(exchange: Exchange) -> Any:
    return exchange.request.fields.get("system")


@once_per_exchange
def _system_key(exchange: Exchange) -> bytes:
    """A key of the request with the text of its system prompt, without the fields that only affect the answer."""
    fields = exchange.request.fields
    kept = {name: value for name, value in fields.items() if name not in ("system", "max_tokens", "stream")}
    return json_key([kept, _text(_system(exchange))])


@rule(
    "request.tool_result.affects-input-tokens",
    SHOULD,
    harm=MISBILLS,  # request.context.complete judges whether the model reads it
    families={ANTHROPIC},
    needs={"tools"},
    source=f"{MEANING} (maximhq/bifrost#2311, GitHub, read 2026-11-22)",
    over=RUN,
    model_dependent=True,
    reads={REQUEST},
    provoked="A tool_result is sent with a sentence, as a string and as a block, and empty.",
)
def counts_the_results_of_tools(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """The content of a tool_result raises the total input."""
    messages = counted(exchanges)
    if inconsistent(messages):
        yield INCONSISTENT
        return
    emptied = [(exchange, *_without_results(_turns(exchange))) for exchange in messages]
    empty = {_key(exchange, turns): exchange for exchange, turns, characters in emptied if turns and not characters}
    pairs = [
        (exchange, empty[key])
        for exchange, turns, characters in emptied
        if characters >= MIN_ADDED_CHARS and (key := _key(exchange, turns)) in empty
    ]
    yield from _compared(pairs, "the content of a tool_result", "no tool_result was sent with a sentence and empty")


def _without_results(turns: Turns) -> tuple[Turns, int]:
    """The turns with every tool_result emptied, and the characters removed; no turns if there is no tool_result."""
    emptied, characters, results = [], 0, False
    for turn in turns:
        content = turn.get("content")
        blocks = content if isinstance(content, list) else []
        tool_results = [block for block in blocks if isinstance(block, dict) and block.get("type") == "tool_result"]
        results = results or bool(tool_results)
        characters += sum(len(_text(block.get("content"))) for block in tool_results)
        kept = [
            {name: value for name, value in block.items() if name != "content"} if block in tool_results else block
            for block in blocks
        ]
        emptied.append({**turn, "content": kept} if tool_results else turn)
    return (emptied, characters) if results else ([], 0)


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list) else []
    return "".join(block["text"] for block in blocks if isinstance(block, dict) and isinstance(block.get("text"), str))


MAX_BLOCK_OVERHEAD: Final = 1.5
"""A text block with this many times the tokens of its text reached the model as JSON (our own; equal is right)."""


@rule(
    "request.system.affects-input-tokens",
    SHOULD,
    harm=MISBILLS,  # request.context.complete judges whether the model reads it
    source="the meaning of input_tokens; " + sources.SEED,
    needs={"system"},
    over=RUN,
    reads={REQUEST},
    provoked="The same request is sent with and without a long system prompt.",
)
def counts_the_system_prompt(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """A system prompt raises the total input."""
    pairs = 0
    requested = counted(exchanges)
    if inconsistent(requested):
        yield INCONSISTENT
        return
    for instructed, control in requests_without("system", requested, alike=True):
        if len(json.dumps(instructed.request.fields["system"])) < MIN_ADDED_CHARS:
            continue
        pairs += 1
        tokens, without_it = input_of(instructed), input_of(control)
        if tokens <= without_it:
            place = in_message(instructed, "/usage/input_tokens")
            found = f"{tokens} with a system prompt, {without_it} without (exchange {control.number})"
            yield Finding(exchange=instructed.number, place=place, found=found, wanted=f"more than {without_it}")
            return
    if not pairs:
        yield Unverified(reason="no request was answered with and without a long system prompt")


BLOCKS: Final = "request.messages.content-blocks"


@rule(
    BLOCKS,
    MUST,
    harm=BREAKS,
    source=f"{sources.SEED}; {sources.sdk('types/message_create_params.py')}",
    needs={"text"},
    over=RUN,
    reads={PROBES, REQUEST},
    provoked="The same text is sent as a string, as one text block and as two.",
)
def reads_text_blocks(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """The content of a message may be an array of text blocks, which is counted like a string."""
    sent = [exchange for exchange in exchanges if BLOCKS in exchange.probes]
    if not sent:
        yield Unverified(reason="no request has content blocks")
    for exchange in sent:
        if response_of(exchange).status >= 400:
            yield refusal(exchange, "200: the request is valid")
            return
    requested = counted(exchanges)
    if inconsistent(requested):
        return
    for blocks, string in _twins(requested):
        tokens, expected = input_of(blocks), input_of(string)
        if not expected - PROMPT_SLACK_TOKENS <= tokens <= expected * MAX_BLOCK_OVERHEAD + PROMPT_SLACK_TOKENS:
            found = f"{tokens}, but {expected} for the same text as a string (exchange {string.number})"
            place = in_message(blocks, "/usage/input_tokens")
            yield Finding(exchange=blocks.number, place=place, found=found, wanted=f"about {expected}")
            return


def _twins(messages: Sequence[Exchange]) -> Iterator[tuple[Exchange, Exchange]]:
    """Pairs of requests with the same text, once in text blocks and once as a string."""
    strings = {request_without(exchange): exchange for exchange in messages}
    for exchange in messages:
        requested = exchange.request.fields.get("messages")
        if BLOCKS not in exchange.probes or not isinstance(requested, list) or len(requested) != 1:
            continue
        content = requested[0].get("content")
        if isinstance(content, list) and all(isinstance(block.get("text"), str) for block in content):
            text = " ".join(block["text"] for block in content)
            plain = {**exchange.request.fields, "messages": [{**requested[0], "content": text}]}
            if body_without(plain) in strings:
                yield exchange, strings[body_without(plain)]
