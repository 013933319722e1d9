"""The features of a request out of contract/features.toml, and which of them a request uses.

A pattern is a path of members: `system[].cache_control` is a member of an item of a list, `messages[-1].role` of the
last item. After `=` comes the JSON value that the member must have, or `*text*` for any text. `&` adds a path that
begins where the last member of the first is: `content[].type="image"&source.type="url"` means both in one block.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from messages_conformance import resources

ANY_TEXT: Final = "*text*"
"""The value of a pattern that every non-empty string has."""


@dataclass(frozen=True, kw_only=True)
class Feature:
    """One thing that a request can ask for.

    `effect` are requirements that pass only when the answer shows the effect, `form` those that fail when the answer to
    such a request is malformed. `parts` are the parts that a finding of `effect` must name, if it names one and this is
    not empty. `is_visible` is false when the API promises no effect that an answer shows.
    """

    name: str
    title: str
    area: str
    uses: tuple[str, ...]
    effect: tuple[str, ...] = ()
    form: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    is_visible: bool = True

    def used_by(self, body: Mapping[str, Any]) -> bool:
        """True when a request with this JSON body uses the feature."""
        return any(has(body, pattern) for pattern in self.uses)


@cache
def features() -> Mapping[str, Feature]:
    """All features by name, in the order of the file."""
    table = tomllib.loads(resources.text("contract/features.toml"))
    return MappingProxyType({name: _feature(name, row) for name, row in table.items()})


def _feature(name: str, row: Mapping[str, Any]) -> Feature:
    return Feature(
        name=name,
        title=row["title"],
        area=row["area"],
        uses=tuple(row["uses"]),
        effect=tuple(row["effect"]),
        form=tuple(row.get("form", ())),
        parts=tuple(row.get("parts", ())),
        is_visible=row.get("is_visible", True),
    )


def has(body: Any, pattern: str) -> bool:
    """True when a JSON value has what a pattern describes."""
    first, *more = pattern.split("&")
    path, _, wanted = first.partition("=")
    parents, _, member = path.rpartition(".")
    holders = _at(body, parents) if parents else iter([body])
    return any(
        any(_is(value, wanted) for value in _at(holder, member)) and all(has(holder, other) for other in more)
        for holder in holders
    )


def _is(value: Any, wanted: str) -> bool:
    if not wanted:
        return value is not None
    if wanted == ANY_TEXT:
        return isinstance(value, str) and value != ""
    expected = json.loads(wanted)
    return type(value) is type(expected) and bool(value == expected)


def _at(value: Any, path: str) -> Iterator[Any]:
    """The values at a path without `=`; a value that is no object or no list ends the path."""
    step, _, rest = path.partition(".")
    name, bracket, index = step.partition("[")
    if not isinstance(value, Mapping) or name not in value:
        return
    found = value[name]
    if bracket:
        items = found if isinstance(found, list) else []
        chosen = items[-1:] if index == "-1]" else items
    else:
        chosen = [found]
    for item in chosen:
        yield from _at(item, rest) if rest else iter([item])
