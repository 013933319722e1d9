"""The process of one run: started with the pipes that `suite_process` needs, and asked for its verdict at the end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from secrets import token_hex
from types import MappingProxyType
from typing import IO, Any, Final

from messages_conformance.cli.invocation import environment
from messages_conformance.cli.parsing import complain
from messages_conformance.fleet.forking import ForkedProcess, fork
from messages_conformance.suite_process import CODES, NOT_JUDGED, Parent, command_for

VERDICT_BYTES: Final = 4096
"""A verdict has a tenth of this, and no pipe is smaller (POSIX: PIPE_BUF is 512 or more)."""


WITHOUT_MEMORY: Final = frozenset({signal.SIGABRT, signal.SIGSEGV, *((signal.SIGKILL,) if os.name == "posix" else ())})
"""How a process ends that gets no more memory: a library in C ends it, or the system does."""


@dataclass(frozen=True, kw_only=True)
class Child:
    """A process that runs the suites. `verdict_pipe` is None on systems where a process inherits no descriptors."""

    process: subprocess.Popen[bytes] | ForkedProcess
    nonce: str
    verdict_pipe: int | None
    life_pipe: int | None

    def wait(self) -> int:
        """The exit code of the verdict; 2, with a message, when the process ended without one."""
        code = self.process.wait()
        if self.verdict_pipe is None:
            return code if code in CODES else NOT_JUDGED
        verdict = _read(self.verdict_pipe)
        for pipe in filter(None, (self.verdict_pipe, self.life_pipe)):
            os.close(pipe)
        if verdict.get("nonce") == self.nonce and verdict.get("exit_code") in CODES:
            return int(verdict["exit_code"])
        complain(_without_verdict(code))
        return NOT_JUDGED


def start(
    arguments: list[str],
    *,
    output: IO[bytes] | None = None,
    secrets: Mapping[str, str] = MappingProxyType({}),
    forked: bool = False,
) -> Child:
    """Starts pytest with these arguments and variables in a process that ends when this one does.

    A `forked` process is a fork of this one, which has imported everything; it needs an `output`.
    """
    nonce = token_hex(16)
    if os.name != "posix":
        return Child(
            process=_popen(Parent(nonce=nonce, process=os.getpid()), arguments, output, secrets), nonce=nonce, **_NONE
        )
    verdict, written = os.pipe()
    life, held = os.pipe()
    parent = Parent(nonce=nonce, process=os.getpid(), verdict_pipe=written, life_pipe=life)
    process: subprocess.Popen[bytes] | ForkedProcess
    try:
        if forked and output is not None:
            process = fork(parent, arguments, environment(secrets), output, (written, life))
        else:
            process = _popen(parent, arguments, output, secrets, (written, life))
    finally:
        os.close(written)
        os.close(life)
    return Child(process=process, nonce=nonce, verdict_pipe=verdict, life_pipe=held)


_NONE: Final = {"verdict_pipe": None, "life_pipe": None}


def _popen(
    parent: Parent,
    arguments: list[str],
    output: IO[bytes] | None,
    secrets: Mapping[str, str],
    pipes: tuple[int, ...] = (),
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*command_for(parent), *arguments],
        env=environment(secrets),
        stdout=output,
        stderr=None if output is None else subprocess.STDOUT,
        pass_fds=pipes,
    )


def _read(pipe: int) -> dict[str, Any]:
    """The verdict in the pipe; empty without one. A process that a test left behind does not hold this up."""
    os.set_blocking(pipe, False)
    try:
        found = json.loads(os.read(pipe, VERDICT_BYTES) or b"{}")
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _without_verdict(code: int) -> str:
    if code < 0:
        lack = "; the memory may be used up: raise its limit, or lower --concurrency" if -code in WITHOUT_MEMORY else ""
        return f"the run was ended by signal {-code} and has no verdict{lack}"
    return (
        f"the run ended with exit code {code} and has no verdict; does a test, or a module that it imports, end the "
        f"process (os._exit)?"
    )
