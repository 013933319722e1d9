"""Suites of the user that are broken, end the process, or never end: no run becomes green by them."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import Outcome, run, valid_report
from misbehaving import KEY, Endpoints

MEMORY = "reference:transport=memory"
FAULT = "reference:drop_message_stop,transport=memory"
SMOKE = ("--depth", "smoke")
ENDLESS = pytest.mark.proof
"""For code that runs until the limit of CPU time."""


def judged_with(folder: Path, text: str, target: str = MEMORY, *more: str, key: str | None = None) -> Outcome:
    path = folder / "test_own.py"
    path.write_text(text)
    return run("run", target, *SMOKE, *(more or ("--only", "stream.order")), "--suite", str(path), key=key)


IMPORTS = {
    "syntax": ("x = 1\n\ndef test_x(:\n    pass\n", "test_own.py:3: SyntaxError: invalid syntax"),
    "indent": ("def test_x():\npass\n", "test_own.py:2: IndentationError"),
    "null": ("x = 1\0\n", "SyntaxError"),
    "no-module": ("import os\nimport no_such_module\n", "test_own.py:2: ModuleNotFoundError: No module named 'no_such"),
    "error": ("x = 1\ny = 1 / 0\n", "test_own.py:2: ZeroDivisionError: division by zero"),
    "exit": ("import sys\nsys.exit(0)\n", "test_own.py:2: SystemExit: 0"),
    "pytest-exit": ("import pytest\npytest.exit('bye', returncode=0)\n", "test_own.py:2: "),
    "no-tests": ("x = 1\n", "has no tests and no rules"),
    "fixture": ("def test_x(no_such_fixture):\n    pass\n", ""),
    "twice": ("import pytest\n@pytest.mark.parametrize('a', [1])\ndef test_x(b):\n    pass\n", "test_own.py:"),
}


@pytest.mark.parametrize("case", IMPORTS)
def test_a_broken_suite_is_named_with_its_line_before_anything_is_sent(
    endpoints: Endpoints, tmp_path: Path, case: str
) -> None:
    text, message = IMPORTS[case]
    where = f"correct/{case}"
    target = ("--model", "reference-1", "--profile", "tokmodel")
    outcome = judged_with(tmp_path, text, endpoints.url(where), *target, key=KEY)
    if not message:  # pytest finds a missing fixture when the test begins
        assert outcome.code == 2, outcome.all
        return
    assert outcome.code == 4, outcome.all
    assert message in outcome.error
    assert endpoints.counts[f"/{where}"] == 0


ENDS = {
    "import": "import os\nos._exit({code})\n",
    "test": "import os\ndef test_x(ask):\n    ask('hi')\n    os._exit({code})\n",
    "atexit": "import atexit, os\natexit.register(os._exit, {code})\ndef test_x():\n    os._exit({code})\n",
    "killed": "import os\ndef test_x():\n    os.kill(os.getpid(), 9)\n",
    "aborted": "import os\ndef test_x():\n    os.abort()\n",
    "thread": "import os, threading\ndef test_x():\n    threading.Thread(target=os._exit, args=({code},)).start()\n"
    "    threading.Event().wait(60)\n",
}


@pytest.mark.parametrize(("end", "code"), [*((end, 0) for end in ENDS), ("test", 1), ("test", 4)])
def test_a_suite_that_ends_the_process_is_never_green(tmp_path: Path, end: str, code: int) -> None:
    outcome = judged_with(tmp_path, ENDS[end].format(code=code))
    assert outcome.code == 2, outcome.all
    assert "has no verdict" in outcome.err
    assert ("the memory may be used up" in outcome.err) == (end in ("killed", "aborted"))


def test_a_verdict_of_another_run_is_none(tmp_path: Path) -> None:
    forged = (
        "import json, os, sys\n"
        "for pipe in range(3, 64):\n"
        "    try:\n        os.write(pipe, json.dumps({'nonce': '', 'exit_code': 0}).encode())\n"
        "    except OSError:\n        pass\n"
        "os._exit(0)\n"
    )
    assert judged_with(tmp_path, forged).code == 2


def test_an_exit_of_the_process_after_the_verdict_changes_nothing(tmp_path: Path) -> None:
    text = "import atexit, os\natexit.register(os._exit, 3)\ndef test_x():\n    pass\n"
    assert judged_with(tmp_path, text).code == 0
    assert judged_with(tmp_path, text, FAULT).code == 1


EARLY = {
    "pytest-exit": "import pytest\ndef test_x():\n    pytest.exit('bye', returncode=0)\ndef test_y():\n    pass\n",
    "interrupt": "def test_x():\n    raise KeyboardInterrupt\n",
}


@pytest.mark.parametrize("case", EARLY)
def test_a_suite_that_ends_the_tests_early_makes_the_run_incomplete(tmp_path: Path, case: str) -> None:
    outcome = judged_with(tmp_path, EARLY[case])
    assert outcome.code == 2, outcome.all
    assert outcome.last.startswith("INCOMPLETE: ")
    assert judged_with(tmp_path, EARLY[case], FAULT).code == 1


RAISES = {
    "error": "def test_x():\n    raise ZeroDivisionError('oh')\n",
    "exit": "import sys\ndef test_x():\n    sys.exit(0)\n",
    "memory": "def test_x():\n    raise MemoryError\n",
    "recursion": "def test_x():\n    test_x()\n",
    "surrogate": "def test_x():\n    raise ValueError('\\ud800\\x1b[31m')\n",
}


@pytest.mark.parametrize("case", RAISES)
def test_a_test_that_raises_costs_no_verdict(tmp_path: Path, case: str) -> None:
    outcome = judged_with(tmp_path, RAISES[case])
    assert outcome.code == 2, outcome.all
    assert "COULD NOT BE JUDGED: 1 harness error, not caused by the target (test_x: " in outcome.last
    red = judged_with(tmp_path, RAISES[case], FAULT)
    assert red.code == 1, red.all
    assert "stream.order.message-stop-once" in red.out


RULE = """
from messages_conformance.rules import rule, Finding
from messages_conformance.rules.accessors import has_message

@rule("own.broken", "MUST", harm="drifts", source="our own page", applies=has_message)
def holds(exchange):
    "It holds."
    {body}

def test_x(ask, judge):
    judge(ask("hi"))
"""
RULES = {
    "raises": "raise ZeroDivisionError('oh')",
    "exits": "import sys; sys.exit(0)",
    "recursion": "return holds(exchange)",
    "wrong-value": "return 7",
    "wrong-items": "return ['x']",
    "endless": "all(zero == 0 for zero in iter(int, 1))",
}


@pytest.mark.parametrize("case", [pytest.param(case, marks=ENDLESS if case == "endless" else ()) for case in RULES])
def test_a_broken_rule_is_an_error_and_no_violation(tmp_path: Path, case: str) -> None:
    text = RULE.format(body=RULES[case])
    report = ("--report", str(tmp_path / "report"))
    outcome = judged_with(tmp_path, text, MEMORY, *report)
    assert outcome.code == 2, outcome.all
    rows = {row["id"]: row["verdict"] for row in valid_report(tmp_path / "report")["requirements"]}
    assert rows["own.broken"] == "error"
    assert rows["stream.order.message-stop-once"] == "pass"


@ENDLESS
def test_an_endless_test_and_an_endless_import_end(tmp_path: Path) -> None:
    outcome = judged_with(
        tmp_path, "def test_x():\n    while True:\n        try: int('x')\n        except Exception: pass\n"
    )
    assert outcome.code == 2, outcome.all
    assert "it did not end within" in outcome.last
    outcome = judged_with(tmp_path, "x = 1\nwhile True:\n    pass\n")
    assert outcome.code == 4, outcome.all
    assert "test_own.py:" in outcome.error


def test_a_thread_that_never_ends_keeps_no_run(tmp_path: Path) -> None:
    text = "import threading\ndef test_x():\n    threading.Thread(target=threading.Event().wait).start()\n"
    assert judged_with(tmp_path, text).code == 0


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("x = (\n", 4, "SyntaxError: '(' was never closed"),
        ("import no_such_module\n", 4, "conftest.py:1: in <module>"),
        ("import sys\nsys.exit(0)\n", 4, "conftest.py:2: SystemExit; nothing was sent"),
        ("import os\nos._exit(0)\n", 2, "has no verdict"),
    ],
)
def test_a_conftest_that_is_broken_or_ends_the_process_is_never_green(
    tmp_path: Path, text: str, code: int, message: str
) -> None:
    (tmp_path / "conftest.py").write_text(text)
    (tmp_path / "test_own.py").write_text("def test_x():\n    pass\n")
    outcome = run("run", MEMORY, *SMOKE, "--suite", str(tmp_path))
    assert outcome.code == code, outcome.all
    assert message in outcome.err


def test_a_suite_folder_without_tests_is_refused(tmp_path: Path) -> None:
    (tmp_path / "suite").mkdir()
    (tmp_path / "suite" / "checks.py").write_text("def test_x():\n    assert False\n")
    outcome = run("run", MEMORY, *SMOKE, "--suite", str(tmp_path / "suite"))
    assert outcome.code == 4
    assert "has no tests and no rules" in outcome.error


PRINTS = """
import os, subprocess, sys

def test_prints():
    key = os.environ["MESSAGES_API_KEY"]
    print("printed", key, key.encode().hex(" "))
    print("logged", key, file=sys.stderr)
    os.write(1, f"written {key}\\n::error::written\\n".encode())
    os.write(2, f"::error::{key}\\n##vso[task.complete]".encode())
    subprocess.run([sys.executable, "-c", "import os; print('from a program', dict(os.environ))"], check=True)
    assert key == "", dict(os.environ)
    os._exit(0)

def test_ends():
    os.write(1, b"the last words " + os.environ["MESSAGES_API_KEY"].encode())
    os._exit(0)
"""


def test_what_a_suite_prints_has_no_key_and_nothing_that_a_ci_system_executes(tmp_path: Path) -> None:
    outcome = judged_with(tmp_path, PRINTS, key=KEY)
    assert outcome.code == 2, outcome.all
    assert KEY not in outcome.all
    assert KEY.encode().hex(" ") not in outcome.all
    for text in ("printed $MESSAGES_API_KEY", "logged $", "written $", "from a program {", "the last words $"):
        assert text in outcome.all
    assert not [line for line in outcome.all.splitlines() if line.startswith(("::", "##"))]
