"""Changes that keep the shape of a request and break one rule between its fields."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from messages_conformance.generate import sample_content
from messages_conformance.generate.changes import Change, Json, Pointer
from messages_conformance.generate.semantics import MAX_BREAKPOINTS, holders


def rule_changes(body: Mapping[str, Any]) -> Iterator[Change]:
    """Every change that keeps a body's shape and breaks one rule between its fields."""
    yield from _conversation_changes(body)
    yield from _call_changes(body)
    yield from _tool_changes(body)
    yield from _caching_changes(body)
    yield from _option_changes(body)


def _rule(pointer: Pointer, reason: str, requirement: str, apply: Callable[[Json], object]) -> Change:
    return Change(kind="rule", pointer=pointer, reason=reason, requirement=requirement, apply=apply)


def _conversation_changes(body: Mapping[str, Any]) -> Iterator[Change]:
    last = len(body["messages"])
    yield _rule(
        ("messages", 0),
        "the assistant begins",
        "request.messages.first-role-user",
        lambda body: body["messages"].insert(0, {"role": "assistant", "content": "Hello."}),
    )
    yield _rule(
        ("messages", last, "content"),
        "the beginning of the answer ends with a blank",
        "request.prefill.trailing-whitespace",
        lambda body: body["messages"].append({"role": "assistant", "content": "The word is "}),
    )
    yield _rule(
        ("system",),
        "an image as a system prompt",
        "request.system.non-text-block",
        lambda body: body.update(system=[{"type": "image", "source": dict(sample_content.PICTURES[0])}]),
    )
    citation = {
        "type": "char_location",
        "cited_text": "ok",
        "document_index": 0,
        "document_title": None,
        "start_char_index": 0,
        "end_char_index": 2,
    }
    yield _rule(
        ("messages", last, "content", 0, "citations"),
        "citations on a user's text",
        "version.user-citations",
        lambda body: body["messages"].append(
            {"role": "user", "content": [{"type": "text", "text": "ok", "citations": [citation]}]}
        ),
    )


def _call_changes(body: Mapping[str, Any]) -> Iterator[Change]:
    """Mistakes between calls and their results."""
    turns = body["messages"]
    for at, turn in enumerate(turns):
        calls = _of_type(turn, "tool_use")
        results = _of_type(turns[at + 1], "tool_result") if at + 1 < len(turns) else []
        if calls and results:
            yield from _pair_changes(at, [place for place, _ in calls], [place for place, _ in results])
        if not calls and turn["role"] == "user" and not _of_type(turn, "tool_result"):
            yield _rule(
                ("messages", at, "content", 0),
                "a result that answers no call",
                "request.tool_result.orphan",
                partial(_insert_orphan_result, at=at),
            )


def _insert_orphan_result(body: Json, at: int) -> None:
    result = {"type": "tool_result", "tool_use_id": "toolu_nobody", "content": "12 degrees"}
    _as_blocks(body["messages"][at]).insert(0, result)


def _put(body: Json, name: str, value: Any) -> None:
    body[name] = value


def _of_type(turn: Mapping[str, Any], kind: str) -> list[tuple[int, Any]]:
    content = turn["content"]
    return [(at, part) for at, part in enumerate(content) if part["type"] == kind] if isinstance(content, list) else []


def _as_blocks(turn: Json) -> list[Any]:
    if isinstance(turn["content"], str):
        turn["content"] = [{"type": "text", "text": turn["content"]}]
    blocks: list[Any] = turn["content"]
    return blocks


def _pair_changes(at: int, calls: list[int], results: list[int]) -> Iterator[Change]:
    answer: Pointer = ("messages", at + 1, "content")

    def unanswered(body: Json) -> None:
        answering = body["messages"][at + 1]
        removed = answering["content"].pop(results[0])
        if not answering["content"] and removed:
            answering["content"] = "Never mind."

    def text_first(body: Json) -> None:
        body["messages"][at + 1]["content"].insert(0, {"type": "text", "text": "Here it is."})

    def gap(body: Json) -> None:
        between = [{"role": "user", "content": "Wait."}, {"role": "assistant", "content": "I wait."}]
        body["messages"][at + 1 : at + 1] = between

    def renamed(body: Json) -> None:
        _rename(body, at, calls[0], "toolu 01")

    def same_ids(body: Json) -> None:
        _rename(body, at, calls[1], body["messages"][at]["content"][calls[0]]["id"])

    yield _rule((*answer, results[0]), "a call without its result", "request.tool_use.needs-result", unanswered)
    yield _rule((*answer, 0), "a text before the results", "request.tool_result.first-in-content", text_first)
    yield _rule(answer[:2], "two messages between a call and its result", "request.tool_result.no-gap", gap)
    call: Pointer = ("messages", at, "content", calls[0], "id")
    yield _rule(call, "the id of a call holds a blank", "request.tool_use.id-pattern", renamed)
    if len(calls) > 1:
        yield _rule(call, "two calls have the same id", "request.tool_use.ids-unique", same_ids)


def _rename(body: Json, at: int, call: int, name: str) -> None:
    """Gives a call and its result another id."""
    renamed = body["messages"][at]["content"][call]
    for part in body["messages"][at + 1]["content"]:
        if part.get("tool_use_id") == renamed["id"]:
            part["tool_use_id"] = name
    renamed["id"] = name


def _tool_changes(body: Mapping[str, Any]) -> Iterator[Change]:
    def bogus(body: Json) -> None:
        properties = {"location": {"type": "bogus"}}
        body["tools"][0]["input_schema"] = {"type": "object", "properties": properties}

    def string_schema(body: Json) -> None:
        body["tools"][0]["input_schema"] = {"type": "string"}

    if body.get("tools"):
        last = len(body["tools"])
        schema: Pointer = ("tools", 0, "input_schema")
        yield _rule(
            ("tools", last, "name"),
            "two tools have the same name",
            "request.tools.unique-names",
            lambda body: body["tools"].append(copy.deepcopy(body["tools"][0])),
        )
        yield _rule((*schema, "properties"), "a type that does not exist", "request.tools.schema-2020-12", bogus)
        yield _rule(
            (*schema, "type"), "an input that is no object", "request.tools.input_schema-required", string_schema
        )
        if "thinking" not in body:
            yield _rule(
                ("tool_choice", "name"),
                "the tool of the choice is not there",
                "request.tool_choice.unknown-name",
                lambda body: body.update(tool_choice={"type": "tool", "name": "no_such_tool"}),
            )
            yield _rule(
                ("tool_choice", "name"),
                "a choice of a tool without its name",
                "request.tool_choice.shape",
                lambda body: body.update(tool_choice={"type": "tool"}),
            )
        yield _rule(
            ("tool_choice", "disable_parallel_tool_use"),
            "a flag on the choice of no tool",
            "request.tool_choice.none-no-disable",
            lambda body: body.update(tool_choice={"type": "none", "disable_parallel_tool_use": True}),
        )
    elif "thinking" not in body:
        for choice in ({"type": "any"}, {"type": "tool", "name": "get_weather"}):
            yield _rule(
                ("tool_choice",),
                "a forced choice without tools",
                "request.tool_choice.without-tools",
                partial(_put, name="tool_choice", value=choice),
            )


def _caching_changes(body: Mapping[str, Any]) -> Iterator[Change]:
    def fill(body: Json) -> None:
        body.pop("cache_control", None)
        blocks = _as_blocks(body["messages"][-1])
        blocks += [{"type": "text", "text": f"Remark {number}."} for number in range(MAX_BREAKPOINTS + 1)]
        for _, holder in holders(body):
            holder.pop("cache_control", None)  # type: ignore[attr-defined]
        for block in blocks[-MAX_BREAKPOINTS - 1 :]:
            block["cache_control"] = {"type": "ephemeral"}

    def longer_last(body: Json) -> None:
        body.pop("cache_control", None)
        for _, holder in holders(body):
            holder.pop("cache_control", None)  # type: ignore[attr-defined]
        _as_blocks(body["messages"][-1]).extend(
            {"type": "text", "text": "A remark.", "cache_control": {"type": "ephemeral", "ttl": life}}
            for life in ("5m", "1h")
        )

    last: Pointer = ("messages", len(body["messages"]) - 1, "content")
    yield _rule(last, f"{MAX_BREAKPOINTS + 1} cache breakpoints", "request.cache_control.max-4", fill)
    yield _rule(last, "a longer cache lifetime after a shorter one", "request.cache_control.ttl-order", longer_last)


def _option_changes(body: Mapping[str, Any]) -> Iterator[Change]:
    for name, value in (("temperature", 0.5), ("top_p", 0.9), ("top_k", 5)):
        if name not in body:
            yield _rule(
                (name,),
                f"{name}, which this version no longer knows",
                "version.sampling-removed",
                partial(_put, name=name, value=value),
            )
    if body.get("stream") and body["max_tokens"]:
        yield _rule(
            ("max_tokens",),
            "nothing is to be written, but to be streamed",
            "request.max_tokens.zero-conflicts",
            lambda body: body.update(max_tokens=0),
        )
    if isinstance(body.get("thinking"), dict) and body["thinking"].get("type") == "enabled":
        yield _rule(
            ("thinking", "budget_tokens"),
            "the thinking budget leaves no token",
            "request.thinking.budget-lt-max",
            lambda body: body["thinking"].update(budget_tokens=body["max_tokens"]),
        )
