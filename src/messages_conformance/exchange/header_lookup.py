"""Finds a header by its name."""

from __future__ import annotations


def header(headers: tuple[tuple[str, str], ...], name: str) -> str | None:
    """The first value under a header name, in any case; None when absent."""
    lowered = name.lower()
    return next((value for key, value in headers if key.lower() == lowered), None)
