"""Cells of CSV files: foreign text must stay text in a spreadsheet."""

from __future__ import annotations

from typing import Any, Final

from messages_conformance.report.text import inline

FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")
"""What begins a formula in a spreadsheet (OWASP, CSV injection)."""


def csv_cell(value: Any) -> Any:
    """The value of a cell: visible text on one line; an apostrophe keeps a spreadsheet from computing it."""
    if not isinstance(value, str):
        return value
    return f"'{inline(value)}" if value.startswith(FORMULAS) else inline(value)
