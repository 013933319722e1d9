"""What a script makes the upstream say, in the words of the records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from messages_conformance.exchange import Said, SaidBlock, SaidUsage
from messages_conformance.exchange.behind import CALL, OTHER, REASONING, REDACTED, REFUSAL, TEXT
from messages_conformance.upstream import Other, Reasoning, Refusal, Script, Text, ToolCall

PAGE: Final = "page"
MISSING: Final = "missing"


def said_of(script: Script, *, streamed: bool, dialect: str) -> Said:
    """What the client of a gateway has to get, given the upstream's dialect and the form of the answer."""
    if script.failure is not None:
        foreign = script.failure.body is not None
        return Said(
            status=script.failure.status,
            message="" if foreign else script.failure.message,
            broken=PAGE if foreign else "",
            headers=script.headers,
        )
    stop = script.interruption
    if stop is not None and not streamed and stop.how == "error":
        return Said(status=stop.failure.status, message=stop.failure.message, headers=script.headers)
    broken = "" if stop is None else stop.how
    return Said(
        blocks=tuple(_blocks(script, dialect)),
        finish=_finish(script),
        stop_sequence=script.stop_sequence,
        usage=None if script.usage_place == "absent" else _usage(script),
        broken="" if broken == "end" and not streamed else broken,
        headers=script.headers,
        after=0 if stop is None else characters(script, stop.after),
    )


def _finish(script: Script) -> str:
    if script.finish:
        return script.finish
    kinds = {type(block) for block in script.blocks}
    return "tool_calls" if ToolCall in kinds else "content_filter" if Refusal in kinds else "stop"


def _usage(script: Script) -> SaidUsage:
    usage = script.usage
    return SaidUsage(input=usage.input, output=usage.output, cached=usage.cached, cache_written=usage.cache_written)


def _blocks(script: Script, dialect: str) -> Iterator[SaidBlock]:
    for block in script.blocks:
        if isinstance(block, Text):
            yield SaidBlock(kind=TEXT, text=block.text)
        elif isinstance(block, Refusal):
            yield SaidBlock(kind=REFUSAL, text=block.refusal)
        elif isinstance(block, ToolCall):
            yield SaidBlock(kind=CALL, text=block.arguments, name=block.name)
        elif isinstance(block, Other):
            yield SaidBlock(kind=OTHER, text=block.block)
        elif block.redacted:
            yield from [SaidBlock(kind=REDACTED, text=block.redacted)] if dialect == "anthropic" else []
        else:
            yield SaidBlock(kind=REASONING, text=block.reasoning, signature=block.signature)


def characters(script: Script, deltas: int) -> int:
    """How many characters the first deltas of a script have."""
    sizes, count = script.chunking.sizes, 0
    for block in script.blocks:
        left = len(_text(block))
        turn = 0
        while left > 0 and deltas > 0:
            taken = min(sizes[turn % len(sizes)], left)
            count, left, deltas, turn = count + taken, left - taken, deltas - 1, turn + 1
    return count


def _text(block: Text | Reasoning | ToolCall | Refusal | Other) -> str:
    if isinstance(block, Text):
        return block.text
    if isinstance(block, Other):
        return ""
    if isinstance(block, ToolCall):
        return block.arguments
    return block.refusal if isinstance(block, Refusal) else block.reasoning
