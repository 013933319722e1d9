"""Rules for inputs of tool calls that are typed otherwise than the schema says, or filled where nothing was given."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from messages_conformance import contract
from messages_conformance.exchange import Exchange
from messages_conformance.rules.accessors import shown
from messages_conformance.rules.catalogue import ANTHROPIC, BREAKS, LOSES, RUN, rule
from messages_conformance.rules.input_values import Call, calls_of_run, finding_in, repeating, schema_of, tool_of
from messages_conformance.rules.recording_parts import REQUEST
from messages_conformance.rules.tools import STRICT
from messages_conformance.rules.verdict import MUST, SHOULD, Finding, Unverified

MIN_CALLS: Final = 2
"""At least this many calls of strict tools must all have values in the wrong JSON type (our own)."""

MIN_FILLED: Final = 4
"""At least this many calls must all have each optional member (our own: a model adds one now and then)."""

MIN_MEMBERS: Final = 2
"""At least this many optional members must all be filled: a model may want one of them (our own)."""

EMPTY: Final[tuple[Any, ...]] = ("", None, [], {})
"""What programs put in the place of nothing."""


def _decoded(value: Any, schema: Any) -> Any:
    """The value with every string that is JSON text in its place, unless its schema says that it is a string."""
    schema = schema if isinstance(schema, Mapping) else {}
    if isinstance(value, Mapping):
        properties = schema.get("properties")
        known = properties if isinstance(properties, Mapping) else {}
        return {name: _decoded(item, known.get(name)) for name, item in value.items()}
    if isinstance(value, list):
        return [_decoded(item, schema.get("items")) for item in value]
    if not isinstance(value, str) or schema.get("type") == "string":
        return value
    try:
        inner = json.loads(value.lower() if value in ("True", "False", "None") else value)
    except (ValueError, RecursionError):
        return value
    return inner if isinstance(inner, str) else _decoded(inner, schema)


@rule(
    "response.content.tool_use-strict-types",
    MUST,
    harm=BREAKS,  # the caller's code gets a string for a number or an object
    families={ANTHROPIC},
    source=f"{STRICT}; vllm-project/vllm#46924, earendil-works/pi#9931 (GitHub), read 2026-11-30",
    over=RUN,
    model_dependent=True,
    needs={"tools", "strict-tools"},
    capability="strict-tools",
    reads={REQUEST},
    provoked="A strict tool with a number and a nested object is called, with and without streaming.",
)
def keeps_the_types_of_strict_tools(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """Numbers and objects in the input of a strict tool are numbers and objects, not strings with their JSON."""
    calls = [call for call in calls_of_run(exchanges) if tool_of(call).get("strict") is True]
    retyped = [call for call in calls if _is_retyped(call)]
    if len(calls) < MIN_CALLS:
        yield Unverified(reason="fewer than two calls of strict tools")
    elif len(retyped) == len(calls):
        wrong = contract.schema_mismatch(schema_of(calls[0]), calls[0][2]["input"])
        found = f"{shown(wrong, 160)}, in all {len(calls)} calls of strict tools"
        yield finding_in(calls[0], "", found, "values of the types in the schema")


def _is_retyped(call: Call) -> bool:
    """Whether an input matches its schema only after JSON text in its strings is parsed."""
    given, schema = call[2]["input"], schema_of(call)
    return bool(contract.schema_mismatch(schema, given)) and not contract.schema_mismatch(
        schema, _decoded(given, schema)
    )


@rule(
    "response.content.tool_use-optional-absent",
    SHOULD,
    harm=LOSES,
    families={ANTHROPIC},
    source="decolua/9router#1278 (GitHub), read 2026-11-30",
    over=RUN,
    model_dependent=True,
    needs={"tools"},
    reads={REQUEST},
    provoked="A tool is called with an input that the question states, and that leaves out optional members.",
)
def leaves_optional_members_out(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """Optional members that the model leaves out are absent: the target does not fill them with "", null, [] or {}."""
    calls = [(stated, call) for stated, calls in repeating(exchanges) for call in calls]
    optional = {name for stated, call in calls for name in _optional(call) if name not in stated}
    if len(calls) < MIN_FILLED or len(optional) < MIN_MEMBERS:
        yield Unverified(reason="no stated input that leaves out optional members was repeated")
    elif all(_is_filled(call, name) for _, call in calls for name in optional):
        name = sorted(optional)[0]
        found = (
            f"{shown(calls[0][1][2]['input'][name])}, and an empty value for each optional member in {len(calls)} calls"
        )
        yield finding_in(calls[0][1], f"/{name}", found, "no such member: the question states the whole input")


def _optional(call: Call) -> Iterator[str]:
    schema = schema_of(call)
    required = schema.get("required") or []
    yield from (name for name in schema.get("properties") or {} if name not in required)


def _is_filled(call: Call, name: str) -> bool:
    given = call[2]["input"]
    return name in given and given[name] in EMPTY
