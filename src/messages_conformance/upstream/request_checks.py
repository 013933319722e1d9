"""Checks of request bodies that both OpenAI dialects share. Each yields problems; the first one is the answer.

A field that the dialect does not have is refused only if another dialect has it: that is a translation left unfinished.
Servers of this form have many fields of their own, so any other unknown field is accepted and recorded.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""Names of functions: letters, digits, underscores and dashes, at most 64 (API reference, FunctionObject)."""

MAX_TOOLS: Final = 128
MAX_METADATA: Final = 16
IMAGE_URL: Final = re.compile(r"data:(?P<type>[\w.+-]+/[\w.+-]+)?;base64,(?P<data>.*)", re.DOTALL)
IMAGE_TYPES: Final = ("image/png", "image/jpeg", "image/jpg", "image/gif", "image/webp")

TYPE_NAMES: Final[Mapping[type, str]] = {
    str: "a string",
    bool: "a boolean",
    int: "an integer",
    float: "a decimal",
    dict: "an object",
    list: "an array",
    type(None): "null",
}


@dataclass(frozen=True)
class Problem:
    """Why a request is refused: the message, the parameter, and the code if there is one."""

    message: str
    param: str | None = None
    code: str = ""


def opening(body: Any, foreign: Mapping[str, str]) -> Iterator[Problem]:
    """What is wrong before anything else: the body, fields of other dialects, and the model."""
    if not isinstance(body, dict):
        yield Problem("The body of the request is not a JSON object.")
        return
    yield from foreign_fields(body, foreign)
    if not isinstance(body.get("model"), str) or not body["model"]:
        yield wrong_type("model", body["model"], "a string") if body.get("model") else missing("model")


def type_name(value: object) -> str:
    """The JSON type of a value in words."""
    return TYPE_NAMES.get(type(value), "a value")


def missing(param: str) -> Problem:
    """A required parameter is absent."""
    return Problem(f"Missing required parameter: '{param}'.", param, "missing_required_parameter")


def wrong_type(param: str, value: object, wanted: str) -> Problem:
    """A parameter has another JSON type."""
    message = f"Invalid type for '{param}': expected {wanted}, but got {type_name(value)} instead."
    return Problem(message, param, "invalid_type")


def wrong_value(param: str, value: object, valid: Sequence[str]) -> Problem:
    """A parameter is none of the values that are allowed."""
    listed = ", ".join(f"'{one}'" for one in valid)
    return Problem(f"Invalid value: {value!r}. Supported values are: {listed}.", param, "invalid_value")


def typed(
    holder: Mapping[str, Any], name: str, kinds: tuple[type, ...], wanted: str, at: str = ""
) -> Iterator[Problem]:
    """The parameter is absent, null, or of one of the types; a boolean is no number."""
    value = holder.get(name)
    if value is None or (isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))):
        return
    yield wrong_type(at + name, value, wanted)


def number(body: Mapping[str, Any], name: str, low: float, high: float) -> Iterator[Problem]:
    """The parameter is absent, null, or a number within limits."""
    yield from typed(body, name, (int, float), "a decimal")
    value = body.get(name)
    if isinstance(value, (int, float)) and not low <= value <= high:
        message = f"Invalid '{name}': {value} is not within {low:g} and {high:g}."
        yield Problem(message, name, "decimal_above_max_value" if value > high else "decimal_below_min_value")


def count(body: Mapping[str, Any], name: str, low: int = 1) -> Iterator[Problem]:
    """The parameter is absent, null, or a whole number from `low`."""
    yield from typed(body, name, (int,), "an integer")
    value = body.get(name)
    if isinstance(value, int) and not isinstance(value, bool) and value < low:
        message = f"Invalid '{name}': integer below minimum value. Expected a value >= {low}, but got {value} instead."
        yield Problem(message, name, "integer_below_min_value")


def foreign_fields(body: Mapping[str, Any], fields: Mapping[str, str], at: str = "") -> Iterator[Problem]:
    """Fields of another dialect; the table says what this dialect has for them."""
    for name, cure in fields.items():
        if name in body:
            hint = f" Use {cure} instead." if cure else ""
            yield Problem(f"Unknown parameter: '{at}{name}'.{hint}", at + name, "unknown_parameter")


def metadata(body: Mapping[str, Any]) -> Iterator[Problem]:
    """`metadata` is an object of at most 16 strings."""
    yield from typed(body, "metadata", (dict,), "an object")
    for name, value in (body.get("metadata") or {}).items():
        if not isinstance(value, str):
            yield wrong_type(f"metadata.{name}", value, "a string")
    if len(body.get("metadata") or {}) > MAX_METADATA:
        yield Problem(f"Invalid 'metadata': too many properties. Expected at most {MAX_METADATA}.", "metadata")


def function(holder: Any, at: str) -> Iterator[Problem]:
    """The name, description and parameters of a function that a request defines."""
    if not isinstance(holder, dict):
        yield wrong_type(at, holder, "an object")
        return
    yield from function_name(holder, at)
    yield from typed(holder, "description", (str,), "a string", f"{at}.")
    yield from typed(holder, "strict", (bool,), "a boolean", f"{at}.")
    yield from typed(holder, "parameters", (dict,), "an object", f"{at}.")
    yield from foreign_fields(holder, {"input_schema": f"'{at}.parameters'"}, f"{at}.")
    kind = (holder.get("parameters") or {"type": "object"}).get("type", "object")
    if kind != "object":
        message = (
            f"Invalid schema for function '{holder.get('name')}': schema must be a JSON Schema of 'type: \"object\"'"
        )
        yield Problem(f"{message}, got 'type: {kind!r}'.", f"{at}.parameters", "invalid_function_parameters")


def function_name(holder: Mapping[str, Any], at: str) -> Iterator[Problem]:
    """The name of a function follows the pattern."""
    if "name" not in holder:
        yield missing(f"{at}.name")
    elif not isinstance(holder["name"], str):
        yield wrong_type(f"{at}.name", holder["name"], "a string")
    elif not NAME.fullmatch(holder["name"]):
        message = (
            f"Invalid '{at}.name': string does not match pattern. Expected a string that matches '^{NAME.pattern}$'."
        )
        yield Problem(message, f"{at}.name", "invalid_value")


def tool_list(body: Mapping[str, Any]) -> Iterator[Problem]:
    """`tools` is an array of 1 to 128 objects, and what depends on it has it."""
    tools = body.get("tools")
    yield from typed(body, "tools", (list,), "an array of objects")
    if isinstance(tools, list) and not 1 <= len(tools) <= MAX_TOOLS:
        yield Problem(
            f"Invalid 'tools': an array of 1 to {MAX_TOOLS} items is expected, and it has {len(tools)}.", "tools"
        )
    if not tools:
        if body.get("tool_choice") not in (None, "none", "auto"):
            yield Problem("'tool_choice' is only allowed when 'tools' are specified.", "tool_choice")
        if body.get("parallel_tool_calls") is not None:
            yield Problem("'parallel_tool_calls' is only allowed when 'tools' are specified.", "parallel_tool_calls")
    yield from typed(body, "parallel_tool_calls", (bool,), "a boolean")


def image(url: Any, at: str) -> Iterator[Problem]:
    """An image is an http address, or a data URL of a known type with valid base64."""
    if not isinstance(url, str):
        yield wrong_type(at, url, "a string")
        return
    found = IMAGE_URL.fullmatch(url)
    if found is None:
        if not re.match(r"https?://.", url):
            message = (
                f"Invalid '{at}': expected an http(s) URL or a data URL in base64, such as 'data:image/png;base64,...'"
            )
            yield Problem(message, at, "invalid_image_url")
        return
    if found["type"] not in IMAGE_TYPES:
        yield Problem(
            f"Invalid MIME type {found['type']!r}. Only image types are supported.", at, "invalid_image_format"
        )
    yield from base64_data(found["data"], at)


def base64_data(data: str, at: str) -> Iterator[Problem]:
    """The data is base64, and not empty."""
    try:
        if base64.b64decode(data, validate=True):
            return
    except (ValueError, binascii.Error):
        pass
    yield Problem(f"Invalid base64 data in '{at}'.", at, "invalid_base64_image")
