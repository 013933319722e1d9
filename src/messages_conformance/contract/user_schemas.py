"""Schemas that a request brings: the input schemas of tools, and output formats. They are not part of the contract."""

from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, best_match
from referencing import Registry
from referencing.exceptions import Unresolvable


def schema_mismatch(schema: Any, value: Any) -> str:
    """How a value violates a schema, and where; empty if it is valid, or if the schema cannot be used.

    Only references within the schema are followed.
    """
    try:
        Draft202012Validator.check_schema(schema)
        registry: Registry[Any] = Registry()
        error = best_match(Draft202012Validator(schema, registry=registry).iter_errors(value))
    except (SchemaError, Unresolvable, RecursionError):
        return ""
    if error is None:
        return ""
    place = "/".join(map(str, error.absolute_path))
    return f"{error.message}{f' (at /{place})' if place else ''}"
