"""Faults on the way in: media, options, headers and fields are lost or changed."""

from __future__ import annotations

import json
from typing import Any

from messages_conformance.reference_gateway.changes import PASSTHROUGH, TRANSLATES, Fields
from messages_conformance.reference_gateway.edits import (
    each_block,
    each_result,
    each_tool,
    field,
    setting,
    without,
)
from messages_conformance.reference_gateway.faults.requests import first
from messages_conformance.reference_gateway.faults.row import fault
from messages_conformance.reference_gateway.faults.tools import pruned
from messages_conformance.reference_gateway.http import HttpRequest

PASSES = (PASSTHROUGH,)
CHAT = (TRANSLATES,)

# -- media


def _no_images(block: Fields) -> Fields | None:
    return None if block["type"] == "image" else block


def _no_inner_images(block: Fields) -> Fields:
    content = block.get("content")
    return (
        {**block, "content": [one for one in content if one["type"] != "image"]} if isinstance(content, list) else block
    )


fault("drop_images", "Images are lost.", "request.images", request=each_block(_no_images))
fault(
    "name_images",
    "Images become the text [image].",
    "request.images",
    request=each_block(lambda block: {"type": "text", "text": "[image]"} if block["type"] == "image" else block),
)
fault(
    "drop_linked_images",
    "Images with a URL are lost.",
    "request.images",
    request=each_block(lambda block: None if block["type"] == "image" and block["source"]["type"] == "url" else block),
)
fault(
    "cut_image_url",
    "The query of an image's URL is lost.",
    "request.images",
    request=each_block(
        lambda block: (
            {**block, "source": {**block["source"], "url": block["source"]["url"].partition("?")[0]}}
            if block["type"] == "image" and block["source"]["type"] == "url"
            else block
        )
    ),
)
fault(
    "drop_result_images",
    "Images in results of tools are lost.",
    "request.result-images",
    request=each_result(_no_inner_images),
)
fault(
    "drop_documents",
    "Documents are lost.",
    "request.documents",
    request=each_block(
        lambda block: None if block["type"] == "document" and block["source"]["type"] == "base64" else block
    ),
)
fault(
    "drop_text_documents",
    "Documents of plain text are lost.",
    "request.texts",
    "request.block-fields",
    request=each_block(
        lambda block: None if block["type"] == "document" and block["source"]["type"] == "text" else block
    ),
)

# -- options

fault(
    "clamp_max_tokens",
    "max_tokens below 16 is raised.",
    "request.max-tokens",
    request=field("max_tokens", lambda given: max(given, 16)),
)
fault(
    "fixed_max_tokens",
    "max_tokens is always 4096.",
    "request.max-tokens",
    "request.large-limit",
    request=setting(max_tokens=4096),
)
fault(
    "cap_max_tokens",
    "max_tokens above 16384 is lowered.",
    "request.large-limit",
    request=field("max_tokens", lambda given: min(given, 16_384)),
)
fault("drop_max_tokens", "max_tokens is lost.", "request.max-tokens", modes=CHAT, sent=without("max_completion_tokens"))
fault("drop_temperature", "temperature is lost.", "request.sampling", request=without("temperature"))
fault(
    "drop_zero_temperature",
    "A temperature of 0 is lost.",
    "request.sampling",
    request=lambda body: without("temperature")(body) if body.get("temperature") == 0 else body,
)
fault("drop_top_p", "top_p is lost.", "request.sampling", request=without("top_p"))
fault(
    "drop_stop_sequences",
    "Stop sequences are lost.",
    "request.stop-sequences",
    "request.inexpressible",
    modes=CHAT,
    request=without("stop_sequences"),
)
fault(
    "drop_stop_sequences_passing",
    "Stop sequences are lost.",
    "request.stop-sequences",
    modes=PASSES,
    request=without("stop_sequences"),
)
fault(
    "first_stop_sequence",
    "Only the first stop sequence arrives.",
    "request.stop-sequences",
    modes=PASSES,
    request=field("stop_sequences", first),
)
fault(
    "trim_stop_sequences",
    "White space in stop sequences is removed.",
    "request.stop-sequences",
    request=field("stop_sequences", lambda given: [one.strip() for one in given]),
)
fault(
    "four_stop_sequences",
    "Stop sequences after the fourth are lost.",
    "request.inexpressible",
    modes=CHAT,
    request=field("stop_sequences", lambda given: given[:4]),
)
fault("drop_user_id", "metadata is lost.", "request.user", request=without("metadata"))
fault(
    "drop_output_schema",
    "output_config is lost.",
    "request.output-schema",
    modes=CHAT,
    request=without("output_config"),
)
fault(
    "silent_about_fields",
    "Fields that cannot be expressed are left out without a word.",
    "request.inexpressible",
    modes=CHAT,
    flags=frozenset({"no_report"}),
)
fault(
    "whole_upstream",
    "A stream is asked of the upstream as a whole answer.",
    "request.streaming",
    "answer.delivered",
    modes=CHAT,
    sent=without("stream", "stream_options"),
)
fault(
    "speak_thinking",
    "Thinking of earlier turns arrives as text of the assistant.",
    "request.thinking-unspoken",
    modes=CHAT,
    request=each_block(
        lambda block: {"type": "text", "text": block["thinking"]} if block["type"] == "thinking" else block, "assistant"
    ),
)

# -- passing on

fault(
    "drop_thinking",
    "Thinking of earlier turns is lost.",
    "request.thinking",
    modes=PASSES,
    request=each_block(lambda block: None if "thinking" in block["type"] else block, "assistant"),
)
fault(
    "drop_signature",
    "The signature of earlier thinking is lost.",
    "request.thinking",
    modes=PASSES,
    request=each_block(lambda block: {**block, "signature": ""} if block["type"] == "thinking" else block, "assistant"),
)
fault(
    "drop_redacted",
    "Redacted thinking is lost.",
    "request.thinking",
    modes=PASSES,
    request=each_block(lambda block: None if block["type"] == "redacted_thinking" else block, "assistant"),
)


def _unmarked(value: Any) -> Any:
    return pruned(value, "cache_control")


fault("drop_cache_marks", "Every cache_control is lost.", "request.cache-control", modes=PASSES, request=_unmarked)
fault(
    "drop_tool_cache_marks",
    "cache_control of tools is lost.",
    "request.cache-control",
    modes=PASSES,
    request=each_tool(without("cache_control")),
)
fault(
    "drop_system_cache_marks",
    "cache_control of the system prompt is lost.",
    "request.cache-control",
    modes=PASSES,
    request=field("system", _unmarked),
)
fault(
    "drop_unknown_fields",
    "Fields that the gateway does not know are lost.",
    "request.other-fields",
    modes=PASSES,
    request=without("service_tier"),
)
fault("drop_top_k", "top_k is lost.", "request.other-fields", modes=PASSES, request=without("top_k"))
fault("drop_thinking_option", "thinking is lost.", "request.other-fields", modes=PASSES, request=without("thinking"))
fault(
    "drop_format",
    "output_config is lost.",
    "request.other-fields",
    "request.output-schema",
    modes=PASSES,
    request=without("output_config"),
)


def _header(name: str, change: Any) -> Any:
    def edited(headers: dict[str, str], _: HttpRequest) -> dict[str, str]:
        given = {**headers}
        value = change(given.pop(name, ""))
        return {**given, name: value} if value else given

    return edited


fault(
    "drop_betas",
    "anthropic-beta is lost.",
    "request.betas",
    modes=PASSES,
    headers=_header("anthropic-beta", lambda _: ""),
)
fault(
    "known_betas",
    "Only betas that the gateway knows are passed on.",
    "request.betas",
    modes=PASSES,
    headers=_header("anthropic-beta", lambda value: value.split(",")[0]),
)
fault(
    "drop_version",
    "anthropic-version is lost.",
    "request.version",
    modes=PASSES,
    headers=_header("anthropic-version", lambda _: ""),
)
fault(
    "fixed_version",
    "anthropic-version is one of the gateway's own.",
    "request.version",
    "request.valid",
    modes=PASSES,
    headers=_header("anthropic-version", lambda _: "2023-01-01"),
)
fault(
    "drop_new_headers",
    "Headers that the gateway does not know are lost.",
    "request.new-headers",
    modes=PASSES,
    headers=_header("anthropic-new-header", lambda _: ""),
)
fault("asks_twice", "Each request is sent to the upstream twice.", "request.once", flags=frozenset({"asks_twice"}))


def _refuses_images(body: Fields) -> Fields:
    if "image" in json.dumps(body["messages"]):
        raise ValueError("no images")
    return body


def _refuses_tools(body: Fields) -> Fields:
    if body.get("tools"):
        raise ValueError("no tools")
    return body


fault("refuse_images", "Images are refused.", "request.features", request=_refuses_images)
fault("refuse_tools", "Tools are refused.", "request.accepted", "request.features", request=_refuses_tools)
fault(
    "invalid_upstream_request",
    "The limit has a name that the dialect does not have a value for.",
    "request.valid",
    "request.max-tokens",
    modes=CHAT,
    sent=setting(max_completion_tokens="256"),
)
