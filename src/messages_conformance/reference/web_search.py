"""The server tool web_search, over invented pages.

Searches run within one answer. More than MAX_SEARCHES end it with pause_turn; when the client sends the turn back, the
missing searches follow.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from messages_conformance.reference import text_tasks

MAX_SEARCHES = 10
"""Rounds of the server's loop before it pauses (platform.claude.com/docs, handling stop reasons, 2026-11-22)."""

TOOL_TYPE = "web_search_"
SEARCH_REQUEST = re.compile(
    r"\b(?:search|look)\b[^.\n]*\b(?:web|internet|online)\b|\bweb search\b|\blook up\b", re.IGNORECASE
)
Json = dict[str, Any]


def search_tool(tools: Sequence[Any]) -> Mapping[str, Any] | None:
    """The web search among the tools of a request; None if there is none."""
    return next((tool for tool in tools if isinstance(tool, dict) and is_search(tool)), None)


def is_search(tool: Mapping[str, Any]) -> bool:
    """Whether a tool definition is a web search."""
    return str(tool.get("type")).startswith(TOOL_TYPE)


def queries(text: str, tool: Mapping[str, Any] | None, *, forced: bool) -> tuple[str, ...]:
    """The search queries: one for each thing that the question names, up to the limit of the tool."""
    if tool is None or not (forced or SEARCH_REQUEST.search(text)):
        return ()
    found = text_tasks.subjects(text) or [" ".join(text_tasks.main_words(text)[:5]) or "news"]
    limit = tool.get("max_uses")
    return tuple(found[:limit] if isinstance(limit, int) else found)


def already_searched(turn: Any) -> frozenset[str]:
    """The queries in an assistant turn that the client sent back."""
    blocks = turn.get("content") if isinstance(turn, dict) and turn.get("role") == "assistant" else None
    return frozenset(
        str(block["input"].get("query"))
        for block in (blocks if isinstance(blocks, list) else ())
        if isinstance(block, dict) and block.get("type") == "server_tool_use" and isinstance(block.get("input"), dict)
    )


def blocks(searches: Sequence[str], ids: Iterator[str]) -> Iterator[Json]:
    """The call and the result of each search."""
    for query in searches:
        identifier = "srv" + next(ids)
        yield {"type": "server_tool_use", "id": identifier, "name": "web_search", "input": {"query": query}}
        yield {"type": "web_search_tool_result", "tool_use_id": identifier, "content": [page(query)]}


def page(query: str) -> Json:
    """The one page that a search finds."""
    name = "-".join(re.findall(r"[a-z0-9]+", query.lower())) or "page"
    return {
        "type": "web_search_result",
        "url": f"https://example.com/{name}",
        "title": f"About {query}",
        "encrypted_content": base64.b64encode(query.encode()).decode(),
        "page_age": None,
    }
