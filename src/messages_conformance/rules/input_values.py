"""Rules for the inputs of tool calls over a run: the integers, enums, texts and objects.

One call shows nothing about the target, because the model writes the input. So all calls of a kind must have the same
fault, and the rest of the inputs must be what was asked for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import (
    blocks_of,
    count,
    has_message,
    in_message,
    is_broken_stream,
    message_of,
    shown,
    stop_reason_of,
    streamed,
    usage_of,
)
from messages_conformance.rules.catalogue import ANTHROPIC, BREAKS, LOSES, RUN, rule
from messages_conformance.rules.offered_tools import offered_tools
from messages_conformance.rules.recording_parts import REQUEST
from messages_conformance.rules.verdict import MUST, Finding, Unverified

STATED: Final = "with exactly this input: "
"""The words before an input that the question states in JSON, to the end of the question."""

LARGEST_EXACT: Final = 2**53
"""The largest integer up to which a double holds every integer (IEEE 754)."""

MIN_STATED: Final = 2
"""At least this many calls of one form must have the same change of a stated value (our own)."""

MIN_EXACT_SHARE: Final = 0.5
"""At least this share of the stated members is right, so that the model repeats the input (our own)."""

MIN_INTEGERS: Final = 3
"""At least this many integers must all be floats (our own: no model writes 36.0 for 36 each time)."""

MIN_OUTSIDE: Final = 4
"""At least this many values must all be outside their enum, although the question names one of its values (our own)."""

PYTHON_WORDS: Final = ("True", "False", "None")
"""How programs in Python write true, false and null as text."""

YAML_WORDS: Final = {"yes": True, "no": False, "on": True, "off": False}
"""Words that are no texts in YAML 1.1."""

NUMBER: Final = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,15})?")
"""A number, with zeros in front of it or without."""

KINDS: Final[Mapping[type, str]] = {str: "the string", dict: "the object", list: "the list"}
"""Words for a value of the wrong type."""

SHOWN_CHARS: Final = 160
"""How much of a changed value a finding quotes (our own)."""

Call = tuple[Exchange, int, Mapping[str, Any]]
"""An answer, the position of a call in its content, and the call."""


def calls_of_run(exchanges: Sequence[Exchange]) -> Iterator[Call]:
    """The complete calls of all answers, with an input that is an object."""
    for exchange in exchanges:
        if not has_message(exchange) or stop_reason_of(exchange) != "tool_use":
            continue
        if is_broken_stream(exchange):
            continue
        for number, block in enumerate(blocks_of(exchange)):
            if block.get("type") == "tool_use" and isinstance(block.get("input"), dict):
                yield exchange, number, block


def tool_of(call: Call) -> Mapping[str, Any]:
    """The tool that is called; empty if the request has none of that name."""
    exchange, _, block = call
    return next((tool for tool in offered_tools(exchange) if tool.get("name") == block.get("name")), {})


def schema_of(call: Call) -> Mapping[str, Any]:
    """The schema of the input of a call; empty if it is not an object."""
    schema = tool_of(call).get("input_schema")
    return schema if isinstance(schema, dict) else {}


def _properties(call: Call) -> Mapping[str, Any]:
    properties = schema_of(call).get("properties")
    return properties if isinstance(properties, dict) else {}


def _question(exchange: Exchange) -> str:
    messages = exchange.request.fields.get("messages")
    last = messages[-1] if isinstance(messages, list) and messages else None
    content = last.get("content") if isinstance(last, dict) else None
    return content if isinstance(content, str) else ""


def _stated(exchange: Exchange) -> Mapping[str, Any] | None:
    """The input that the question states; None if it states none."""
    _, found, text = _question(exchange).partition(STATED)
    if not found:
        return None
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def finding_in(call: Call, member: str, found: str, wanted: str) -> Finding:
    """A finding about a member of the input of a call; `member` is its pointer, or empty for the whole input."""
    exchange, number, _ = call
    place = in_message(exchange, f"/content/{number}/input{member}")
    return Finding(exchange=exchange.number, place=place, found=found, wanted=wanted)


def repeating(exchanges: Sequence[Exchange]) -> Iterator[tuple[Mapping[str, Any], list[Call]]]:
    """The stated inputs, each with the calls of one form that repeat most of it."""
    forms: dict[tuple[str, bool], list[Call]] = {}
    for call in calls_of_run(exchanges):
        stated = _stated(call[0])
        if stated is not None and _exact_share(stated, call[2]["input"]) >= MIN_EXACT_SHARE:
            forms.setdefault((json.dumps(stated, sort_keys=True), streamed(call[0])), []).append(call)
    for (text, _), calls in forms.items():
        yield json.loads(text), calls


def _exact_share(stated: Mapping[str, Any], given: Mapping[str, Any]) -> float:
    """The share of the stated values, except empty ones, that a call repeats, those of another type included."""
    alike = [
        is_same(value, given.get(name)) or has_other_type(value, given.get(name))
        for name, value in stated.items()
        if not is_empty(value)
    ]
    return sum(alike) / max(1, len(alike))


def is_empty(value: Any) -> bool:
    """Whether `if value` is false in the languages of the field: "", 0, false, null, [] or {}."""
    return value is None or value in ("", 0, [], {})


def is_same(one: Any, other: Any) -> bool:
    """Whether two values of JSON are equal and of the same type."""
    return type(one) is type(other) and json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


@rule(
    "response.content.tool_use-numbers",
    MUST,
    harm=LOSES,
    families={ANTHROPIC},
    source="earendil-works/pi#8943, google/adk-python#3592 (GitHub), read 2026-11-30",
    over=RUN,
    model_dependent=True,
    needs={"tools"},
    reads={REQUEST},
    provoked="A tool is called with integers, some of them above 2^53, that the question states.",
)
def keeps_the_integers_of_inputs(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """Integers in the input of a tool call are exact, also above 2^53, and no floats where the schema says integer."""
    exact = False
    for stated, calls in repeating(exchanges):
        large = [name for name, value in stated.items() if type(value) is int and abs(value) > LARGEST_EXACT]
        rounded = [name for name in large if all(_is_rounded(call, name, stated[name]) for call in calls)]
        exact = exact or any(call[2]["input"].get(name) == stated[name] for call in calls for name in large)
        if large and len(rounded) == len(large) and len(calls) >= MIN_STATED:
            name = rounded[0]
            found = f"{shown(calls[0][2]['input'][name])} in {len(calls)} calls"
            yield finding_in(calls[0], f"/{name}", found, str(stated[name]))
            return
    integers = [
        (call, name) for call in calls_of_run(exchanges) for name in call[2]["input"] if _is_integer(call, name)
    ]
    floats = [(call, name) for call, name in integers if isinstance(call[2]["input"][name], float)]
    if len(floats) >= MIN_INTEGERS and len(floats) == len(integers):
        call, name = floats[0]
        found = f"{call[2]['input'][name]}, and a float in each of {len(floats)} integers"
        yield finding_in(call, f"/{name}", found, "an integer: the schema says so")
    elif not exact and len(integers) < MIN_INTEGERS:
        yield Unverified(reason="no tool was called with integers")


def _is_rounded(call: Call, name: str, value: int) -> bool:
    """Whether a call has what a double makes of an integer."""
    given = call[2]["input"].get(name)
    return type(given) in (int, float) and given == float(value) and json.dumps(given) != str(value)


def _is_integer(call: Call, name: str) -> bool:
    """Whether a member of an input is a whole number that its schema wants as an integer."""
    schema, value = _properties(call).get(name), call[2]["input"][name]
    whole = type(value) is int or (isinstance(value, float) and value.is_integer())
    return whole and abs(value) <= LARGEST_EXACT and isinstance(schema, dict) and schema.get("type") == "integer"


@rule(
    "response.content.tool_use-enum",
    MUST,
    harm=BREAKS,
    families={ANTHROPIC},
    source=sources.TOOLS,
    over=RUN,
    model_dependent=True,
    needs={"tools"},
    reads={REQUEST},
    provoked="A tool whose input has an enum is called, and the question names one of its values.",
)
def keeps_to_the_enum(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """A value of an input whose schema has an enum is one of its values; it is not another one in every call."""
    values = [
        (call, name) for call in calls_of_run(exchanges) for name in call[2]["input"] if _names_a_choice(call, name)
    ]
    outside = [(call, name) for call, name in values if not _is_choice(call, name)]
    if len(values) < MIN_OUTSIDE:
        yield Unverified(reason=f"fewer than {MIN_OUTSIDE} calls have a value with an enum that the question names")
    elif len(outside) == len(values):
        call, name = outside[0]
        found = f"{shown(call[2]['input'][name])}, and a value outside the enum in all {len(outside)} calls"
        yield finding_in(call, f"/{name}", found, f"one of {shown(_properties(call)[name]['enum'])}")


def _names_a_choice(call: Call, name: str) -> bool:
    """Whether the question names a value of the enum of a member; strict tools have another requirement."""
    if tool_of(call).get("strict") is True:
        return False
    schema, asked = _properties(call).get(name), _question(call[0]).lower()
    choices = schema.get("enum") if isinstance(schema, dict) else None
    return isinstance(choices, list) and any(isinstance(one, str) and one.lower() in asked for one in choices)


def _is_choice(call: Call, name: str) -> bool:
    """Whether a value is in its enum; a model may write it in other letters."""
    given = str(call[2]["input"][name]).strip().lower()
    return given in {str(choice).lower() for choice in _properties(call)[name]["enum"]}


@rule(
    "response.content.tool_use-values",
    MUST,
    harm=LOSES,
    families={ANTHROPIC},
    source="vllm-project/vllm#46924, earendil-works/pi#9931, jundot/omlx#2646, decolua/9router#3416 (GitHub), "
    "read 2026-11-30",
    over=RUN,
    model_dependent=True,
    needs={"tools"},
    reads={REQUEST},
    provoked="A tool is called with a long text, JSON text and a nested object that the question states.",
)
def keeps_the_values_of_inputs(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """The texts and objects in the input of a tool call are what the model wrote, of the same type, streamed or not."""
    runs: dict[str, tuple[Mapping[str, Any], list[list[Call]]]] = {}
    for stated, calls in repeating(exchanges):
        runs.setdefault(json.dumps(stated, sort_keys=True), (stated, []))[1].append(calls)
    exact = False
    for stated, forms in runs.values():
        if found := _changed_value(stated, forms):
            yield found
            return
        names = _compared(stated)
        exact = exact or any(_are_exact(stated, names, calls) for calls in forms)
    if not exact:
        yield Unverified(reason="no call repeats the stated texts and objects, so that the model may have changed them")


def _compared(stated: Mapping[str, Any]) -> list[str]:
    """The members that are no integers; another requirement judges the values of those."""
    return [name for name, value in stated.items() if type(value) is not int]


def _are_exact(stated: Mapping[str, Any], names: list[str], calls: list[Call]) -> bool:
    """Whether all calls repeat these members exactly; False for no member."""
    return bool(names) and all(is_same(stated[name], call[2]["input"].get(name)) for call in calls for name in names)


def _changed_value(stated: Mapping[str, Any], forms: list[list[Call]]) -> Finding | None:
    """What the target changed in the calls with one stated input: all of one form, or of tools that do not require it.

    The forms are whole and streamed.
    """
    if len(forms) < len((True, False)) or any(len(calls) < MIN_STATED for calls in forms):
        return None
    calls = [call for form in forms for call in form]
    for name in stated:
        if all(has_other_type(stated[name], call[2]["input"].get(name)) for call in calls):
            return _retyped(stated, name, calls)
    if not _has_written_the_same(calls):
        return None
    for name in _compared(stated):
        for right, wrong in (forms, forms[::-1], _by_need(calls, name)):
            if not wrong or _have_lost_an_empty_value(stated[name], name, wrong):
                continue
            if _are_exact(stated, [name], right) and _have_one_other_value(stated[name], name, wrong):
                return _changed(stated, name, right, wrong)
    return None


def _by_need(calls: list[Call], name: str) -> tuple[list[Call], list[Call]]:
    """The calls of tools that require a member, and those of tools that do not; none if there are too few."""
    needing = [call for call in calls if name in (schema_of(call).get("required") or ())]
    others = [call for call in calls if call not in needing]
    return (needing, others) if min(len(needing), len(others)) >= MIN_STATED else ([], [])


def _has_written_the_same(calls: list[Call]) -> bool:
    """Whether the model wrote as many tokens for each call, in answers that are not one answer from a cache."""
    messages = {shown((message_of(exchange) or {}).get("id")) for exchange, _, _ in calls}
    return len(messages) == len(calls) and len({count(usage_of(call[0]), "output_tokens") for call in calls}) == 1


def has_other_type(value: Any, given: Any) -> bool:
    """Whether a text came as the value that it states in JSON, or another value as its JSON text."""
    text, parsed = (value, given) if isinstance(value, str) else (given, value)
    if not isinstance(text, str) or isinstance(parsed, str):
        return False
    if text in YAML_WORDS:
        return parsed is YAML_WORDS[text]
    if NUMBER.fullmatch(text):  # "007", which is no number in JSON, is one for a parser of markup
        return type(parsed) in (int, float) and parsed == float(text)
    try:
        return is_same(json.loads(text.lower() if text in PYTHON_WORDS else text), parsed)
    except (ValueError, RecursionError):
        return False


def _retyped(stated: Mapping[str, Any], name: str, calls: list[Call]) -> Finding | None:
    """A finding if the model repeats all other texts exactly, so that it did not change the type by itself."""
    others = [other for other, value in stated.items() if isinstance(value, str) and other != name]
    texts = [other for other in others if not _is_choice_of(calls[0], other)]
    others = [other for other in texts if not has_other_type(stated[other], calls[0][2]["input"].get(other))]
    if not _are_exact(stated, others, calls):
        return None
    given = calls[0][2]["input"][name]
    kind = KINDS.get(type(given), "the value")
    wanted = f"{shown(stated[name])}, as the question states it and the schema says"
    return finding_in(calls[0], f"/{name}", f"{kind} {shown(given)} in all {len(calls)} calls", wanted)


def _is_choice_of(call: Call, name: str) -> bool:
    """Whether a member has an enum, which another requirement judges."""
    schema = _properties(call).get(name)
    return isinstance(schema, dict) and "enum" in schema


def _have_lost_an_empty_value(value: Any, name: str, calls: list[Call]) -> bool:
    """Whether a stated empty value is another one or absent in all calls, which another requirement judges."""
    return is_empty(value) and all(is_empty(call[2]["input"].get(name)) for call in calls)


def _have_one_other_value(value: Any, name: str, calls: list[Call]) -> bool:
    """Whether all calls have the same value for a member, and another one than the stated value."""
    given = calls[0][2]["input"].get(name)
    return not is_same(value, given) and all(is_same(given, call[2]["input"].get(name)) for call in calls)


def _changed(stated: Mapping[str, Any], name: str, right: list[Call], wrong: list[Call]) -> Finding:
    given = wrong[0][2]["input"].get(name, "nothing")
    found = f"{shown(given, SHOWN_CHARS)} in {len(wrong)} {_kind(wrong, name)}"
    wanted = f"{shown(stated[name], SHOWN_CHARS)}, as in the {_kind(right, name)}, which have as many output tokens"
    return finding_in(wrong[0], f"/{name}", found, wanted)


def _kind(calls: list[Call], name: str) -> str:
    """What some calls have in common: their form, or whether their tool requires a member."""
    if len({streamed(call[0]) for call in calls}) == 1:
        return "streamed answers" if streamed(calls[0][0]) else "whole answers"
    requires = name in (schema_of(calls[0]).get("required") or ())
    return f"calls of a tool that {'requires' if requires else 'does not require'} it"
