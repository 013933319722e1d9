"""Waivers: a TOML file with known failures, each with its reason, its owner and an expiry date.

[[waiver]]
requirement = "usage.*"       # an id, or a glob
reason = "The gateway counts later; ticket 4711"
owner = "jo@example.com"
expires = 2027-02-28          # the last day on which it is valid
model = "big-*"               # optional: only for these models
profile = "tokmodel"          # optional: only in this profile
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from msgspec import Struct, structs

from messages_conformance.input_files import (
    MAX_WRITTEN_BYTES,
    SHOWN_CHARACTERS,
    InputError,
    decoded,
    parsed_toml,
    read_bytes,
    shown,
    typed,
)
from messages_conformance.rules import matches

TABLE: Final = "waiver"
REQUIRED: Final = ("requirement", "reason", "owner", "expires")
OPTIONAL: Final = ("model", "profile")
KEYS: Final = (*REQUIRED, *OPTIONAL)

_HEADING: Final = re.compile(r"\s*\[\[\s*\"?waiver\"?\s*\]\]\s*(#.*)?")


class GateError(Exception):
    """A waiver file cannot be used; the message names the place, the mistake and the cure."""


@dataclass(frozen=True, kw_only=True)
class Waiver:
    """One waiver. `place` is the file, with the lines when they are known."""

    requirement: str
    reason: str
    owner: str
    expires: date
    model: str = "*"
    profile: str = "*"
    place: str = ""

    def applies_to(self, *, model: str, profile: str) -> bool:
        """Whether it applies to a run of this model in this profile."""
        return fnmatchcase(model, self.model) and fnmatchcase(profile, self.profile)

    def covers(self, requirement: str) -> bool:
        """Whether it excuses this requirement."""
        return matches(requirement, (self.requirement,))


def read(path: Path) -> tuple[Waiver, ...]:
    """The waivers of a file, none for an empty one; raises GateError with the place, the mistake and the cure."""
    try:
        data = read_bytes(path, limit_bytes=MAX_WRITTEN_BYTES)
    except InputError as error:
        raise GateError(f"{str(path)!r} cannot be read: {error}; name a file of waivers") from error
    try:
        document = parsed_toml(data)
    except InputError as error:
        raise GateError(f"{str(path)!r} cannot be used: {error}; a file of waivers has [[{TABLE}]] tables") from error
    for key in document:
        if key != TABLE:
            raise GateError(f"{str(path)!r} has the key {shown(key)}; a file of waivers has only [[{TABLE}]] tables")
    rows = document.get(TABLE, [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise GateError(f"{str(path)!r}: {TABLE} is a list of tables, each under [[{TABLE}]]")
    places = _places(path, decoded(data), len(rows))
    return tuple(_waiver(row, place) for row, place in zip(rows, places, strict=True))


class _Row(Struct, frozen=True, kw_only=True):
    """The types of a waiver in a file. TOML has dates of its own; a text is read as a date, too."""

    requirement: str
    reason: str
    owner: str
    expires: Any
    model: str = "*"
    profile: str = "*"


def _waiver(row: Mapping[str, Any], place: str) -> Waiver:
    for key in row:
        if key not in KEYS:
            near = get_close_matches(key[:SHOWN_CHARACTERS], KEYS, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise GateError(f"{place}: unknown key {shown(key)}{hint}; valid: {', '.join(KEYS)}")
    missing = [key for key in REQUIRED if key not in row]
    if missing:
        raise GateError(f"{place} has no {missing[0]}; a waiver has {', '.join(REQUIRED)}")
    try:
        read = typed(row, _Row)
    except InputError as error:
        raise GateError(f"{place}, {error}; fill it in, as text") from error
    values = structs.asdict(read)
    empty = [key for key, value in values.items() if isinstance(value, str) and not value.strip()]
    if empty:
        raise GateError(f"{place}: {empty[0]} is empty; fill it in, as text")
    return Waiver(**{**values, "expires": _date(read.expires, place)}, place=place)


def _date(value: Any, place: str) -> date:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise GateError(f"{place}: expires is {shown(value)}; it must be a date, such as 2027-02-28") from None


def _places(path: Path, text: str, number: int) -> list[str]:
    """The place of each waiver: its lines, or its number when the file does not use [[waiver]] headings."""
    lines = text.splitlines()
    starts = [at for at, line in enumerate(lines) if _HEADING.fullmatch(line)]
    if not number:
        return []
    if len(starts) != number:
        return [f"{path}, waiver {at}" for at in range(1, number + 1)]
    ends = [_end(lines, start, following) for start, following in zip(starts, [*starts[1:], len(lines)], strict=True)]
    return [f"{path}, lines {start + 1} to {end}" for start, end in zip(starts, ends, strict=True)]


def _end(lines: Sequence[str], start: int, following: int) -> int:
    """The number of the last line of a waiver; comments above the next waiver belong to the next one."""
    last = following - 1
    while last > start and (not lines[last].strip() or lines[last].lstrip().startswith("#")):
        last -= 1
    return last + 1


def unknown_requirement(waivers: Iterable[Waiver], known: Iterable[str]) -> str:
    """The problem of the first waiver that matches no requirement; empty when there is none."""
    ids = list(known)
    for waiver in waivers:
        if not any(waiver.covers(name) for name in ids):
            near = get_close_matches(waiver.requirement.replace("*", "")[:SHOWN_CHARACTERS], ids, n=3, cutoff=0.4)
            hint = f"did you mean {' or '.join(near)}?" if near else "`messages-conformance list` shows all"
            return f"{waiver.place}: no requirement matches {shown(waiver.requirement)}; {hint}"
    return ""


def waivers_toml(found: Iterable[tuple[str, str]], *, expires: date, model: str, profile: str) -> str:
    """The TOML text of waivers for (requirement, comment) pairs; reasons and owners are empty, to be filled in."""
    head = "# Fill in each reason and owner: a waiver without them is refused.\n"
    return head + "".join(
        f"\n[[{TABLE}]]\n# {' '.join(comment.split())}\n"
        f"requirement = {_text(requirement)}\n"
        f'reason = ""\nowner = ""\n'
        f"expires = {expires.isoformat()}\n"
        f"model = {_text(_exactly(model))}\n"
        f"profile = {_text(_exactly(profile))}\n"
        for requirement, comment in found
    )


def _exactly(name: str) -> str:
    """A glob that matches only this name."""
    return re.sub(r"([*?\[])", r"[\1]", name)


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=True)
