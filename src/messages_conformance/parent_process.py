"""Lets a process end when its parent ends, in whatever way, so that a command that is killed leaves nothing running."""

from __future__ import annotations

import ctypes
import signal
import sys
from typing import Any, Final

PR_SET_PDEATHSIG: Final = 1
"""The option of prctl(2) that asks Linux for a signal when the parent ends."""

_LIBRARY: Final[Any] = ctypes.CDLL(None) if sys.platform == "linux" else None
"""Loaded here, because a process that was just forked must not load anything."""


def end_with_parent() -> bool:
    """Asks Linux to send SIGTERM to this process when the thread that started it ends.

    It remains so when the process executes another program. Returns False where that is not possible. It raises
    nothing, so that it may be the `preexec_fn` of a process.
    """
    try:
        return bool(_LIBRARY.prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0) == 0)
    except (OSError, AttributeError):
        return False
