"""The results of judging: findings, places, and the verdict of a requirement over a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MUST: Final = "MUST"
SHOULD: Final = "SHOULD"
MAY: Final = "MAY"
LEVELS: Final = (MUST, SHOULD, MAY)

PASS: Final = "pass"
FAIL: Final = "fail"
WARN: Final = "warn"
NOT_VERIFIED: Final = "not-verified"
NOT_APPLICABLE: Final = "not-applicable"
ERROR: Final = "error"
NOT_PROVOKED: Final = "no answer of this run shows it"
"""The reason of a requirement when no exchange shows it; a rule over several exchanges yields it, too."""

NOT_RECORDED: Final = "no recorded exchange shows it"
"""The same for recordings, which provoke nothing."""

UNSHOWN: Final = (NOT_PROVOKED, NOT_RECORDED)

OUTCOMES: Final = (PASS, FAIL, WARN, NOT_VERIFIED, NOT_APPLICABLE, ERROR)


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A place in a response: event number from 1, byte offset from 0, JSON pointer, header name."""

    event: int | None = None
    event_type: str | None = None
    offset_bytes: int | None = None
    pointer: str | None = None
    header: str | None = None

    def __str__(self) -> str:
        parts = []
        if self.event is not None:
            parts.append(f"event #{self.event}" + (f" {self.event_type}" if self.event_type else ""))
        if self.offset_bytes is not None:
            parts.append(f"byte {self.offset_bytes:,}")
        if self.header is not None:
            parts.append(f"header {self.header}")
        if self.pointer is not None:
            parts.append(self.pointer or "the whole body")
        return ", ".join(parts) or "the response"


STATUS: Final = Place(header=":status")
"""The status code of a response."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One deviation at one place of one exchange: the value found, and the legal values there.

    The judge fills in `requirement` and `exchange` (the number of the exchange) if a rule leaves them out. `part` names
    the part of the request that the finding is about, where a requirement is about several parts. `ask_again` is a glob
    of situations whose requests alone show what a rule over several exchanges found; empty if it needs others.
    """

    found: str
    wanted: str
    place: Place = Place()
    requirement: str = ""
    exchange: int = 0
    part: str = ""
    ask_again: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Unverified:
    """The premise of a rule is missing, such as a tool call: the result is neither a pass nor a failure."""

    reason: str
    exchange: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """The outcome of one requirement over a run. `judged` counts the exchanges on which it was judged.

    `passed_on` are the numbers of the exchanges on which a requirement that fails was seen to hold. `pattern` says in
    words which requests fail always, and no other. `cause` is the requirement because of which this one is not
    verified; `explained` are its findings then. `uncertain` marks a failure that the model may have caused as well as
    the server.
    """

    requirement: str
    level: str
    outcome: str
    reason: str = ""
    findings: tuple[Finding, ...] = ()
    judged: int = 0
    passed_on: tuple[int, ...] = ()
    pattern: str = ""
    cause: str = ""
    explained: tuple[Finding, ...] = ()
    uncertain: bool = False
