"""Claude Code uses the reference endpoint, and the verdict of the profile claude-code agrees with what it does.

The client is installed by npm into the folder that SDKS_UNDER_TEST names, or into a temporary folder. If it cannot be
installed, the tests are skipped with the reason; if the variable is set, as in CI, they fail. It runs without network:
its only address is the endpoint, and its home is a temporary folder.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from messages_conformance.proof import run
from messages_conformance.reference import API_KEY, Server, serve
from messages_conformance.report import verdict_sentence

CACHE_VARIABLE = "SDKS_UNDER_TEST"
VERSION = "2.1.332"
PACKAGE = f"@anthropic-ai/claude-code@{VERSION}"
MODEL = "reference-1"
"""A name that Claude Code does not know, as those of gateways."""

INSTALL_TIMEOUT_S = 300
TURN_TIMEOUT_S = 60
SETTINGS = {"attribution": {"commit": "", "pr": ""}, "includeCoAuthoredBy": False}
QUIET = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "CLAUDE_CODE_MAX_RETRIES": "1",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_ERROR_REPORTING": "1",
    "DISABLE_TELEMETRY": "1",
}

TEXT = "Reply with the single word: ok"
ONE_CALL = "Call the tool glob for Paris."
TWO_CALLS = "Call the tool glob for Paris and for Berlin, in parallel."

pytestmark = [pytest.mark.proof, pytest.mark.timeout(INSTALL_TIMEOUT_S + 10 * TURN_TIMEOUT_S)]


@dataclass(frozen=True, kw_only=True)
class Turn:
    """What Claude Code did: the calls that it ran, and how the turn ended. `text` is None after an error."""

    calls: tuple[str, ...] = ()
    results: int = 0
    text: str | None = None


PARIS, BERLIN = ('Glob {"path": "Paris", "pattern": "Paris"}', 'Glob {"path": "Berlin", "pattern": "Berlin"}')


@pytest.fixture(scope="session")
def claude_code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The installed program."""
    npm, named = shutil.which("npm"), os.environ.get(CACHE_VARIABLE)
    if npm is None:
        pytest.skip("Claude Code is installed by npm, which is not installed")
    folder = (Path(named) if named else tmp_path_factory.mktemp("claude")) / f"claude-code-{VERSION}"
    program = folder / "node_modules" / ".bin" / "claude"
    if not program.exists():
        words = [npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), PACKAGE]
        done = subprocess.run(words, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S, check=False)
        if done.returncode and named is None:
            pytest.skip(f"Claude Code could not be installed: {done.stderr.strip()[-300:]}")
        assert done.returncode == 0, done.stderr[-2000:]
    return program


def asks(program: Path, server: Server, prompt: str, folder: Path) -> Turn:
    """One headless turn in an empty folder. A turn that does not end counts as an error."""
    home, work = folder / "home", folder / "work"
    for path in (home, work):
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
    words = [str(program), "-p", prompt, "--model", MODEL, "--output-format", "stream-json", "--verbose"]
    words += ["--allowedTools", "Glob", "--settings", json.dumps(SETTINGS)]
    own = {"HOME": str(home), "ANTHROPIC_BASE_URL": server.base_url, "ANTHROPIC_AUTH_TOKEN": API_KEY, **QUIET}
    try:
        done = subprocess.run(
            words,
            env={"PATH": os.environ["PATH"], **own},
            cwd=work,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TURN_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Turn()
    return turn_of([json.loads(line) for line in done.stdout.splitlines() if line.startswith(b"{")])


def turn_of(lines: list[dict[str, Any]]) -> Turn:
    calls, results, text = [], 0, None
    for line in lines:
        for block in blocks(line):
            if block.get("type") == "tool_use":
                calls.append(f"{block.get('name')} {json.dumps(block.get('input'), sort_keys=True)}")
            results += block.get("type") == "tool_result"
        if line.get("type") == "result" and not line.get("is_error"):
            text = line.get("result")
    return Turn(calls=tuple(calls), results=results, text=text)


def blocks(line: dict[str, Any]) -> Iterator[dict[str, Any]]:
    content = line["message"].get("content") if line.get("type") in ("assistant", "user") else None
    yield from content if isinstance(content, list) else ()


def is_complete(text: Turn, calls: Turn) -> bool:
    """Whether the text turn and the turn with two calls ended as they do with the plain endpoint."""
    return (
        text.text == "ok"
        and set(calls.calls) == {PARIS, BERLIN}
        and len(calls.calls) == calls.results == 2
        and str(calls.text).count("Directory does not exist") == 2
    )


def test_a_text_turn(claude_code: Path, tmp_path: Path) -> None:
    with serve() as server:
        assert asks(claude_code, server, TEXT, tmp_path) == Turn(text="ok")


def test_a_turn_with_a_call(claude_code: Path, tmp_path: Path) -> None:
    with serve() as server:
        turn = asks(claude_code, server, ONE_CALL, tmp_path)
    assert (turn.calls, turn.results) == ((PARIS,), 1)
    assert str(turn.text).startswith("The tool returned: ")


def test_a_turn_with_two_parallel_calls(claude_code: Path, tmp_path: Path) -> None:
    with serve() as server:
        turn = asks(claude_code, server, TWO_CALLS, tmp_path)
    assert (turn.calls, turn.results) == ((PARIS, BERLIN), 2)


PREDICTED = {
    "append_done": True,
    "buffer_stream": True,
    "count_input_in_string_in_start": True,
    "drop_message_start": True,  # it repeats the request without streaming
    "omit_event_lines": True,  # it repeats the request without streaming
    "refuse_disabled_thinking": True,
    "refuse_to_count": True,
    "refuse_top_p": True,
    "break_partial_json": False,
    "claim_tool_use": False,
    "drop_block_stop": False,
    "ignore_bearer": False,
    "lose_input_of_second_call": False,
    "lose_second_call_in_stream": False,
    "lose_tool_input_in_stream": False,
    "omit_call_id_in_stream": False,
    "open_two_blocks_under_one_index": False,
    "refuse_32000_max_tokens": False,
    "refuse_beta_query": False,
    "refuse_betas_of_claude_code": False,
    "refuse_tools": False,
    "report_natural_end_as_limit": False,
    # the role system in messages: it recovers only from a refusal in words that it knows
    "crash_on_system_role": False,
    "drop_system_turns": True,
    "refuse_system_role_in_other_words": False,
    "serve_system_role_anywhere": True,
}
"""Fault -> whether Claude Code works with it."""


@pytest.mark.parametrize("fault", PREDICTED)
def test_the_verdict_agrees_with_the_client(fault: str, claude_code: Path, tmp_path: Path) -> None:
    _, report = run(f"reference:{fault},transport=memory", "claude-code", model=MODEL, seed=0)
    sentence = verdict_sentence(report)
    with serve(fault=fault) as server:
        works = is_complete(*(asks(claude_code, server, prompt, tmp_path) for prompt in (TEXT, TWO_CALLS)))
    assert (works, sentence.startswith("Claude Code would work")) == (PREDICTED[fault], PREDICTED[fault]), sentence
