"""Faults on the way back: parts of the answer are lost, changed or invented."""

from __future__ import annotations

import json
from typing import Any

from messages_conformance.reference_gateway.changes import PASSTHROUGH, TRANSLATES, Fields
from messages_conformance.reference_gateway.edits import (
    events_of_type,
    field,
    in_content,
    in_deltas,
    joined_inputs,
    per_event,
    setting,
    stop_reasons,
    usages,
    without,
    without_blocks,
)
from messages_conformance.reference_gateway.faults.row import fault

PASSES = (PASSTHROUGH,)
CHAT = (TRANSLATES,)


def _text(change: Any) -> dict[str, Any]:
    return {
        "message": in_content("text", field("text", change)),
        "events": in_deltas("text_delta", "text", change),
    }


def _whole_text(change: Any) -> dict[str, Any]:
    return {"message": in_content("text", field("text", change))}


def _streamed_text(change: Any) -> dict[str, Any]:
    return {"events": in_deltas("text_delta", "text", change)}


def _both(pair: tuple[Any, Any]) -> dict[str, Any]:
    return {"message": pair[0], "events": pair[1]}


fault(
    "trim_chunks",
    "White space at the ends of each chunk is removed.",
    "answer.text",
    "error.text-before",
    **_streamed_text(str.strip),
)
fault(
    "ascii_answers",
    "Letters that are not ASCII become question marks.",
    "answer.text",
    **_text(lambda text: text.encode("ascii", "replace").decode()),
)
fault(
    "escape_answers",
    "Markup in answers is escaped.",
    "answer.text",
    **_whole_text(lambda text: text.replace("<", "&lt;")),
)
fault(
    "add_notice",
    "A notice is added to whole answers.",
    "answer.text",
    **_whole_text(lambda text: text + "\n-- Example"),
)
fault(
    "cut_answers",
    "Whole answers are cut after 5,000 characters.",
    "answer.text",
    **_whole_text(lambda text: text[:5000]),
)
fault(
    "drop_text_beside_calls",
    "Text beside calls is lost.",
    "answer.text",
    message=lambda message: (
        field("content", lambda content: [one for one in content if one["type"] != "text"])(message)
        if any(one["type"] == "tool_use" for one in message["content"])
        else message
    ),
)
fault("lose_whole_text", "Whole answers have no text.", "answer.text", message=without_blocks("text")[0])
fault("drop_calls", "Calls are lost.", "answer.tool-calls", **_both(without_blocks("tool_use")))


def _one_call(content: list[Fields]) -> list[Fields]:
    calls = [one for one in content if one["type"] == "tool_use"]
    return [one for one in content if one["type"] != "tool_use"] + calls[:1]


fault(
    "first_call_only",
    "Of parallel calls only the first arrives in whole answers.",
    "answer.tool-calls",
    message=field("content", _one_call),
)
fault(
    "calls_first",
    "Calls come before the text in whole answers.",
    "answer.order",
    "answer.thinking-first",
    message=field("content", lambda content: sorted(content, key=lambda one: one["type"] != "tool_use")),
)
fault(
    "reverse_calls",
    "Parallel calls arrive in reverse order.",
    "answer.thinking-first",
    "answer.tool-calls",
    "answer.arguments",
    "answer.order",
    message=field(
        "content", lambda content: content[::-1] if content[-1:] and "tool" in content[-1]["type"] else content
    ),
)
fault(
    "rename_calls",
    "Names of calls get a prefix.",
    "answer.tool-calls",
    "answer.other-blocks",
    message=in_content("tool_use", field("name", lambda name: f"functions.{name}")),
    events=events_of_type(
        "content_block_start",
        lambda event: {
            **event,
            "content_block": field("name", lambda name: f"functions.{name}")(event["content_block"]),
        },
    ),
)


def _rounded(value: Any) -> Any:
    return json.loads(json.dumps(value), parse_int=lambda digits: int(float(digits)))


fault(
    "round_integers",
    "Large integers in arguments are rounded.",
    "answer.arguments",
    message=in_content("tool_use", field("input", _rounded)),
    events=joined_inputs(_rounded),
)
fault(
    "string_arguments",
    "The input of a call is a string in whole answers.",
    "answer.arguments",
    "answer.form",
    message=in_content("tool_use", field("input", json.dumps)),
)
fault(
    "empty_inputs",
    "Calls arrive without arguments in whole answers.",
    "answer.arguments",
    message=in_content("tool_use", setting(input={})),
)
fault(
    "trim_arguments",
    "White space at the ends of argument chunks is removed.",
    "answer.arguments",
    events=in_deltas("input_json_delta", "partial_json", str.strip),
)
fault(
    "drop_first_argument_chunk",
    "The first chunk of arguments is lost.",
    "answer.form",
    "answer.arguments",
    events=per_event(
        lambda event: [] if (event.get("delta") or {}).get("partial_json", "").startswith("{") else [event]
    ),
)
fault(
    "unescape_arguments",
    "Escapes in arguments are removed.",
    "answer.arguments",
    message=in_content(
        "tool_use",
        field("input", lambda given: {k: v.replace("\\", "") if isinstance(v, str) else v for k, v in given.items()}),
    ),
    events=joined_inputs(lambda given: {k: v.replace("\\", "") if isinstance(v, str) else v for k, v in given.items()}),
)
fault(
    "same_call_ids",
    "All calls have the same id.",
    "answer.call-ids",
    message=in_content("tool_use", setting(id="call_0")),
    events=events_of_type(
        "content_block_start",
        lambda event: {
            **event,
            "content_block": {
                **event["content_block"],
                **({"id": "call_0"} if event["content_block"]["type"] == "tool_use" else {}),
            },
        },
    ),
)
fault(
    "empty_call_ids",
    "Calls have an empty id.",
    "answer.call-ids",
    message=in_content("tool_use", setting(id="")),
    events=events_of_type(
        "content_block_start",
        lambda event: {
            **event,
            "content_block": {
                **event["content_block"],
                **({"id": ""} if event["content_block"]["type"] == "tool_use" else {}),
            },
        },
    ),
)

# -- ends


def _replacing(before: str, after: str) -> Any:
    return lambda reason: after if reason == before else reason


for name, before, after, trips in (
    ("length_as_end", "max_tokens", "end_turn", "A limit"),
    ("calls_as_end", "tool_use", "end_turn", "A call"),
    ("refusal_as_end", "refusal", "end_turn", "A refusal"),
    ("refusal_as_length", "refusal", "max_tokens", "A refusal"),
    ("refusal_as_stop_sequence", "refusal", "stop_sequence", "A refusal"),
    ("end_as_length", "end_turn", "max_tokens", "A normal end"),
):
    fault(
        name,
        f"{trips} is reported as {after}.",
        "answer.stop-reason",
        **_both(stop_reasons(_replacing(before, after))),
    )
fault(
    "foreign_stop_reason",
    "Finish reasons of the upstream are passed on as they are.",
    "answer.stop-reason",
    modes=CHAT,
    **_both(stop_reasons(lambda reason: {"end_turn": "stop", "max_tokens": "length"}.get(reason, reason))),
)
fault("null_stop_reason", "Whole answers have no stop reason.", "answer.stop-reason", message=setting(stop_reason=None))
fault(
    "drop_stop_sequence",
    "The stop sequence that matched is lost.",
    "answer.stop-sequence",
    modes=PASSES,
    message=setting(stop_sequence=None),
    events=events_of_type("message_delta", lambda event: {**event, "delta": {**event["delta"], "stop_sequence": None}}),
)

# -- thinking

fault("drop_reasoning", "Reasoning is lost.", "answer.reasoning", modes=CHAT, **_both(without_blocks("thinking")))
fault(
    "reasoning_as_text",
    "Reasoning becomes text in whole answers.",
    "answer.text",
    "answer.reasoning",
    modes=CHAT,
    message=in_content("thinking", lambda block: {"type": "text", "text": block["thinking"]}),
)
fault(
    "null_signature",
    "The signature of thinking is null.",
    "answer.thinking-signature",
    modes=CHAT,
    message=in_content("thinking", setting(signature=None)),
)
fault(
    "no_signature_delta",
    "Streamed thinking has no signature.",
    "answer.thinking-signature",
    modes=CHAT,
    events=per_event(lambda e: [] if (e.get("delta") or {}).get("type") == "signature_delta" else [e]),
)
fault(
    "thinking_last",
    "Thinking comes after the text in whole answers.",
    "answer.thinking-first",
    modes=CHAT,
    message=field("content", lambda content: sorted(content, key=lambda one: one["type"] == "thinking")),
)
fault(
    "drop_answer_thinking",
    "Thinking is lost.",
    "answer.thinking",
    modes=PASSES,
    **_both(without_blocks("thinking", "redacted_thinking")),
)
fault(
    "drop_answer_redacted",
    "Redacted thinking is lost.",
    "answer.thinking",
    modes=PASSES,
    **_both(without_blocks("redacted_thinking")),
)
fault(
    "drop_answer_signature",
    "The signature of thinking is lost.",
    "answer.thinking",
    modes=PASSES,
    message=in_content("thinking", setting(signature="")),
    events=per_event(lambda e: [] if (e.get("delta") or {}).get("type") == "signature_delta" else [e]),
)

# -- counts

fault(
    "zero_usage",
    "All counts are 0.",
    "answer.input-tokens",
    "answer.output-tokens",
    "answer.cached-tokens",
    "answer.other-fields",
    **_both(usages(lambda usage: {name: 0 if isinstance(value, int) else value for name, value in usage.items()})),
)
fault(
    "zero_stream_usage",
    "Counts of streams are 0.",
    "answer.input-tokens",
    "answer.output-tokens",
    "answer.cached-tokens",
    "answer.other-fields",
    events=usages(lambda usage: dict.fromkeys(usage, 0))[1],
)
fault(
    "no_include_usage",
    "The upstream is not asked for the counts of a stream.",
    "answer.input-tokens",
    "answer.output-tokens",
    "answer.cached-tokens",
    modes=CHAT,
    sent=without("stream_options"),
)
fault(
    "cached_twice",
    "Cached tokens count as input, too.",
    "answer.input-tokens",
    **_both(
        usages(
            lambda usage: {
                **usage,
                "input_tokens": usage.get("input_tokens", 0) + (usage.get("cache_read_input_tokens") or 0),
            }
        )
    ),
)
fault(
    "drop_cached",
    "Cached tokens are not counted.",
    "answer.input-tokens",
    "answer.cached-tokens",
    **_both(usages(without("cache_read_input_tokens"))),
)
fault(
    "cached_as_input",
    "Cached tokens count as input alone.",
    "answer.cached-tokens",
    **_both(
        usages(
            lambda usage: {
                **usage,
                "cache_read_input_tokens": 0,
                "input_tokens": usage.get("input_tokens", 0) + (usage.get("cache_read_input_tokens") or 0),
            }
        )
    ),
)
fault(
    "output_and_reasoning",
    "Small output counts are raised to 100.",
    "answer.output-tokens",
    message=field("usage", field("output_tokens", lambda count: max(count, 100))),
)
fault(
    "total_as_output",
    "Output tokens include the input in whole answers.",
    "answer.output-tokens",
    message=field("usage", lambda usage: {**usage, "output_tokens": usage["output_tokens"] + usage["input_tokens"]}),
)

# -- form

fault("no_id", "Whole answers have no id.", "answer.form", message=without("id"))
fault(
    "no_usage",
    "Whole answers have no usage.",
    "answer.form",
    "answer.input-tokens",
    "answer.output-tokens",
    "answer.cached-tokens",
    "answer.other-fields",
    message=without("usage"),
)
fault("no_model", "Whole answers name no model.", "answer.model", message=without("model"))
fault(
    "content_is_text",
    "The content of whole answers is a string.",
    "answer.form",
    "answer.text",
    message=lambda message: (
        field("content", lambda content: content[0]["text"])(message)
        if len(message["content"]) == 1 and message["content"][0]["type"] == "text"
        else message
    ),
)
fault("same_message_id", "All whole answers have the same id.", "isolation.ids", message=setting(id="msg_1"))
fault(
    "wrong_type",
    "Whole answers have the type of Chat Completions.",
    "answer.delivered",
    message=setting(type="chat.completion"),
)
