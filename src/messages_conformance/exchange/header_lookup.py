"""Finds headers by name."""

from __future__ import annotations

from collections.abc import Mapping


def first_values(headers: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    """The first value of each header, by name in lower case."""
    values: dict[str, str] = {}
    for name, value in headers:
        values.setdefault(name.lower(), value)
    return values
