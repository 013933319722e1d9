"""Why the cache breakpoints of a request are refused: their number, their lifetimes and their order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from messages_conformance.reference import request_blocks
from messages_conformance.reference.failures import Failure
from messages_conformance.reference.json_values import as_list, as_object

Body = Mapping[str, Any]
MAX_CACHE_BREAKPOINTS = 4
TOP_LEVEL = "request.cache_control.top-level.slots"


def breakpoints(body: Body) -> Iterator[Mapping[str, Any]]:
    """Every cache_control of a request, in the order tools, system, messages, whole request."""
    holders: list[Any] = [*as_list(body.get("tools")), *as_list(body.get("system"))]
    for _, block in request_blocks.content_blocks(body):
        holders.append(block)
        holders.extend(as_list(block.get("content")))
    for holder in [*holders, body]:
        control = holder.get("cache_control") if isinstance(holder, dict) else None
        if isinstance(control, dict):
            yield control


def failures(body: Body) -> Iterator[Failure]:
    """Every reason to refuse the breakpoints of a request."""
    found = list(breakpoints(body))
    if as_object(body.get("cache_control")) and last_control(body):
        found.pop()  # the breakpoint of the last block is that of the whole request
    if len(found) > MAX_CACHE_BREAKPOINTS:
        yield Failure(
            message=f"A maximum of {MAX_CACHE_BREAKPOINTS} blocks with cache_control may be provided. "
            f"Found {len(found)}.",
            requirement=TOP_LEVEL if body.get("cache_control") else "request.cache_control.max-4",
        )
    lifetimes = [control.get("ttl") or "5m" for control in found]
    if "5m" in lifetimes and "1h" in lifetimes[lifetimes.index("5m") :]:
        yield Failure(
            message="cache_control.ttl: a '1h' block must not come after a '5m' block",
            requirement="request.cache_control.ttl-order",
        )
    if "cache_control" in body and body["cache_control"] is not None:
        yield from request_blocks.cache_control(body["cache_control"], "cache_control")
        yield from two_lifetimes(body)


def two_lifetimes(body: Body) -> Iterator[Failure]:
    """The failure for a cache_control of the request that contradicts the one of the last block."""
    own = last_control(body)
    if own and (own.get("ttl") or "5m") != (as_object(body["cache_control"]).get("ttl") or "5m"):
        yield Failure(
            message="cache_control.ttl: differs from that of the last block",
            requirement=TOP_LEVEL,
        )


def last_control(body: Body) -> Mapping[str, Any]:
    """The cache_control of the last block of the messages; empty if it has none."""
    last = [block for _, block in request_blocks.content_blocks(body)][-1:]
    return as_object(last[0].get("cache_control")) if last else {}
