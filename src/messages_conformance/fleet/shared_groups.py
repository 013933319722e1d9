"""The files through which the cells of one server and key share rate, pauses and budget."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from messages_conformance.engine import SHARED_LIMITS, SharedFile, can_share
from messages_conformance.fleet.cells import Cell
from messages_conformance.fleet.scheduling import server_of

DEFAULT_KEY_VARIABLE = "MESSAGES_API_KEY"


class SharedGroups:
    """One file for each server and key, in a temporary folder; to be used as a context manager."""

    def __init__(self, *, jobs: int) -> None:
        self._jobs = jobs
        self._folder = tempfile.TemporaryDirectory(prefix="messages-conformance-")
        self._files: dict[str, SharedFile] = {}
        self._used: dict[int, SharedFile] = {}

    def __enter__(self) -> SharedGroups:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files.values():
            file.close()
        self._folder.cleanup()

    def variables(self, cell: Cell, worker: int, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
        """The variables with which the run of a cell finds its file; `worker` counts from 0."""
        if not can_share() or not str(cell.value("target")).startswith(("http://", "https://")):
            return {}
        key = environment.get(str(cell.value("api-key-env") or DEFAULT_KEY_VARIABLE), "")
        name = sha256(f"{server_of(cell)}\n{key}".encode("utf-8", "replace")).hexdigest()
        path = Path(self._folder.name, name)
        if name not in self._files:
            SharedFile.make(path, workers=self._jobs)
            self._files[name] = SharedFile(path)
        self._used[worker] = self._files[name]
        return {SHARED_LIMITS: f"{path}:{worker + 1}"}

    def free(self, worker: int) -> None:
        """Keeps what the ended run of a worker has spent."""
        if (file := self._used.pop(worker, None)) is not None:
            file.free(worker + 1)
