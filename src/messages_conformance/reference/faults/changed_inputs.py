"""The values in the inputs of tool calls are changed as parsers of XML and YAML, templates and serializers do it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Any, Final

from messages_conformance.reference.changes import Stage
from messages_conformance.reference.edits import Json
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.faults.input_values import is_integer, map_inputs, map_values
from messages_conformance.reference.faults.lost_beside_thinking import map_texts

ONLY_CHOICE: Final = "response.content.tool_use-only-choice"
SCHEMA: Final = "response.content.tool_use-input-schema"
ALTERED: Final = "response.content.tool_use-altered"
CHARACTERS: Final = "response.content.tool_use-characters"
VALUES: Final = "response.content.tool_use-values"
MOST_CHARS: Final = 400
"""A buffer of a text in the input of a call (our own)."""

WORDS: Final = {"true": True, "yes": True, "false": False, "no": False, "null": None}
TEMPLATE: Final = re.compile(r"\$\{\w*\}|\{\{\w*\}\}")


def each_text(change: Callable[[str], str]) -> Callable[[Json], Json]:
    """A change of every text inside the input of a call."""
    return lambda message: map_inputs(message, lambda given, _: map_texts(given, change))


def each_value(change: Callable[[Any], Any]) -> Callable[[Json], Json]:
    """A change of every value inside the input of a call."""
    return lambda message: map_inputs(message, lambda given, _: map_values(given, change))


@fault(
    "tools", trips={ONLY_CHOICE, SCHEMA, VALUES}, at=Stage.MESSAGE, seen="lablup/mlxcel#1575; sgl-project/sglang#30253"
)
def write_texts_of_digits_as_numbers(message: Json) -> Json:
    """A text of digits in the input of a tool call comes as a number."""
    return each_value(lambda value: int(value) if isinstance(value, str) and value.isdecimal() else value)(message)


@fault("tools", trips={ONLY_CHOICE, SCHEMA, VALUES}, at=Stage.MESSAGE, seen="lablup/mlxcel#1575")
def write_words_as_booleans(message: Json) -> Json:
    """The texts true, false, yes, no and null in the input of a tool call come as booleans or null."""
    return each_value(lambda value: WORDS.get(value, value) if isinstance(value, str) else value)(message)


@fault("tools", trips={ONLY_CHOICE, SCHEMA, ALTERED}, at=Stage.MESSAGE)
def write_lists_of_one_as_their_item(message: Json) -> Json:
    """A list of one item in the input of a tool call comes as this item."""
    return each_value(lambda value: value[0] if isinstance(value, list) and len(value) == 1 else value)(message)


@fault("tools", trips={ONLY_CHOICE, SCHEMA, ALTERED}, at=Stage.MESSAGE)
def write_names_of_members_in_camel_case(message: Json) -> Json:
    """The names of members in the input of a tool call lose their underscores."""

    def renamed(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {re.sub(r"_(\w)", lambda found: found[1].upper(), name): item for name, item in value.items()}

    return each_value(renamed)(message)


@fault("tools", trips={ONLY_CHOICE, SCHEMA, ALTERED}, at=Stage.MESSAGE)
def cut_long_texts_of_inputs(message: Json) -> Json:
    """A text in the input of a tool call is cut after 400 characters."""
    return each_text(lambda text: text[:MOST_CHARS])(message)


@fault("tools", trips={ONLY_CHOICE, SCHEMA, CHARACTERS}, at=Stage.MESSAGE)
def normalize_texts_of_inputs(message: Json) -> Json:
    """The texts in the input of a tool call come in the composed form of Unicode."""
    return each_text(lambda text: unicodedata.normalize("NFC", text))(message)


@fault("tools", trips={ONLY_CHOICE, SCHEMA, CHARACTERS}, at=Stage.MESSAGE)
def write_tabs_of_inputs_as_blanks(message: Json) -> Json:
    """A tab in the input of a tool call comes as four blanks."""
    return each_text(lambda text: text.replace("\t", "    "))(message)


@fault("tools", trips={ONLY_CHOICE, SCHEMA, CHARACTERS}, at=Stage.MESSAGE)
def write_line_breaks_of_inputs_in_one_form(message: Json) -> Json:
    """A carriage return before a line feed is lost in the input of a tool call."""
    return each_text(lambda text: text.replace("\r\n", "\n"))(message)


@fault("tools", trips={ONLY_CHOICE, SCHEMA, ALTERED}, at=Stage.MESSAGE)
def expand_templates_in_inputs(message: Json) -> Json:
    """The placeholders of templates in the input of a tool call are replaced by nothing."""
    return each_text(lambda text: TEMPLATE.sub("", text))(message)


@fault("tools", trips={ONLY_CHOICE, SCHEMA, ALTERED}, at=Stage.MESSAGE)
def lose_the_signs_of_numbers(message: Json) -> Json:
    """Negative numbers in the input of a tool call lose their sign."""
    return each_value(lambda value: abs(value) if is_integer(value) or isinstance(value, float) else value)(message)


@fault("tools", trips={ONLY_CHOICE, SCHEMA}, at=Stage.MESSAGE)
def drop_members_that_are_null(message: Json) -> Json:
    """Members with null are left out of the input of a tool call."""

    def without_null(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {name: item for name, item in value.items() if item is not None}

    return each_value(without_null)(message)
