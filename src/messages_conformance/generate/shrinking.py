"""Makes requests smaller: removes parts of a body, the largest first.

The smallest request that still shows a fault explains it best. Each request of the search costs money, so the search
begins with halves and ends with words.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from messages_conformance.generate.changes import Json, Pointer, value_at
from messages_conformance.generate.sample_content import QUESTIONS

PLAIN: Final = QUESTIONS[0]
"""The text that replaces any other."""

REQUIRED: Final = ("max_tokens", "messages")
"""The members that a valid body needs."""


def smaller(body: Mapping[str, Any]) -> Iterator[Json]:
    """Bodies that are smaller in one respect, each once. They may be invalid."""
    seen = {_key(body)}
    for candidate in _candidates(body):
        key = _key(candidate)
        if key not in seen:
            seen.add(key)
            yield candidate


def _candidates(body: Mapping[str, Any]) -> Iterator[Json]:
    options = [name for name in body if name not in REQUIRED]
    required = {name: body[name] for name in REQUIRED if name in body}
    last = [{"role": "user", "content": PLAIN}]
    yield {**required, "messages": last}
    yield {**body, "messages": last}
    yield required
    half = len(options) // 2
    for dropped in (options[:half], options[half:]) if half else ():
        yield {name: value for name, value in body.items() if name not in dropped}
    turns = body.get("messages")
    if isinstance(turns, list):
        for start in range(len(turns) - 1, 0, -1):
            yield {**body, "messages": turns[start:]}
        yield from ({**body, "messages": turns[:at] + turns[at + 2 :]} for at in range(len(turns) - 1))
    for pointer in sorted(_removable(body), key=lambda pointer: -len(_key(value_at(body, pointer)))):
        yield _without(body, pointer)
    yield from _simplified(body)


def _key(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _removable(value: Any, pointer: Pointer = ()) -> Iterator[Pointer]:
    held = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in held:
        yield (*pointer, step)
        yield from _removable(inner, (*pointer, step))


def _without(body: Mapping[str, Any], pointer: Pointer) -> Json:
    copied: Json = copy.deepcopy(dict(body))
    del value_at(copied, pointer[:-1])[pointer[-1]]
    return copied


def _simplified(body: Mapping[str, Any]) -> Iterator[Json]:
    """Replaces the content of one message after another by the shortest text."""
    for at, turn in enumerate(body.get("messages", ())):
        if isinstance(turn, Mapping):
            turns = list(body["messages"])
            turns[at] = {**turn, "content": PLAIN if turn.get("role") == "user" else "ok"}
            yield {**body, "messages": turns}
