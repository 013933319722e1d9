"""Why a request with tools is refused: definitions, choices, and results that do not match their calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from messages_conformance.reference import tool_definitions
from messages_conformance.reference.failures import Failure

CHOICES: Mapping[str, frozenset[str]] = {
    "auto": frozenset({"disable_parallel_tool_use"}),
    "any": frozenset({"disable_parallel_tool_use"}),
    "tool": frozenset({"name", "disable_parallel_tool_use"}),
    "none": frozenset(),
}
Body = Mapping[str, Any]


def failures(body: Body) -> Iterator[Failure]:
    """Every reason to refuse the tools, the tool choice or the tool results of a request."""
    tools = body.get("tools")
    if tools is not None and not isinstance(tools, list):
        yield Failure(message="tools: Input should be a valid list", requirement="request.tools.list")
        return
    yield from tool_definitions.failures(tools or ())
    names = [tool.get("name") for tool in tools or () if isinstance(tool, dict)]
    yield from choice(body.get("tool_choice"), tools or (), names)
    turns = body.get("messages")
    if isinstance(turns, list):
        yield from results(turns)


def choice(value: object, tools: Sequence[Any], names: Sequence[Any]) -> Iterator[Failure]:
    """Why a tool_choice is refused; `names` are those of the tools."""
    if value is None:
        return
    kind = value.get("type") if isinstance(value, dict) else None
    if (
        not isinstance(value, dict)
        or not isinstance(kind, str)
        or kind not in CHOICES
        or (kind == "tool" and not isinstance(value.get("name"), str))
    ):
        yield Failure(
            message="tool_choice: Input should be an object with type 'auto', 'any', 'tool' or 'none'; "
            "type 'tool' needs a name",
            requirement="request.tool_choice.shape",
        )
        return
    for name in sorted(value.keys() - CHOICES[kind] - {"type"}):
        yield Failure(
            message=f"tool_choice.{kind}.{name}: Extra inputs are not permitted",
            requirement="request.tool_choice.none-no-disable" if kind == "none" else "request.tool_choice.shape",
        )
    parallel = value.get("disable_parallel_tool_use")
    if parallel is not None and not isinstance(parallel, bool):
        yield Failure(message=f"tool_choice.{kind}.disable_parallel_tool_use: Input should be a valid boolean")
    if kind in ("any", "tool") and not tools:
        yield Failure(
            message="tool_choice: may only be specified while providing tools",
            requirement="request.tool_choice.without-tools",
        )
    elif kind == "tool" and value["name"] not in names:
        yield Failure(
            message=f"Tool {value['name']!r} not found in provided tools",
            requirement="request.tool_choice.unknown-name",
        )


def call_id(block: Body, field: str) -> str:
    """The id of a call in a block. An id that is not a string is refused elsewhere, and only compared here."""
    value = block.get(field)
    return value if isinstance(value, str) else repr(value)


def blocks_of_type(turn: object, kind: str) -> list[Any]:
    """The blocks of one type in a turn."""
    content = turn.get("content") if isinstance(turn, dict) else None
    blocks = content if isinstance(content, list) else ()
    return [block for block in blocks if isinstance(block, dict) and block.get("type") == kind]


def merged(turns: Sequence[Any]) -> list[dict[str, Any]]:
    """The turns, with consecutive turns of one role joined, because the API reads them as one."""
    joined: list[dict[str, Any]] = []
    for turn in (turn for turn in turns if isinstance(turn, dict)):
        content = turn.get("content")
        found = content if isinstance(content, list) else [{"type": "text", "text": content}]
        if joined and joined[-1]["role"] == turn.get("role"):
            joined[-1]["content"] = [*joined[-1]["content"], *found]
        else:
            joined.append({"role": turn.get("role"), "content": list(found)})
    return joined


def results(turns: Sequence[Any]) -> Iterator[Failure]:
    """Why tool results are refused: each call needs one result at the start of the next user turn."""
    yield from repeated_ids(turns)
    joined = merged(turns)
    for at, turn in enumerate(joined):
        following = joined[at + 1] if at + 1 < len(joined) else None
        calls = [call_id(block, "id") for block in blocks_of_type(turn, "tool_use")]
        answered = [call_id(block, "tool_use_id") for block in blocks_of_type(following, "tool_result")]
        if missing := [call for call in calls if call not in answered]:
            yield unanswered(missing, turns, at)
        given = [call_id(block, "tool_use_id") for block in blocks_of_type(turn, "tool_result")]
        yield from misplaced(given, joined[:at], at)
        if at and answered_twice(given, blocks_of_type(joined[at - 1], "tool_use")):
            yield Failure(message=f"messages.{at}: each tool_use must have a single result")
        if given and not results_first(turn["content"]):
            yield Failure(
                message=f"messages.{at}: tool_result blocks must come before any other content",
                requirement="request.tool_result.first-in-content",
            )


def answered_twice(given: Sequence[Any], calls: Sequence[Mapping[str, Any]]) -> bool:
    """Whether there are more results for an id than calls with it."""
    calls_per_id = Counter(str(call.get("id")) for call in calls)
    return any(count > max(1, calls_per_id[name]) for name, count in Counter(map(str, given)).items())


def misplaced(given: Sequence[Any], before: Sequence[Any], at: int) -> Iterator[Failure]:
    """Results whose call is not in the previous turn, but in an older one or in none."""
    known = {call_id(block, "id") for block in blocks_of_type(before[-1] if before else None, "tool_use")}
    older = {call_id(block, "id") for turn in before for block in blocks_of_type(turn, "tool_use")}
    for name in (name for name in given if name not in known):
        yield Failure(
            message=f"messages.{at}: unexpected `tool_use_id` found in `tool_result` blocks: {name}",
            requirement="request.tool_result.no-gap" if name in older else "request.tool_result.orphan",
        )


def unanswered(missing: Sequence[Any], turns: Sequence[Any], at: int) -> Failure:
    """The failure for calls without results in the next turn."""
    later = {call_id(block, "tool_use_id") for turn in turns for block in blocks_of_type(turn, "tool_result")}
    gap = all(call in later for call in missing)
    return Failure(
        message=f"messages.{at}: `tool_use` ids without `tool_result` blocks immediately after: {missing[0]}",
        requirement="request.tool_result.no-gap" if gap else "request.tool_use.needs-result",
    )


def results_first(content: Sequence[Any]) -> bool:
    """Whether all tool results come before any other block."""
    kinds = [block.get("type") == "tool_result" for block in content if isinstance(block, dict)]
    return kinds == sorted(kinds, reverse=True)


def repeated_ids(turns: Sequence[Any]) -> Iterator[Failure]:
    """The failure for two calls with one id."""
    ids = [call_id(block, "id") for turn in turns for block in blocks_of_type(turn, "tool_use")]
    if len(ids) != len(set(map(str, ids))):
        yield Failure(message="messages: `tool_use` ids must be unique", requirement="request.tool_use.ids-unique")
