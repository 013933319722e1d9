"""Rules that no schema can express: over several fields, and over the turns of a conversation.

This module is independent of the code that generates requests, so that tests can compare the two. A generated request
with a breach is our own error, and a near miss without a breach is not a near miss. Limits are those of the public
documentation, read 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from messages_conformance.contract import valid

MAX_BREAKPOINTS: Final = 4
"""The most places with cache_control in a request (prompt caching)."""

DEFAULT_TTL: Final = "5m"
"""The lifetime of a breakpoint without a ttl (prompt caching)."""

UNCACHED: Final = frozenset({"thinking", "redacted_thinking"})
"""Types of blocks that cannot have cache_control (prompt caching)."""

Body = Mapping[str, Any]
"""The body of a request, or a part of it."""


@dataclass(frozen=True, kw_only=True)
class Breach:
    """A broken rule: the place, the requirement that demands a refusal (may be empty), and the reason."""

    pointer: str
    requirement: str
    reason: str


def is_valid(body: Body, *, api_version: str) -> bool:
    """Whether a body (without a model) satisfies the schema and every rule of this file."""
    whole = {"model": "m", **body}
    return valid("request", whole, api_version=api_version) and next(breaches(body), None) is None


def breaches(body: Body) -> Iterator[Breach]:
    """Every rule that a body of a valid shape breaks."""
    turns = [turn for turn in body.get("messages", ()) if isinstance(turn, Mapping)]
    for check in (_order, _contents, _prefill, _ids, _pairs, _citations):
        yield from check(body, turns)
    yield from _tools(body)
    yield from _limits(body)
    yield from _breakpoints(body)


def blocks_of(turn: Body) -> list[tuple[int, Body]]:
    """The content blocks of a turn, each with its index; none where the content is a string."""
    return [(at, block) for at, block in enumerate(_listed(turn.get("content"))) if isinstance(block, Mapping)]


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _order(body: Body, turns: Sequence[Body]) -> Iterator[Breach]:
    if turns and turns[0].get("role") != "user":
        yield Breach(
            pointer="/messages/0/role", requirement="request.messages.first-role-user", reason="the assistant begins"
        )


def _contents(body: Body, turns: Sequence[Body]) -> Iterator[Breach]:
    for at, turn in enumerate(turns):
        final_assistant = at == len(turns) - 1 and turn.get("role") == "assistant"
        where = f"/messages/{at}/content"
        if turn.get("content") in ("", []) and not final_assistant:
            yield Breach(pointer=where, requirement="request.messages.empty-content", reason="a message is empty")
        yield from _blank(turn.get("content"), where)
        for place, block in blocks_of(turn):
            yield from _blank([block], where, first=place)
            if block.get("type") == "tool_result":
                yield from _blank(block.get("content"), f"{where}/{place}/content")
    yield from _blank(body.get("system"), "/system")


def _blank(content: Any, where: str, *, first: int = 0) -> Iterator[Breach]:
    for at, block in enumerate(_listed(content), first):
        text = block.get("text") if isinstance(block, Mapping) and block.get("type") == "text" else None
        if isinstance(text, str) and not text.strip():
            yield Breach(
                pointer=f"{where}/{at}/text", requirement="request.text.non-whitespace", reason="a text is blank"
            )


def _prefill(body: Body, turns: Sequence[Body]) -> Iterator[Breach]:
    if not turns or turns[-1].get("role") != "assistant":
        return
    content = turns[-1].get("content")
    blocks = blocks_of(turns[-1])
    last = content if isinstance(content, str) else blocks[-1][1].get("text") if blocks else None
    if isinstance(last, str) and last != last.rstrip():
        yield Breach(
            pointer=f"/messages/{len(turns) - 1}/content",
            requirement="request.prefill.trailing-whitespace",
            reason="the beginning of the answer ends with a blank",
        )
    if (body.get("thinking") or {}).get("type") in ("enabled", "adaptive"):
        yield Breach(pointer="/thinking", requirement="", reason="thinking with the beginning of the answer given")


def _parts(turns: Sequence[Body], kind: str) -> list[tuple[int, int, Body]]:
    return [
        (at, place, block)
        for at, turn in enumerate(turns)
        for place, block in blocks_of(turn)
        if block.get("type") == kind
    ]


def _ids(body: Body, turns: Sequence[Body]) -> Iterator[Breach]:
    seen: set[str] = set()
    for at, place, block in _parts(turns, "tool_use"):
        if block["id"] in seen:
            yield Breach(
                pointer=f"/messages/{at}/content/{place}/id",
                requirement="request.tool_use.ids-unique",
                reason="two calls have the same id",
            )
        seen.add(block["id"])


def _pairs(body: Body, turns: Sequence[Body]) -> Iterator[Breach]:
    """Each call has one result in the next user message, and results come first; there are no other results."""
    merged = _merged_turns(turns)
    for at, (role, held) in enumerate(merged):
        following = merged[at + 1][1] if at + 1 < len(merged) else []
        before = merged[at - 1][1] if at else []
        calls = {block["id"]: pointer for pointer, block in held if block.get("type") == "tool_use"}
        answers = [block["tool_use_id"] for _, block in following if block.get("type") == "tool_result"]
        called = {block["id"] for _, block in before if block.get("type") == "tool_use"}
        for name, pointer in calls.items():
            if answers.count(name) != 1 or role != "assistant":
                yield Breach(
                    pointer=pointer, requirement="request.tool_use.needs-result", reason="a call is not answered once"
                )
        late = False
        for pointer, block in held:
            if block.get("type") != "tool_result":
                late = True
            elif block["tool_use_id"] not in called or role != "user":
                yield Breach(
                    pointer=pointer, requirement="request.tool_result.orphan", reason="a result answers no call"
                )
            elif late:
                yield Breach(
                    pointer=pointer,
                    requirement="request.tool_result.first-in-content",
                    reason="a result comes after something else",
                )


def _merged_turns(turns: Sequence[Body]) -> list[tuple[Any, list[tuple[str, Body]]]]:
    """Consecutive turns of one role count as one turn: (role, blocks with their pointers)."""
    merged: list[tuple[Any, list[tuple[str, Body]]]] = []
    for at, turn in enumerate(turns):
        held: list[tuple[str, Body]] = [(f"/messages/{at}/content/{place}", block) for place, block in blocks_of(turn)]
        if isinstance(turn.get("content"), str):
            held = [(f"/messages/{at}/content", {"type": "text", "text": turn["content"]})]
        if merged and merged[-1][0] == turn.get("role"):
            merged[-1][1].extend(held)
        else:
            merged.append((turn.get("role"), held))
    return merged


def _citations(body: Body, turns: Sequence[Body]) -> Iterator[Breach]:
    held = [block for kind in ("document", "search_result") for _, _, block in _parts(turns, kind)]
    enabled = {bool((block.get("citations") or {}).get("enabled")) for block in held}
    if len(enabled) > 1:
        yield Breach(
            pointer="/messages", requirement="request.citations.all-or-none", reason="only some documents are cited"
        )
    if True in enabled and (body.get("output_config") or {}).get("format"):
        yield Breach(
            pointer="/output_config/format",
            requirement="request.output_config.citations-conflict",
            reason="citations with a format of the answer",
        )


def _tools(body: Body) -> Iterator[Breach]:
    tools = [tool for tool in body.get("tools", ()) if isinstance(tool, Mapping)]
    names = [tool.get("name") for tool in tools]
    for at, name in enumerate(names):
        if name is not None and name in names[:at]:
            yield Breach(
                pointer=f"/tools/{at}/name",
                requirement="request.tools.unique-names",
                reason="two tools have the same name",
            )
    choice = body.get("tool_choice") or {}
    if choice.get("type") in ("any", "tool") and not tools:
        yield Breach(
            pointer="/tool_choice", requirement="request.tool_choice.without-tools", reason="a choice without tools"
        )
    elif choice and not tools:
        yield Breach(pointer="/tool_choice", requirement="", reason="a choice without tools")
    elif choice.get("type") == "tool" and choice.get("name") not in names:
        yield Breach(
            pointer="/tool_choice/name",
            requirement="request.tool_choice.unknown-name",
            reason="the tool of the choice is not there",
        )


def _limits(body: Body) -> Iterator[Breach]:
    thinking = body.get("thinking") or {}
    most, forced = body.get("max_tokens"), (body.get("tool_choice") or {}).get("type") in ("any", "tool")
    if thinking.get("type") == "enabled":
        if isinstance(most, int) and thinking.get("budget_tokens", 0) >= most:
            yield Breach(
                pointer="/thinking/budget_tokens",
                requirement="request.thinking.budget-lt-max",
                reason="the thinking budget leaves no token",
            )
        if forced:
            yield Breach(
                pointer="/tool_choice",
                requirement="request.tool_choice.thinking-conflict",
                reason="a forced call with thinking",
            )
    if thinking.get("type") in ("enabled", "adaptive"):
        for name in ("temperature", "top_p", "top_k"):
            if body.get(name, 1) != 1:
                yield Breach(pointer=f"/{name}", requirement="", reason=f"{name} with thinking")
    for at, stop in enumerate(body.get("stop_sequences", ())):
        if isinstance(stop, str) and not stop.strip():
            yield Breach(
                pointer=f"/stop_sequences/{at}",
                requirement="request.stop_sequences.non-whitespace",
                reason="a stop sequence is blank",
            )
    conflicts: Mapping[str, Callable[[], Any]] = {
        "/stream": lambda: body.get("stream"),
        "/thinking": lambda: thinking.get("type") == "enabled",
        "/tool_choice": lambda: forced,
        "/output_config/format": lambda: (body.get("output_config") or {}).get("format"),
    }
    if most == 0:
        for pointer, conflicting in conflicts.items():
            if conflicting():
                yield Breach(
                    pointer=pointer,
                    requirement="request.max_tokens.zero-conflicts",
                    reason="nothing is to be written, but this asks for something",
                )


def holders(body: Body) -> Iterator[tuple[str, Body]]:
    """Everything that may have cache_control, with its pointer, in the order of the prompt: tools, system, turns."""
    for name in ("tools", "system"):
        for at, held in enumerate(_listed(body.get(name))):
            if isinstance(held, Mapping):
                yield f"/{name}/{at}", held
    for at, turn in enumerate(body.get("messages", ())):
        for place, block in blocks_of(turn):
            for inner, part in blocks_of(block) if block.get("type") == "tool_result" else ():
                yield f"/messages/{at}/content/{place}/content/{inner}", part
            yield f"/messages/{at}/content/{place}", block


def _breakpoints(body: Body) -> Iterator[Breach]:
    marked = [(pointer, held) for pointer, held in holders(body) if held.get("cache_control")]
    if body.get("cache_control"):
        marked.append(("", body))
    if len(marked) > MAX_BREAKPOINTS:
        yield Breach(
            pointer=f"{marked[-1][0]}/cache_control",
            requirement="request.cache_control.max-4",
            reason=f"{len(marked)} cache breakpoints",
        )
    short = False
    for pointer, held in marked:
        lives = held["cache_control"].get("ttl", DEFAULT_TTL)
        if lives != DEFAULT_TTL and short:
            yield Breach(
                pointer=f"{pointer}/cache_control/ttl",
                requirement="request.cache_control.ttl-order",
                reason="a longer cache lifetime after a shorter one",
            )
        short = short or lives == DEFAULT_TTL
        if held.get("type") in UNCACHED or held.get("text") == "":
            yield Breach(
                pointer=f"{pointer}/cache_control",
                requirement="request.cache_control.not-on-thinking",
                reason="this cannot be cached",
            )
