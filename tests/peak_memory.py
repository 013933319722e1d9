"""Runs a command and writes the most memory that it held, in bytes, to a file: `peak_memory.py FILE COMMAND...`.

A process counts the memory of the process that started it as its own peak, so a small one has to start the command.
"""

import resource
import subprocess
import sys
from pathlib import Path


def main(file: str, *command: str) -> int:
    """The exit code of the command, whose input and output are ours."""
    code = subprocess.call(command)
    unit = 1 if sys.platform == "darwin" else 1024
    Path(file).write_text(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit))
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
