"""The tables in schemas/tables.json: stop reasons, and the error type of each status."""

import json
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

from messages_conformance import resources


def stop_reasons() -> frozenset[str]:
    """Every documented stop reason, also of betas. The set is open: another one is not a violation."""
    return frozenset(_tables()["stop_reasons"]["values"])


def error_types() -> Mapping[int, str]:
    """HTTP status -> its documented `error.type`. Any other status can have any type."""
    pairs = _tables()["error_types"]["values"]
    return MappingProxyType({int(status): str(kind) for status, kind in pairs.items()})


@cache
def _tables() -> dict[str, Any]:
    tables: dict[str, Any] = json.loads(resources.text("schemas/tables.json"))
    return tables
