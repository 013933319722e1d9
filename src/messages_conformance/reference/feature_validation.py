"""Why the reference endpoint refuses a request with a feature whose parts do not go together.

Limits are those of the documentation pages and of the OpenAPI description of 2026-05-31.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from messages_conformance.reference import request_blocks
from messages_conformance.reference.failures import Failure
from messages_conformance.reference.json_values import as_list, as_object

TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,256}")
SERVER_CALL = re.compile(r"srvtoolu_[a-zA-Z0-9_]+")
PLACES = ("city", "country", "region", "timezone")
GEOS = ("global", "us")
MIN_BUDGET = 1024
MIN_COMPACTION_TOKENS = 50_000
MAX_PREVIOUS_ID = 256
DIRECT = "direct"

Body = Mapping[str, Any]


def failures(body: Body) -> Iterator[Failure]:
    """Every reason to refuse the features of a request."""
    tools = [tool for tool in as_list(body.get("tools")) if isinstance(tool, dict)]
    yield from references(body, tools)
    yield from deferred(tools)
    yield from callers(tools, as_object(body.get("tool_choice")))
    for tool in tools:
        yield from server_tool(tool)
    yield from context_edits(as_object(body.get("context_management")))
    yield from mcp_servers(body, tools)
    yield from small_options(body)
    yield from history(body)


def refused(message: str, requirement: str) -> Failure:
    """The failure of a requirement of this module."""
    return Failure(message=message, requirement=f"request.{requirement}")


def references(body: Body, tools: Sequence[Body]) -> Iterator[Failure]:
    """The failures for tool references in results: their form, and names that no tool has."""
    names = [tool.get("name") for tool in tools]
    for _, block in request_blocks.content_blocks(body):
        for part in as_list(block.get("content")):
            if not isinstance(part, dict) or part.get("type") != "tool_reference":
                continue
            name = part.get("tool_name")
            if not isinstance(name, str) or not TOOL_NAME.fullmatch(name):
                yield refused(f"tool_reference.tool_name: {name!r} is no name", "tool_reference.tool_name")
            elif name not in names:
                yield refused(f"tool_reference: {name!r} not found in tools", "tool_reference.undefined")


def deferred(tools: Sequence[Body]) -> Iterator[Failure]:
    """The failures for deferred tools."""
    if tools and all(tool.get("defer_loading") is True for tool in tools):
        yield refused("tools: at least one tool must not have defer_loading set", "tools.defer_loading.all")
    if any(tool.get("defer_loading") is True and tool.get("cache_control") for tool in tools):
        yield refused("tools: a deferred tool cannot have cache_control", "tools.defer_loading.cache_control")


def callers(tools: Sequence[Body], choice: Body) -> Iterator[Failure]:
    """The failures for tools that code may call."""
    by_code = [tool for tool in tools if any(name != DIRECT for name in as_list(tool.get("allowed_callers")))]
    hidden = [tool.get("name") for tool in by_code if DIRECT not in as_list(tool.get("allowed_callers"))]
    if choice.get("type") == "tool" and choice.get("name") in hidden:
        yield refused("tool_choice: only code may call this tool", "tools.allowed_callers.tool_choice")
    if by_code and (choice.get("disable_parallel_tool_use") is True or any(tool.get("strict") for tool in by_code)):
        yield refused(
            "tools: allowed_callers with code goes with neither strict nor disable_parallel_tool_use",
            "tools.allowed_callers.parallel",
        )


def server_tool(tool: Body) -> Iterator[Failure]:
    """Why the location or the domains of a server tool are refused."""
    location = tool.get("user_location")
    if location is not None and not valid_location(location):
        yield refused("user_location: a country has two letters, and no member is empty", "web_search.user_location")
    domains = [*as_list(tool.get("allowed_domains")), *as_list(tool.get("blocked_domains"))]
    both = tool.get("allowed_domains") and tool.get("blocked_domains")
    if both or any("://" in str(domain) or "*" in str(domain).partition("/")[0] for domain in domains):
        yield refused(
            "domains: either allowed_domains or blocked_domains, without a scheme or a wildcard host",
            "server_tools.domains",
        )


def valid_location(location: Any) -> bool:
    """Whether a user_location has the documented form."""
    if not isinstance(location, dict) or location.get("type") != "approximate":
        return False
    given = {name: location[name] for name in PLACES if location.get(name) is not None}
    sized = all(isinstance(value, str) and 1 <= len(value) <= 255 for value in given.values())
    return bool(given) and sized and len(given.get("country", "FR")) == 2


def context_edits(management: Body) -> Iterator[Failure]:
    """Why the edits of the context are refused."""
    edits = [edit for edit in as_list(management.get("edits")) if isinstance(edit, dict)]
    kinds = [str(edit.get("type")) for edit in edits]
    late = any(kind.startswith("clear_thinking_") for kind in kinds[1:])
    if late or any(not positive(edit) for edit in edits if not str(edit.get("type")).startswith("compact_")):
        yield refused("context_management.edits: clear_thinking comes first, limits are above 0", CONTEXT_ORDER)
    for edit in edits:
        if (
            str(edit.get("type")).startswith("compact_")
            and value_of(edit.get("trigger"), 150_000) < MIN_COMPACTION_TOKENS
        ):
            yield refused("trigger: at least 50000 input tokens", "context_management.compaction-trigger")


CONTEXT_ORDER = "context_management.order"


def positive(edit: Body) -> bool:
    """Whether the trigger of an edit, and the turns of thinking that it keeps, are 1 or more."""
    keeps_thinking = str(edit.get("type")).startswith("clear_thinking_")
    return value_of(edit.get("trigger"), 1) >= 1 and (not keeps_thinking or value_of(edit.get("keep"), 1) >= 1)


def value_of(limit: Any, default: int) -> int:
    """The number in a limit such as {"type": "tool_uses", "value": 3}."""
    value = as_object(limit).get("value")
    return value if isinstance(value, int) else default


def mcp_servers(body: Body, tools: Sequence[Body]) -> Iterator[Failure]:
    """Why the MCP servers of a request are refused."""
    servers = [server for server in as_list(body.get("mcp_servers")) if isinstance(server, dict)]
    used = [tool.get("mcp_server_name") for tool in tools if tool.get("type") == "mcp_toolset"]
    names = [server.get("name") for server in servers]
    insecure = any(not str(server.get("url")).startswith("https://") for server in servers)
    if insecure or sorted(map(str, used)) != sorted(map(str, names)):
        yield refused("mcp_servers: each has an https url, and one mcp_toolset uses it", "mcp_servers")


def small_options(body: Body) -> Iterator[Failure]:
    """Why smaller options are refused."""
    if body.get("speed") not in (None, "standard", "fast"):
        yield refused("speed: Input should be 'standard' or 'fast'", "speed.enum")
    if isinstance(body.get("inference_geo"), str) and body["inference_geo"] not in GEOS:
        yield refused(f"inference_geo: Input should be one of {', '.join(GEOS)}", "inference_geo.unknown")
    if isinstance(body.get("container"), str):
        yield refused(f"container: {body['container']!r} does not exist or has expired", "container.unknown")
    previous = as_object(body.get("diagnostics")).get("previous_message_id")
    if isinstance(previous, str) and len(previous) > MAX_PREVIOUS_ID:
        yield refused(f"diagnostics.previous_message_id: at most {MAX_PREVIOUS_ID} characters", "diagnostics")
    thinking = as_object(body.get("thinking"))
    if thinking.get("type") == "disabled" and thinking.get("display") is not None:
        yield refused("thinking.disabled.display: Extra inputs are not permitted", "thinking.display-disabled")
    budget = as_object(as_object(body.get("output_config")).get("task_budget"))
    if budget and not (isinstance(budget.get("total"), int) and budget["total"] >= MIN_BUDGET):
        yield refused(f"output_config.task_budget.total: at least {MIN_BUDGET}", "output_config.task_budget")
    turns = as_list(body.get("messages"))
    prefilled = bool(turns) and as_object(turns[-1]).get("role") == "assistant"
    if prefilled and as_object(body.get("output_config")).get("format") is not None:
        yield refused("output_config.format: not allowed with a prefilled answer", "output_config.prefill-conflict")


def history(body: Body) -> Iterator[Failure]:
    """Why blocks of earlier turns are refused."""
    for turn, block in request_blocks.content_blocks(body):
        kind, inside = block.get("type"), [part for part in as_list(block.get("content")) if isinstance(part, dict)]
        found = [part.get("type") == "search_result" for part in inside]
        if kind == "tool_result" and any(found) and not all(found):
            yield refused("tool_result: a search_result stands alone or among others", "search_result.in-tool-result")
        identifier = block.get("id")
        if kind == "server_tool_use" and isinstance(identifier, str) and not SERVER_CALL.fullmatch(identifier):
            yield refused("server_tool_use.id: should match ^srvtoolu_[a-zA-Z0-9_]+$", "server_tool_use.id-pattern")
        if kind == "search_result" and turn.get("role") == "assistant":
            yield refused("search_result blocks are not allowed in assistant messages", "search_result.role")
