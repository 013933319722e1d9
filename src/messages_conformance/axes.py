"""The axes of a target in a file: models, profiles and depths; each combination becomes one run of `run --all`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from messages_conformance.input_files import InputError, shown, typed
from messages_conformance.options import DEPTHS

MODELS: Final = "models"
MAX_MODELS: Final = "max-models"
PROFILES: Final = "profiles"
DEPTH_AXIS: Final = "depths"
KEYS: Final = (MODELS, MAX_MODELS, PROFILES, DEPTH_AXIS)
"""The keys of a target that make several runs of it."""

OF: Final[Mapping[str, str]] = {MODELS: "model", PROFILES: "profile", DEPTH_AXIS: "depth"}
"""The option that each axis sets."""

DEFAULT_MAX_MODELS: Final = 50
"""Models of one target that globs select, unless max-models says otherwise (our own: a run of each costs money)."""

MOST_MODELS: Final = 100_000
"""The largest value of max-models: more runs than any machine makes in a night (our own)."""


class AxesError(ValueError):
    """An axis cannot be used; the message has the key and what is valid, not the place in the file."""


@dataclass(frozen=True, kw_only=True)
class Axes:
    """What varies among the runs of a target. An empty tuple is an axis that the file does not have.

    A model with `*`, `?` or `[` is a glob over the list of models of the target; at most `max_models` are taken.
    """

    models: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    depths: tuple[str, ...] = ()
    max_models: int = DEFAULT_MAX_MODELS


def is_glob(model: str) -> bool:
    """Whether the name of a model is a pattern."""
    return re.search(r"[*?\[]", model) is not None


def separated(table: Mapping[str, Any]) -> tuple[dict[str, Any], Axes | None]:
    """The options of a table, and its axes, if it has any; raises AxesError."""
    found = {key.replace("_", "-"): value for key, value in table.items() if key.replace("_", "-") in KEYS}
    rest = {key: value for key, value in table.items() if key.replace("_", "-") not in KEYS}
    if not found:
        return rest, None
    for axis, option in OF.items():
        if axis in found and option in rest:
            raise AxesError(f"it has both {option} and {axis}; keep one of them")
    depths = _texts(found, DEPTH_AXIS)
    for depth in depths:
        if depth not in DEPTHS:
            raise AxesError(f"{DEPTH_AXIS} has {shown(depth)}; valid: {', '.join(DEPTHS)}")
    return rest, Axes(
        models=_texts(found, MODELS),
        profiles=_texts(found, PROFILES),
        depths=depths,
        max_models=_count(found.get(MAX_MODELS, DEFAULT_MAX_MODELS)),
    )


def _texts(found: Mapping[str, Any], key: str) -> tuple[str, ...]:
    if key not in found:
        return ()
    value = [found[key]] if isinstance(found[key], str) else found[key]
    try:
        texts = typed(value, list[str])
    except InputError:
        raise AxesError(f"{key} is not a list of texts, such as {key} = ['a', 'b']") from None
    if not texts or not all(text.strip() and text.isprintable() for text in texts):
        raise AxesError(f"{key} is empty, or has an empty text; name at least one, or remove {key}")
    return tuple(dict.fromkeys(texts))


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_MODELS:
        raise AxesError(f"{MAX_MODELS} is a whole number from 1 to {MOST_MODELS:,}")
    return value
