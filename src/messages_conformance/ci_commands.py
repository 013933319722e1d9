"""Makes commands of CI systems harmless: a CI system executes commands in a log, no matter who wrote them.

| system | what it executes |
|---|---|
| GitHub Actions | `::name parameters::text` at the start of a line; `##[name]` anywhere in a line |
| Azure Pipelines | `##vso[area.action]text` and `##[name]` |
| TeamCity | `##teamcity[message]` |
| GitLab | `section_start:time:name` and `section_end:time:name` |
| Travis | `travis_fold:start:name` and `travis_time:start:name` |
| Buildkite | `--- `, `+++ `, `~~~ ` and `^^^ ` at the start of a line |

When a text is wrapped, a command in its middle can be moved to the start of a line. So it is changed everywhere.
One character of it becomes its escape, `\\u003a`, which JSON, Python and readers understand. Escape sequences of
terminals are not the concern of this module: `report.text.visible` escapes them.
"""

from __future__ import annotations

import re
from typing import Final

_SIGNS: Final = ("::", "##", "section_", "travis_", "--- ", "+++ ", "~~~ ", "^^^ ", "SECTION_", "TRAVIS_")
"""A text without any of these has no command. Most texts have none."""

_COMMAND: Final = re.compile(
    r"::(?=[a-z][a-z_-]*(?:::|\s))"
    r"|##(?=\[|vso\[|teamcity\[)"
    r"|(?<=section_start):|(?<=section_end):|(?<=travis_fold):|(?<=travis_time):",
    re.IGNORECASE,
)
_AT_START: Final = re.compile(r"(?P<before>^(?:\x1b\[[0-9;]*m)*)(?P<sign>---|\+\+\+|~~~|\^\^\^)(?= )", re.MULTILINE)


def disarmed(text: str) -> str:
    """The text with each command of a CI system made harmless; the same text when it has none."""
    if not any(sign in text for sign in _SIGNS):
        return text
    return _AT_START.sub(_without_start, _COMMAND.sub(lambda found: _escaped(found[0]), text))


def disarmed_xml(text: str) -> str:
    """The same for an XML document, with character references: it still means what it meant."""
    return _COMMAND.sub(lambda found: f"&#{ord(found[0][0])};{found[0][1:]}", text)


def _without_start(found: re.Match[str]) -> str:
    return found["before"] + _escaped(found["sign"])


def _escaped(sign: str) -> str:
    return f"\\u{ord(sign[0]):04x}{sign[1:]}"
