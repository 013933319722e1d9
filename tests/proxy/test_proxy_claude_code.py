"""Claude Code goes through the proxy: the endpoint is judged by the client's own requests."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
from command_line import Outcome, ended, started

from messages_conformance.reference import API_KEY, Server, serve

sys.path.insert(0, str(Path(__file__).parents[1] / "reference"))

from test_reference_claude_code import (
    INSTALL_TIMEOUT_S,
    MODEL,
    QUIET,
    SETTINGS,
    TURN_TIMEOUT_S,
    TWO_CALLS,
    claude_code,
)

__all__ = ["claude_code"]  # the fixture

pytestmark = [pytest.mark.proof, pytest.mark.timeout(INSTALL_TIMEOUT_S + 4 * TURN_TIMEOUT_S)]


def passed(program: Path, server: Server, folder: Path, *arguments: str) -> Outcome:
    """One headless turn of Claude Code with two parallel calls, through the proxy."""
    home, work = folder / "home", folder / "work"
    home.mkdir()
    work.mkdir()
    words = [str(program), "-p", TWO_CALLS, "--model", MODEL, "--allowedTools", "Glob"]
    words += ["--settings", json.dumps(SETTINGS)]
    own = {"HOME": str(home), "ANTHROPIC_AUTH_TOKEN": API_KEY, **QUIET}
    proxy = ["proxy", "--port", "0", "--upstream", server.base_url, "--report", str(folder / "report"), *arguments]
    return ended(started(*proxy, "--", *words, cwd=work, **own))


@pytest.mark.parametrize(
    ("profile", "verdict"),
    [
        ("claude-code", "Claude Code would work, as far as was seen"),
        ("anthropic-2023-06-01", "CONFORMS to profile anthropic-2023-06-01"),
    ],
)
def test_the_traffic_with_a_correct_endpoint_conforms(
    profile: str, verdict: str, claude_code: Path, tmp_path: Path
) -> None:
    with serve() as server:
        outcome = passed(claude_code, server, tmp_path, "--profile", profile)
    assert outcome.code == 0, outcome.all
    assert outcome.out.count("Directory does not exist") == 2, outcome.all
    assert verdict in outcome.out, outcome.all
    for path in (tmp_path / "report").iterdir():
        assert API_KEY not in path.read_text(), path


@pytest.mark.parametrize(
    ("fault", "broken"),
    [
        ("open_two_blocks_under_one_index", "stream.block.index-sequential"),
        ("drop_message_stop", "stream.order.message-stop-once"),
    ],
)
def test_a_fault_is_found_in_the_traffic(fault: str, broken: str, claude_code: Path, tmp_path: Path) -> None:
    with serve(fault=fault) as server:
        outcome = passed(claude_code, server, tmp_path)
    assert outcome.code == 1, outcome.all
    assert re.findall(r"^(\S+)  MUST$", outcome.out, re.MULTILINE) == [broken], outcome.all
