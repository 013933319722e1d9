"""Folders and files of a report: tested for writing before a run, replaced as a whole when written."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from messages_conformance.masking import masked


class ReportError(Exception):
    """A file or folder of a report cannot be read or written; the message names it and the cure."""


def prepare(folder: Path | str, *, option: str = "--report") -> Path:
    """Makes the folder and checks that files can be written there; raises ReportError with the cure.

    `option` is the command-line option that named the folder, for the message.
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
    """Locks the folder for one run and returns a function that unlocks it; the end of the process unlocks it, too.

    Raises ReportError while another run has the lock. Does nothing where the system has no such locks.
    """
    try:
        import fcntl
    except ImportError:
        return lambda: None
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise ReportError(
            f"another run is writing its report to {str(folder)!r}; wait for its end, or name another folder"
        ) from error
    except OSError:
        pass
    return lambda: os.close(descriptor)


def replace(path: Path, text: str, *, cure: str = "free space or name another folder with --report") -> None:
    """Writes the file atomically and masks secrets: a reader sees the old or the new contents.

    A device, a pipe and a shell's stream (`/dev/stdout`) are written to, and never replaced by a file. Raises
    ReportError with a message that ends in `cure`.
    """
    temporary = ""
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            path.write_text(masked(text), encoding="utf-8", newline="\n")
            return
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", newline="\n", dir=path.parent, prefix=f".{path.name}.", delete=False
        ) as file:
            temporary = file.name
            file.write(masked(text))
        # Only the owner can read a temporary file; a report gets the permissions of any other new file.
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
