"""The plugin in any pytest: `pytest suites --target ...` works everywhere, and other test runs are not changed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import SRC, environment
from misbehaving import KEY, PATIENCE_S, Endpoints

ROOT = SRC.parent
SMOKE = ("--depth", "smoke")


def run_pytest(
    *arguments: str, cwd: Path = ROOT, source: bool = False, **more: str
) -> subprocess.CompletedProcess[str]:
    """Runs pytest without the plugins of the environment. In the checkout, conftest.py loads ours."""
    kept = environment(KEY, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1", **more)
    if not source:
        del kept["PYTHONPATH"]
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=cwd, env=kept, capture_output=True, text=True, timeout=PATIENCE_S, check=False)


# -- a bare checkout ------------------------------------------------------------------------------------------------


def test_a_bare_checkout_runs_the_suites() -> None:
    ran = run_pytest("suites", "--target", "reference:", *SMOKE, "-v")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "CONFORMS to profile tokmodel" in ran.stdout
    assert re.search(r"test_messages\.py::test_answers\[[\w.]+\] PASSED", ran.stdout)
    assert "Warning" not in ran.stdout + ran.stderr


def test_a_violation_is_a_failed_test_and_exit_code_one() -> None:
    ran = run_pytest("suites", "--target", "reference:drop_message_stop", *SMOKE)
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert "Violation: stream.order.message-stop-once" in ran.stdout
    assert "DOES NOT CONFORM" in ran.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "no target was given"),
        (("--target", "reference:drop_mesage_stop"), "Did you mean drop_message_stop"),
        (("--target", "reference:", "--profile", "x"), "unknown profile 'x'"),
        (("--target", "reference:", "-n", "2"), "unrecognized arguments: -n"),
    ],
)
def test_wrong_usage_is_exit_code_four(arguments: tuple[str, ...], message: str) -> None:
    ran = run_pytest("suites", *arguments)
    assert ran.returncode == 4
    assert message in ran.stderr


def test_the_environment_and_a_file_set_options_here_too(tmp_path: Path) -> None:
    (tmp_path / "messages-conformance.toml").write_text('depth = "deep"\nonly = ["stream.order"]\nseed = 5')
    memory = "reference:transport=memory"
    suites = str(ROOT / "suites")
    plugin = ("-p", "messages_conformance.plugin", suites, "--target", memory)
    ran = run_pytest(*plugin, cwd=tmp_path, source=True, MESSAGES_CONFORMANCE_DEPTH="smoke")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "depth smoke · seed 5" in ran.stdout
    assert "only stream.order" in ran.stdout
    wrong = run_pytest(*plugin, cwd=tmp_path, source=True, MESSAGES_CONFORMANCE_SEED="x")
    assert wrong.returncode == 4
    assert "MESSAGES_CONFORMANCE_SEED is 'x'; it is a whole number" in wrong.stderr


# -- an installed package -------------------------------------------------------------------------------------------


def test_the_suites_run_from_any_folder_once_the_plugin_is_registered(tmp_path: Path) -> None:
    arguments = ("-p", "messages_conformance.plugin", str(ROOT / "suites"), "--target", "reference:", *SMOKE)
    ran = run_pytest(*arguments, cwd=tmp_path, source=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "CONFORMS to profile tokmodel" in ran.stdout


def test_conftest_and_entry_point_together_register_the_plugin_once() -> None:
    ran = run_pytest("-p", "messages_conformance.plugin", "suites", "--target", "reference:", *SMOKE, source=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr


# -- nothing is sent without need ------------------------------------------------------------------------------------


def test_collecting_needs_no_target_and_sends_nothing(endpoints: Endpoints) -> None:
    ran = run_pytest("suites", "--collect-only", "-q")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "test_probe[" in ran.stdout
    ran = run_pytest("suites", "--collect-only", "-q", "--target", endpoints.url("correct/collected"))
    assert ran.returncode == 0
    assert endpoints.counts["/correct/collected"] == 0


def test_a_deselected_test_costs_no_request(endpoints: Endpoints) -> None:
    target = ("--target", endpoints.url("correct/deselected"), "--model", "reference-1")
    ran = run_pytest("suites", *target, "-k", "test_answers and unicode")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "2 passed" in ran.stdout
    assert endpoints.counts["/correct/deselected"] == 3  # the plainest request and the two selected ones


def test_an_empty_selection_sends_nothing_and_is_not_green(endpoints: Endpoints) -> None:
    ran = run_pytest(
        "suites", "--target", endpoints.url("correct/none"), "--model", "reference-1", "-k", "no_such_test"
    )
    assert ran.returncode == 2
    assert "COULD NOT BE JUDGED: nothing was asked" in ran.stdout
    assert endpoints.counts["/correct/none"] == 0


# -- tests of other projects -----------------------------------------------------------------------------------------

FOREIGN = """
def pytest_addoption(parser):
    parser.addoption("--timeout", type=float, help="of another plugin")
    parser.addoption("--model", help="of another plugin")
"""


def test_a_test_run_of_another_project_has_only_its_own_options(tmp_path: Path) -> None:
    (tmp_path / "foreign.py").write_text(FOREIGN)
    (tmp_path / "test_theirs.py").write_text(
        "import sys\n"
        "def test_theirs(pytestconfig):\n"
        "    assert pytestconfig.getoption('--timeout') == 5.0\n"
        "    assert not {'httpx', 'hypothesis', 'jsonschema', 'rich.live'} & set(sys.modules)\n"
    )
    for order in (("messages_conformance.plugin", "foreign"), ("foreign", "messages_conformance.plugin")):
        plugins = [argument for name in order for argument in ("-p", name)]
        path = f"{SRC}:{tmp_path}"
        ran = run_pytest(*plugins, "--timeout", "5", "-W", "error", cwd=tmp_path, source=True, PYTHONPATH=path)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        helped = run_pytest(*plugins, "--help", cwd=tmp_path, source=True, PYTHONPATH=path)
        assert "--api-key-env" not in helped.stdout
        assert "of another plugin" in helped.stdout


def test_the_suites_run_with_a_plugin_that_has_an_option_of_the_same_name(tmp_path: Path) -> None:
    (tmp_path / "foreign.py").write_text(FOREIGN)
    path = f"{SRC}:{tmp_path}"
    ran = run_pytest("suites", "-p", "foreign", "--target", "reference:", *SMOKE, source=True, PYTHONPATH=path)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_importing_the_plugin_imports_nothing_heavy() -> None:
    code = (
        "import sys, messages_conformance.plugin\n"
        "heavy = {'httpx', 'hypothesis', 'jsonschema', 'jsonschema_rs', 'asyncio', 'rich'}\n"
        "heavy |= {'messages_conformance.exchange', 'messages_conformance.masking'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


# -- tests of the user with a target ---------------------------------------------------------------------------------

OWN = """
import asyncio
import sys

def test_sync(ask, judge):
    judge(ask("Say hi"))

async def test_two_at_once(ask, judge):
    judge(*await asyncio.gather(ask("Say one"), ask("Say two")))

async def test_events_arrive(stream, judge):
    async with stream("Say hello", max_tokens=20) as events:
        types = [event.type async for event in events]
    assert (types[0], types[-1]) == ("message_start", "message_stop")
    assert [event.type for event in events.exchange.response.events] == types
    judge(events.exchange)

async def test_leaves(stream, ask, judge):
    async with stream("Count to ten", max_tokens=60) as events:
        async for event in events:
            break
    assert events.exchange.response.events[0].type == event.type == "message_start"
    judge(events.exchange, await ask("hi"))
"""
MEMORY = "reference:transport=memory"
PLUGIN = ("-p", "messages_conformance.plugin", "conformance")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """The repository of a user, without a configuration of pytest."""
    (tmp_path / "conformance").mkdir()
    (tmp_path / "conformance" / "test_own.py").write_text(OWN)
    return tmp_path


def test_a_repository_needs_no_ini_value_and_asynchronous_tests_run(own: Path) -> None:
    ran = run_pytest(*PLUGIN, "--target", MEMORY, "-W", "error", cwd=own, source=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "4 passed" in ran.stdout
    assert "CONFORMS to profile tokmodel" in ran.stdout


def test_the_option_of_a_conftest_with_the_name_of_ours_is_theirs(own: Path) -> None:
    (own / "conformance" / "conftest.py").write_text("def pytest_addoption(parser): parser.addoption('--target')")
    (own / "conformance" / "test_own.py").write_text(
        "def test_x(pytestconfig): assert pytestconfig.option.target == 'x'"
    )
    ran = run_pytest(*PLUGIN, "--target", "x", cwd=own, source=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_several_processes_are_refused_with_the_reason(own: Path) -> None:
    ran = run_pytest(*PLUGIN, "--target", MEMORY, "-p", "xdist.plugin", "-n", "2", cwd=own, source=True)
    assert ran.returncode == 4
    assert "a run has one plan and one budget" in ran.stderr


# -- tests of the user without a target -----------------------------------------------------------------------------

ASKING = """
def test_one(ask, judge): judge(ask("hi"))
def test_two(exchange): pass
def test_three(target): pass
"""


def test_tests_that_ask_a_target_fail_with_a_sentence_when_there_is_none(tmp_path: Path) -> None:
    folder = tmp_path / "conformance"
    folder.mkdir()
    (folder / "test_own.py").write_text(ASKING)
    plugin = ("-p", "messages_conformance.plugin", "conformance", "-q")
    ran = run_pytest(*plugin, cwd=tmp_path, source=True)
    assert ran.returncode == 4, ran.stdout
    assert "ERROR: these tests ask a target, and none was given: add --target TARGET to pytest" in ran.stderr
    assert "skipped" not in ran.stdout
    collected = run_pytest(*plugin, "--collect-only", cwd=tmp_path, source=True)
    assert collected.returncode == 0, collected.stdout


def test_among_other_tests_only_those_that_ask_a_target_fail(tmp_path: Path) -> None:
    (tmp_path / "test_own.py").write_text(ASKING + "def test_other(): pass\n")
    ran = run_pytest("-p", "messages_conformance.plugin", "-q", cwd=tmp_path, source=True)
    assert ran.returncode == 1, ran.stdout
    assert "1 passed, 3 errors" in ran.stdout
    assert "these tests ask a target, and none was given" in ran.stdout


def test_a_fixture_of_the_same_name_in_another_project_is_theirs(tmp_path: Path) -> None:
    theirs = "import pytest\n@pytest.fixture\ndef target(): return 7\n@pytest.fixture\ndef ask(target): return target\n"
    (tmp_path / "conftest.py").write_text(theirs)
    (tmp_path / "test_theirs.py").write_text("def test_theirs(ask, target): assert ask == target == 7\n")
    ran = run_pytest("-p", "messages_conformance.plugin", "-q", cwd=tmp_path, source=True)
    assert ran.returncode == 0, ran.stdout
