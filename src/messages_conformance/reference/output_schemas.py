"""What a schema of the model's output may contain: the input of a strict tool, or the format of an answer.

The limits are those of platform.claude.com/docs/en/build-with-claude/structured-outputs, read 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from messages_conformance.reference.failures import Failure

UNSUPPORTED = frozenset(
    {
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength"),
        *("maxItems", "uniqueItems", "contains", "minContains", "maxContains", "prefixItems", "unevaluatedItems"),
        *("minProperties", "maxProperties", "patternProperties", "propertyNames", "unevaluatedProperties"),
        *("not", "if", "then", "else", "oneOf", "dependentSchemas", "dependentRequired"),
    }
)
"""Keywords that constrained decoding does not support."""

FORM = "request.tools.strict.schema"
LIMITS = "request.tools.strict.limits"

MIN_ITEMS = (0, 1)
MAX_OPTIONAL_PARAMETERS = 24
MAX_UNION_PARAMETERS = 16


def failures(schema: Mapping[str, Any], where: str) -> Iterator[Failure]:
    """Every reason to refuse a schema for the model's output."""
    optional = unions = 0
    for part in subschemas(schema):
        for keyword in sorted(UNSUPPORTED & part.keys()):
            yield Failure(message=f"{where}: the keyword {keyword!r} is not supported", requirement=FORM)
        if part.get("minItems", 0) not in MIN_ITEMS:
            yield Failure(message=f"{where}: minItems may only be 0 or 1", requirement=FORM)
        if part.get("type") == "object" and part.get("additionalProperties") is not False:
            yield Failure(
                message=f"{where}: for 'object' type, 'additionalProperties' must be explicitly false", requirement=FORM
            )
        properties, required = part.get("properties") or {}, part.get("required") or ()
        optional += sum(name not in required for name in properties)
        unions += sum(is_union(value) for value in properties.values())
    if optional > MAX_OPTIONAL_PARAMETERS:
        yield Failure(
            message=f"{where}: at most {MAX_OPTIONAL_PARAMETERS} parameters may be optional", requirement=LIMITS
        )
    if unions > MAX_UNION_PARAMETERS:
        yield Failure(
            message=f"{where}: at most {MAX_UNION_PARAMETERS} parameters may be of a union type", requirement=LIMITS
        )
    if recursive(schema):
        yield Failure(message=f"{where}: recursive schemas are not supported", requirement=FORM)


def is_union(schema: object) -> bool:
    """Whether a schema has several types or alternatives."""
    return isinstance(schema, dict) and ("anyOf" in schema or isinstance(schema.get("type"), list))


def children(schema: Mapping[str, Any]) -> Iterator[Any]:
    """The schemas directly inside a schema."""
    for name in ("properties", "$defs", "definitions"):
        yield from (schema.get(name) or {}).values() if isinstance(schema.get(name), dict) else ()
    for name in ("anyOf", "allOf"):
        yield from schema[name] if isinstance(schema.get(name), list) else ()
    yield schema.get("items")


def subschemas(schema: object) -> Iterator[Mapping[str, Any]]:
    """A schema and every schema inside it; references are not followed."""
    if isinstance(schema, dict):
        yield schema
        for child in children(schema):
            yield from subschemas(child)


def recursive(schema: Mapping[str, Any]) -> bool:
    """Whether a definition refers to itself, directly or through others."""
    definitions = {
        f"#/{name}/{key}": value for name in ("$defs", "definitions") for key, value in (schema.get(name) or {}).items()
    } | {"#": schema}

    def leads_back(reference: str, seen: frozenset[str]) -> bool:
        if reference in seen:
            return True
        inside = subschemas(definitions.get(reference)) if reference != "#" else ()
        return any(leads_back(part["$ref"], seen | {reference}) for part in inside if "$ref" in part)

    starts = {part["$ref"] for part in subschemas(schema) if isinstance(part.get("$ref"), str)}
    return any(start == "#" or leads_back(start, frozenset()) for start in starts)
