"""Refusals that Claude Code recovers from: it leaves out what was refused, and asks again.

Measured with version 2.1.197, 2026-11-22.
"""

import re
from typing import Final, Literal

Part = Literal["system", "adaptive"]
"""What it leaves out: the message of the role system, or adaptive thinking in favour of a budget."""

WORDS: Final[tuple[tuple[Part, re.Pattern[str]], ...]] = (
    ("system", re.compile(r"role 'system' is not supported|Unexpected role \\?\"system\\?\"")),
    ("adaptive", re.compile("adaptive thinking is not supported on this model")),
)
"""Only these words are recognised; the same said otherwise ends the conversation."""


def recovery(status: int, body: bytes) -> Part | None:
    """What Claude Code leaves out after such an answer; None where it gives up."""
    text = body.decode("utf-8", "replace")
    return next((part for part, words in WORDS if status == 400 and words.search(text)), None)
