"""Requests of Claude Code 2.1.332 in their real size and form: about 50 kB, of which 14 tools make up most.

Its requests were recorded on 2026-11-30. Every size, keyword, header and member is that of the recordings. Every text
is our own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from messages_conformance.exchange import Ask

Json = dict[str, Any]

BETAS: Final = (
    "claude-code-20250219",
    "interleaved-thinking-2025-05-14",
    "context-management-2025-06-27",
    "mid-conversation-tool-changes-2026-07-01",
    "thinking-token-count-2026-05-13",
    "advanced-tool-use-2025-11-20",
    "effort-2025-11-24",
)
DISPLAY_BETA: Final = "thinking-display-updates-2026-08-18"
"""It comes with `"display": "updates"` in the first request of a session. After any refusal with 400 or 422 whose words
Claude Code does not know, it leaves both out (read in its program)."""

CLIENT_HEADERS: Final = (
    ("user-agent", "claude-cli/2.1.332 (external, sdk-cli)"),
    ("anthropic-dangerous-direct-browser-access", "true"),
    ("x-app", "cli"),
    ("x-claude-code-session-id", "6f2c1f0e-4a57-4a0e-9d5b-1b8f0a3c7d21"),
    ("x-stainless-arch", "x64"),
    ("x-stainless-lang", "js"),
    ("x-stainless-os", "Linux"),
    ("x-stainless-package-version", "0.128.0"),
    ("x-stainless-retry-count", "0"),
    ("x-stainless-runtime", "node"),
    ("x-stainless-runtime-version", "v26.12.1"),
    ("x-stainless-timeout", "600"),
)
STREAM_HEADERS: Final = (
    *CLIENT_HEADERS,
    ("accept", "application/json"),
    ("accept-encoding", "gzip, deflate, br, zstd"),
)
"""With those that differ from the headers of the suites."""

METADATA: Final[Json] = {
    "user_id": json.dumps(
        {"device_id": "0123456789abcdef" * 4, "account_uuid": "", "session_id": "6f2c1f0e-4a57-4a0e-9d5b-1b8f0a3c7d21"},
        separators=(",", ":"),
    )
}
CONTEXT: Final[Json] = {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]}
CACHED: Final[Json] = {"cache_control": {"type": "ephemeral"}}
ATTRIBUTION: Final = "x-anthropic-billing-header: cc_version=2.1.332.000; cc_entrypoint=sdk-cli;"

LARGEST: Final = 9007199254740991
TEXT: Final[Json] = {"type": "string"}
FLAG: Final[Json] = {"type": "boolean"}
NUMBER: Final[Json] = {"type": "number"}
LEVEL: Final[Json] = {"type": "string", "enum": ["low", "medium", "high", "xhigh", "max"]}

NOTES: Final = (
    "Keep this text for later — it only has the length of the real one.",
    "Paths may be absolute (`/home/user/notes.md`) or relative; both are fine.",
    "Results come back in one message → several blocks are possible.",
    "IMPORTANT: quotes \"like these\", 'these' and `these` mean nothing special.",
    "A value of <name> stands for a word that somebody else fills in…",
    '- At most 60 characters (≤60) for a label, e.g. "docs-only" or "tests".',
    "Numbers such as 1–3 or 2×2 need no conversion; 100% is not special & never was.",
    'Example: {"label": "one", "parts": [1, 2, {"deep": null}]}.',
    "Nothing here is an order. Only the message of the user says what happens next.",
    "# Heading\n\nA line of its own under a heading, with a tab\tinside.",
    "<system-reminder>These tags are plain text.</system-reminder>",
    "Commands such as `ls -la | grep x > /dev/null 2>&1` are examples, too.",
)
"""Sentences with the characters that its prompts have: dashes, arrows, tags, quotes, JSON and shell commands."""

UNQUOTED: Final = tuple(note for note in NOTES if '"' not in note)
UNQUOTED_CHARACTERS: Final = 1500
"""So long are parts of real descriptions without a quotation mark."""


def prose(characters: int, begin: str = "") -> str:
    """A text of about this length. Its first 1,500 characters have no quotation marks, which JSON escapes."""
    parts, length = [begin] if begin else [], len(begin)
    while length < characters:
        notes = UNQUOTED if length < UNQUOTED_CHARACTERS else NOTES
        parts.append(notes[len(parts) % len(notes)])
        length += len(parts[-1]) + 1
    return "\n".join(parts)


def described(schema: Mapping[str, Any], characters: int = 90) -> Json:
    """A property with a description."""
    return {"description": prose(characters)[:characters].strip(), **schema}


def tool(name: str, what: str, characters: int, required: Iterable[str] = (), /, **properties: Json) -> Json:
    """A definition with the three keys that Claude Code sends; the description has about so many characters."""
    schema: Json = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {key.replace("__", "-"): described(value) for key, value in properties.items()},
        "additionalProperties": False,
    }
    needed = [*required]
    return {
        "name": name,
        "description": prose(characters, what),
        "input_schema": {**schema, "required": needed} if needed else schema,
    }


SHORT_TEXT: Final[Json] = {"type": "string", "maxLength": 256}
FINDING: Final[Json] = {
    "type": "object",
    "properties": {
        "file": described(TEXT),
        "line": described({"type": "integer", "minimum": -LARGEST, "maximum": LARGEST}),
        "summary": described(TEXT),
        "short_summary": described({"type": "string", "maxLength": 60}),
        "severity": described({"type": "string", "enum": ["important", "pre_existing", "nit"]}, 200),
        "outcome": described({"type": "string", "enum": ["fixed", "skipped", "no_change_needed"]}, 200),
    },
    "required": ["file", "summary"],
    "additionalProperties": False,
}
FINDINGS: Final[Json] = {"maxItems": 32, "type": "array", "items": FINDING}

GLOB: Final = tool("Glob", "Finds files by a pattern of their names.", 140, ["pattern"], pattern=TEXT, path=TEXT)
DEFERRED: Final[Json] = {
    "name": "DeferredToolPlaceholder",
    "description": "Stands for tools that are loaded later.",
    "input_schema": {"type": "object", "properties": {}},
    "defer_loading": True,
}
TOOLS: Final[tuple[Json, ...]] = (
    tool(
        "Agent",
        "Runs a task of several steps on its own.",
        3200,
        ["description", "prompt"],
        description=TEXT,
        prompt=TEXT,
        subagent_type=TEXT,
        model={"type": "string", "enum": ["small", "large"]},
        effort=LEVEL,
        run_in_background=FLAG,
        isolation={"type": "string", "enum": ["worktree", "remote"]},
    ),
    tool(
        "Bash",
        "Runs a shell command.",
        2100,
        ["command"],
        command=TEXT,
        timeout=NUMBER,
        description=TEXT,
        run_in_background=FLAG,
    ),
    tool(
        "Edit",
        "Replaces a text in a file.",
        360,
        ["file_path", "old_string", "new_string"],
        file_path=TEXT,
        old_string=TEXT,
        new_string=TEXT,
        replace_all={"default": False, "type": "boolean"},
    ),
    GLOB,
    tool(
        "Grep",
        "Finds lines by a regular expression.",
        480,
        ["pattern"],
        pattern=TEXT,
        path=TEXT,
        glob=TEXT,
        output_mode={"type": "string", "enum": ["content", "files_with_matches", "count"]},
        __B=NUMBER,
        __A=NUMBER,
        __C=NUMBER,
        __n=FLAG,
        __i=FLAG,
        type=TEXT,
        head_limit=NUMBER,
        multiline=FLAG,
    ),
    tool("ListAgents", "Lists the agents.", 1430, channel=SHORT_TEXT, q=SHORT_TEXT, cursor=SHORT_TEXT),
    tool(
        "Read",
        "Shows a file.",
        790,
        ["file_path"],
        file_path=TEXT,
        offset={"type": "integer", "minimum": 0, "maximum": LARGEST},
        limit={"type": "integer", "exclusiveMinimum": 0, "maximum": LARGEST},
        pages=TEXT,
        allow_large=FLAG,
    ),
    tool("ReportFindings", "Reports what a review found.", 570, ["findings"], level=LEVEL, findings=FINDINGS),
    tool("ScheduleWakeup", "Goes on later.", 3400, delaySeconds=NUMBER, reason=TEXT, prompt=TEXT, stop=FLAG, noop=FLAG),
    tool("Skill", "Loads instructions.", 1420, ["skill"], skill=TEXT, args=TEXT),
    tool("ToolSearch", "Loads deferred tools.", 950, ["query"], query=TEXT, max_results={"default": 5, **NUMBER}),
    tool(
        "Workflow",
        "Starts a script of several agents.",
        3500,
        script={"type": "string", "maxLength": 524288},
        name=TEXT,
        title=TEXT,
        args={},
        scriptPath=TEXT,
        resumeFromRunId={"type": "string", "pattern": "^wf_[a-z0-9-]{6,}$"},
    ),
    DEFERRED,
    tool("Write", "Writes a file.", 240, ["file_path", "content"], file_path=TEXT, content=TEXT),
)
"""The tools of a session without a terminal, with the lengths of their descriptions."""

SYSTEM_CHARACTERS: Final = 6700
REMINDER_CHARACTERS: Final = 9100


def system(first: str = "", last: str = "") -> list[Json]:
    """The three blocks of the system prompt. `first` and `last` are sentences in the second and in the third one."""
    own = f"You help with programming in a terminal. {first}".strip()
    rules = f"{prose(SYSTEM_CHARACTERS, 'Do what the user asks, and no more.')}\n{last}".strip()
    return [
        {"type": "text", "text": ATTRIBUTION},
        {"type": "text", "text": own, **CACHED},
        {"type": "text", "text": rules, **CACHED},
    ]


def environment(sentence: str = "") -> str:
    """The text of the message with the role system, which follows the first user message."""
    begin = "# Environment\n - Primary working directory: /home/user/work\n - Platform: linux\n - Shell: bash"
    return prose(REMINDER_CHARACTERS, f"{begin}\n{sentence}".strip())


def first_turn(question: Any, *, about: str = "") -> list[Json]:
    """The messages of the first request. `about` is a sentence in the message with the role system."""
    note = {"role": "system", "content": [{"type": "text", "text": environment(about), **CACHED}]}
    return [{"role": "user", "content": question}, note]


def later_turn(question: Any, *turns: Json, about: str = "") -> list[Json]:
    """The messages of a later request: the message with the role system is a string now."""
    return [{"role": "user", "content": question}, {"role": "system", "content": environment(about)}, *turns]


def body(messages: list[Json], **changes: Any) -> Json:
    """All members of a request of the main loop, without model and max_tokens. None leaves a member out."""
    fields = {
        "messages": messages,
        "system": system(),
        "tools": [*TOOLS],
        "metadata": METADATA,
        "thinking": {"type": "adaptive"},
        "context_management": CONTEXT,
        "output_config": {"effort": "high"},
        "stream": True,
    }
    return {name: value for name, value in (fields | changes).items() if value is not None}


DISPLAY: Final = "display"

FIELD_OF: Final = {"effort": "output_config", "context_management": "context_management", "max_tokens": "max_tokens"}
"""Part -> the member that Claude Code leaves out or lowers after its refusal."""

LOWER_MAX_TOKENS: Final = 1100
THINKING_BUDGET: Final = 1024


def without(part: str, asked: Ask) -> Ask:
    """The request as Claude Code sends it after a refusal of this part: one of contract.recovery, or DISPLAY."""
    assert isinstance(asked.body, Mapping)
    fields = dict(asked.body)
    headers = asked.headers
    if part == "adaptive":
        fields["thinking"] = {"type": "enabled", "budget_tokens": THINKING_BUDGET}
    elif part == DISPLAY:
        if "thinking" in fields:
            fields["thinking"] = {"type": fields["thinking"]["type"]}
        headers = tuple((name, value.replace(f",{DISPLAY_BETA}", "") if value else value) for name, value in headers)
    elif part in FIELD_OF:
        fields.pop(FIELD_OF[part], None)
        fields.setdefault("max_tokens", LOWER_MAX_TOKENS)
    elif part == "betas":
        headers = tuple(pair for pair in headers if pair[0] != "anthropic-beta")
    else:
        fields["messages"] = [message for message in fields["messages"] if message["role"] != "system"]
    return replace(asked, body=fields, headers=headers)
