"""Whether one request makes the server call the model more than once.

Server tools, MCP connectors and compaction call the model again with what they added to the conversation. Each call is
a pass: it reads the whole prompt, and it has its own max_tokens. So usage adds up passes, or reports the last pass. It
says nothing about the size of the prompt or about one limit (documentation, "Server tools" and "Compaction": the usage
of a request with iterations; recorded traffic of the API shows each of these).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules.accessors import blocks_of, usage_of

RUN_BY_CLIENT: Final = re.compile(r"custom|(bash|text_editor|computer|memory|browser)_\d+")
"""Types of tools that the client runs, although the API defines some of them. Every other type is a server tool."""

FIELDS_WITH_PASSES: Final = ("mcp_servers", "container", "context_management", "fallbacks")
"""Fields of a request that let the server run tools, edit the conversation, or ask another model."""

BLOCKS_WITH_PASSES: Final = re.compile(
    r"server_tool_use|mcp_tool_use|compaction|fallback|(?!tool_result$).+_tool_result"
)
"""Types of blocks that only answers of several passes have."""


def may_take_several_passes(exchange: Exchange) -> bool:
    """Returns True when the request allows, or the answer shows, more than one pass of the model."""
    fields = exchange.request.fields
    tools = fields.get("tools")
    if isinstance(tools, list) and any(_is_server_tool(tool) for tool in tools):
        return True
    if any(fields.get(name) for name in FIELDS_WITH_PASSES):
        return True
    return _shows_several_passes(exchange)


def _is_server_tool(tool: Any) -> bool:
    kind = tool.get("type") if isinstance(tool, Mapping) else None
    return isinstance(kind, str) and not RUN_BY_CLIENT.fullmatch(kind)


def _shows_several_passes(exchange: Exchange) -> bool:
    usage = usage_of(exchange)
    iterations = usage.get("iterations")
    if isinstance(iterations, list) and len(iterations) > 1:
        return True
    return any(BLOCKS_WITH_PASSES.fullmatch(str(block.get("type"))) for block in blocks_of(exchange))


COUNTED_APART: Final = frozenset({"compaction", "advisor_message"})
"""Types of iterations whose tokens the top level of usage leaves out (documentation, "Compaction")."""


def only_iterations_count(usage: Mapping[str, Any]) -> bool:
    """Whether all calls of the model are counted in usage.iterations alone: a turn that pauses after its compaction."""
    iterations = usage.get("iterations")
    entries = [one for one in iterations if isinstance(one, Mapping)] if isinstance(iterations, list) else []
    return bool(entries) and all(str(one.get("type")) in COUNTED_APART for one in entries)
