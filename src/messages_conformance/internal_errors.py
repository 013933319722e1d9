"""One line about an error of this program, for its user: what it was, where, and that the target did not cause it."""

from __future__ import annotations

import contextlib
import errno
import sys
import traceback
from pathlib import PurePath

MESSAGE_CHARACTERS = 300
"""The line quotes at most this much of the error (our own choice)."""

NO_MEMORY = (
    "ERROR: the memory of this process is used up; raise its limit, or lower --concurrency; "
    "what was judged until then is in the folder of --report"
)


NO_THREAD = "can't start new thread"
NO_LIBRARY = ("failed to map segment", "annot allocate memory")
"""What Python and the loader of libraries say when a part of the memory is missing (CPython 3.11, glibc 2.36)."""


def is_lack_of_memory(error: BaseException) -> bool:
    """Whether the error, or one that it replaced, says that this process gets no more memory, or no thread."""
    seen: list[BaseException] = []
    while error not in seen:
        text = str(error)
        if (
            isinstance(error, MemoryError)
            or (isinstance(error, OSError) and error.errno == errno.ENOMEM)
            or (isinstance(error, RuntimeError) and NO_THREAD in text)
            or (isinstance(error, ImportError) and any(words in text for words in NO_LIBRARY))
        ):
            return True
        seen.append(error)
        error = error.__cause__ or error.__context__ or error
    return False


def report_internal_error(error: BaseException) -> None:
    """Prints the line to the standard error output, without secrets. It raises nothing."""
    with contextlib.suppress(Exception):
        if is_lack_of_memory(error):
            print(NO_MEMORY, file=sys.stderr)
            return
        from messages_conformance.ci_commands import disarmed
        from messages_conformance.masking import masked

        print(
            f"ERROR: {disarmed(masked(described(error)))}; the target did not cause it; please report it",
            file=sys.stderr,
        )


INTERNAL = "internal error"
OF_THE_USER = "error in your own rule"


def described(error: BaseException, *, kind: str = INTERNAL) -> str:
    """`internal error: ValueError: ..., at file.py:12`; `kind` says whose error it is."""
    if is_lack_of_memory(error):
        return "the memory of this process is used up: raise its limit, or lower --concurrency"
    frames = traceback.extract_tb(error.__traceback__)
    place = f", at {PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    text = " ".join(str(error).split())
    return f"{kind}: {type(error).__name__}: {text[:MESSAGE_CHARACTERS]}{place}"
