"""What a run created on its target and did not remove."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote

from messages_conformance.engine import NOT_ANSWERED
from messages_conformance.exchange import Exchange

KINDS: Final = {"/v1/messages/batches": "batch", "/v1/files": "file"}
"""The routes that create something, and what they create."""


def left_behind(exchanges: Iterable[Exchange]) -> str:
    """A sentence that names what is left on the target; empty if nothing is left."""
    known = tuple(exchanges)
    parts = [f"{KINDS[route]} {identifier}" for route, identifier in _left(known)]
    named = f"left on the target, to be deleted by hand: {', '.join(parts)}" if parts else ""
    routes = dict.fromkeys(one.request.path for one in known if _is_unanswered(one))
    unknown = [f"the creation of a {KINDS[route]} was not answered; GET {route} lists what is left" for route in routes]
    return "; ".join(filter(None, (named, *unknown)))


def _left(exchanges: tuple[Exchange, ...]) -> Iterator[tuple[str, str]]:
    """The route and the id of everything that still exists, as far as the answers say."""
    exists: dict[str, tuple[str, str]] = {}
    removed: dict[str, tuple[str, str]] = {}
    for exchange in exchanges:
        method, path = exchange.request.method, exchange.request.path
        status = exchange.response.status if exchange.response is not None else 0
        if method == "POST" and path in KINDS and 200 <= status < 300:
            identifier = exchange.response.fields.get("id") if exchange.response is not None else None
            if isinstance(identifier, str) and identifier:
                exists[f"{path}/{quote(identifier, safe='')}"] = (path, identifier)
        elif method == "DELETE" and path in exists and (200 <= status < 300 or status == 404):
            removed[path] = exists.pop(path)
        elif method == "GET" and path in removed and status == 200:
            exists[path] = removed.pop(path)
    yield from exists.values()


def _is_unanswered(exchange: Exchange) -> bool:
    """Whether a creation was sent, and its answer is not known."""
    is_creation = exchange.request.method == "POST" and exchange.request.path in KINDS
    return is_creation and exchange.failure is not None and exchange.failure.kind == NOT_ANSWERED.kind
