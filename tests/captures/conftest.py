"""Captures are tested with the exchanges that the tests of rules and streams build."""

import sys
from pathlib import Path

for folder in (Path(__file__).parents[1] / "rules", Path(__file__).parents[1] / "stream", Path(__file__).parent):
    sys.path.insert(0, str(folder))
