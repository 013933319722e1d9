"""Describes in words what a schema allows: `a string`, `one of ...`, `an object with a, b`."""

import json
from collections.abc import Mapping
from typing import Any

from jsonschema import ValidationError

from messages_conformance.contract.documents import lookup

_ARTICLES = {
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "a boolean",
    "object": "an object",
    "array": "an array",
    "null": "null",
}

# Keywords that their value alone describes. For any other keyword the text describes the whole schema.
_LIMITS = {
    "maximum": "a number of at most {}",
    "exclusiveMinimum": "a number above {}",
    "minLength": "a string of at least {} characters",
    "maxLength": "a string of at most {} characters",
    "pattern": "a string that matches {}",
    "minItems": "an array of at least {} items",
    "maxItems": "an array of at most {} items",
    "maxProperties": "an object of at most {} members",
}
_EMPTY = {"maxItems": "an empty array", "maxProperties": "an empty object", "minLength": "a non-empty string"}


def described(schema: Any) -> str:
    """What `schema` allows, in a few words."""
    if not isinstance(schema, Mapping):
        return "any value" if schema else "absent"
    if "const" in schema:
        return f"the constant {json.dumps(schema['const'])}"
    if "enum" in schema:
        return f"one of {', '.join(json.dumps(value) for value in schema['enum'])}"
    if "not" in schema:
        return f"anything but {described(schema['not'])}" if schema["not"] else "absent"
    if "type" in schema:
        return _typed(schema)
    if "discriminator" in schema:
        return "an object with a string type"
    if "$ref" in schema:
        return described(lookup(schema["$ref"]))
    return described(schema["allOf"][0]) if "allOf" in schema else "any value"


def described_failure(error: ValidationError) -> str:
    """What the schema allows at the place of `error`, in a few words."""
    keyword, value = str(error.validator), error.validator_value
    if keyword in _EMPTY and value == (1 if keyword == "minLength" else 0):
        return _EMPTY[keyword]
    if keyword in _LIMITS:
        return _LIMITS[keyword].format(value)
    return described(error.schema)


def _typed(schema: Mapping[str, Any]) -> str:
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return " or ".join(_kind(kind, schema) for kind in kinds)


def _kind(kind: str, schema: Mapping[str, Any]) -> str:
    if kind == "object" and schema.get("required"):
        return f"an object with {', '.join(schema['required'])}"
    if kind in ("integer", "number") and "minimum" in schema:
        return f"{_ARTICLES[kind]} of at least {schema['minimum']}"
    if kind == "string" and schema.get("minLength") == 1:
        return "a non-empty string"
    if kind == "array" and schema.get("maxItems") == 0:
        return "an empty array"
    return _ARTICLES[kind]
