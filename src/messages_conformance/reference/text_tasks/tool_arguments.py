"""Which tools a question is about, and the arguments for them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from messages_conformance.reference.text_tasks.prose import STOP_WORDS, main_words

GENERIC_WORDS = frozenset(
    ["get", "set", "do", "run", "call", "make", "fetch", "find", "tool", "function", "lookup", "the"]
)


def is_about_tool(name: str, description: str, question: str) -> bool:
    """Whether a question is about a tool: it names the tool, or every word of the tool's name that is not generic."""
    lowered = question.lower()
    if name.lower() in lowered:
        return True
    words = [word for word in re.split(r"[_\-\s]+|(?<=[a-z])(?=[A-Z])", name) if word.lower() not in GENERIC_WORDS]
    question_words = set(re.findall(r"\w+", lowered))
    return bool(words) and all(word.lower() in question_words or word.lower() + "s" in question_words for word in words)


def subjects(question: str) -> list[str]:
    """The proper names in a question, in order: the things that a tool call is about."""
    names = re.findall(r"(?<!^)(?<![.!?]\s)\b[A-Z][\w'-]+(?:\s[A-Z][\w'-]+)*", question)
    return [name for name in dict.fromkeys(names) if name.lower() not in STOP_WORDS and len(name) > 2]


def stated_input(question: str) -> dict[str, Any] | None:
    """The input that a question states in JSON after "with exactly this input:"; None if it states none."""
    _, found, text = question.partition("with exactly this input:")
    try:
        value = json.loads(text) if found else None
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def sample_value(schema: Mapping[str, Any] | bool, question: str, subject: str = "") -> Any:
    """A value that the schema allows, taken from the question if possible."""
    if isinstance(schema, bool):
        return subject
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return next((value for value in schema["enum"] if str(value).lower() in question.lower()), schema["enum"][0])
    for union in ("anyOf", "oneOf", "allOf"):
        if schema.get(union):
            return sample_value(schema[union][0], question, subject)
    kind = schema.get("type", "object" if "properties" in schema else "string")
    return sample_value_of_type(kind[0] if isinstance(kind, list) and kind else kind, schema, question, subject)


def sample_value_of_type(kind: Any, schema: Mapping[str, Any], question: str, subject: str) -> Any:
    """A value of one JSON type that the schema allows."""
    if kind == "object":
        properties = schema.get("properties") or {}
        required = schema.get("required") or ()
        ordered = sorted(properties, key=lambda name: name not in required)  # required properties come first
        return {name: sample_value(properties[name], question, subject) for name in ordered}
    if kind == "array":
        size = max(1, int(schema.get("minItems", 1)))
        return [sample_value(schema.get("items", {}), question, subject) for _ in range(size)]
    if kind in ("integer", "number"):
        return sample_number(schema, question)
    if kind == "boolean":
        return True
    if kind == "null":
        return None
    text = subject or " ".join(main_words(question)[:3]) or "example"
    return text[: schema.get("maxLength", len(text))].ljust(schema.get("minLength", 0), "x")


def sample_number(schema: Mapping[str, Any], question: str) -> int | float:
    """The first number of the question within the limits of the schema, or its minimum, or 0."""
    low, high = schema.get("minimum", schema.get("exclusiveMinimum", -1) + 1), schema.get("maximum")
    numbers = [int(digits) for digits in re.findall(r"\b\d{1,9}\b", question)]
    fitting: list[int] = [value for value in numbers if value >= low and (high is None or value <= high)]
    return fitting[0] if fitting else low
