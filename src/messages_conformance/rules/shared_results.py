"""Keeps what functions over the exchanges of a run return: many rules over a run read the same of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from messages_conformance.exchange import Exchange

P = ParamSpec("P")
T = TypeVar("T")

MOST_RESULTS: Final = 64
"""At most this many results are kept (our own: several for each of the few sets of exchanges that rules read)."""

_results: Final[dict[Any, tuple[tuple[Exchange, ...], Any]]] = {}


def once_per_run(
    function: Callable[Concatenate[Sequence[Exchange], P], T],
) -> Callable[Concatenate[Sequence[Exchange], P], T]:
    """Keeps the results of a function for the same tuple of exchanges until `forget_results` is called.

    The other arguments are hashable, and nobody changes a result.
    """

    @wraps(function)
    def once(exchanges: Sequence[Exchange], /, *args: P.args, **kwargs: P.kwargs) -> T:
        if not isinstance(exchanges, tuple):
            return function(exchanges, *args, **kwargs)
        key = (function, id(exchanges), args, *kwargs.items())
        kept = _results.get(key)
        if kept is None:
            if len(_results) >= MOST_RESULTS:
                _results.clear()
            # The tuple is kept, too, so that no other one gets its id.
            kept = _results[key] = exchanges, function(exchanges, *args, **kwargs)
        result: T = kept[1]
        return result

    return once


def forget_results() -> None:
    """Releases the memory of all results and of their exchanges."""
    _results.clear()
