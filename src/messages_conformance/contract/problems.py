"""Why a JSON value is not valid: each wrong place, what is there, what is valid there, which requirement it violates.

The library jsonschema walks through the schemas, with two changes. For a `oneOf` with a `discriminator`, only the
branch of the value's own type is checked, instead of reporting that all branches fail. And every error has the
innermost `requirement` annotation on the way to its place.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, cast

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend

from messages_conformance.contract.documents import API_VERSIONS, lookup, uri
from messages_conformance.contract.schema_wording import described, described_failure

FOUND_LIMIT_CHARACTERS = 80
ABSENT = "absent"

_Errors = Iterator[ValidationError]


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One place where a value violates a schema.

    `pointer` is a JSON pointer; that of a missing key is where the key would be. `found` is the value there as JSON, of
    at most 80 characters, or `absent`. `wanted` describes what is valid. `requirement` is None if no requirement covers
    the place. `keyword` is the violated keyword of the schema.
    """

    pointer: str
    requirement: str | None
    found: str
    wanted: str
    keyword: str = field(default="", compare=False)


def explain(name: str, instance: Any, *, api_version: str = API_VERSIONS[0]) -> tuple[Problem, ...]:
    """Every place where `instance` violates the schema called `name`; empty if it is valid."""
    schema = {"$ref": uri(name, api_version)}
    found: dict[tuple[str, str], Problem] = {}
    for error in _walker()(schema).iter_errors(instance):
        problem = _problem(error)
        found.setdefault((problem.pointer, str(error.validator)), problem)
    return tuple(found.values())


def _problem(error: ValidationError) -> Problem:
    notes = _notes(error)
    missing = notes.get("missing")
    steps = [*error.absolute_path, *([] if missing is None else [missing])]
    return Problem(
        pointer="".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in steps),
        requirement=notes.get("requirement"),
        found=ABSENT if missing is not None else _shortened(error.instance),
        wanted=notes.get("wanted") or described_failure(error),
        keyword=str(error.validator),
    )


def _shortened(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace").decode("utf-8")
    return text if len(text) <= FOUND_LIMIT_CHARACTERS else text[: FOUND_LIMIT_CHARACTERS - 1] + "…"


def _notes(error: ValidationError) -> dict[str, Any]:
    """The notes of this module on an error, as an attribute: errors of jsonschema have no field for them."""
    carrier = cast(Any, error)
    if not hasattr(carrier, "contract_notes"):
        carrier.contract_notes = {}
    notes: dict[str, Any] = carrier.contract_notes
    return notes


def _tagged(errors: Iterator[ValidationError], schema: Any) -> _Errors:
    """The errors of `schema`, each with the requirement of `schema` unless an inner schema has one."""
    annotation = _own_annotation(schema)
    for error in errors:
        notes = _notes(error)
        notes.update(annotation | notes)
        yield error


def _down(validator: Any, instance: Any, schema: Any, *, path: str | int | None = None) -> _Errors:
    return _tagged(validator.descend(instance, schema, path=path), schema)


def _ref(validator: Validator, reference: Any, instance: Any, schema: Any) -> _Errors:
    return _down(validator, instance, lookup(reference))


def _all_of(validator: Validator, branches: Any, instance: Any, schema: Any) -> _Errors:
    for branch in branches:
        yield from _down(validator, instance, branch)


def _properties(validator: Validator, properties: Any, instance: Any, schema: Any) -> _Errors:
    if isinstance(instance, dict):
        for key, inner in properties.items():
            if key in instance:
                yield from _down(validator, instance[key], inner, path=key)


def _items(validator: Validator, inner: Any, instance: Any, schema: Any) -> _Errors:
    if isinstance(instance, list):
        for index, item in enumerate(instance):
            yield from _down(validator, item, inner, path=index)


def _required(validator: Validator, keys: Any, instance: Any, schema: Any) -> _Errors:
    if isinstance(instance, dict):
        for key in keys:
            if key not in instance:
                yield _missing(key, schema.get("properties", {}).get(key, {}))


def _missing(key: str, inner: Any, *, wanted: str | None = None) -> ValidationError:
    error = ValidationError(f"{key!r} is required")
    _notes(error).update(missing=key, wanted=wanted or described(inner), **_annotation(inner))
    return error


def _annotation(schema: Any) -> dict[str, Any]:
    """The requirement of a missing value: the one of its schema, else the one of the schema that it refers to."""
    return _own_annotation(schema) or (_annotation(lookup(schema["$ref"])) if "$ref" in schema else {})


def _own_annotation(schema: Any) -> dict[str, Any]:
    """The annotation of `schema` itself. Null is one too: no requirement covers this place."""
    annotated = isinstance(schema, Mapping) and "requirement" in schema
    return {"requirement": schema["requirement"]} if annotated else {}


def _pattern(validator: Validator, pattern: str, instance: Any, schema: Any) -> _Errors:
    # In JSON Schema `$` matches only at the end; in Python also before a final line feed.
    if isinstance(instance, str) and not re.search(re.sub(r"\$$", r"\\Z", pattern), instance):
        yield ValidationError(f"does not match {pattern}")


def _additional(validator: Validator, inner: Any, instance: Any, schema: Any) -> _Errors:
    if not isinstance(instance, dict):
        return
    known = schema.get("properties", {})
    for key in (key for key in instance if key not in known):
        if inner is False:
            error = ValidationError(f"{key!r} is not allowed", path=[key], instance=instance[key])
            _notes(error).update(requirement=None, wanted=f"absent (known here: {', '.join(known)})")
            yield error
        else:
            yield from _down(validator, instance[key], inner, path=key)


def _one_of(validator: Validator, branches: Any, instance: Any, schema: Any) -> _Errors:
    """Checks the branch of the value's own type: every union in schemas/ has a discriminator."""
    selector = schema["discriminator"]
    key, mapping = selector["propertyName"], selector["mapping"]
    if not isinstance(instance, dict):
        yield _wrong("a union member is an object", f"an object with a string {key}", instance)
    elif key not in instance:
        yield _missing(key, {}, wanted="a string")
    elif not isinstance(instance[key], str):
        yield _wrong("the type is a string", "a string", instance[key], path=[key])
    elif instance[key] in mapping:
        yield from _down(validator, instance, {"$ref": mapping[instance[key]]})
    elif "$ref" in branches[-1]:  # no branch for unknown types
        yield _wrong("the type is known", f"one of {', '.join(mapping)}", instance[key], path=[key])


def _wrong(message: str, wanted: str, found: Any, *, path: list[str] | None = None) -> ValidationError:
    error = ValidationError(message, path=path or (), instance=found)
    _notes(error)["wanted"] = wanted
    return error


@cache
def _walker() -> Any:
    return extend(  # type: ignore[no-untyped-call] # the stubs have no types for it
        Draft202012Validator,
        {
            "$ref": _ref,
            "additionalProperties": _additional,
            "allOf": _all_of,
            "items": _items,
            "oneOf": _one_of,
            "pattern": _pattern,
            "properties": _properties,
            "required": _required,
        },
    )
