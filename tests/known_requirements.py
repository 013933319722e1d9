"""The requirements that users may already name, read from known_requirements.txt."""

from pathlib import Path
from typing import Final

_SECTIONS: Final = (Path(__file__).parent / "known_requirements.txt").read_text("utf-8").split("\n\n")


def _levels(section: str) -> dict[str, str]:
    rows = [line.split() for line in section.splitlines() if line and not line.startswith("#")]
    return {name: level for level, name in rows}


CONTRACT: Final = _levels(_SECTIONS[1])
"""The level of each requirement that the contract itself states, by id."""

ADDED: Final = _levels(_SECTIONS[2])
"""The level of each requirement that was added from measurements, by id."""

KNOWN: Final = CONTRACT | ADDED
