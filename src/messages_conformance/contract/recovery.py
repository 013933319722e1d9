"""Refusals from which Claude Code recovers: it sends the request again without what was refused.

Measured with version 2.1.332 on 2026-11-30: a gateway refused one part of its requests in these words. The published
protocol for gateways promises only that it matches on the upstream's words, and the token `capability_rejected: CLASS`
(code.claude.com/docs/en/llm-gateway-protocol, read 2026-08-22).
"""

import re
from typing import Final, Literal

Part = Literal["system", "adaptive", "context_management", "effort", "betas", "max_tokens"]
"""What it changes. It removes the message with the role system, context_management, the effort, or the betas that were
named. It replaces adaptive thinking by a budget, or lowers max_tokens."""

STATUSES: Final = frozenset({400})
SYSTEM_STATUSES: Final = frozenset({400, 422})
"""It also looks for the words about the role system in an answer with 422."""

WORDS: Final[tuple[tuple[Part, re.Pattern[str]], ...]] = (
    (
        "system",
        re.compile(
            r"role.{0,2}system.{0,4}is not supported"
            r"|Unexpected role.*input message role"
            r"|messages\.\d+\.role: Input should be"
            r"|anthropic-beta.*mid-conversation-system-2026-04-07|mid-conversation-system-2026-04-07.*anthropic-beta"
            r"|capability_rejected: mid_conv_system\b",
            re.DOTALL,
        ),
    ),
    (
        "adaptive",
        re.compile(
            r"adaptive thinking is not supported|thinking\.type.*adaptive.*not supported"
            r"|capability_rejected: thinking_type:adaptive\b",
            re.DOTALL,
        ),
    ),
    ("context_management", re.compile(r"context_management: Extra inputs are not permitted")),
    (
        "effort",
        re.compile(r"output_config\.effort: Extra inputs are not permitted|not support.*effort parameter", re.DOTALL),
    ),
    ("betas", re.compile(r"Unexpected value\(s\) `[^`]+`.* for the `anthropic-beta` header")),
    ("max_tokens", re.compile(r"max_tokens: \d+ > \d+, which is the maximum allowed number of output tokens")),
)
"""Claude Code recognises these words. It ends the conversation after any other refusal of the same part, such as
"unknown field `context_management`" or "System message must be at the beginning."."""


def recovery(status: int, body: bytes) -> Part | None:
    """What Claude Code changes after this answer; None if it gives up."""
    text = body.decode("utf-8", "replace").replace('\\"', '"')
    return next((part for part, words in WORDS if status in _statuses(part) and words.search(text)), None)


def _statuses(part: Part) -> frozenset[int]:
    return SYSTEM_STATUSES if part == "system" else STATUSES
