"""`python -m messages_conformance.rules.editions` writes the file of the open edition at its release."""

import sys
from pathlib import Path

from messages_conformance.rules import CATALOGUE
from messages_conformance.rules.editions import OPEN, frozen, listing


def main() -> int:
    """Freezes the open edition; returns 4 if there is none, or if it is already frozen."""
    if OPEN is None or frozen(OPEN) is not None:
        print("no edition is open: set OPEN in rules/editions/__init__.py to the name of the next", file=sys.stderr)
        return 4
    path = Path(__file__).parent / f"{OPEN}.txt"
    path.write_text(listing(CATALOGUE), "utf-8")
    print(f"{path.name} holds {len(CATALOGUE)} requirements; now set OPEN to None")
    return 0


if __name__ == "__main__":
    sys.exit(main())
