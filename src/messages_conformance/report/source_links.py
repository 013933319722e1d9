"""Web addresses in the sources of requirements."""

from __future__ import annotations

import re
from typing import Final

_ADDRESS: Final = re.compile(r"\b(?:platform|docs|support|www)\.[a-z0-9.-]+\.[a-z]+/[^\s,;)]*|\bgithub\.com/[^\s,;)]+")
"""The pages that sources name, which leave out https://."""


def address_in(source: str) -> str:
    """The first web address that a source names; empty when it names none."""
    found = _ADDRESS.search(source)
    return f"https://{found.group().rstrip('.')}" if found else ""
