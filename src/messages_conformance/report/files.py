"""Folders and files of a report: proven writable before a run, replaced as a whole when written."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path


class ReportError(Exception):
    """A file or folder of a report cannot be read or written; the message names it and the cure."""


def prepare(folder: Path | str, *, option: str = "--report") -> Path:
    """Makes the folder and proves that files can be written there; a ReportError with the cure otherwise.

    `option` is the one that named the folder, for the message.
    """
    path = Path(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path) as probe:
            probe.write(b"probe")
    except (FileExistsError, NotADirectoryError) as error:
        raise ReportError(
            f"{option} cannot be {str(path)!r}: a file is in the way ({error.filename}); "
            f"name a folder with {option}, or remove that file"
        ) from error
    except (OSError, ValueError) as error:
        raise ReportError(
            f"{option} cannot be {str(path)!r}: {_why(error)}; name a folder that you may write to with {option}"
        ) from error
    return path


def claim(folder: Path) -> Callable[[], None]:
    """Keeps the folder for one run until the result is called or the process ends; a ReportError while another has it.

    Where the system or its file system knows no such lock, nothing is kept.
    """
    try:
        import fcntl
    except ImportError:
        return lambda: None
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(held)
        raise ReportError(
            f"another run is writing its report to {str(folder)!r}; wait for its end, or name another folder"
        ) from error
    except OSError:
        pass
    return lambda: os.close(held)


def replace(path: Path, text: str, *, cure: str = "free space or name another folder with --report") -> None:
    """Writes the file at once: a reader sees the old contents or the new, never half of them."""
    temporary = ""
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", newline="\n", dir=path.parent, prefix=f".{path.name}.", delete=False
        ) as file:
            temporary = file.name
            file.write(text)
        # A temporary file is its owner's alone; a report is readable like any other new file.
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise ReportError(f"{str(path)!r} could not be written: {_why(error)}; {cure}") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _why(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
