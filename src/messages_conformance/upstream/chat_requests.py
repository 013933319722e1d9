"""Which requests of chat completions are refused, and why. A check yields all problems; the first one is the answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from messages_conformance.upstream import request_checks as checks
from messages_conformance.upstream.request_checks import Problem, missing, wrong_type, wrong_value

ROLES: Final = ("system", "developer", "user", "assistant", "tool", "function")
PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "system": ("text",),
    "developer": ("text",),
    "user": ("text", "image_url", "input_audio", "file"),
    "assistant": ("text", "refusal"),
    "tool": ("text",),
}
"""Role -> the types of the parts of its content. A function message has a text only."""

MAX_STOPS: Final = 4
CHOICES: Final = ("none", "auto", "required")
FORMATS: Final = ("text", "json_object", "json_schema")

FOREIGN: Final[Mapping[str, str]] = {
    "system": "a message with the role 'system'",
    "stop_sequences": "'stop'",
    "anthropic_version": "",
    "anthropic_beta": "",
    "betas": "",
    "mcp_servers": "",
    "container": "",
    "context_management": "",
    "output_config": "'response_format'",
    "output_format": "'response_format'",
    "input": "'messages'",
    "instructions": "a message with the role 'system'",
    "max_output_tokens": "'max_completion_tokens'",
    "previous_response_id": "",
    "include": "",
    "text": "'response_format'",
}
"""Fields of the Messages API and of the Responses API -> what chat completions have for them."""


def problems(body: Any) -> Iterator[Problem]:
    """Why a body is refused; nothing for a body that the dialect allows."""
    yield from checks.opening(body, FOREIGN)
    if not isinstance(body, dict):
        return
    yield from message_list(body.get("messages"))
    yield from limits(body)
    yield from tools(body)
    yield from response_format(body.get("response_format"))
    yield from checks.metadata(body)


def limits(body: Mapping[str, Any]) -> Iterator[Problem]:
    """Sampling, limits, stop sequences and streaming."""
    yield from checks.count(body, "max_tokens")
    yield from checks.count(body, "max_completion_tokens")
    if body.get("max_tokens") is not None and body.get("max_completion_tokens") is not None:
        message = "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported."
        yield Problem(message, "max_tokens")
    yield from checks.number(body, "temperature", 0, 2)
    yield from checks.number(body, "top_p", 0, 1)
    yield from checks.number(body, "presence_penalty", -2, 2)
    yield from checks.number(body, "frequency_penalty", -2, 2)
    if body.get("n") not in (None, 1):
        yield Problem("Invalid 'n': this server gives one choice.", "n")
    yield from stops(body.get("stop"))
    yield from checks.typed(body, "user", (str,), "a string")
    yield from checks.typed(body, "reasoning_effort", (str,), "a string")
    yield from checks.typed(body, "stream", (bool,), "a boolean")
    yield from checks.typed(body, "stream_options", (dict,), "an object")
    if body.get("stream_options") is not None and body.get("stream") is not True:
        message = "The 'stream_options' parameter is only allowed when 'stream' is enabled."
        yield Problem(message, "stream_options")
    if isinstance(body.get("stream_options"), dict):
        yield from checks.typed(body["stream_options"], "include_usage", (bool,), "a boolean", "stream_options.")


def stops(value: Any) -> Iterator[Problem]:
    """`stop` is null, a string, or up to four strings."""
    if value is None or isinstance(value, str):
        return
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        yield wrong_type("stop", value, "one of a string or array of strings")
    elif len(value) > MAX_STOPS:
        message = (
            f"Invalid 'stop': array too long. Expected an array with maximum length {MAX_STOPS}, but got {len(value)}."
        )
        yield Problem(message, "stop", "array_above_max_length")


def tools(body: Mapping[str, Any]) -> Iterator[Problem]:
    """The tools, and the choice among them."""
    yield from checks.tool_list(body)
    listed = body["tools"] if isinstance(body.get("tools"), list) else []
    for at, tool in enumerate(listed):
        if not isinstance(tool, dict):
            yield wrong_type(f"tools[{at}]", tool, "an object")
        elif "type" not in tool:
            yield missing(f"tools[{at}].type")
        elif tool["type"] not in ("function", "custom"):
            yield wrong_value(f"tools[{at}].type", tool["type"], ("function", "custom"))
        elif tool["type"] not in tool:
            yield missing(f"tools[{at}].{tool['type']}")
        elif tool["type"] == "function":
            yield from checks.function(tool["function"], f"tools[{at}].function")
    names = [_inner(tool).get("name") for tool in listed]
    yield from tool_choice(body.get("tool_choice"), names)


def _inner(tool: Any) -> Mapping[str, Any]:
    inner = tool.get(tool.get("type")) if isinstance(tool, dict) and isinstance(tool.get("type"), str) else None
    return inner if isinstance(inner, dict) else {}


def tool_choice(choice: Any, names: Sequence[Any]) -> Iterator[Problem]:
    """`tool_choice` is one of three words, or names a tool of the request."""
    if choice is None or choice in CHOICES:
        return
    if isinstance(choice, str):
        yield wrong_value("tool_choice", choice, CHOICES)
    elif not isinstance(choice, dict):
        yield wrong_type("tool_choice", choice, "one of a string or an object")
    elif choice.get("type") not in ("function", "custom", "allowed_tools"):
        yield wrong_value("tool_choice.type", choice.get("type"), ("function", "custom", "allowed_tools"))
    elif choice["type"] != "allowed_tools" and not _inner(choice):
        yield missing(f"tool_choice.{choice['type']}")
    elif choice["type"] != "allowed_tools" and _inner(choice).get("name") not in names:
        name = _inner(choice).get("name")
        yield Problem(f"Tool choice '{name}' not found in 'tools' parameter.", "tool_choice")


def response_format(value: Any) -> Iterator[Problem]:
    """`response_format` has one of three types; a schema has a name."""
    if value is None:
        return
    if not isinstance(value, dict):
        yield wrong_type("response_format", value, "an object")
    elif value.get("type") not in FORMATS:
        yield wrong_value("response_format.type", value.get("type"), FORMATS)
    elif value["type"] == "json_schema":
        schema = value.get("json_schema")
        if not isinstance(schema, dict):
            yield missing("response_format.json_schema")
            return
        yield from checks.function_name(schema, "response_format.json_schema")
        yield from checks.typed(schema, "schema", (dict,), "an object", "response_format.json_schema.")


# -- messages ---------------------------------------------------------------------------------------------------------


def message_list(messages: Any) -> Iterator[Problem]:
    """The messages, each for itself, and the order of calls and their results."""
    if messages is None:
        yield missing("messages")
    elif not isinstance(messages, list):
        yield wrong_type("messages", messages, "an array of objects")
    elif not messages:
        yield Problem("Invalid 'messages': empty array. Expected an array with minimum length 1.", "messages")
    else:
        found = [problem for at, item in enumerate(messages) for problem in message(item, f"messages[{at}]")]
        yield from found
        if not found:
            yield from order(messages)


def message(item: Any, at: str) -> Iterator[Problem]:
    """One message."""
    if not isinstance(item, dict):
        yield wrong_type(at, item, "an object")
        return
    role = item.get("role")
    if role is None:
        yield missing(f"{at}.role")
    elif role not in ROLES:
        yield wrong_value(f"{at}.role", role, ROLES)
    else:
        yield from checks.typed(item, "name", (str,), "a string", f"{at}.")
        yield from content(item, role, at)
        if role == "assistant":
            yield from calls(item.get("tool_calls"), f"{at}.tool_calls")
        elif "tool_calls" in item:
            yield Problem(f"Unknown parameter: '{at}.tool_calls'.", f"{at}.tool_calls", "unknown_parameter")
        if role == "tool" and not isinstance(item.get("tool_call_id"), str):
            yield missing(f"{at}.tool_call_id")


def content(item: Mapping[str, Any], role: str, at: str) -> Iterator[Problem]:
    """The content of a message: a text, or parts of the types that its role may have."""
    value = item.get("content")
    if value is None:
        optional = role == "assistant" and any(
            item.get(name) for name in ("tool_calls", "function_call", "refusal", "audio")
        )
        if not optional and role != "function":
            message = (
                f"Invalid value for 'content': expected a string, got {'null' if 'content' in item else 'nothing'}."
            )
            yield Problem(message, f"{at}.content", "invalid_type")
    elif isinstance(value, list) and role in PARTS:
        if not value:
            message = (
                f"Invalid '{at}.content': empty array. Expected an array with minimum length 1, but got an empty array."
            )
            yield Problem(message, f"{at}.content", "empty_array")
        for number, part in enumerate(value):
            yield from content_part(part, PARTS[role], f"{at}.content[{number}]")
    elif not isinstance(value, str):
        yield wrong_type(f"{at}.content", value, "one of a string or array of objects")


def content_part(part: Any, valid: Sequence[str], at: str) -> Iterator[Problem]:
    """One part of a content."""
    if not isinstance(part, dict):
        yield wrong_type(at, part, "an object")
    elif part.get("type") not in valid:
        yield wrong_value(f"{at}.type", part.get("type"), valid) if "type" in part else missing(f"{at}.type")
    elif part["type"] not in part:
        yield missing(f"{at}.{part['type']}")
    elif part["type"] in ("text", "refusal"):
        yield from _text(part[part["type"]], f"{at}.{part['type']}")
    elif not isinstance(part[part["type"]], dict):
        yield wrong_type(f"{at}.{part['type']}", part[part["type"]], "an object")
    elif part["type"] == "image_url":
        yield from checks.image(part["image_url"].get("url"), f"{at}.image_url.url")
    elif part["type"] == "file":
        yield from file(part["file"], f"{at}.file")


def _text(value: Any, at: str) -> Iterator[Problem]:
    if not isinstance(value, str):
        yield wrong_type(at, value, "a string")


def file(value: Mapping[str, Any], at: str) -> Iterator[Problem]:
    """A file is a data URL with a name, or the id of an uploaded one."""
    if "file_id" in value:
        yield from _text(value["file_id"], f"{at}.file_id")
    elif not isinstance(value.get("file_data"), str):
        yield missing(f"{at}.file_data")
    else:
        yield from checks.base64_data(value["file_data"].rpartition("base64,")[2], f"{at}.file_data")


def calls(value: Any, at: str) -> Iterator[Problem]:
    """The tool calls of an assistant message."""
    if value is None:
        return
    if not isinstance(value, list):
        yield wrong_type(at, value, "an array of objects")
    elif not value:
        yield Problem(f"Invalid '{at}': empty array. Expected an array with minimum length 1.", at, "empty_array")
    else:
        for number, one in enumerate(value):
            yield from call(one, f"{at}[{number}]")


def call(value: Any, at: str) -> Iterator[Problem]:
    """One tool call of the history: its arguments are a string of JSON, not an object."""
    if not isinstance(value, dict):
        yield wrong_type(at, value, "an object")
    elif not isinstance(value.get("id"), str) or not value["id"]:
        yield missing(f"{at}.id")
    elif value.get("type") not in ("function", "custom"):
        yield wrong_value(f"{at}.type", value.get("type"), ("function", "custom"))
    elif not isinstance(value.get(value["type"]), dict):
        yield missing(f"{at}.{value['type']}")
    elif value["type"] == "function":
        called = value["function"]
        yield from checks.function_name(called, f"{at}.function")
        if "arguments" not in called:
            yield missing(f"{at}.function.arguments")
        yield from _text(called.get("arguments", ""), f"{at}.function.arguments")


def order(messages: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    """Every tool message answers a call of the assistant message before it, and every call is answered."""
    open_calls: list[str] = []
    known: set[str] = set()
    for at, item in enumerate(messages):
        if item["role"] == "tool":
            if not known:
                message = "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."
                yield Problem(f"Invalid parameter: {message}", f"messages[{at}].role")
            elif item["tool_call_id"] not in known:
                message = f"'tool_call_id' {item['tool_call_id']!r} not found in 'tool_calls' of previous message."
                yield Problem(f"Invalid parameter: {message}", f"messages[{at}].tool_call_id")
            open_calls = [one for one in open_calls if one != item["tool_call_id"]]
            continue
        yield from _unanswered(open_calls, at)
        open_calls = [one["id"] for one in item.get("tool_calls") or ()]
        if len(set(open_calls)) < len(open_calls):
            yield Problem(f"Duplicate value for 'id' in messages[{at}].tool_calls.", f"messages[{at}].tool_calls")
        known = set(open_calls)
    yield from _unanswered(open_calls, len(messages))


def _unanswered(open_calls: Sequence[str], at: int) -> Iterator[Problem]:
    if open_calls:
        yield Problem(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
            f"'tool_call_id'. The following tool_call_ids did not have response messages: {', '.join(open_calls)}",
            f"messages[{at}].role",
        )
