"""Faults on the way in: tools, their calls and their results are lost or changed."""

from __future__ import annotations

import json
from typing import Any

from messages_conformance.reference_gateway.changes import PASSTHROUGH, TRANSLATES, Fields
from messages_conformance.reference_gateway.edits import (
    each_call,
    each_result,
    each_tool,
    field,
    setting,
    without,
)
from messages_conformance.reference_gateway.faults.row import fault

PASSES = (PASSTHROUGH,)
CHAT = (TRANSLATES,)

# -- tools

fault(
    "drop_tools",
    "The tools are lost.",
    "request.tools",
    "request.tool-choice",
    "request.one-call",
    "request.cache-control",
    "request.block-fields",
    "request.inexpressible",
    request=without("tools", "tool_choice"),
)
fault(
    "drop_server_tools",
    "Server tools are lost without a word.",
    "request.inexpressible",
    modes=CHAT,
    request=field("tools", lambda tools: [tool for tool in tools if tool.get("type", "custom") == "custom"]),
)
fault(
    "drop_last_tool",
    "The last tool is lost.",
    "request.tools",
    "request.cache-control",
    "request.block-fields",
    request=field("tools", lambda tools: tools[:-1]),
)
fault(
    "drop_tool_descriptions",
    "Descriptions of tools are lost.",
    "request.tools",
    request=each_tool(without("description")),
)
fault(
    "cut_tool_descriptions",
    "Descriptions of tools are cut at the first line.",
    "request.tools",
    request=each_tool(field("description", lambda text: text.split("\n")[0])),
)


def _as_float(digits: str) -> float | int:
    return float(digits) if len(digits) > 10 else int(digits)


def _schema(change: Any) -> Any:
    return each_tool(field("input_schema", change))


def pruned(schema: Any, *names: str) -> Any:
    """The JSON value without members of these names, at any depth."""
    if isinstance(schema, dict):
        return {name: pruned(value, *names) for name, value in schema.items() if name not in names}
    return [pruned(one, *names) for one in schema] if isinstance(schema, list) else schema


fault(
    "drop_schema_defs",
    "$defs of schemas are lost.",
    "request.tool-schemas",
    request=_schema(lambda schema: pruned(schema, "$defs")),
)
fault(
    "drop_schema_required",
    "`required` of schemas is lost.",
    "request.tool-schemas",
    request=_schema(lambda schema: pruned(schema, "required")),
)
fault(
    "drop_schema_enum",
    "`enum` of schemas is lost.",
    "request.tool-schemas",
    request=_schema(lambda schema: pruned(schema, "enum")),
)
fault(
    "drop_schema_any_of",
    "`anyOf` of schemas is lost.",
    "request.tool-schemas",
    request=_schema(lambda schema: pruned(schema, "anyOf")),
)
fault(
    "drop_schema_limits",
    "Limits of schemas are lost.",
    "request.tool-schemas",
    request=_schema(lambda schema: pruned(schema, "minItems", "maxItems", "minLength", "pattern")),
)
fault(
    "round_schema_numbers",
    "Numbers of schemas are rounded to floats.",
    "request.tool-schemas",
    request=_schema(
        lambda schema: json.loads(json.dumps(schema), parse_int=lambda n: float(n) if len(n) > 10 else int(n))
    ),
)
fault(
    "close_schemas",
    "additionalProperties false is added to every schema.",
    "request.tool-schemas",
    request=_schema(lambda schema: {**schema, "additionalProperties": False}),
)
fault(
    "drop_tool_choice",
    "tool_choice is lost.",
    "request.tool-choice",
    "request.one-call",
    request=without("tool_choice"),
)
fault(
    "any_as_auto",
    "tool_choice any becomes auto.",
    "request.tool-choice",
    request=field("tool_choice", lambda given: {"type": "auto"} if given["type"] == "any" else given),
)
fault(
    "named_as_any",
    "tool_choice with a name becomes any.",
    "request.tool-choice",
    request=field("tool_choice", lambda given: {"type": "any"} if given["type"] == "tool" else given),
)
fault(
    "none_lost",
    "tool_choice none is lost.",
    "request.tool-choice",
    request=lambda body: without("tool_choice")(body) if body.get("tool_choice") == {"type": "none"} else body,
)
fault(
    "many_calls",
    "disable_parallel_tool_use is lost.",
    "request.one-call",
    request=field("tool_choice", without("disable_parallel_tool_use")),
)

# -- calls and results


fault(
    "double_encode_arguments",
    "Arguments of earlier calls are encoded twice.",
    "request.tool-calls",
    modes=CHAT,
    sent=field(
        "messages",
        lambda turns: [
            {
                **turn,
                "tool_calls": [
                    {**call, "function": {**call["function"], "arguments": json.dumps(call["function"]["arguments"])}}
                    for call in turn["tool_calls"]
                ],
            }
            if "tool_calls" in turn
            else turn
            for turn in turns
        ],
    ),
)
fault(
    "round_arguments",
    "Large integers in earlier calls are rounded.",
    "request.tool-calls",
    request=each_call(field("input", lambda given: json.loads(json.dumps(given), parse_int=lambda n: int(float(n))))),
)
fault(
    "drop_null_arguments",
    "Null values in earlier calls are lost.",
    "request.tool-calls",
    request=each_call(field("input", lambda given: {k: v for k, v in given.items() if v is not None})),
)
fault(
    "empty_arguments",
    "Earlier calls arrive without arguments.",
    "request.tool-calls",
    request=each_call(setting(input={})),
)
fault(
    "swap_results",
    "Results of parallel calls arrive for each other.",
    "request.tool-results",
    request=field("messages", lambda turns: [_swapped(turn) for turn in turns]),
)
fault(
    "first_text_of_results",
    "Of several texts in a result only the first arrives.",
    "request.tool-results",
    request=each_result(
        field(
            "content",
            lambda given: (
                given if isinstance(given, str) else [*given[:1], *(one for one in given[1:] if one["type"] != "text")]
            ),
        )
    ),
)
fault(
    "drop_tool_error", "is_error of results is lost.", "request.tool-errors", request=each_result(without("is_error"))
)
fault(
    "cut_results",
    "Results of tools are cut after eight characters, unless they carry more than a line.",
    "request.tool-results",
    request=each_result(
        field("content", lambda given: given[:8] if isinstance(given, str) and len(given) < 40 else given)
    ),
)


def _swapped(turn: Fields) -> Fields:
    content = turn["content"]
    results = [one for one in content if isinstance(one, dict) and one["type"] == "tool_result"]
    if len(results) < 2:
        return turn
    ids = [one["tool_use_id"] for one in results]
    renamed = iter([*ids[1:], ids[0]])
    return {
        **turn,
        "content": [{**one, "tool_use_id": next(renamed)} if one["type"] == "tool_result" else one for one in content],
    }
