"""Refusals from which Claude Code recovers: it sends the request again without what was refused.

Measured with version 2.1.197 on 2026-11-22.
"""

import re
from typing import Final, Literal

Part = Literal["system", "adaptive"]
"""What it leaves out: the message with the role system; or adaptive thinking, which it replaces by a budget."""

WORDS: Final[tuple[tuple[Part, re.Pattern[str]], ...]] = (
    ("system", re.compile(r"role 'system' is not supported|Unexpected role \\?\"system\\?\"")),
    ("adaptive", re.compile("adaptive thinking is not supported on this model")),
)
"""Claude Code recognises only these words. It ends the conversation after any other refusal."""


def recovery(status: int, body: bytes) -> Part | None:
    """What Claude Code leaves out after this answer; None if it gives up."""
    text = body.decode("utf-8", "replace")
    return next((part for part, words in WORDS if status == 400 and words.search(text)), None)
