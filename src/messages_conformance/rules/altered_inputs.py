"""Rules for changes that a program makes in the inputs of all tool calls, whole and streamed.

The model writes the input, so a wrong value shows nothing about the target by itself. These changes do: no model makes
them in every call while it repeats the other values that the question states.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import has_message, json_key, shown, text_of
from messages_conformance.rules.catalogue import ANTHROPIC, LOSES, RUN, rule
from messages_conformance.rules.echoed_text import requested_text
from messages_conformance.rules.input_values import SHOWN_CHARS, Call, finding_in, is_same, repeating
from messages_conformance.rules.recording_parts import REQUEST
from messages_conformance.rules.verdict import MUST, SHOULD, Finding, Unverified

MIN_CALLS: Final = 4
"""At least this many calls with one stated input must all have the change (our own)."""

SHORTEST_CUT: Final = 40
"""A text that is cut still has this many characters (our own): a model may begin a short one differently."""

PLACEHOLDER: Final = re.compile(r"\$\{[^}]*\}|\{\{[^}]*\}\}|<%[^%]*%>")
"""What a template engine replaces."""

QUOTES: Final = str.maketrans("\u2018\u2019\u201c\u201d\u2013\u2014\u2212", "''\"\"---")
"""Typographic quotes and dashes, and what a keyboard has."""

Stated = Mapping[str, Any]


def folded(text: str) -> str:
    """The text without differences that are hard to see: white space, normal forms, quotes, dashes."""
    return " ".join(unicodedata.normalize("NFKC", text).translate(QUOTES).split())


@rule(
    "response.content.tool_use-altered",
    MUST,
    harm=LOSES,
    families={ANTHROPIC},
    source=sources.TOOLS,
    over=RUN,
    model_dependent=True,
    needs={"tools"},
    reads={REQUEST},
    provoked="A tool is called with long texts, lists, negative numbers and templates that the question states.",
)
def does_not_alter_inputs(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """No program alters the input of a tool call: texts are not cut, lists stay lists, names and signs are kept."""
    kept = False
    for stated, calls in _repeated(exchanges):
        if found := next(_alterations(stated, calls), None):
            yield found
            return
        kept = kept or len(calls) >= MIN_CALLS
    if not kept:
        yield Unverified(reason=f"fewer than {MIN_CALLS} calls repeat an input that a question states")


@rule(
    "response.content.tool_use-characters",
    SHOULD,
    harm=LOSES,
    families={ANTHROPIC},
    source="platform.claude.com/docs/en/agents-and-tools/tool-use/text-editor-tool (old_str must match exactly, white "
    "space included), read 2026-11-30",
    over=RUN,
    model_dependent=True,
    needs={"tools"},
    reads={REQUEST},
    provoked="A tool is called with tabs, line ends and combining characters, which the model also writes as text.",
)
def keeps_the_characters_of_inputs(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """Tabs, line ends and combining characters in the input of a tool call are those that the model wrote."""
    written = {text for exchange in exchanges if (text := _repeated_text(exchange))}
    shows = False
    for stated, calls in _repeated(exchanges):
        for name, value in _texts(stated) if len(calls) >= MIN_CALLS else ():
            given = _common(name, calls)
            if is_same(value, given):
                shows = True
                continue
            if not isinstance(given, str) or folded(given) != folded(value):
                continue
            lost = set(value) - set(given)
            if lost and any(lost <= set(text) for text in written):
                found = f"{shown(given, SHOWN_CHARS)} in all {len(calls)} calls"
                wanted = (
                    f"{shown(value, SHOWN_CHARS)}, as stated; the model writes {_named(lost)} in the text of an answer"
                )
                yield finding_in(calls[0], f"/{name}", found, wanted)
                return
    if not shows:
        yield Unverified(reason="no call repeats a stated text in every answer, so that the model may have changed it")


def _repeated(exchanges: Sequence[Exchange]) -> Iterator[tuple[Stated, list[Call]]]:
    """The stated inputs, each with all calls that repeat most of it, whole and streamed."""
    inputs: dict[bytes, tuple[Stated, list[Call]]] = {}
    for stated, calls in repeating(exchanges):
        inputs.setdefault(json_key(stated), (stated, []))[1].extend(calls)
    yield from inputs.values()


def _repeated_text(exchange: Exchange) -> str | None:
    """The text that the model was asked to say, if the answer has it."""
    text = requested_text(exchange) if has_message(exchange) else None
    return text if text is not None and text in text_of(exchange) else None


def _texts(stated: Stated) -> Iterator[tuple[str, str]]:
    for name, value in stated.items():
        if isinstance(value, str):
            yield name, value


def _common(name: str, calls: list[Call]) -> Any:
    """The value that all calls have; None if they differ or have none."""
    values = [call[2]["input"].get(name) for call in calls]
    return values[0] if all(is_same(values[0], value) for value in values) else None


def _named(characters: set[str]) -> str:
    """Names of characters that print badly."""
    return ", ".join(unicodedata.name(one, f"U+{ord(one):04X}").lower() for one in sorted(characters))


def _alterations(stated: Stated, calls: list[Call]) -> Iterator[Finding]:
    if len(calls) < MIN_CALLS:
        return
    writes_lists = any(
        isinstance(value, list) and len(value) > 1 and _is_kept(stated, name, calls) for name, value in stated.items()
    )
    for name, value in stated.items():
        given = _common(name, calls)
        change = _renamed(name, value, calls) if given is None else _change(value, given, writes_lists=writes_lists)
        if change:
            what, _, altered = change.partition(_VALUE)
            found = f"{what} in all {len(calls)} calls" + (f": {altered}" if altered else "")
            yield finding_in(calls[0], f"/{name}", found, f"{shown(value, SHOWN_CHARS)}, as the question states it")


def _is_kept(stated: Stated, name: str, calls: list[Call]) -> bool:
    return is_same(stated[name], _common(name, calls))


def _renamed(name: str, value: Any, calls: list[Call]) -> str:
    """The other name under which all calls have the value, if it is the same one in camel case; else nothing."""
    first, *words = name.split("_")
    other = first + "".join(word.capitalize() for word in words)
    if other == name or any(name in call[2]["input"] for call in calls):
        return ""
    return f"the name {other}" if is_same(value, _common(other, calls)) else ""


def _change(value: Any, given: Any, *, writes_lists: bool) -> str:
    """What a program did to the value, in words; nothing if a model may have done it."""
    if isinstance(value, str) and isinstance(given, str):
        return _change_of_text(value, given)
    if _is_number(value) and _is_number(given):
        return f"{given}, without its sign" if value == -given and value < 0 else ""
    if isinstance(value, list) and len(value) == 1 and is_same(value[0], given) and writes_lists:
        return f"{shown(given)} in place of a list of one value"
    if isinstance(given, list) and len(given) == 1 and is_same(given[0], value):
        return f"{shown(given)}, a list in place of a value"
    return ""


_VALUE: Final = "\n"
"""What separates the words for a change from a long value, which comes last in a finding."""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _change_of_text(value: str, given: str) -> str:
    if value == given or not given:
        return ""
    if SHORTEST_CUT <= len(given) < len(value) and _is_cut_in_a_word(value, given):
        return f"the first {len(given)} of {len(value)} characters"
    for words, convert in _CONVERSIONS.items():
        if convert(value) == given:
            return f"a text {words}{_VALUE}{shown(given, SHOWN_CHARS)}"
    return ""


def _is_cut_in_a_word(value: str, given: str) -> bool:
    """Whether the text is the beginning of another one, up to the middle of a word: a model ends at its border."""
    return value.startswith(given) and given[-1].isalnum() and value[len(given)].isalnum()


_CONVERSIONS: Final[Mapping[str, Callable[[str], str]]] = {
    "without its placeholders": lambda text: PLACEHOLDER.sub("", text),
    "escaped once more": lambda text: json.dumps(text)[1:-1],
    "with escapes in place of its characters": lambda text: re.sub(
        r"[^\x00-\x7f]", lambda one: ascii(one[0])[1:-1], text
    ),
}
"""What programs make of a text, by what a finding says."""
