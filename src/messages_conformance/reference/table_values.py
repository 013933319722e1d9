"""Checks a value of a TOML table against the type that a Python annotation gives it."""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Any, Literal, Union, get_args, get_origin


class WrongValue(ValueError):
    """A value has another type than its place asks for."""


def checked(name: str, value: Any, annotation: Any) -> Any:
    """The value as the annotation wants it: a list becomes a tuple. WrongValue says which type is valid."""
    if not _fits(value, annotation):
        raise WrongValue(f"{name} is {describe(annotation)}, not {value!r}")
    return tuple(value) if isinstance(value, list) and annotation is not Any and _takes_tuple(annotation) else value


def describe(annotation: Any) -> str:
    """The type in words, such as `a list of strings`."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return " or ".join(describe(one) for one in arguments if one is not type(None))
    if origin is Literal:
        return f"one of {', '.join(map(repr, arguments))}"
    if origin is tuple:
        return f"a list, each item {describe(arguments[0])}"
    if origin is Mapping:
        return f"a table, each value {describe(arguments[1])}"
    return {str: "a string", int: "an integer", float: "a number", bool: "true or false"}.get(annotation, "any value")


def _fits(value: Any, annotation: Any) -> bool:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation is Any:
        return True
    if origin in (Union, types.UnionType):
        return any(_fits(value, one) for one in arguments)
    if origin is Literal:
        return value in arguments
    if origin is tuple:
        return isinstance(value, list) and all(_fits(item, arguments[0]) for item in value)
    if origin is Mapping:
        return isinstance(value, dict) and all(_fits(item, arguments[1]) for item in value.values())
    if annotation is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return type(value) is annotation


def _takes_tuple(annotation: Any) -> bool:
    return tuple in {get_origin(annotation), *(get_origin(one) for one in get_args(annotation))}
