"""Small closed facts of the contract, out of schemas/tables.json: stop reasons, and the error type of each status."""

import json
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

from messages_conformance import resources


def stop_reasons() -> frozenset[str]:
    """Every documented stop reason, beta ones included. The set is open: an unknown one is no violation by itself."""
    return frozenset(_tables()["stop_reasons"]["values"])


def error_types() -> Mapping[int, str]:
    """HTTP status -> the `error.type` that is documented for it; a status that is absent here is not pinned."""
    pairs = _tables()["error_types"]["values"]
    return MappingProxyType({int(status): str(kind) for status, kind in pairs.items()})


@cache
def _tables() -> dict[str, Any]:
    tables: dict[str, Any] = json.loads(resources.text("schemas/tables.json"))
    return tables
