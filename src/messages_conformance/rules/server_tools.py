"""Rules for the calls and results of server tools in one answer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules.accessors import (
    BROKEN_STREAM,
    at,
    blocks_of,
    has_message,
    ids,
    in_message,
    is_broken_stream,
    shown,
    streamed,
    walk_of,
)
from messages_conformance.rules.catalogue import ANTHROPIC, LOSES, rule
from messages_conformance.rules.recording_parts import IDS, REQUEST
from messages_conformance.rules.verdict import SHOULD, Finding, Unverified

SOURCE: Final = "platform.claude.com/docs/en/agents-and-tools/tool-use/server-tools, read 2026-08-22"

RESULT: Final = re.compile(r"(?!tool_result$)\w+_tool_result")
"""Types of blocks that hold the result of a tool that the server ran."""

CALLS: Final = ("server_tool_use", "mcp_tool_use")


def _is_result(block: Mapping[str, Any]) -> bool:
    return RESULT.fullmatch(str(block.get("type"))) is not None


def _has_results(exchange: Exchange) -> bool:
    return has_message(exchange) and any(_is_result(block) for block in blocks_of(exchange))


def _earlier_calls(exchange: Exchange) -> set[Any]:
    """The ids of the calls of server tools in the messages of the request."""
    turns = exchange.request.fields.get("messages")
    contents = [turn.get("content") for turn in turns if isinstance(turn, dict)] if isinstance(turns, list) else []
    blocks = [block for content in contents if isinstance(content, list) for block in content]
    return {_text(ids.of(block)) for block in blocks if isinstance(block, dict) and block.get("type") in CALLS}


def _text(identifier: Any) -> str:
    """An identifier; empty if it is no string, which other rules judge."""
    return identifier if isinstance(identifier, str) else ""


@rule(
    "response.server-tool.pairing",
    SHOULD,
    harm=LOSES,  # the API refuses the turn when it is sent back
    families={ANTHROPIC},
    source=SOURCE,
    applies=_has_results,
    needs={"server-tools"},
    capability="server-tools",
    model_dependent=True,
    reads={IDS, REQUEST},
    provoked="A web search is requested in a run of depth deep.",
)
def pairs_each_result_with_its_call(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """The result of a server tool names an earlier call, in the answer or in the request."""
    if is_broken_stream(exchange):
        yield BROKEN_STREAM
        return
    known = _earlier_calls(exchange)
    for number, block in enumerate(blocks_of(exchange)):
        if block.get("type") in CALLS:
            known.add(_text(ids.of(block)))
        elif _is_result(block) and _text(block.get("tool_use_id")) not in known:
            place = in_message(exchange, f"/content/{number}/tool_use_id")
            yield Finding(place=place, found=shown(block.get("tool_use_id")), wanted="the id of an earlier call")
            return


@rule(
    "stream.server-tool.result-whole",
    SHOULD,
    harm=LOSES,  # clients read the result in content_block_start
    families={ANTHROPIC},
    source=f"{SOURCE} (streaming)",
    applies=lambda exchange: streamed(exchange) and _has_results(exchange),
    on_sight=True,
    provoked="Judged on every stream with the result of a server tool.",
)
def sends_results_whole(exchange: Exchange) -> Iterable[Finding]:
    """The result of a server tool is whole in content_block_start, and has no deltas."""
    for block in walk_of(exchange).blocks:
        if RESULT.fullmatch(str(block.type)) and block.deltas:
            yield Finding(place=at(block.deltas[0]), found=f"a delta of a {block.type} block", wanted="no delta")
            return
