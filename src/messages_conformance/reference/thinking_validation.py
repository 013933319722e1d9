"""Why a request with thinking is refused: its form, its budget, or a changed thinking block."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from messages_conformance.reference import request_blocks
from messages_conformance.reference.failures import Failure

MIN_BUDGET_TOKENS = 1024
INTERLEAVED = "interleaved-thinking-"
"""With this beta the budget covers all thinking blocks of one turn, and may exceed max_tokens."""

FIELDS: Mapping[str, frozenset[str]] = {
    "enabled": frozenset({"budget_tokens", "display"}),
    "adaptive": frozenset({"display"}),
    "disabled": frozenset(),
    "between_tools": frozenset(),
}
DISPLAYS = (None, "summarized", "omitted")
Body = Mapping[str, Any]


def failures(body: Body, *, counting: bool, betas: frozenset[str]) -> Iterator[Failure]:
    """Every reason to refuse the thinking of a request. `counting` is true for count_tokens."""
    value = body.get("thinking")
    if value is None:
        return
    kind = value.get("type") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(kind, str) or kind not in FIELDS:
        yield Failure(message=f"thinking.type: Input should be one of {', '.join(FIELDS)}")
        return
    for name in sorted(value.keys() - FIELDS[kind] - {"type", "display"}):
        yield request_blocks.extra_input(f"thinking.{kind}.{name}")
    if value.get("display") not in DISPLAYS:
        yield Failure(message=f"thinking.{kind}.display: Input should be 'summarized' or 'omitted'")
    if kind == "enabled":
        yield from budget(value.get("budget_tokens"), body, counting=counting, betas=betas)
        yield from conflicts(body)
    if kind in ("enabled", "adaptive"):
        yield from changed_thinking(body)


def budget(tokens: object, body: Body, *, counting: bool, betas: frozenset[str]) -> Iterator[Failure]:
    """Why a thinking budget is refused."""
    limit = body.get("max_tokens")
    interleaved = any(beta.startswith(INTERLEAVED) for beta in betas) and bool(body.get("tools"))
    if not isinstance(tokens, int) or isinstance(tokens, bool) or tokens < MIN_BUDGET_TOKENS:
        yield Failure(
            message=f"thinking.enabled.budget_tokens: Input should be an integer from {MIN_BUDGET_TOKENS}",
            requirement="request.thinking.budget-min",
        )
    elif not counting and not interleaved and isinstance(limit, int) and tokens >= limit > 0:
        yield Failure(
            message="max_tokens: must be greater than thinking.budget_tokens",
            requirement="request.thinking.budget-lt-max",
        )


def conflicts(body: Body) -> Iterator[Failure]:
    """Other parts of a request that enabled thinking excludes."""
    choice = body.get("tool_choice")
    if isinstance(choice, dict) and choice.get("type") in ("any", "tool"):
        yield Failure(
            message="tool_choice: thinking may not be enabled when a tool call is forced",
            requirement="request.tool_choice.thinking-conflict",
        )
    turns = objects(body.get("messages"))
    if turns and turns[-1].get("role") == "assistant" and not begins_with_thinking(turns[-1]):
        yield Failure(
            message="messages: with thinking enabled a final assistant message must begin with a thinking block"
        )


def begins_with_thinking(turn: Mapping[str, Any]) -> bool:
    """Whether a turn begins with a thinking block. True for a turn without content."""
    content = turn.get("content")
    first = content[0] if isinstance(content, list) and content else None
    return not content or (isinstance(first, dict) and first.get("type") in ("thinking", "redacted_thinking"))


def changed_thinking(body: Body) -> Iterator[Failure]:
    """Thinking blocks of the latest assistant turn that differ from what the endpoint sent."""
    turns = objects(body.get("messages"))
    at = max((at for at, turn in enumerate(turns) if turn.get("role") == "assistant"), default=None)
    if at is None:
        return
    content = turns[at].get("content")
    for position, block in enumerate(content if isinstance(content, list) else ()):
        if isinstance(block, dict) and block.get("type") == "thinking" and not request_blocks.signed(block):
            yield Failure(
                message=f"messages.{at}.content.{position}: thinking blocks of the latest assistant turn cannot be "
                "modified",
                requirement="request.thinking.unmodified-blocks",
            )


def objects(value: object) -> Sequence[Mapping[str, Any]]:
    """The objects in a list; none if the value is not a list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
