"""The rule for empty values in the inputs of tool calls: "", 0, false, null, [] and {} are values like any other.

A program that asks `if value` instead of `if value is present` drops them. A model may leave them out, too. So calls
with a stated input are compared: whole ones with streamed ones, and the empty values with the rest.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules.accessors import json_key, streamed
from messages_conformance.rules.catalogue import ANTHROPIC, LOSES, RUN, rule
from messages_conformance.rules.input_values import Call, finding_in, is_empty, is_same, repeating
from messages_conformance.rules.recording_parts import REQUEST
from messages_conformance.rules.verdict import MUST, Finding, Unverified

MIN_CALLS: Final = 2
"""At least this many calls of one form must have lost the same value (our own)."""

MIN_CALLS_OF_ONE_FORM: Final = 4
"""If no call shows that the model writes empty values, at least this many calls must have lost them all and kept all
other values (our own)."""


def has_lost(stated: Any, given: Mapping[str, Any], name: str) -> bool:
    """Whether an empty value of a stated input is absent, or another empty value."""
    if not is_empty(stated):
        return False
    return name not in given or (is_empty(given[name]) and not is_same(stated, given[name]))


@rule(
    "response.content.tool_use-empty-values",
    MUST,
    harm=LOSES,  # an argument that is required is missing, so that the tool fails
    families={ANTHROPIC},
    source="diegosouzapw/OmniRoute#4959 (GitHub), read 2026-11-30",
    over=RUN,
    model_dependent=True,
    needs={"tools"},
    reads={REQUEST},
    provoked="A tool is called with an empty text, list and object, 0 and false that the question states.",
)
def keeps_empty_values_of_inputs(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """Empty values in the input of a tool call (an empty text, list or object, 0, false) are kept, streamed or not."""
    forms: dict[bytes, list[tuple[Mapping[str, Any], list[Call]]]] = defaultdict(list)
    for stated, calls in repeating(exchanges):
        if any(map(is_empty, stated.values())):
            forms[json_key(stated)].append((stated, calls))
    kept = False
    for same in forms.values():
        stated = same[0][0]
        everywhere = [call for _, calls in same for call in calls]
        for name in filter(lambda name: is_empty(stated[name]), stated):
            right = [call for call in everywhere if name in call[2]["input"] and not _lost(stated, call, name)]
            kept = kept or bool(right)
            for _, calls in same:
                wrong = [call for call in calls if _lost(stated, call, name)]
                if len(wrong) == len(calls) >= MIN_CALLS and len(right) >= MIN_CALLS:
                    yield _finding(stated, name, wrong, "as in the other calls")
                    return
        if len(everywhere) >= MIN_CALLS_OF_ONE_FORM and all(_has_only_the_rest(stated, call) for call in everywhere):
            name = next(name for name in stated if _lost(stated, everywhere[0], name))
            yield _finding(stated, name, everywhere, "as the question states it: all other values are exact")
            return
    if not kept:
        yield Unverified(reason="no tool was called with an empty value")


def _lost(stated: Mapping[str, Any], call: Call, name: str) -> bool:
    return has_lost(stated[name], call[2]["input"], name)


def _has_only_the_rest(stated: Mapping[str, Any], call: Call) -> bool:
    """Whether a call has every value of a stated input exactly, and none of several empty ones."""
    given = call[2]["input"]
    lost = [name for name in stated if is_empty(stated[name])]
    rest = [name for name in stated if name not in lost]
    return (
        len(lost) > 1
        and all(name not in given for name in lost)
        and all(name in given and is_same(stated[name], given[name]) for name in rest)
    )


def _finding(stated: Mapping[str, Any], name: str, calls: Sequence[Call], why: str) -> Finding:
    given = calls[0][2]["input"]
    value = json.dumps(given[name]) if name in given else "no such member"
    forms = {"streamed " if streamed(call[0]) else "whole " for call in calls}
    found = f"{value} in {len(calls)} {forms.pop() if len(forms) == 1 else ''}calls"
    return finding_in(calls[0], f"/{name}", found, f"{json.dumps(stated[name])}, {why}")
