"""Changes that break the shape of a request: a member is missing, of another type, unknown, empty or out of range.

A table names the requirement for a change, by its kind and its place. A change that is not in the table may be accepted
by a server that allows more than the schema.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from messages_conformance.contract import Profile
from messages_conformance.generate.changes import Change, Json, Pointer, changed, value_at

UNKNOWN: Final = "hologram"
"""A value that no enumeration contains."""

EXTRA: Final = "x_unheard_of"
"""A member that no object has."""

OTHER_TYPES: Final[Mapping[type, tuple[Any, ...]]] = {
    str: (17, True, [], {"a": 1}),
    int: ("many", [], {}, 1.5),
    float: ("warm", [], {}),
    bool: ({}, [], "perhaps"),
    list: ({}, "none", 3),
    dict: ("none", [], 3),
}
"""Values of another type. Those that a lenient parser accepts, such as "16" for 16 or 1 for true, are not here."""


def shape_changes(body: Mapping[str, Any]) -> Iterator[Change]:
    """Every change to the shape of a body that may make it invalid; `near_misses.breaks` says whether it does."""
    yield from _model_changes()
    for pointer, value in _nodes(body):
        name = pointer[-1]
        if isinstance(name, str):
            yield _deleted(pointer)
        yield _set("null", pointer, None, f"{name} is null")
        for other in OTHER_TYPES.get(type(value), ()):
            yield _set("type", pointer, other, f"{name} is {_shown(other)}")
        if name in ("type", "role", "media_type", "ttl", "service_tier") and isinstance(value, str):
            yield _set("variant", pointer, UNKNOWN, f"{name} is the unknown {UNKNOWN!r}")
        if isinstance(value, str | list | dict) and value:
            yield _set("empty", pointer, type(value)(), f"{name} is empty")
        if isinstance(value, dict):
            yield _set("extra", (*pointer, EXTRA), 1, "a member that nobody knows")
        yield from _out_of_range(pointer, value)
    yield _set("extra", (EXTRA,), 1, "a member that nobody knows")


def _model_changes() -> Iterator[Change]:
    yield Change(
        kind="delete",
        pointer=("model",),
        reason="model is missing",
        requirement="request.model.required",
        apply=lambda body: None,  # the run's model is not filled in
    )
    for value, description in ((17, "17"), ("", "empty"), (None, "null"), (["m"], "a list")):
        yield _set("type", ("model",), value, f"model is {description}")


def _nodes(value: Any, pointer: Pointer = ()) -> Iterator[tuple[Pointer, Any]]:
    """Every member and item below a value, except where a client may send any value."""
    if pointer and pointer[-1] in ("input", "input_schema", "schema"):
        return
    held = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in held:
        yield (*pointer, step), inner
        yield from _nodes(inner, (*pointer, step))


RANGES: Final[Mapping[str, tuple[Any, ...]]] = {
    "max_tokens": (-1, -4096),
    "temperature": (2.5, -1, 1.1, -0.1),
    "top_p": (1.1, -0.1, 7),
    "top_k": (-1, 1.5),
    "budget_tokens": (1023, 0, -1),
    "user_id": ("u" * 513,),
    "name": ("get.weather", "w" * 129, "a tool", "größe"),
    "text": ("  ", "\n"),
    "stop_sequences": (["  "], [1], ["###", None], ["\n"]),
}
"""Values out of range, by the name of the member. Ids are not here: those of a call and its result change together."""


def _out_of_range(pointer: Pointer, value: Any) -> Iterator[Change]:
    for wrong in RANGES.get(str(pointer[-1]), ()):
        yield _set("range", pointer, wrong, f"{pointer[-1]} is {_shown(wrong)}")


def _deleted(pointer: Pointer) -> Change:
    def apply(body: Json) -> None:
        del _parent(body, pointer)[pointer[-1]]

    reason = f"{pointer[-1]} is missing"
    return Change(
        kind="delete", pointer=pointer, reason=reason, requirement=_requirement("delete", pointer, None), apply=apply
    )


def _set(kind: str, pointer: Pointer, value: Any, reason: str) -> Change:
    def apply(body: Json) -> None:
        _parent(body, pointer)[pointer[-1]] = copy.deepcopy(value)

    return Change(
        kind=kind, pointer=pointer, reason=reason, requirement=_requirement(kind, pointer, value), apply=apply
    )


def _parent(body: Json, pointer: Pointer) -> Any:
    parent: Any = body
    for step in pointer[:-1]:
        parent = parent[step]
    return parent


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 24 else f"{text[:20]}… ({len(value)} characters)"


# -- the requirement for a change of shape ---------------------------------------------------------------------------

ANY: Final = "*"
"""Any step of a place in the table."""

Row = tuple[str, str, Callable[[Any], bool] | None, str]
"""Kinds of change, place, condition on the value, and requirement."""


def _one_of(*values: Any) -> Callable[[Any], bool]:
    return lambda value: any(value == held and type(value) is type(held) for held in values)


def _kind(*kinds: type) -> Callable[[Any], bool]:
    return lambda value: type(value) in kinds


TABLE: Final[tuple[Row, ...]] = (
    # kinds of change, place (* is any step), condition on the value, and the requirement that demands a refusal
    ("type range", "model", None, "request.model.string"),
    ("delete", "messages", None, "request.messages.required"),
    ("type", "messages", _kind(dict, str), "request.messages.required"),
    ("empty", "messages", None, "request.messages.non-empty"),
    ("delete", "messages/*/role", None, "request.messages.role-required"),
    ("delete", "messages/*/content", None, "request.messages.role-required"),
    ("variant type empty", "messages/*/role", None, "request.messages.role-enum"),
    ("empty", "messages/*/content", None, "request.messages.empty-content"),
    ("extra", "", None, "request.messages.extra-fields-rejected"),
    ("extra", "messages/*", None, "request.messages.extra-fields-rejected"),
    ("extra", "messages/*/content/*", None, "request.messages.extra-fields-rejected"),
    ("delete", "messages/*/content/*/type", None, "request.messages.content-block-type-required"),
    ("variant", "messages/*/content/*/type", None, "request.messages.content-block-type-required"),
    ("delete empty", "messages/*/content/*/text", None, "request.text.min-length"),
    ("range", "messages/*/content/*/text", None, "request.text.non-whitespace"),
    ("delete", "max_tokens", None, "request.max_tokens.required"),
    ("null", "max_tokens", None, "request.max_tokens.integer"),
    ("type", "max_tokens", None, "request.max_tokens.integer"),
    ("range", "max_tokens", None, "request.max_tokens.negative"),
    ("range", "temperature", None, "request.temperature.range"),
    ("range", "top_p", None, "request.top_p.range"),
    ("range", "top_k", None, "request.top_k.range"),
    ("type", "stream", _kind(dict, list), "request.stream.boolean"),
    ("type", "stop_sequences", _kind(dict, str, int), "request.stop_sequences.array"),
    ("range", "stop_sequences", _one_of([1], ["###", None]), "request.stop_sequences.array"),
    ("range", "stop_sequences", _one_of(["  "], ["\n"]), "request.stop_sequences.non-whitespace"),
    ("extra", "metadata", None, "request.metadata.user_id"),
    ("range", "metadata/user_id", None, "request.metadata.user_id"),
    ("variant", "service_tier", None, "request.service_tier.enum"),
    ("range empty", "tools/*/name", None, "request.tools.name-pattern"),
    ("delete", "tools/*/input_schema", None, "request.tools.input_schema-required"),
    ("type", "tools/*/input_schema", _kind(str, list), "request.tools.input_schema-required"),
    ("type", "tool_choice", _kind(str), "request.tool_choice.shape"),
    ("variant", "tool_choice/type", None, "request.tool_choice.shape"),
    ("type", "messages/*/content/*/input", _kind(str, list), "request.tool_use.input-object"),
    ("delete", "thinking/budget_tokens", None, "request.thinking.budget-min"),
    ("range", "thinking/budget_tokens", None, "request.thinking.budget-min"),
    ("variant", "*/*/cache_control/type", None, "request.cache_control.shape"),
    ("variant", "messages/*/content/*/cache_control/type", None, "request.cache_control.shape"),
    ("variant", "*/*/cache_control/ttl", None, "request.cache_control.shape"),
    ("variant", "messages/*/content/*/cache_control/ttl", None, "request.cache_control.shape"),
    ("variant", "messages/*/content/*/source/media_type", None, "source-types"),
    ("variant", "messages/*/content/*/source/type", None, "source-types"),
)
"""The requirements for changes of shape. A change that is not here may be accepted."""


def _by_kind() -> Mapping[tuple[str, int], list[tuple[list[str], Callable[[Any], bool] | None, str]]]:
    """The rows of the table by kind of change and depth: each near miss looks up some hundred changes."""
    found: dict[tuple[str, int], list[tuple[list[str], Callable[[Any], bool] | None, str]]] = defaultdict(list)
    for kinds, places, fits, requirement in TABLE:
        steps = places.split("/") if places else []
        for kind in kinds.split():
            found[kind, len(steps)].append((steps, fits, requirement))
    return dict(found)


_ROWS: Final = _by_kind()


def _requirement(kind: str, pointer: Pointer, value: Any) -> str:
    steps = pointer[:-1] if kind == "extra" else pointer
    for wanted, fits, requirement in _ROWS.get((kind, len(steps)), ()):
        if all(want in (ANY, step) for want, step in zip(wanted, steps, strict=True)) and (fits is None or fits(value)):
            return requirement
    return ""


def refined(change: Change, body: Mapping[str, Any], profile: Profile) -> str:
    """The requirement of a change, which may depend on the block or the profile too."""
    named = change.requirement
    if named == "source-types":
        kind = value_at(body, change.pointer[:4]).get("type")
        return f"request.{kind}.source-types" if kind in ("image", "document") else ""
    if named == "request.temperature.range" and profile.family == "tokmodel":
        # Other vendors accept up to 2, so a value just above 1 may be accepted.
        beyond = change.kind == "range" and value_at(changed(body, change), change.pointer) in (2.5, -1)
        return "request.temperature.out-of-range-tokmodel" if beyond else ""
    return named
