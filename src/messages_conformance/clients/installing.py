"""Installs clients into a cache of isolated environments: one folder for each client and version.

An installation is complete when its file INSTALLED exists; a folder without it is made anew. A lock for each folder
lets two runs share the cache. pip and npm install, with the settings of the user.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from messages_conformance import resources
from messages_conformance.clients.known_clients import KnownClient
from messages_conformance.clients.processes import run_program

INSTALLED: Final = "installed"
INSTALL_TIMEOUT_S: Final = 600.0
"""Longest installation (our own: the largest client takes a minute)."""

REASON_CHARACTERS: Final = 300


class NotInstalled(Exception):
    """A client cannot be installed; the message says why. Its scenarios are not run."""


@dataclass(frozen=True, kw_only=True)
class Installation:
    """An installed client: the command that starts its driver, without the argument of the driver."""

    client: KnownClient
    folder: Path
    command: tuple[str, ...]

    def words(self, argument: str) -> tuple[str, ...]:
        """The command with the argument of the driver."""
        more = (str(self.folder),) if self.client.manager == "npm" else ()
        return (*self.command, argument, *more)


def default_cache() -> Path:
    """The folder of the cache of this user."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "messages-conformance" / "clients"


def installed(client: KnownClient, cache: Path, *, latest: bool = False) -> Installation:
    """The client in the cache; installs it if it is not there, and always with `latest`. Raises NotInstalled."""
    folder = cache / _folder_name(client, latest=latest)
    installation = Installation(client=client, folder=folder, command=_command(client, folder))
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with _locked(cache / f"{folder.name}.lock"):
            if latest or not (folder / INSTALLED).exists():
                shutil.rmtree(folder, ignore_errors=True)
                _install(client, folder, latest=latest)
                (folder / INSTALLED).touch()
    except OSError as error:
        raise NotInstalled(f"{error.strerror or error} ({error.filename or folder})") from None
    return installation


def _folder_name(client: KnownClient, *, latest: bool) -> str:
    versions = "latest" if latest else "-".join(client.packages.values())
    tag = f"-{sys.implementation.cache_tag}" if client.manager == "pip" else ""
    return f"{client.name}-{versions}{tag}"


def _command(client: KnownClient, folder: Path) -> tuple[str, ...]:
    driver = str(resources.path(f"clients/drivers/{client.driver}"))
    if driver.endswith(".mjs"):
        node = shutil.which("node")
        if node is None:
            raise NotInstalled("it needs node, which is not installed")
        return (node, driver)
    return (str(_python(folder)) if client.manager == "pip" else sys.executable, "-B", driver)


def _install(client: KnownClient, folder: Path, *, latest: bool) -> None:
    packages = client.requirements(latest=latest)
    if client.manager == "pip":
        _run(client, (sys.executable, "-m", "venv", str(folder)))
        _run(client, (str(_python(folder)), "-m", "pip", "install", "-q", "--disable-pip-version-check", *packages))
        return
    npm = shutil.which("npm")
    if npm is None:
        raise NotInstalled("it is installed by npm, which is not installed")
    _run(client, (npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), *packages))


def _run(client: KnownClient, command: tuple[str, ...]) -> None:
    ran = run_program(command, env=os.environ, limit_s=INSTALL_TIMEOUT_S)
    if ran.code == 0:
        return
    lines = [line.strip() for line in ran.text.splitlines() if line.strip() and not line.startswith("WARNING")]
    why = f"no end after {INSTALL_TIMEOUT_S:g} s" if ran.code is None else " ".join(lines[-3:])[-REASON_CHARACTERS:]
    raise NotInstalled(f"{client.manager} failed: {why or f'exit code {ran.code}'}")


def _python(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Only one process at a time; without locks where the system has none."""
    with path.open("w") as lock:
        try:
            import fcntl
        except ImportError:
            yield
            return
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
