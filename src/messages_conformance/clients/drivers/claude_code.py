"""Drives Claude Code without a terminal: each scenario is one turn in an empty folder, with a home of its own.

Its arguments: the JSON of the parent, and the folder with node_modules. It sends nothing except to the endpoint.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from driving import drive

FOLDER = Path(sys.argv[2])
PROGRAM = FOLDER / "node_modules" / ".bin" / "claude"
SETTINGS = {"attribution": {"commit": "", "pr": ""}, "includeCoAuthoredBy": False}
QUIET = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "CLAUDE_CODE_MAX_RETRIES": "2",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_ERROR_REPORTING": "1",
    "DISABLE_TELEMETRY": "1",
}


def run(ask, base_url, key, model):
    words = [str(PROGRAM), "-p", ask["prompt"], "--model", model, "--output-format", "stream-json", "--verbose"]
    words += ["--allowedTools", "Glob", "--settings", json.dumps(SETTINGS)]
    if "system" in ask:
        words += ["--append-system-prompt", ask["system"]]
    with tempfile.TemporaryDirectory() as folder:
        home, work = Path(folder) / "home", Path(folder) / "work"
        home.mkdir()
        work.mkdir()
        own = {name: value for name, value in os.environ.items() if not name.startswith(("ANTHROPIC_", "CLAUDE"))}
        own |= {"HOME": str(home), "ANTHROPIC_BASE_URL": base_url, "ANTHROPIC_AUTH_TOKEN": key, **QUIET}
        done = subprocess.run(words, env=own, cwd=work, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith(b"{")]
    return handed(lines) if lines else {"error": "no output", "message": done.stderr.decode("utf-8", "replace")[-300:]}


def handed(lines):
    result = {"text": "", "calls": [], "results": 0}
    for line in lines:
        for block in blocks(line):
            if block.get("type") == "tool_use":
                result["calls"].append([block.get("name"), block.get("input")])
            result["results"] += block.get("type") == "tool_result"
        if line.get("type") == "result":
            usage = line.get("usage") or {}
            cached = ("cache_creation_input_tokens", "cache_read_input_tokens")
            read = sum(usage.get(name) or 0 for name in ("input_tokens", *cached))
            result |= {"input_tokens": read, "output_tokens": usage.get("output_tokens")}
            if line.get("is_error") or line.get("subtype") != "success":
                result |= {"error": str(line.get("subtype")), "message": str(line.get("result"))[:300]}
            else:
                result |= {"text": line.get("result"), "final": line.get("result")}
    return result


def blocks(line):
    content = line["message"].get("content") if line.get("type") in ("assistant", "user") else None
    return content if isinstance(content, list) else ()


def version():
    package = FOLDER / "node_modules" / "@anthropic-ai" / "claude-code" / "package.json"
    return json.loads(package.read_text("utf-8"))["version"]


drive(run, version())
