"""Saying whether a tool call failed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

ASKED: Final = re.compile(r"\bdid\b[^.?\n]*\bcalls?\b[^.?\n]*\bfail\b", re.IGNORECASE)
FAILURE: Final = re.compile(r"\b(?:error|failed|failure|could not|not found)\b", re.IGNORECASE)


def asks_whether_a_call_failed(question: str) -> bool:
    """Whether the question is "Did the tool call fail?"."""
    return bool(ASKED.search(question))


def tells_of_failure(results: Iterable[str]) -> bool:
    """Whether a result says in words that the call failed."""
    return any(FAILURE.search(result) for result in results)
