"""Other people's schemas: those of tools and output formats, which come with a request, beside the contract."""

from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, best_match
from referencing import Registry
from referencing.exceptions import Unresolvable


def misfit(schema: Any, value: Any) -> str:
    """Where and how a value leaves a schema, in words; empty when it fits, or when the schema cannot be used.

    References are followed within the schema only.
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
