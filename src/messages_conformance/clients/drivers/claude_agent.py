"""Drives the Claude Agent SDK with the Claude Code that it brings: each scenario is one query in an empty folder."""

import asyncio
import os
import tempfile
from importlib.metadata import version
from pathlib import Path

from claude_agent_sdk import AssistantMessage, ClaudeAgentOptions, ResultMessage, ToolResultBlock, ToolUseBlock, query
from driving import drive

QUIET = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "CLAUDE_CODE_MAX_RETRIES": "2",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_ERROR_REPORTING": "1",
    "DISABLE_TELEMETRY": "1",
}
CACHED = ("cache_creation_input_tokens", "cache_read_input_tokens")


async def asked(ask, options):
    result = {"text": "", "calls": [], "results": 0}
    async for message in query(prompt=ask["prompt"], options=options):
        content = getattr(message, "content", None)
        for block in content if isinstance(content, list) else ():
            if isinstance(block, ToolUseBlock) and isinstance(message, AssistantMessage):
                result["calls"].append([block.name, block.input])
            result["results"] += isinstance(block, ToolResultBlock)
        if isinstance(message, ResultMessage):
            result |= ended(message)
    return result


def ended(message):
    usage = message.usage or {}
    read = sum(usage.get(name) or 0 for name in ("input_tokens", *CACHED))
    counts = {"input_tokens": read, "output_tokens": usage.get("output_tokens")}
    if message.is_error or message.subtype != "success":
        return counts | {"error": str(message.subtype), "message": str(message.result)[:300]}
    return counts | {"text": message.result, "final": message.result}


def run(ask, base_url, key, model):
    for name in [name for name in os.environ if name.startswith(("ANTHROPIC_", "CLAUDE"))]:
        del os.environ[name]
    with tempfile.TemporaryDirectory() as folder:
        home, work = Path(folder) / "home", Path(folder) / "work"
        home.mkdir()
        work.mkdir()
        own = {"HOME": str(home), "ANTHROPIC_BASE_URL": base_url, "ANTHROPIC_AUTH_TOKEN": key, **QUIET}
        options = ClaudeAgentOptions(model=model, cwd=work, env=own, allowed_tools=["Glob"])
        return asyncio.run(asked(ask, options))


drive(run, version("claude-agent-sdk"))
