"""Pairs of requests that differ in one part only, and the keys by which they are found."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from messages_conformance.exchange import Exchange
from messages_conformance.rules.accessors import (
    has_message,
    json_key,
    message_of,
    once_per_exchange,
)


def body_without(body: Any, *names: str) -> bytes:
    """A JSON body without some of its top-level keys, as a key for comparison."""
    return json_key({key: value for key, value in body.items() if key not in names})


@once_per_exchange
def request_without(exchange: Exchange, *names: str) -> bytes:
    """The body of a request without some of its top-level keys, as a key for comparison."""
    return body_without(exchange.request.fields, *names)


def requests_without(
    name: str, exchanges: Sequence[Exchange], *, larger: bool = False, alike: bool = False
) -> Iterator[tuple[Exchange, Exchange]]:
    """Pairs of answered requests that differ in one field only: the first has it, and the second does not.

    With `larger`, the second has the field too, with a larger number. With `alike`, both are streamed or both are not;
    without it, streaming may differ too.
    """
    ignored = (name,) if alike else (name, "stream")
    messages = [exchange for exchange in exchanges if has_message(exchange) and message_of(exchange) is not None]
    same_but_for_field: dict[bytes, list[Exchange]] = defaultdict(list)
    for exchange in messages:
        same_but_for_field[request_without(exchange, *ignored)].append(exchange)
    for requests in same_but_for_field.values():
        control_of = _first_larger(name, requests) if larger else _first_without(name, requests)
        for limited in requests:
            limit = limited.request.fields.get(name)
            control = control_of(limit) if limit else None
            if control is not None:
                yield limited, control


def _first_without(name: str, requests: Sequence[Exchange]) -> Callable[[Any], Exchange | None]:
    """A function that returns the first request without the field."""
    control = next((request for request in requests if not request.request.fields.get(name)), None)
    return lambda limit: control


def _first_larger(name: str, requests: Sequence[Exchange]) -> Callable[[Any], Exchange | None]:
    """A function that returns the first request whose field is larger than a number, by one binary search."""
    largest: list[int] = []
    controls: list[Exchange] = []
    for request in requests:
        value = request.request.fields.get(name)
        if isinstance(value, int) and (not largest or value > largest[-1]):
            largest.append(value)
            controls.append(request)

    def control_of(limit: Any) -> Exchange | None:
        at = bisect_right(largest, limit) if isinstance(limit, int) else len(largest)
        return controls[at] if at < len(controls) else None

    return control_of


def without_cache_control(value: Any) -> Any:
    """A body without any cache_control."""
    if isinstance(value, list):
        return [without_cache_control(item) for item in value]
    if isinstance(value, dict):
        return {name: without_cache_control(item) for name, item in value.items() if name != "cache_control"}
    return value
