"""Pairs of requests that differ in one part only, and the keys by which they are found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
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
        for limited in requests:
            limit = limited.request.fields.get(name)
            controls = (control for control in requests if _is_control(control.request.fields.get(name), limit, larger))
            control = next(controls, None) if limit else None
            if control is not None:
                yield limited, control


def _is_control(value: Any, limit: Any, larger: bool) -> bool:
    """Whether the value of the field makes a request the control of one with this limit: none, or a larger one."""
    if not larger:
        return not value
    return isinstance(value, int) and isinstance(limit, int) and value > limit


def without_cache_control(value: Any) -> Any:
    """A body without any cache_control."""
    if isinstance(value, list):
        return [without_cache_control(item) for item in value]
    if isinstance(value, dict):
        return {name: without_cache_control(item) for name, item in value.items() if name != "cache_control"}
    return value
