"""Rules for thinking whose display is omitted: the block stays, because its signature is sent back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import (
    blocks_of,
    has_message,
    in_message,
    is_broken_stream,
    json_key,
    shown,
    stop_reason_of,
    streamed,
)
from messages_conformance.rules.catalogue import ANTHROPIC, BREAKS, RUN, rule
from messages_conformance.rules.recording_parts import REQUEST
from messages_conformance.rules.verdict import MUST, Finding, Unverified

KINDS: Final = ("thinking", "redacted_thinking")
ENDED: Final = ("end_turn", "stop_sequence", "tool_use")

MIN_ANSWERS: Final = 5
"""At least this many answers must have a thinking block while it is shown, and as many must have none while it is
omitted (our own). With a model that thinks every second time, this happens once in a thousand runs. With a model that
always thinks, it never happens."""


@rule(
    "response.content.omitted-thinking-kept",
    MUST,
    harm=BREAKS,  # the next request lacks the thinking block before a tool_use, and is refused
    families={ANTHROPIC},
    source=f"{sources.THINKING} (an empty thinking field and the signature); BerriAI/litellm#38809 (GitHub), "
    "read 2026-11-30",
    over=RUN,
    model_dependent=True,
    needs={"thinking"},
    capability="thinking",
    reads={REQUEST},
    provoked="The same question is asked with thinking that is shown, and with display omitted.",
)
def keeps_blocks_of_omitted_thinking(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """With display omitted, the thinking block still comes: clients send its signature back."""
    questions: dict[bytes, dict[bool, list[Exchange]]] = defaultdict(lambda: {True: [], False: []})
    for exchange in exchanges:
        thinking = _thinking(exchange)
        complete = has_message(exchange) and stop_reason_of(exchange) in ENDED and not is_broken_stream(exchange)
        if thinking is not None and complete:
            questions[_key(exchange)][thinking.get("display") == "omitted"].append(exchange)
    kept = False
    for answers in questions.values():
        omitted, displayed = answers[True], answers[False]
        kept = kept or any(map(_thought, omitted))
        if min(len(omitted), len(displayed)) < MIN_ANSWERS or any(map(_thought, omitted)):
            continue
        if all(map(_thought, displayed)):
            found = f"{shown([block.get('type') for block in blocks_of(omitted[0])])} in all {len(omitted)} answers"
            wanted = f"a thinking block, as in the {len(displayed)} answers without display omitted "
            yield Finding(
                exchange=omitted[0].number,
                place=in_message(omitted[0], "/content"),
                found=found,
                wanted=f"{wanted}(exchange {displayed[0].number})",
            )
            return
    if not kept:
        yield Unverified(reason="no answer with display omitted has a thinking block")


def _thinking(exchange: Exchange) -> dict[str, Any] | None:
    thinking = exchange.request.fields.get("thinking")
    return thinking if isinstance(thinking, dict) else None


def _key(exchange: Exchange) -> bytes:
    """The request without the display of its thinking; streams are compared with streams."""
    thinking = {name: value for name, value in (_thinking(exchange) or {}).items() if name != "display"}
    return json_key({**exchange.request.fields, "thinking": thinking, "stream": streamed(exchange)})


def _thought(exchange: Exchange) -> bool:
    return any(block.get("type") in KINDS for block in blocks_of(exchange))
