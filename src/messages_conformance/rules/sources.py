"""Sources of the requirements: page or module, with the date on which it was read."""

from typing import Final

SEED: Final = "TokModel documentation, page /v1/messages, read 2026-11-22"
STREAMING: Final = "platform.claude.com/docs/en/build-with-claude/streaming, read 2026-11-22"
VERSIONING: Final = "platform.claude.com/docs/en/api/versioning, read 2026-11-22"
OVERVIEW: Final = "platform.claude.com/docs/en/api/overview, read 2026-11-22"
ERRORS: Final = "platform.claude.com/docs/en/api/errors, read 2026-11-22"
RATE_LIMITS: Final = "platform.claude.com/docs/en/api/rate-limits, read 2026-11-22"
STOP_REASONS: Final = "platform.claude.com/docs/en/build-with-claude/handling-stop-reasons, read 2026-11-22"
REFUSALS: Final = "platform.claude.com/docs/en/build-with-claude/refusals-and-fallback, read 2026-11-22"
CACHING: Final = "platform.claude.com/docs/en/build-with-claude/prompt-caching, read 2026-11-22"
THINKING: Final = "platform.claude.com/docs/en/build-with-claude/thinking, read 2026-11-22"
CITATIONS: Final = "platform.claude.com/docs/en/build-with-claude/citations, read 2026-11-22"
TOOLS: Final = "platform.claude.com/docs/en/agents-and-tools/tool-use/define-tools, read 2026-11-22"
SSE: Final = "WHATWG HTML Living Standard, 9.2 Server-sent events"
RFC_JSON: Final = "RFC 8259 (JSON)"
RFC_HTTP: Final = "RFC 9110 (HTTP semantics)"


def sdk(module: str) -> str:
    """A module of the official Python SDK, as read in version 2.12.0."""
    return f"anthropic 2.12.0 (PyPI), {module}"


def sdk_ts(module: str) -> str:
    """A module of the official TypeScript SDK, as read in version 1.12.0."""
    return f"@anthropic-ai/sdk 1.12.0 (npm), {module}"


MEASURED: Final = "measured on four official SDK builds, 2026-11-22"
"""What four official SDK builds did with streams that are broken so."""
