"""The features of requests of Claude Code 2.1.332 and 2.1.197, each alone, and a small turn that has all of them.

test_claude_code_session.py has turns of the real size. The texts are our own.
"""

from dataclasses import replace

import pytest

from messages_conformance.generate import EITHER, Ask, Dialogue, ask, assistant, recovery, user
from messages_conformance.generate.claude_code_requests import (
    BETAS,
    CACHED,
    CLIENT_HEADERS,
    CONTEXT,
    METADATA,
    without,
)

NEEDS = frozenset({"claude-code"})
OK = "Reply with the single word: ok"
BETA_PATH = "/v1/messages?beta=true"

OTHER_BETAS = (  # of 2.1.197, and of its interactive sessions
    "context-1m-2025-08-07",
    "prompt-caching-scope-2026-01-05",
    "mid-conversation-system-2026-04-07",
    "redact-thinking-2026-02-12",
    "structured-outputs-2025-12-15",
)

SYSTEM = [
    {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.332.000; cc_entrypoint=sdk-cli;"},
    {"type": "text", "text": "You help with programming in a terminal."},
    {"type": "text", "text": "Answer briefly. Call a tool only when the user asks for it."},
]
CACHED_SYSTEM = [SYSTEM[0], {**SYSTEM[1], **CACHED}, {**SYSTEM[2], **CACHED}]
REMINDER_TEXT = "The working folder is /home/user. It is no git repository."
REMINDER = {
    "role": "system",
    "content": [{"type": "text", "text": REMINDER_TEXT, **CACHED}],
}
TITLE = {
    "type": "json_schema",
    "schema": {
        "type": "object",
        "properties": {"title": {"type": "string"}},
        "required": ["title"],
        "additionalProperties": False,
    },
}

TEXT = {"type": "string"}
FLAG = {"type": "boolean"}
COUNT = {"type": "integer", "exclusiveMinimum": 0, "maximum": 9007199254740991}
OFFSET = {"type": "integer", "minimum": 0, "maximum": 9007199254740991}
ANYTHING = {"type": "object", "propertyNames": {"type": "string"}, "additionalProperties": {}}
STATUS = {"anyOf": [{"type": "string", "enum": ["pending", "completed"]}, {"type": "string", "const": "deleted"}]}
LIST = {"type": "array", "items": {"type": "string"}, "maxItems": 32}


def tool(name, what, required=(), /, **properties):
    """One tool definition, with the three keys that Claude Code sends."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }
    return {
        "name": name,
        "description": what,
        "input_schema": {**schema, **({"required": [*required]} if required else {})},
    }


TOOLS = [
    tool(
        "Agent",
        "Runs a task of several steps on its own.",
        ["prompt"],
        prompt=TEXT,
        model={"type": "string", "enum": ["small", "large"]},
    ),
    tool(
        "Bash", "Runs a shell command.", ["command"], command=TEXT, timeout={"type": "number"}, run_in_background=FLAG
    ),
    tool("CronCreate", "Plans a job.", ["cron", "prompt"], cron=TEXT, prompt=TEXT, recurring=FLAG),
    tool("CronDelete", "Drops a planned job.", ["id"], id=TEXT),
    tool("CronList", "Shows the planned jobs."),
    tool("Edit", "Replaces text.", ["file_path"], file_path=TEXT, replace_all={"default": False, "type": "boolean"}),
    tool("EnterWorktree", "Goes into a worktree.", name=TEXT),
    tool("ExitWorktree", "Leaves it.", ["action"], action={"type": "string", "enum": ["keep", "remove"]}),
    tool("NotebookEdit", "Changes a cell.", ["notebook_path"], notebook_path=TEXT, new_source=TEXT),
    tool("Read", "Shows a file.", ["file_path"], file_path=TEXT, offset=OFFSET, limit=COUNT),
    tool("ReportFindings", "Lists findings.", findings={"type": "array", "maxItems": 32, "items": {"type": "object"}}),
    tool("ScheduleWakeup", "Waits.", ["delaySeconds"], delaySeconds={"type": "number"}, reason=TEXT),
    tool("SendMessage", "Tells somebody.", ["to"], to=TEXT, summary={"type": "string", "maxLength": 200}),
    tool("Skill", "Loads a skill.", ["skill"], skill=TEXT, args=TEXT),
    tool("TaskCreate", "Notes a task.", ["subject"], subject=TEXT, metadata=ANYTHING),
    tool("TaskGet", "Shows a task.", ["taskId"], taskId=TEXT),
    tool("TaskList", "Shows all tasks."),
    tool("TaskOutput", "Shows output.", ["task_id"], task_id=TEXT, timeout={"default": 30000, "type": "number"}),
    tool("TaskStop", "Ends a task.", task_id=TEXT),
    tool("TaskUpdate", "Changes a task.", ["taskId"], taskId=TEXT, status=STATUS, addBlocks=LIST),
    tool("WebFetch", "Gets a page.", ["url"], url={"type": "string", "format": "uri"}, prompt=TEXT),
    tool("WebSearch", "Searches.", ["query"], query={"type": "string", "minLength": 2}, allowed_domains=LIST),
    tool(
        "Workflow", "Starts a workflow.", args={}, resumeFromRunId={"type": "string", "pattern": "^wf_[a-z0-9-]{6,}$"}
    ),
    tool("Write", "Writes a file.", ["file_path", "content"], file_path=TEXT, content=TEXT),
]
TOOLS += [
    tool("Glob", "Finds files.", ["pattern"], pattern=TEXT, path=TEXT),
    tool("Grep", "Finds text.", ["pattern"], pattern=TEXT, output_mode={"type": "string", "enum": ["text", "count"]}),
    tool("ListAgents", "Lists agents."),
    tool("ToolSearch", "Finds tools.", ["query"], query=TEXT, max_results={"type": "number", "default": 5}),
    tool("AskUser", "Asks a question.", ["questions"], questions={**LIST, "minItems": 1}),
    tool("PlanMode", "Shows a plan.", plan=TEXT),
]
DEFERRED = {**tool("DeferredToolPlaceholder", "Stands for tools that are loaded later."), "defer_loading": True}
SHELL = [TOOLS[1]]
READER = [TOOLS[9]]

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEUlEQVR42mP4z8CAFTEMLQkAKP8/wc53yE8AAAAASUVORK5CYII="  # red
PDF = (  # one page with three words
    "JVBERi0xLjQKMSAwIG9iajw8L1R5cGUvQ2F0YWxvZy9QYWdlcyAyIDAgUj4+ZW5kb2JqCjIgMCBvYmo8PC9UeXBlL1BhZ2VzL0tpZHNbMyAwIFJd"
    "L0NvdW50IDE+PmVuZG9iagozIDAgb2JqPDwvVHlwZS9QYWdlL1BhcmVudCAyIDAgUi9NZWRpYUJveFswIDAgMjAwIDUwXS9Db250ZW50cyA0IDAg"
    "Ui9SZXNvdXJjZXM8PC9Gb250PDwvRiA1IDAgUj4+Pj4+PmVuZG9iago0IDAgb2JqPDwvTGVuZ3RoIDQyPj5zdHJlYW0KQlQgL0YgMTIgVGYgMTAg"
    "MjAgVGQgKEEgc2hvcnQgbm90ZS4pIFRqIEVUCmVuZHN0cmVhbWVuZG9iago1IDAgb2JqPDwvVHlwZS9Gb250L1N1YnR5cGUvVHlwZTEvQmFzZUZv"
    "bnQvSGVsdmV0aWNhPj5lbmRvYmoKeHJlZgowIDYKMDAwMDAwMDAwMCA2NTUzNSBmIAowMDAwMDAwMDA5IDAwMDAwIG4gCjAwMDAwMDAwNTIgMDAw"
    "MDAgbiAKMDAwMDAwMDEwMSAwMDAwMCBuIAowMDAwMDAwMjA5IDAwMDAwIG4gCjAwMDAwMDAyOTYgMDAwMDAgbiAKdHJhaWxlcjw8L1NpemUgNi9S"
    "b290IDEgMCBSPj4Kc3RhcnR4cmVmCjM1NwolJUVPRgo="
)


MAIN_LOOP_FEATURES = frozenset(
    {
        "auth.bearer",
        "query.beta",
        "headers.beta",
        "headers.client",
        "cache-control",
        "messages.system-role",
        "thinking",
        "context-management",
        "metadata",
        "output-config.effort",
        "tools",
        "tool-result.text",
    }
)
"""The features of every request of the main loop; a smoke run sends these."""


def betas(*names):
    """The header with these betas."""
    return (("anthropic-beta", ",".join(names)),)


def with_feature(feature, question=OK, *, http=None, expect=None, **options):
    """A simple question with one feature of Claude Code's requests, without streaming."""
    probe = f"claude-code.{feature}"
    depth = "smoke" if feature in MAIN_LOOP_FEATURES else "standard"
    asked = ask(probe, question, probe=probe, needs=NEEDS, depth=depth, **options)
    return replace(asked, expect=expect or asked.expect, **(http or {}))


def after(name, tool_input, *content):
    """A user turn, the call of a tool, and the turn with its result."""
    return [
        user("Do it."),
        assistant([{"type": "tool_use", "id": "toolu_01A09q90qw90lq917835lq9", "name": name, "input": tool_input}]),
        user([*content]),
    ]


def result(content, **more):
    return {"type": "tool_result", "tool_use_id": "toolu_01A09q90qw90lq917835lq9", "content": content, **more}


IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
DOCUMENT = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PDF}}
LAST = {"type": "text", "text": OK}

FEATURES = [
    with_feature("query.beta", http={"path": BETA_PATH}),
    with_feature("headers.beta", http={"headers": betas(*BETAS, *OTHER_BETAS)}, expect=EITHER),
    with_feature(
        "headers.beta-unknown",
        http={"headers": betas("later-beta-2027-01-31")},
        expect=EITHER,
    ),
    with_feature(
        "headers.unknown",
        http={"headers": (("x-claude-code-later-feature", "1"), ("anthropic-later-feature", "1"))},
        expect=EITHER,
    ),
    with_feature("headers.client", http={"headers": CLIENT_HEADERS}),
    with_feature("auth.bearer", http={"auth": "bearer"}),
    with_feature("auth.x-api-key", http={"auth": "x-api-key"}),
    with_feature("accept.json", http={"headers": (("accept", "application/json"),)}, stream=True),
    with_feature("system.blocks", system=SYSTEM),
    with_feature("cache-control", [user([{**LAST, **CACHED}])], system=[SYSTEM[1], {**SYSTEM[2], **CACHED}]),
    with_feature("content.blocks", [user([{"type": "text", "text": "This is a note for you."}, LAST])]),
    with_feature("messages.system-role", [user(OK), REMINDER], expect=EITHER),
    with_feature("thinking", max_tokens=1100, thinking={"type": "adaptive"}, expect=EITHER),
    replace(
        with_feature("thinking", max_tokens=1100, thinking={"type": "enabled", "budget_tokens": 1024}, expect=EITHER),
        situation="claude-code.thinking.enabled",
    ),
    with_feature(
        "thinking.display", max_tokens=1100, thinking={"type": "adaptive", "display": "omitted"}, expect=EITHER
    ),
    with_feature("thinking.disabled", thinking={"type": "disabled"}),
    with_feature(
        "context-management",
        http={
            "headers": (("anthropic-beta", "context-management-2025-06-27"),)
        },  # Claude Code never sends it without this header
        context_management=CONTEXT,
        expect=EITHER,
    ),
    with_feature("metadata", metadata=METADATA),
    with_feature("output-config.effort", max_tokens=400, output_config={"effort": "high"}, expect=EITHER),
    with_feature(
        "output-config.format",
        "Give this talk a title: bread",
        max_tokens=60,
        tools=[],
        output_config={"format": TITLE},
    ),
    with_feature("tools", tools=TOOLS),
    with_feature("max-tokens", stream=True, max_tokens=32_000, expect=EITHER),
    with_feature("stream-false", stream=False, max_tokens=64_000, expect=EITHER),
    with_feature("stop-sequences", stop_sequences=["</block>", "</severity>"]),
    with_feature(
        "tools.defer-loading",
        tools=[*SHELL, DEFERRED],
        http={"headers": betas("advanced-tool-use-2025-11-20")},
        expect=EITHER,
    ),
    with_feature(
        "tool-result.reference",
        after("ToolSearch", {"query": "x"}, result([{"type": "tool_reference", "tool_name": DEFERRED["name"]}]), LAST),
        tools=[TOOLS[-3], DEFERRED],
        http={"headers": betas("advanced-tool-use-2025-11-20")},
        expect=EITHER,
    ),
    with_feature(
        "tool-result.text",
        after("Bash", {"command": "echo 42"}, result("42", is_error=False, **CACHED), LAST),
        tools=SHELL,
    ),
    with_feature("tool-result.image", after("Read", {"file_path": "/a.png"}, result([IMAGE]), LAST), tools=READER),
    with_feature(
        "tool-result.document", after("Read", {"file_path": "/a.pdf"}, result("PDF"), DOCUMENT, LAST), tools=READER
    ),
    with_feature("count-tokens.fallback", "count", max_tokens=1),
    Ask(
        situation="claude-code.count-tokens",
        body={"messages": [user("foo")], "tools": SHELL},
        path="/v1/messages/count_tokens",
        probe="claude-code.count-tokens",
        expect=EITHER,
        needs=NEEDS,
    ),
    *(
        Ask(
            situation="claude-code.models.discovery",
            method="GET",
            path="/v1/models?limit=1000",
            auth=auth,
            headers=(("user-agent", "claude-code/2.1.332"),),
            probe="claude-code.models.discovery",
            expect=EITHER,
            needs=NEEDS,
        )
        for auth in ("bearer", "x-api-key")
    ),
    Ask(
        situation="claude-code.path.hello",
        method="HEAD",
        path="/api/hello",
        auth="none",
        headers=(("user-agent", "Bun/1.4.0"), ("anthropic-version", None), ("accept", "*/*")),
        probe="claude-code.path.hello",
        expect=EITHER,
        needs=NEEDS,
    ),
    Ask(
        situation="claude-code.path.head",
        method="HEAD",
        path="/",
        auth="none",
        headers=(("user-agent", "Bun/1.4.0"), ("anthropic-version", None), ("accept", "*/*")),
        probe="claude-code.path.head",
        expect=EITHER,
        needs=NEEDS,
    ),
]

COMMAND = "Call the tool Bash with the command: echo 42"


def whole_turn(**changes):
    """A request of the main loop. `changes` replace fields of its body."""
    asked = ask(
        "claude-code.turn",
        [
            user([{"type": "text", "text": "This is a note for you."}, {"type": "text", "text": COMMAND}]),
            REMINDER,
        ],
        stream=True,
        max_tokens=2048,
        probe="claude-code.turn",
        system=CACHED_SYSTEM,
        tools=TOOLS,
        metadata=METADATA,
        thinking={"type": "adaptive"},
        context_management=CONTEXT,
        output_config={"effort": "high"},
    )
    headers = (*CLIENT_HEADERS, *betas(*BETAS))
    return replace(asked, path=BETA_PATH, headers=headers, expect=EITHER, body={**asked.body, **changes})


async def main_loop(send):
    """Sends a turn, streamed and whole, and the turn with the results of its tools."""
    asked = whole_turn()
    for _ in range(5):
        exchange = await send(asked)
        response = exchange.response
        part = recovery(response.status, response.body) if response is not None else None
        if part is None:
            break
        asked = without(part, asked)
    if not exchange.succeeded:
        return
    for turn in (asked, without("system", asked)):
        content = await whole(send, turn)
        calls = [block for block in content if block.get("type") == "tool_use"]
        if calls:
            await send_results(send, turn, content, calls)
            return


async def whole(send, asked):
    """The content of the answer without streaming. Empty texts are left out: they are invalid in requests."""
    body = {name: value for name, value in asked.body.items() if name != "stream"}
    exchange = await send(replace(asked, situation="claude-code.turn.whole", probe="claude-code.turn.whole", body=body))
    content = exchange.response.fields.get("content") if exchange.succeeded else None
    blocks = content if isinstance(content, list) else []
    return [block for block in blocks if isinstance(block, dict) and block.get("text") != ""]


async def send_results(send, asked, content, calls):
    """Sends the turn with the results of the tools."""
    results = [
        {"type": "tool_result", "tool_use_id": call.get("id"), "content": "42", "is_error": False} for call in calls
    ]
    results[-1] |= CACHED
    turns = [{**turn, "content": REMINDER_TEXT} if turn == REMINDER else turn for turn in asked.body["messages"]]
    body = {**asked.body, "messages": [*turns, assistant(content), user(results)], "max_tokens": 1100}
    await send(replace(asked, situation="claude-code.tool-loop", probe="claude-code.tool-loop", body=body))


MAIN_LOOP = Dialogue(name="claude-code", steps=main_loop, max_requests=8, max_output_tokens=15_500, needs=NEEDS)


@pytest.mark.parametrize("exchange", FEATURES, indirect=True)
def test_accepts_requests_of_claude_code(exchange, judge):
    judge(exchange)


@pytest.mark.parametrize("dialogue", [MAIN_LOOP], indirect=True)
def test_main_loop(dialogue, judge):
    judge(*dialogue)
