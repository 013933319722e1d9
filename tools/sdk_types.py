"""Reads the types of the official Python SDK: the alternatives of a type, the members of a class.

Pydantic models and TypedDicts have the same interface here. The SDK is a development dependency and is imported only
when it is needed; without it, the message says how to install it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import import_module
from types import MappingProxyType, NoneType, UnionType
from typing import Annotated, Any, Literal, NotRequired, Required, Union, get_args, get_origin, get_type_hints

PACKAGE = "anthropic"
OLDEST_MAJOR = 2

HEADERS = frozenset({"betas", "user_profile_id", "workspace_id"})
"""Parameters of the SDK's methods that are sent as headers, so they are not members of the body."""

_WRAPPERS = (Annotated, Required, NotRequired)
_ARRAYS = (list, tuple, Sequence, Iterable)
_SCALARS = {str: "string", bool: "boolean", int: "integer", float: "number", NoneType: "null"}


class SdkMissing(ImportError):
    """The SDK cannot be imported, or is too old; the message says how to install it."""


@dataclass(frozen=True, kw_only=True)
class Member:
    """One member of an object, under its name in JSON. `required` means that the key must be present."""

    type: Any
    required: bool


@dataclass(frozen=True, kw_only=True)
class Root:
    """A type of the SDK, and the name of the schema that describes the same thing."""

    schema: str
    type: Any
    label: str
    pointer: str = ""
    """The place in the schema, such as `/properties/error`; empty for the whole schema."""


def version() -> str:
    """The version of the installed SDK."""
    return str(sdk("").__version__)


def roots() -> tuple[Root, ...]:
    """Every type of the SDK that the contract describes: first the stable API, then the beta API."""
    return (*_namespace("", "", ""), *_adjacent(), *_namespace(".beta", "Beta", "beta "))


def alternatives(annotation: Any) -> tuple[Any, ...]:
    """The members of a union, flattened; any other type is its own only alternative."""
    origin = get_origin(annotation)
    if origin in _WRAPPERS:
        return alternatives(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return tuple(found for inner in get_args(annotation) for found in alternatives(inner))
    return (annotation,)


@cache
def members(cls: Any) -> Mapping[str, Member]:
    """The members of a model or a TypedDict, by their name in JSON."""
    if hasattr(cls, "model_fields"):
        found = {field.alias or name: _model_member(field) for name, field in cls.model_fields.items()}
    else:
        hints = get_type_hints(cls, include_extras=True)
        # The SDK postpones annotations, which hides Required from __required_keys__.
        keys = {name for name, hint in hints.items() if get_origin(hint) is Required}
        required = keys or (cls.__required_keys__ if cls.__total__ else set())
        found = {_json_name(name, hint): Member(type=hint, required=name in required) for name, hint in hints.items()}
    return MappingProxyType({name: member for name, member in found.items() if name not in HEADERS})


def is_class(annotation: Any) -> bool:
    """Whether a type is a model or a TypedDict of the SDK."""
    return hasattr(annotation, "model_fields") or hasattr(annotation, "__required_keys__")


def literals(annotation: Any) -> tuple[Any, ...]:
    """The values of a Literal; empty for any other type."""
    return get_args(annotation) if get_origin(annotation) is Literal else ()


def item(annotation: Any) -> Any:
    """The type of an array's items; None if the type is no array."""
    origin = get_origin(annotation)
    return get_args(annotation)[0] if origin in _ARRAYS and get_args(annotation) else None


def constants(cls: Any) -> dict[str, tuple[Any, ...]]:
    """The members that distinguish a class from the others in its union: type and role, if their values are fixed."""
    named = {name: alternatives(member.type) for name, member in members(cls).items() if name in ("type", "role")}
    fixed = {name: [_constants(kind) for kind in kinds] for name, kinds in named.items()}
    return {
        name: tuple(value for values in groups for value in values) for name, groups in fixed.items() if all(groups)
    }


def _constants(kind: Any) -> tuple[Any, ...]:
    return (None,) if kind is NoneType else literals(kind)


def json_kind(annotation: Any) -> str | None:
    """The JSON type of a type; None if it can be any, or is no JSON (files to upload)."""
    if item(annotation) is not None:
        return "array"
    if is_class(annotation) or get_origin(annotation) in (dict, Mapping) or annotation is dict:
        return "object"
    if isinstance(annotation, type) and issubclass(annotation, date):
        return "string"
    return _SCALARS.get(annotation)


def _json_name(name: str, hint: Any) -> str:
    """The name of a member in JSON, which an annotation holds if it is a keyword of Python."""
    if get_origin(hint) in (Required, NotRequired):
        return _json_name(name, get_args(hint)[0])
    aliases = (getattr(note, "alias", None) for note in getattr(hint, "__metadata__", ()))
    alias = next((found for found in aliases if found), None)
    # An alias with hyphens is the name of a header.
    return alias if alias and "-" not in alias else name


def _model_member(field: Any) -> Member:
    return Member(type=field.annotation, required=field.is_required())


def _namespace(module: str, prefix: str, label: str) -> Iterator[Root]:
    types = sdk(f".types{module}")
    create = sdk(f".types{module}.message_create_params")
    count = sdk(f".types{module}.message_count_tokens_params")
    found = {
        "response": getattr(types, f"{prefix}Message"),
        "blocks/response": getattr(types, f"{prefix}ContentBlock"),
        "usage": getattr(types, f"{prefix}Usage"),
        "event": getattr(types, f"{prefix}RawMessageStreamEvent"),
        "delta": getattr(types, f"{prefix}RawContentBlockDelta"),
        "request": Union[create.MessageCreateParamsNonStreaming, create.MessageCreateParamsStreaming],  # noqa: UP007
        "blocks/request": getattr(types, f"{prefix}ContentBlockParam"),
        "count_tokens": getattr(types, f"{prefix}MessageTokensCount"),
        "count_tokens/request": count.MessageCountTokensParams,
        "model": getattr(types, f"{prefix}ModelInfo"),
    }
    for schema, annotation in found.items():
        yield Root(schema=schema, type=annotation, label=f"{label}{schema}")


def _adjacent() -> Iterator[Root]:
    shared, page = sdk(".types.shared"), sdk(".pagination")
    model = sdk(".types").ModelInfo
    yield Root(schema="models", type=page.SyncPage[model], label="models")
    yield Root(schema="error", type=shared.ErrorResponse, label="error")
    yield Root(schema="events/error", type=shared.ErrorResponse, label="events/error")
    kind = "/properties/error/properties/type"
    yield Root(schema="error", pointer=kind, type=shared.ErrorType, label="error type")


def sdk(module: str) -> Any:
    """A module of the SDK, such as `.types`; raises SdkMissing if the SDK is missing or too old."""
    try:
        found: Any = import_module(PACKAGE)
        if int(found.__version__.partition(".")[0]) < OLDEST_MAJOR:
            raise SdkMissing(
                f"the official SDK is {found.__version__}, whose types are too old to compare with: "
                f"install a newer one with `pip install -U 'anthropic>={OLDEST_MAJOR}'`"
            )
        return import_module(f"{PACKAGE}{module}")
    except ModuleNotFoundError as error:
        raise SdkMissing(
            f"the official SDK is not importable ({error}): install it with `pip install 'anthropic>=2'`, "
            "or all development dependencies with `pip install -e '.[dev]'`"
        ) from error
