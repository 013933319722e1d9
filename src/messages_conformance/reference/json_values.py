"""Reading JSON values of unknown type: a value of another type than expected reads as empty."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def as_list(value: object) -> list[Any]:
    """The value if it is a list; otherwise an empty list."""
    return value if isinstance(value, list) else []


def as_object(value: object) -> Mapping[str, Any]:
    """The value if it is an object; otherwise an empty object."""
    return value if isinstance(value, dict) else {}


def as_text(value: object) -> str:
    """The value if it is a string; otherwise an empty string."""
    return value if isinstance(value, str) else ""
