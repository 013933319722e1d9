"""Rules for what gateways do to tools: enums of numbers are removed, and texts of inputs are escaped or unescaped."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import shown, streamed
from messages_conformance.rules.catalogue import ANTHROPIC, LOSES, RUN, rule
from messages_conformance.rules.input_values import (
    Call,
    calls_of_run,
    finding_in,
    has_other_type,
    repeating,
    schema_of,
    tool_of,
)
from messages_conformance.rules.recording_parts import REQUEST
from messages_conformance.rules.verdict import MUST, Finding, Unverified

MIN_CALLS: Final = 4
"""At least this many calls must have a number outside its enum, and a text inside (our own: a model reads both or
none)."""

MIN_STRICT: Final = 2
"""At least this many calls of strict tools, which no model can write against their enums, must be changed (our own)."""

SHOWN_CHARS: Final = 160
"""How much of a changed value a finding quotes (our own)."""

MIN_STATED: Final = 2
"""At least this many calls of each form, whole and streamed, must have the same change of a stated text (our own)."""


def _properties(call: Call) -> Mapping[str, Any]:
    properties = schema_of(call).get("properties")
    return properties if isinstance(properties, dict) else {}


def _choices(call: Call, kind: type) -> Iterator[tuple[str, list[Any]]]:
    """The members of a call whose schema has an enum of values of one type only."""
    for name, schema in _properties(call).items():
        choices = schema.get("enum") if isinstance(schema, dict) else None
        if name in call[2]["input"] and isinstance(choices, list) and choices and all(type(x) is kind for x in choices):
            yield name, choices


def _is_asked(call: Call, choices: Iterable[Any]) -> bool:
    """Whether the question names one of these values."""
    question = str(call[0].request.fields.get("messages"))
    return any(str(choice) in question for choice in choices)


@rule(
    "response.content.tool_use-number-enum",
    MUST,
    harm=LOSES,
    families={ANTHROPIC},
    source=f"{sources.TOOLS}; NousResearch/hermes-agent#15082 (GitHub), read 2026-11-30",
    over=RUN,
    model_dependent=True,
    needs={"tools", "tool-choice", "forced-tools"},
    capability="forced-tools",
    reads={REQUEST},
    provoked="A tool with an enum of texts and an enum of numbers is called; the question names none of the values.",
)
def passes_enums_of_numbers_on(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """An enum of numbers reaches the model, as an enum of texts does: not every call has another number."""
    calls = [call for call in calls_of_run(exchanges) if tool_of(call).get("strict") is not True]
    read = [call for call in calls if _reads_enums_of_texts(call)]
    numbers = [
        (call, name, choices)
        for call in read
        for name, choices in _choices(call, int)
        if not _is_asked(call, choices) and type(call[2]["input"][name]) in (int, float)
    ]
    outside = [(call, name, choices) for call, name, choices in numbers if call[2]["input"][name] not in choices]
    if len(outside) == len(numbers) >= MIN_CALLS:
        call, name, choices = outside[0]
        found = f"{shown(call[2]['input'][name])}, and a number outside the enum in all {len(outside)} calls"
        wanted = f"one of {shown(choices)}; the enums of texts in the same calls are kept"
        yield finding_in(call, f"/{name}", found, wanted)
    elif len(outside) == len(numbers):
        yield Unverified(reason=f"fewer than {MIN_CALLS} calls have an enum of texts that is kept and one of numbers")


def _reads_enums_of_texts(call: Call) -> bool:
    """Whether a call keeps an enum of texts that the question does not name."""
    texts = [(name, choices) for name, choices in _choices(call, str) if not _is_asked(call, choices)]
    return bool(texts) and all(call[2]["input"][name] in choices for name, choices in texts)


# -- entities -------------------------------------------------------------------------------------------------------


def _decoded(text: str) -> str:
    """The text without any entity, however often it was escaped."""
    while (once := html.unescape(text)) != text:
        text = once
    return text


def _written_as_entities(text: str) -> set[str]:
    """What programs make of a text that they escape."""
    quoted = html.escape(text)
    return {
        html.escape(text, quote=False),
        quoted,
        quoted.replace("&#x27;", "&#39;"),
        quoted.replace("&#x27;", "&apos;"),
        quoted.replace("&#x27;", "'"),
    } - {text}


def _change(text: str, given: Any) -> str:
    """How a program changed a text: in words; empty if it did not, or if the change is another one."""
    if not isinstance(given, str) or given == text:
        return ""
    if given in _written_as_entities(text):
        return "is written with entities"
    return "has its entities decoded" if given in (html.unescape(text), _decoded(text)) else ""


def _changed_choice(call: Call) -> tuple[str, str]:
    """The first member of a call whose text is a changed value of its enum, and how it was changed."""
    for name, choices in _choices(call, str):
        given = call[2]["input"][name]
        changes = [_change(choice, given) for choice in choices] if given not in choices else []
        if change := next(filter(None, changes), ""):
            return name, change
    return "", ""


def _may_change(call: Call) -> bool:
    """Whether an enum of a call has a text that escaping or decoding changes."""
    return any(
        html.escape(one) != one or html.unescape(one) != one for _, texts in _choices(call, str) for one in texts
    )


@rule(
    "response.content.tool_use-entities",
    MUST,
    harm=LOSES,  # the tool writes entities into a file, or runs another command
    families={ANTHROPIC},
    source="langchain-ai/deepagents#2956, tetsuo-ai/AgenC#1280, smg-project/smg#1888 (GitHub), read 2026-11-30",
    over=RUN,
    model_dependent=True,
    needs={"tools"},
    reads={REQUEST},
    provoked="Tools are called with markup and entities: strict tools with an enum of them, and with a stated input.",
)
def keeps_entities_of_inputs(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """Markup and entities in the input of a tool call are what the model wrote: nothing is escaped or decoded."""
    strict = [call for call in calls_of_run(exchanges) if tool_of(call).get("strict") is True and _may_change(call)]
    changed = [(call, *found) for call in strict if (found := _changed_choice(call))[0]]
    if len(changed) == len(strict) >= MIN_STRICT:
        call, name, change = changed[0]
        given = shown(call[2]["input"][name])
        found_words = f"{given}, which {change}; so in all {len(changed)} calls of strict tools"
        yield finding_in(call, f"/{name}", found_words, f"one of {shown(_properties(call)[name]['enum'])}")
        return
    if any(call[2]["input"][name] in texts for call in strict for name, texts in _choices(call, str)):
        return  # a strict call has the text as it is: what other calls have, the model wrote
    yield from _changed_stated_text(exchanges)


def _changed_stated_text(exchanges: Sequence[Exchange]) -> Iterator[Finding | Unverified]:
    """A finding if all calls, whole and streamed, have the same change of a text that the question states."""
    stated = [(input_, call) for input_, calls in repeating(exchanges) for call in calls]
    texts = {
        name: value
        for input_, _ in stated
        for name, value in input_.items()
        if isinstance(value, str) and html.escape(value, quote=False) != value and html.unescape(value) != value
    }
    for name, text in texts.items():
        calls = [call for input_, call in stated if input_.get(name) == text]
        changes = {_change(text, call[2]["input"].get(name)) for call in calls}
        forms = [sum(streamed(call[0]) is form for call in calls) for form in (True, False)]
        if len(changes) == 1 and "" not in changes and min(forms) >= MIN_STATED:
            found = f"{shown(calls[0][2]['input'][name], 160)}, which {changes.pop()}; so in all {len(calls)} calls"
            yield finding_in(calls[0], f"/{name}", found, shown(text, 160))
            return
        if any(call[2]["input"].get(name) == text for call in calls):
            return
    yield Unverified(reason="no tool was called with markup and entities that are known")


# -- texts with one possible value ------------------------------------------------------------------------------------


def _only_value(schema: Any) -> list[Any]:
    """The only value that a schema allows, in a list; empty if it allows several. A list may repeat its only item."""
    schema = schema if isinstance(schema, dict) else {}
    choices = schema.get("enum")
    if schema.get("type") == "null":
        return [None]
    if schema.get("type") == "array":
        item = _only_value(schema.get("items"))
        return [item] if item else []
    is_single = isinstance(choices, list) and len(choices) == 1 and isinstance(choices[0], str | int | float)
    return list(choices) if is_single and not isinstance(choices[0], bool) else []


def _only_choices(call: Call) -> dict[str, Any]:
    """The required members of a call whose schema allows one value only, with this value."""
    required = schema_of(call).get("required")
    only = {name: _only_value(schema) for name, schema in _properties(call).items()}
    return {name: value[0] for name, value in only.items() if value and isinstance(required, list) and name in required}


def _is_only(value: Any, given: Any) -> bool:
    """Whether a value is the only one that is allowed; a list may have its only item any number of times."""
    if isinstance(value, list):
        return isinstance(given, list) and all(_is_only(value[0], item) for item in given)
    if isinstance(value, int | float):
        return isinstance(given, int | float) and not isinstance(given, bool) and given == value
    return type(given) is type(value) and given == value


def _wrong_choices(call: Call) -> dict[str, str]:
    """The members that have another value, or are missing, in words.

    Other requirements judge changes of entities, and values that come as their JSON text.
    """
    wrong, given = {}, call[2]["input"]
    for name, value in _only_choices(call).items():
        if name not in given:
            wrong[name] = "absent"
        elif not _is_only(value, given[name]) and not _is_changed_otherwise(value, given[name]):
            wrong[name] = shown(given[name], SHOWN_CHARS)
    return wrong


def _is_changed_otherwise(value: Any, given: Any) -> bool:
    """Whether another requirement judges the change of a value: of entities, or to its JSON text."""
    if not isinstance(given, str):
        return False
    return bool(_change(value, given)) if isinstance(value, str) else has_other_type(value, given)


@rule(
    "response.content.tool_use-only-choice",
    MUST,
    harm=LOSES,
    families={ANTHROPIC},
    source="NousResearch/hermes-agent#42801, openclaw/openclaw#14634, router-for-me/CLIProxyAPI#1542 (GitHub), "
    "read 2026-11-30",
    over=RUN,
    model_dependent=True,
    needs={"tools", "strict-tools"},
    capability="strict-tools",
    reads={REQUEST},
    provoked="A strict tool has members with one possible value: texts, long ones too, numbers and a list.",
)
def keeps_the_only_choice(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """A member of a strict tool that can have one value only has this value: it is neither changed nor lost."""
    calls = [call for call in calls_of_run(exchanges) if tool_of(call).get("strict") is True and _only_choices(call)]
    wrong = [_wrong_choices(call) for call in calls]
    if len(calls) < MIN_STRICT:
        yield Unverified(reason="fewer than two calls of strict tools with one possible value")
        return
    # A server that ignores strict gets other values wrong, too, or other ones from call to call.
    steady = all(one == wrong[0] for one in wrong) and len(wrong[0]) < len(_only_choices(calls[0]))
    if wrong[0] and steady:
        name, found = next(iter(wrong[0].items()))
        value = _only_choices(calls[0])[name]
        how = _how_it_changed(value, calls[0][2]["input"].get(name))
        found = f"{how}{found} in place of {shown(value, SHOWN_CHARS)}, in all {len(calls)} calls of strict tools"
        yield finding_in(calls[0], f"/{name}", found, shown(value, SHOWN_CHARS))


def _how_it_changed(value: Any, given: Any) -> str:
    """What a program did to a text, as the beginning of a phrase; empty when that is not known."""
    if not isinstance(value, str) or not isinstance(given, str):
        return ""
    changes = {
        "in capital letters": value.upper(),
        "in small letters": value.lower(),
        "with a first letter in capitals": value.capitalize(),
        "without its blanks at the ends": value.strip(),
        "escaped once more": json.dumps(value)[1:-1],
        "with escapes in place of its characters": value.encode("ascii", "backslashreplace").decode(),
    }
    how = next((words for words, changed in changes.items() if changed == given), "")
    return f"a text {how}: " if how else ""
