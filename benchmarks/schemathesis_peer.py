"""schemathesis in an environment of its own: its command line, its worker and its installation."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from openapi_description import description
from own_worker import MODEL

from messages_conformance.reference import API_KEY

HERE: Final = Path(__file__).parent
VERSION: Final = "2023-06-01"

Json = dict[str, Any]


class Peer:
    """schemathesis with its interpreter and the description that it reads."""

    def __init__(self, python: Path, folder: Path) -> None:
        self.python = python
        self.description = folder / "openapi.json"
        self.description.write_text(json.dumps(description(MODEL)), encoding="utf-8")
        self._worker = [str(python), str(HERE / "schemathesis_worker.py"), str(self.description)]

    @property
    def version(self) -> str:
        """The version of schemathesis."""
        code = "import schemathesis; print(schemathesis.__version__)"
        return subprocess.run([self.python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()

    def generate(self, mode: str, count: int, seconds: float) -> Json:
        """Generates examples: `mode` is "positive" or "negative"."""
        return output_of([*self._worker, "draw", mode, str(count), str(seconds)], self.description.parent)

    def run(self, address: str, count: int, *, cheap: bool = True) -> list[str]:
        """The command line of a run. A cheap run does not stop at a failure and does not shrink it."""
        arguments = ["run", str(self.description), "--url", address, "-n", str(count), "--seed", "0"]
        arguments += ["-H", f"x-api-key: {API_KEY}", "-H", f"anthropic-version: {VERSION}"]
        arguments += ["--suppress-health-check", "all", "--generation-database", "none"]
        if cheap:
            arguments += ["--phases", "fuzzing", "--continue-on-failure", "--no-shrink"]
            arguments += ["--generation-with-security-parameters", "false"]
        return [str(self.python.with_name("schemathesis")), *arguments]

    @contextmanager
    def testing(self, count: int, seconds: float) -> Iterator[subprocess.Popen[str]]:
        """A worker that reads addresses from stdin and prints the failures of each as JSON."""
        process = subprocess.Popen(
            [*self._worker, "try", str(count), str(seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=self.description.parent,
        )
        try:
            yield process
        finally:
            process.communicate()


def output_of(arguments: Sequence[str], folder: Path) -> Json:
    """The JSON object that a command prints."""
    done = subprocess.run(arguments, capture_output=True, text=True, check=True, cwd=folder)
    found: Json = json.loads(done.stdout)
    return found


@contextmanager
def installed(python: Path | None) -> Iterator[Peer]:
    """schemathesis of the given interpreter; without one, it is installed into a temporary environment."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if python is None:
            subprocess.run([sys.executable, "-m", "venv", folder / "peer"], check=True)
            python = folder / "peer" / "bin" / "python"
            subprocess.run([python, "-m", "pip", "install", "-q", "schemathesis"], check=True, capture_output=True)
        yield Peer(python.absolute(), folder)
