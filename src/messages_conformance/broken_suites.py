"""Says where a suite of the user is broken: the file and the line of the user's own code, and the error."""

from __future__ import annotations

import traceback
from pathlib import Path


def place_of(error: BaseException, path: Path) -> str:
    """`FILE:LINE: what is wrong` for an error while the file `path` was imported."""
    # pytest raises an error of its own from the one of the import.
    cause = error.__cause__ or error
    if isinstance(cause, SyntaxError) and cause.filename:
        return f"{cause.filename}:{cause.lineno}: {_line(cause)}"
    frames = traceback.extract_tb(cause.__traceback__)
    own = [frame for frame in frames if Path(frame.filename) == path]
    return f"{path}:{own[-1].lineno if own else 1}: {_line(cause)}"


def _line(error: BaseException) -> str:
    """The error on one line, without the source lines that a SyntaxError shows."""
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {error.msg}"
    return " ".join("".join(traceback.format_exception_only(error)).split())
