"""Sessions are tested with the exchanges that the tests of rules and streams build."""

import sys
from pathlib import Path

for folder in ("rules", "stream"):
    sys.path.insert(0, str(Path(__file__).parent.parent / folder))
