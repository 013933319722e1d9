"""Runs the real command in a subprocess and checks what every run must keep: no crash, no leaked key."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from jsonschema_rs import Draft202012Validator
from misbehaving import KEY, PATIENCE_S

from messages_conformance import resources

SRC = Path(__file__).resolve().parent.parent / "src"
COMMAND = (sys.executable, "-m", "messages_conformance")
PEAK_MEMORY = Path(__file__).with_name("peak_memory.py")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Exit code and output of one run."""

    code: int
    out: str
    err: str
    folder: Path | None = None

    @property
    def all(self) -> str:
        return self.out + self.err

    @property
    def last(self) -> str:
        """The last line before the line that names the report: the verdict."""
        lines = [line for line in self.out.splitlines() if line.strip() and not line.startswith("report: ")]
        return lines[-1] if lines else ""

    @property
    def error(self) -> str:
        """The only line of a run that ended with wrong usage."""
        lines = [line for line in self.all.splitlines() if line.strip()]
        assert len(lines) == 1, self.all
        assert lines[0].startswith("ERROR: "), self.all
        return lines[0]

    @cached_property
    def report(self) -> dict[str, Any]:
        """report.json, checked against its schema."""
        assert self.folder is not None
        return valid_report(self.folder)

    @property
    def failed(self) -> set[str]:
        return {row["id"] for row in self.report["requirements"] if row["verdict"] == "fail"}

    @property
    def reasons(self) -> set[str]:
        """The reasons of the requirements that are not verified."""
        return {row["reason"] for row in self.report["requirements"] if row["verdict"] == "not-verified"}


def valid_report(folder: Path) -> dict[str, Any]:
    """report.json of a folder, checked against its schema."""
    document: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    Draft202012Validator(json.loads(resources.text("schemas/report.json"))).validate(document)
    return document


def environment(key: str | None = None, **more: str) -> dict[str, str]:
    """The environment of the command: ours without a key, colours and pytest's own variables."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("MESSAGES_API_KEY", "NO_COLOR") and not name.startswith("PYTEST_")
    }
    kept |= {"PYTHONPATH": str(SRC), "CI": "true", **more}
    return kept if key is None else {**kept, "MESSAGES_API_KEY": key}


def started(
    *arguments: str, key: str | None = None, cwd: Path | None = None, peak: Path | None = None, **more: str
) -> subprocess.Popen[str]:
    """Starts the command in a process group of its own; the most memory that it holds is written to the file `peak`."""
    measured = (sys.executable, "-S", str(PEAK_MEMORY), str(peak)) if peak else ()
    return subprocess.Popen(
        [*measured, *COMMAND, *arguments],
        env=environment(key, **more),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        start_new_session=True,
    )


def ended(process: subprocess.Popen[str], *, folder: Path | None = None) -> Outcome:
    """Waits for the end of the command; fails when it hangs, crashed, warned, or wrote the key anywhere."""
    try:
        out, err = process.communicate(timeout=PATIENCE_S)
    except BaseException as error:  # whatever ends the test ends the command, too
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        if not isinstance(error, subprocess.TimeoutExpired):
            raise
        raise AssertionError(f"the command did not end:\n{out}{err}") from None
    outcome = Outcome(code=process.returncode, out=out, err=err, folder=folder)
    for sign in ("Traceback", "INTERNALERROR", "Warning:"):
        assert sign not in outcome.all, outcome.all
    written = "".join(path.read_text("utf-8") for path in folder.glob("*") if path.is_file()) if folder else ""
    assert KEY not in outcome.all + written
    return outcome


def run(
    *arguments: str,
    key: str | None = None,
    folder: Path | None = None,
    cwd: Path | None = None,
    peak: Path | None = None,
) -> Outcome:
    """Runs the command to its end."""
    return ended(started(*arguments, key=key, cwd=cwd, peak=peak), folder=folder)
