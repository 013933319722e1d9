"""A pytest plugin for `mutants.py`: records which test executes which line, and tries changes in forks of one process.

    MUTANT_RECORD=FILE  coverage run -m pytest -p mutant_trials TESTS   writes the seconds of each test to FILE
    MUTANT_ORDER=FILE   pytest -p mutant_trials TESTS                   runs the tests that FILE lists, in this order
    MUTANT_JOBS=FILE    pytest -p mutant_trials TESTS                   tries each change that FILE lists

A job is a change inside functions. The tests are collected once; then each job gets a fork of the process, in which the
code of the changed functions is replaced. So a change costs the tests that execute it, without imports and collection.
"""

from __future__ import annotations

import gc
import json
import math
import os
import resource
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, Final

import coverage
import pytest

RECORD: Final = "MUTANT_RECORD"
ORDER: Final = "MUTANT_ORDER"
JOBS: Final = "MUTANT_JOBS"

WAITING: Final = 5.0
"""A fork that waits, and does not compute, may take so many times longer by the clock (origin: a busy machine)."""

POLL_S: Final = 0.02
"""How often the end of a fork is looked for (origin: small beside the time of any test)."""

SURVIVED, NOTICED, UNFIT = 0, 1, 2
"""How a fork ends; unfit: the change cannot be made in a running process."""

_seconds: dict[str, float] = {}


# -- recording --------------------------------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Names the test as the context of the lines that it executes, with its fixtures."""
    measured = coverage.Coverage.current() if RECORD in os.environ else None
    began_s = time.process_time()
    if measured is not None:
        measured.switch_context(item.nodeid)
    result = yield
    if measured is not None:
        measured.switch_context("")
        _seconds[item.nodeid] = round(time.process_time() - began_s, 4)
    return result


def pytest_sessionfinish() -> None:
    if RECORD in os.environ:
        Path(os.environ[RECORD]).write_text(json.dumps(_seconds), "utf-8")


# -- selecting --------------------------------------------------------------------------------------------------------


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keeps the listed tests, in the order of the list."""
    if ORDER in os.environ:
        items[:] = _in_order(items, json.loads(Path(os.environ[ORDER]).read_text("utf-8")))


def _in_order(items: Sequence[pytest.Item], names: Sequence[str]) -> list[pytest.Item]:
    found = {item.nodeid: item for item in items}
    return [found[name] for name in names if name in found]


# -- trying in forks --------------------------------------------------------------------------------------------------


def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Tries every job in place of running the tests; appends `[number, how it ended, seconds]` to the results."""
    if JOBS not in os.environ:
        return None
    given = json.loads(Path(os.environ[JOBS]).read_text("utf-8"))
    functions = _functions(given["source"])
    gc.collect()
    gc.freeze()
    for job in given["jobs"]:
        began_s = time.monotonic()
        ended = _tried(session, job, functions)
        with open(given["results"], "a", encoding="utf-8") as results:
            results.write(json.dumps([job["number"], ended, round(time.monotonic() - began_s, 2)]) + "\n")
    return True


Functions = Mapping[tuple[str, str, int], Sequence[FunctionType]]


def _functions(source: str) -> Functions:
    """Every function that exists and comes from a file below `source`, by file, name and first line."""
    found: dict[tuple[str, str, int], list[FunctionType]] = {}
    for one in gc.get_objects():
        if isinstance(one, FunctionType) and one.__code__.co_filename.startswith(source):
            found.setdefault(_key(one.__code__), []).append(one)
    return found


def _key(code: CodeType) -> tuple[str, str, int]:
    return code.co_filename, code.co_qualname, code.co_firstlineno


def _tried(session: pytest.Session, job: Mapping[str, Any], functions: Functions) -> int:
    """How a fork with the change ends. One that takes too long has noticed the change."""
    child = os.fork()
    if child == 0:
        ended = UNFIT
        try:
            os.setsid()
            limit_s = math.ceil(job["timeout_s"])
            resource.setrlimit(resource.RLIMIT_CPU, (limit_s, limit_s + 1))
            if _replaced(job["path"], _text(job["before"]), _text(job["after"]), functions):
                ended = NOTICED
                ended = _tested(session, job["tests"])
        finally:
            os._exit(ended)
    end_s = time.monotonic() + WAITING * job["timeout_s"]
    while time.monotonic() < end_s:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else NOTICED
        time.sleep(POLL_S)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return NOTICED


def _tested(session: pytest.Session, names: Sequence[str]) -> int:
    """Runs tests until one fails."""
    items = _in_order(session.items, names)
    for item, after in zip(items, [*items[1:], None], strict=True):
        session.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
        if session.testsfailed:
            return NOTICED
    return SURVIVED


def _text(path: str) -> str:
    return Path(path).read_text("utf-8")


def _replaced(path: str, before: str, after: str, functions: Functions) -> bool:
    """Replaces the code of each changed function; False if the change is not inside functions that exist."""
    old, new = (list(_codes(compile(text, path, "exec", dont_inherit=True))) for text in (before, after))
    if [code.co_qualname for code in old] != [code.co_qualname for code in new]:
        return False
    done = False
    for was, is_now in zip(old, new, strict=True):
        for function in functions.get(_key(was), ()) if was != is_now else ():
            if function.__code__.co_freevars != is_now.co_freevars:
                return False
            function.__code__ = is_now
            done = True
    return done


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)
