"""An example of each command, which its `--help` shows below the options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

NAME: Final = "messages-conformance"

EXAMPLES: Final[Mapping[str, str]] = {
    "run": "run https://staging.example.com --depth smoke --header 'x-access: TOKEN' --report report",
    "plan": "plan https://staging.example.com --model my-model",
    "check": "check traffic.har --profile anthropic-2023-06-01 --output json",
    "proxy": "proxy --upstream https://api.anthropic.com -- claude -p 'Say hello'",
    "judge-client": "judge-client -- pytest tests",
    "clients": "clients reference: --client claude-code",
    "upstream": "upstream --speaks openai-chat --record received.jsonl",
    "gateway": "gateway http://127.0.0.1:4000",
    "config": "config staging --concurrency 4",
    "report": "report report --format markdown --output comment.md",
    "compare": "compare report other --format html --output comparison.html",
    "waive": "waive report --days 30",
    "diff": "diff yesterday today",
    "list": "list --profile anthropic-2023-06-01 --grep stream",
    "explain": "explain stream.order.message-stop-last",
    "serve": "serve --fault drop_message_stop",
    "prove": "prove --only drop_message_stop --depth smoke",
}


def epilog(command: str, before: str | None) -> str:
    """The end of the help of a command: what the command says itself, then its example."""
    example = f"example:\n  {NAME} {EXAMPLES[command]}" if command in EXAMPLES else ""
    return "\n\n".join(part for part in (before, example) if part)
