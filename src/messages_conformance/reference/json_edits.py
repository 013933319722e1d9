"""Changes to a JSON object that are written down as data: members to drop, rename, convert, null or set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Literal

from messages_conformance.reference.edits import Json

Conversion = Literal["string", "float", "list", "negative", "half more", "double", "stripped", "capitals"]
"""The names of CONVERSIONS."""

CONVERSIONS: Final[Mapping[Conversion, Callable[[Any], Any]]] = MappingProxyType(
    {
        "string": str,
        "float": float,
        "list": lambda value: [value],
        "negative": lambda value: -value,
        "half more": lambda value: value + 0.5,
        "double": lambda value: 2 * value,
        "stripped": str.strip,
        "capitals": str.upper,
    }
)
"""What `convert` can make of a value."""

ABSENT: Final = object()


@dataclass(frozen=True, kw_only=True)
class Edit:
    """A change to a JSON object. A member is named by its path, such as `usage.input_tokens`.

    The parts are applied in the order in which they are listed here. Only `set` adds members: the other parts ignore
    a member that is absent.
    """

    where: Mapping[str, Any] = field(default_factory=dict)
    """Path -> value. An object without one of these values stays as it is."""
    drop: tuple[str, ...] = ()
    rename: Mapping[str, str] = field(default_factory=dict)
    """Path -> the new name of the member, in the same place."""
    convert: Mapping[str, Conversion] = field(default_factory=dict)
    null: tuple[str, ...] = ()
    set: Mapping[str, Any] = field(default_factory=dict)

    def apply(self, value: Json) -> Json:
        """The object after the change; the original is not modified."""
        if any(member(value, path) != wanted for path, wanted in self.where.items()):
            return value
        for path in self.drop:
            value = _changed(value, path, _without)
        for path, name in self.rename.items():
            value = _changed(value, path, _renamed(name))
        for path, conversion in self.convert.items():
            value = _changed(value, path, _replaced(CONVERSIONS[conversion]))
        for path in self.null:
            value = _changed(value, path, _replaced(lambda old: None))
        for path, new in self.set.items():
            value = _changed(value, path, _added(new))
        return value


def member(value: Any, path: str) -> Any:
    """The value at a path such as `usage.input_tokens`; ABSENT if there is none."""
    for name in path.split("."):
        if not isinstance(value, Mapping) or name not in value:
            return ABSENT
        value = value[name]
    return value


Change = Callable[[Json, str], Json]
"""Changes one member of an object, named by the second argument."""


def _changed(value: Json, path: str, change: Change) -> Json:
    """The object with one member changed; unchanged if the object around the member is absent."""
    name, _, rest = path.partition(".")
    if not rest:
        return change(value, name)
    inner = value.get(name)
    return {**value, name: _changed(inner, rest, change)} if isinstance(inner, dict) else value


def _without(value: Json, name: str) -> Json:
    return {key: item for key, item in value.items() if key != name}


def _renamed(new: str) -> Change:
    return lambda value, name: {new if key == name else key: item for key, item in value.items()}


def _replaced(convert: Callable[[Any], Any]) -> Change:
    return lambda value, name: {**value, name: convert(value[name])} if name in value else value


def _added(new: Any) -> Change:
    return lambda value, name: {**value, name: new}
