"""Recordings of streams are built by the same functions for the walk and for the verdicts on it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "stream"))
