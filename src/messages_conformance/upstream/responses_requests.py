"""Which requests of the Responses API are refused, and why. A check yields all problems; the first is the answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from messages_conformance.upstream import request_checks as checks
from messages_conformance.upstream.request_checks import Problem, missing, wrong_type, wrong_value

ROLES: Final = ("system", "developer", "user", "assistant")
INPUT_PARTS: Final = ("input_text", "input_image", "input_file")
PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "system": INPUT_PARTS,
    "developer": INPUT_PARTS,
    "user": INPUT_PARTS,
    "assistant": ("output_text", "refusal"),
}
CHECKED_ITEMS: Final = ("message", "function_call", "function_call_output", "reasoning")
OTHER_ITEMS: Final = (
    "item_reference",
    "compaction",
    "custom_tool_call",
    "custom_tool_call_output",
    "web_search_call",
    "file_search_call",
    "computer_call",
    "computer_call_output",
    "code_interpreter_call",
    "image_generation_call",
    "local_shell_call",
    "local_shell_call_output",
    "mcp_call",
    "mcp_list_tools",
    "mcp_approval_request",
    "mcp_approval_response",
)
"""Items that are accepted as they are: no Messages request is translated to them."""

FORMATS: Final = ("text", "json_object", "json_schema")
CHOICES: Final = ("none", "auto", "required")

FOREIGN: Final[Mapping[str, str]] = {
    "messages": "'input'",
    "system": "'instructions'",
    "stop": "",
    "stop_sequences": "",
    "max_tokens": "'max_output_tokens'",
    "max_completion_tokens": "'max_output_tokens'",
    "response_format": "'text.format'",
    "reasoning_effort": "'reasoning.effort'",
    "functions": "'tools'",
    "function_call": "'tool_choice'",
    "thinking": "'reasoning'",
    "anthropic_version": "",
    "anthropic_beta": "",
    "betas": "",
    "mcp_servers": "'tools'",
    "output_config": "'text'",
    "output_format": "'text.format'",
}
"""Fields of the Messages API and of chat completions -> what the Responses API has for them."""


def problems(body: Any) -> Iterator[Problem]:
    """Why a body is refused; nothing for a body that the dialect allows."""
    yield from checks.opening(body, FOREIGN)
    if not isinstance(body, dict):
        return
    yield from checks.typed(body, "instructions", (str, list), "a string")
    yield from input_items(body.get("input"))
    yield from limits(body)
    yield from tools(body)
    yield from text_format(body.get("text"))
    yield from checks.metadata(body)


def limits(body: Mapping[str, Any]) -> Iterator[Problem]:
    """Sampling, limits, streaming and earlier responses."""
    yield from checks.count(body, "max_output_tokens")
    yield from checks.number(body, "temperature", 0, 2)
    yield from checks.number(body, "top_p", 0, 1)
    yield from checks.typed(body, "user", (str,), "a string")
    yield from checks.typed(body, "store", (bool,), "a boolean")
    yield from checks.typed(body, "stream", (bool,), "a boolean")
    yield from checks.typed(body, "include", (list,), "an array of strings")
    yield from checks.typed(body, "reasoning", (dict,), "an object")
    yield from checks.typed(body, "stream_options", (dict,), "an object")
    if isinstance(body.get("stream_options"), dict):
        yield from checks.foreign_fields(body["stream_options"], {"include_usage": ""}, "stream_options.")
    if isinstance(earlier := body.get("previous_response_id"), str):
        message = f"Previous response with id '{earlier}' not found."
        yield Problem(message, "previous_response_id", "previous_response_not_found")


def tools(body: Mapping[str, Any]) -> Iterator[Problem]:
    """The tools, and the choice among them: functions are not nested, as they are in chat completions."""
    yield from checks.tool_list(body)
    listed = body["tools"] if isinstance(body.get("tools"), list) else []
    for at, tool in enumerate(listed):
        if not isinstance(tool, dict):
            yield wrong_type(f"tools[{at}]", tool, "an object")
        elif not isinstance(tool.get("type"), str):
            yield missing(f"tools[{at}].type")
        elif tool["type"] == "function":
            yield from checks.function(tool, f"tools[{at}]")
    names = [tool.get("name") for tool in listed if isinstance(tool, dict)]
    choice = body.get("tool_choice")
    if isinstance(choice, str) and choice not in CHOICES:
        yield wrong_value("tool_choice", choice, CHOICES)
    elif choice is not None and not isinstance(choice, (str, dict)):
        yield wrong_type("tool_choice", choice, "one of a string or an object")
    elif isinstance(choice, dict) and not isinstance(choice.get("type"), str):
        yield missing("tool_choice.type")
    elif isinstance(choice, dict) and choice["type"] in ("function", "any", "tool"):
        yield from named_choice(choice, names)


def named_choice(choice: Mapping[str, Any], names: Sequence[Any]) -> Iterator[Problem]:
    """A choice of one function names it directly."""
    if choice["type"] != "function":
        yield wrong_value("tool_choice.type", choice["type"], ("function", "allowed_tools"))
    elif "name" not in choice:
        yield missing("tool_choice.name")
    elif choice["name"] not in names:
        yield Problem(f"Tool choice 'function' not found in 'tools' parameter: {choice['name']!r}.", "tool_choice")


def text_format(value: Any) -> Iterator[Problem]:
    """`text.format` has one of three types; the schema is not nested, as it is in chat completions."""
    if value is None:
        return
    if not isinstance(value, dict):
        yield wrong_type("text", value, "an object")
        return
    form = value.get("format")
    if form is None:
        return
    if not isinstance(form, dict):
        yield wrong_type("text.format", form, "an object")
    elif form.get("type") not in FORMATS:
        yield wrong_value("text.format.type", form.get("type"), FORMATS)
    elif form["type"] == "json_schema":
        yield from checks.function_name(form, "text.format")
        if not isinstance(form.get("schema"), dict):
            yield missing("text.format.schema")


# -- input ------------------------------------------------------------------------------------------------------------


def input_items(value: Any) -> Iterator[Problem]:
    """The input: a text, or items, each for itself, and the order of calls and their outputs."""
    if value is None:
        yield missing("input")
    elif isinstance(value, list):
        if not value:
            yield Problem(
                "Invalid 'input': empty array. Expected an array with minimum length 1.", "input", "empty_array"
            )
        found = [problem for at, item in enumerate(value) for problem in input_item(item, f"input[{at}]")]
        yield from found
        if not found:
            yield from order(value)
    elif not isinstance(value, str):
        yield wrong_type("input", value, "one of a string or array of objects")


def input_item(item: Any, at: str) -> Iterator[Problem]:
    """One item. A message may leave its type out."""
    if not isinstance(item, dict):
        yield wrong_type(at, item, "an object")
        return
    kind = item.get("type", "message")
    match kind:
        case "message":
            yield from message(item, at)
        case "function_call":
            yield from function_call(item, at)
        case "function_call_output":
            yield from function_call_output(item, at)
        case "reasoning":
            yield from reasoning(item, at)
        case _ if kind not in OTHER_ITEMS:
            yield wrong_value(f"{at}.type", kind, (*CHECKED_ITEMS, *OTHER_ITEMS))


def message(item: Mapping[str, Any], at: str) -> Iterator[Problem]:
    """A message: the parts of its content have the types that its role allows."""
    role, content = item.get("role"), item.get("content")
    if role is None:
        yield missing(f"{at}.role")
    elif role not in ROLES:
        yield wrong_value(f"{at}.role", role, ROLES)
    elif "tool_calls" in item:
        yield Problem(f"Unknown parameter: '{at}.tool_calls'.", f"{at}.tool_calls", "unknown_parameter")
    elif content is None:
        yield missing(f"{at}.content")
    elif isinstance(content, list):
        for number, part in enumerate(content):
            yield from content_part(part, PARTS[role], f"{at}.content[{number}]")
    elif not isinstance(content, str):
        yield wrong_type(f"{at}.content", content, "one of an array of objects or string")


def content_part(part: Any, valid: Sequence[str], at: str) -> Iterator[Problem]:
    """One part of a content."""
    if not isinstance(part, dict):
        yield wrong_type(at, part, "an object")
        return
    kind = part.get("type")
    if kind not in valid:
        yield wrong_value(f"{at}.type", kind, valid) if "type" in part else missing(f"{at}.type")
    elif kind in ("input_text", "output_text", "refusal"):
        yield from _text(part, "refusal" if kind == "refusal" else "text", at)
    elif kind == "input_image" and not isinstance(part.get("file_id"), str):
        yield from checks.image(part.get("image_url"), f"{at}.image_url")
    elif kind == "input_file" and not any(isinstance(part.get(name), str) for name in ("file_id", "file_url")):
        if not isinstance(part.get("file_data"), str):
            yield missing(f"{at}.file_data")
        else:
            yield from checks.base64_data(part["file_data"].rpartition("base64,")[2], f"{at}.file_data")


def function_call(item: Mapping[str, Any], at: str) -> Iterator[Problem]:
    """A function call of the history: its arguments are a string of JSON, not an object."""
    yield from _text(item, "call_id", at)
    yield from checks.function_name(item, at)
    yield from _text(item, "arguments", at)
    if isinstance(item.get("id"), str) and not item["id"].startswith("fc"):
        message = f"Invalid '{at}.id': '{item['id']}'. Expected an ID that begins with 'fc'."
        yield Problem(message, f"{at}.id", "invalid_value")


def function_call_output(item: Mapping[str, Any], at: str) -> Iterator[Problem]:
    """The output of a call: a text, or parts of the types of an input."""
    yield from _text(item, "call_id", at)
    output = item.get("output")
    if output is None:
        yield missing(f"{at}.output")
    elif isinstance(output, list):
        for number, part in enumerate(output):
            yield from content_part(part, INPUT_PARTS, f"{at}.output[{number}]")
    elif not isinstance(output, str):
        yield wrong_type(f"{at}.output", output, "one of a string or array of objects")


def reasoning(item: Mapping[str, Any], at: str) -> Iterator[Problem]:
    """A reasoning item of the history: it has a summary, which may be empty."""
    yield from checks.typed(item, "encrypted_content", (str,), "a string", f"{at}.")
    if not isinstance(item.get("summary"), list):
        yield missing(f"{at}.summary")
        return
    for number, part in enumerate(item["summary"]):
        yield from content_part(part, ("summary_text",), f"{at}.summary[{number}]")


def _text(holder: Mapping[str, Any], name: str, at: str) -> Iterator[Problem]:
    if name not in holder:
        yield missing(f"{at}.{name}")
    elif not isinstance(holder[name], str):
        yield wrong_type(f"{at}.{name}", holder[name], "a string")


def order(items: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    """Every output follows its call, and every call has its output."""
    called: set[str] = set()
    answered = {item["call_id"] for item in items if item.get("type") == "function_call_output"}
    for item in items:
        if item.get("type") == "function_call":
            called.add(item["call_id"])
            if item["call_id"] not in answered:
                yield Problem(f"No tool output found for function call {item['call_id']}.", "input")
        if item.get("type") == "function_call_output" and item["call_id"] not in called:
            message = f"No tool call found for function call output with call_id {item['call_id']}."
            yield Problem(message, "input")
