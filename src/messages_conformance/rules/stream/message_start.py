"""Rules on message_start: the message that it carries, and the usage in it."""

from __future__ import annotations

from collections.abc import Iterable

from messages_conformance.exchange import Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import INPUT_COUNTS, NO_MESSAGE, at, shape, streamed, total_input, walk_of
from messages_conformance.rules.catalogue import BREAKS, LOSES, MISBILLS, MISLEADS, rule
from messages_conformance.rules.stream.stream_accessors import counts_as_floats, start_usage
from messages_conformance.rules.verdict import MUST, SHOULD, Finding, Unverified
from messages_conformance.stream import is_complete_message


def _is_complete_at_start(exchange: Exchange) -> bool:
    start = walk_of(exchange).message_start
    return start is not None and is_complete_message(start.fields.get("message"))


@rule(
    "stream.start.message-object",
    MUST,
    harm=LOSES,
    source=f"{sources.STREAMING}; {sources.MEASURED}",
    needs={"stream"},
    applies=streamed,
)
def starts_with_a_message(exchange: Exchange) -> Iterable[Finding]:
    """message_start carries a message with id, type, role, model, content and usage."""
    return shape(exchange, "stream.start.message-object")


@rule(
    "stream.start.content-empty",
    MUST,
    harm=BREAKS,
    source=f"{sources.STREAMING}; {sources.MEASURED}",
    needs={"stream"},
    applies=streamed,
)
def starts_with_empty_content(exchange: Exchange) -> Iterable[Finding]:
    """The message of message_start has an empty content array, unless it holds calls that code made."""
    return () if _is_complete_at_start(exchange) else shape(exchange, "stream.start.content-empty")


@rule(
    "stream.start.stop_reason-null",
    MUST,
    harm=MISBILLS,  # measured: both SDKs return a wrong usage
    source=f"{sources.STOP_REASONS}; {sources.sdk('types/message.py')}",
    needs={"stream"},
    applies=streamed,
)
def starts_without_stop_reason(exchange: Exchange) -> Iterable[Finding]:
    """In the message of message_start, stop_reason is null or absent, unless it holds calls that code made."""
    return () if _is_complete_at_start(exchange) else shape(exchange, "stream.start.stop_reason-null")


@rule(
    "stream.start.usage-object",
    MUST,
    harm=BREAKS,
    source=sources.MEASURED,
    needs={"stream"},
    applies=streamed,
)
def starts_with_usage(exchange: Exchange) -> Iterable[Finding]:
    """message_start carries a usage object with integer input_tokens and output_tokens."""
    yield from shape(exchange, "stream.start.usage-object")
    yield from counts_as_floats(
        walk_of(exchange).message_start, ("message", "usage"), ("input_tokens", "output_tokens")
    )


@rule(
    "stream.start.input-tokens-real",
    SHOULD,
    harm=MISBILLS,
    source="sgl-project/sglang#20678, BerriAI/litellm#41406 (GitHub), read 2026-11-22",
    needs={"stream"},
    applies=streamed,
)
def starts_with_the_prompt_size(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """The usage of message_start holds the real size of the prompt, not 0."""
    walked = walk_of(exchange)
    usage = start_usage(exchange)
    if usage is None or walked.message_start is None:
        yield NO_MESSAGE
        return
    if _is_complete_at_start(exchange):
        return  # the model was not called, so nothing was counted
    if any(True for _ in shape(exchange, "stream.start.usage-object")):
        return  # stream.start.usage-object reports a missing or invalid count
    if total_input(usage) == 0 and all(name not in usage or usage[name] in (0, None) for name in INPUT_COUNTS):
        yield Finding(
            place=at(walked.message_start, "/message/usage/input_tokens"),
            found="0 in all counts",
            wanted="the prompt's tokens",
        )


@rule("stream.start.id-stable", MUST, harm=MISLEADS, source=sources.SEED, needs={"stream"}, applies=streamed)
def starts_with_an_id(exchange: Exchange) -> Iterable[Finding]:
    """The id in message_start is a non-empty string, like that of a message that is not streamed."""
    return shape(exchange, "stream.start.id-stable")
