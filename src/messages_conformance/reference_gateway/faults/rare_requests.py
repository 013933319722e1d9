"""Faults that show only in requests as clients write them, and in parts that are newer than the gateway."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from messages_conformance.reference_gateway.changes import PASSTHROUGH, TRANSLATES, Fields
from messages_conformance.reference_gateway.edits import each_tool, events_of_type, field, without
from messages_conformance.reference_gateway.faults.edges import shown_by
from messages_conformance.reference_gateway.faults.row import fault
from messages_conformance.reference_gateway.faults.tools import pruned
from messages_conformance.reference_gateway.http import HttpRequest

PASSES = (PASSTHROUGH,)
CHAT = (TRANSLATES,)


def _refusing(wrong: Callable[[HttpRequest], object]) -> Any:
    """Refuses some requests with 400."""

    def edited(headers: dict[str, str], request: HttpRequest) -> dict[str, str]:
        if wrong(request):
            raise ValueError
        return headers

    return edited


fault(
    "fail_with_query",
    "A path with a query is refused.",
    "request.accepted",
    headers=_refusing(lambda request: "?" in request.target),
    **shown_by("beta-query", "text"),
)
fault(
    "refuse_large_requests",
    "A body of more than a megabyte is refused.",
    "request.accepted",
    headers=_refusing(lambda request: len(request.body) > 1_000_000),
    **shown_by("large-request", "text"),
)


def _last_of_neighbours(turns: list[Fields]) -> list[Fields]:
    following = [turn["role"] for turn in turns[1:]] + [""]
    return [turn for turn, role in zip(turns, following, strict=True) if turn["role"] != role]


fault(
    "last_of_neighbouring_turns",
    "Of neighbouring turns with one role only the last arrives.",
    "request.texts",
    request=field("messages", _last_of_neighbours),
)
fault(
    "pass_empty_tools",
    "A list of tools is always sent, an empty one, too, which the dialect refuses.",
    "request.valid",
    modes=CHAT,
    sent=lambda body: {"tools": [], **body},
    **shown_by("empty-lists", "call"),
)


def _needs_a_budget(body: Fields) -> Fields:
    thinking = body.get("thinking") or {}
    if thinking.get("type") == "adaptive":
        raise ValueError(thinking["type"])
    return body


fault(
    "need_a_budget",
    "Thinking without a budget is refused.",
    "request.features",
    modes=CHAT,
    request=_needs_a_budget,
)
fault(
    "drop_formats",
    "`format` is removed from schemas, properties of that name included.",
    "request.tool-schemas",
    request=each_tool(field("input_schema", lambda schema: pruned(schema, "format"))),
)
fault(
    "drop_titles",
    "`title` is removed from schemas, properties of that name included.",
    "request.tool-schemas",
    request=each_tool(field("input_schema", lambda schema: pruned(schema, "title"))),
)
fault(
    "cut_long_descriptions",
    "Descriptions of tools are cut after 1,024 characters.",
    "request.tools",
    request=each_tool(field("description", lambda text: text[:1024])),
)
fault(
    "drop_typed_tools",
    "Tools that name their type are lost.",
    "request.tools",
    "request.block-fields",
    "request.inexpressible",
    request=field("tools", lambda tools: [tool for tool in tools if "type" not in tool]),
)


def _images_between(turns: list[Fields]) -> list[Fields]:
    """The first image after results comes between the first and the second of them."""
    images = [
        part for turn in turns for part in turn["content"] or () if isinstance(part, dict) and "image_url" in part
    ]
    results = [number for number, turn in enumerate(turns) if turn["role"] == "tool"]
    if not images or not results:
        return turns
    at = results[0] + 1
    return [*turns[:at], {"role": "user", "content": images[:1]}, *turns[at:]]


fault(
    "images_between_results",
    "An image in a result follows that result, before the results of other calls.",
    "request.valid",
    modes=CHAT,
    sent=field("messages", _images_between),
    **shown_by("results-with-image-first", "text"),
)

# -- what is newer than the gateway

fault(
    "drop_document_fields",
    "Title, context and citations of documents are lost.",
    "request.block-fields",
    modes=PASSES,
    request=lambda body: pruned(body, "citations", "context"),
)
fault(
    "drop_tool_fields",
    "Fields of tools that the gateway does not know are lost.",
    "request.block-fields",
    modes=PASSES,
    request=each_tool(without("strict", "max_uses")),
)
fault(
    "drop_server_blocks",
    "Blocks of server tools are lost in whole answers.",
    "answer.other-blocks",
    modes=PASSES,
    message=field("content", lambda content: [one for one in content if "server" not in one["type"]]),
)
fault(
    "drop_streamed_results",
    "Blocks of results of server tools are empty in streams.",
    "answer.other-blocks",
    modes=PASSES,
    events=events_of_type(
        "content_block_start",
        lambda event: {**event, "content_block": without("encrypted_content", "content")(event["content_block"])},
    ),
)
fault(
    "drop_usage_details",
    "Counts in usage that the gateway does not know are lost.",
    "answer.other-fields",
    modes=PASSES,
    message=field("usage", without("cache_creation", "service_tier", "output_tokens_details")),
)
