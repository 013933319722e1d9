"""What changed between two runs, with what was found and wanted, as text, Markdown or JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Final

from messages_conformance import gate
from messages_conformance.report.failure_text import VALUE_CHARACTERS, again, place, sentence_of
from messages_conformance.report.finding_words import readable
from messages_conformance.report.markdown import code, prose, table
from messages_conformance.report.model import Report, harm_of
from messages_conformance.report.text import counted, inline, json_text, listed, sentence

GROUPS: Final = {
    "newly_failing": "NEWLY FAILING",
    "newly_warning": "NEWLY WARNING",
    "fixed": "FIXED",
    "newly_verified": "NEWLY VERIFIED",
    "no_longer_verified": "NO LONGER VERIFIED",
    "unknown_before": "FAILING, NOT JUDGED BEFORE",
}

OPTIONS: Final = ("target", "model", "profile", "depth")
"""Options of a run that explain a difference."""

SHOWN: Final = 3
"""How many ids of an option are listed (our own choice: a line)."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One requirement whose outcome changed. `found` and `wanted` are of the run that violates it, if one does."""

    requirement: str
    harm: str
    sentence: str
    before: str
    now: str
    where: str = ""
    found: str = ""
    wanted: str = ""
    again: str = ""


@dataclass(frozen=True, kw_only=True)
class RunDifference:
    """The changes by kind, one of GROUPS, and the options that differ: (name, before, now).

    `left_out` says how many requirements the new run left out by its options; they are no changes.
    """

    changes: Mapping[str, tuple[Change, ...]]
    options: tuple[tuple[str, str, str], ...]
    left_out: str = ""

    @property
    def is_worse(self) -> bool:
        """Whether something fails that did not fail before."""
        return bool(self.changes.get("newly_failing"))


def run_difference(old: Report, new: Report) -> RunDifference:
    """The difference of two runs."""
    outcomes = [{verdict.requirement: verdict.outcome for verdict in each.verdicts} for each in (old, new)]
    found = asdict(gate.difference(*outcomes))
    missing = frozenset() if not (new.run.only or new.run.skip) else outcomes[0].keys() - outcomes[1].keys()
    left_out = [name for name in found["no_longer_verified"] if name in missing]
    found["no_longer_verified"] = [name for name in found["no_longer_verified"] if name not in missing]
    changes = {kind: tuple(_change(old, new, name, outcomes) for name in found[kind]) for kind in GROUPS if found[kind]}
    pairs = ((name, str(getattr(old.run, name)), str(getattr(new.run, name))) for name in OPTIONS)
    return RunDifference(
        changes=changes,
        options=tuple(pair for pair in pairs if pair[1] != pair[2]),
        left_out=_left_out(len(left_out), new) if left_out else "",
    )


def _left_out(number: int, new: Report) -> str:
    options = [f"--only {listed(new.run.only, SHOWN)}"] if new.run.only else []
    options += [f"--skip {listed(new.run.skip, SHOWN)}"] if new.run.skip else []
    return f"{counted(number, 'requirement')} of the old run left out of the new one by {' '.join(options)}"


def _change(old: Report, new: Report, name: str, outcomes: list[dict[str, str]]) -> Change:
    named = new if name in new.catalogue else old
    change = Change(
        requirement=name,
        harm=harm_of(named, name),
        sentence=sentence_of(named, name),
        before=outcomes[0].get(name, "not in this run"),
        now=outcomes[1].get(name, "not in this run"),
    )
    for report in (new, old):
        verdict = next((one for one in report.verdicts if one.requirement == name and one.findings), None)
        if verdict is not None:
            first = verdict.findings[0]
            texts = {key: inline(readable(first, getattr(first, key)), VALUE_CHARACTERS) for key in ("found", "wanted")}
            command = again(report, first) if report is new else ""
            return Change(**{**asdict(change), **texts, "where": place(report, first), "again": command})
    return change


def to_text(difference: RunDifference) -> str:
    """The changes for a terminal."""
    return "".join(f"{line}\n" for line in _lines(difference))


def _lines(difference: RunDifference) -> Iterator[str]:
    for name, before, now in difference.options:
        yield f"note: {name} {sentence(before)} before, {sentence(now)} now"
    if difference.left_out:
        yield f"note: {sentence(difference.left_out)}"
    for kind, changes in difference.changes.items():
        yield f"{GROUPS[kind]} ({len(changes):,})"
        for change in changes:
            yield f"  {inline(change.requirement)}  {change.sentence}"
            facts = (
                ("where", change.where),
                ("found", change.found),
                ("wanted", change.wanted),
                ("again", change.again),
            )
            yield from (f"    {label:<6}  {text}" for label, text in facts if text)
    if not difference.changes:
        yield "nothing changed"


def to_markdown(difference: RunDifference) -> str:
    """The changes as Markdown."""
    parts = ["## Changes\n"]
    parts += [f"\n{name}: {prose(before)} before, {prose(now)} now\n" for name, before, now in difference.options]
    parts += [f"\n{prose(difference.left_out)}\n"] if difference.left_out else []
    for kind, changes in difference.changes.items():
        rows = [
            (code(one.requirement), one.harm, prose(one.before), prose(one.now), code(one.found), code(one.wanted))
            for one in changes
        ]
        head = ("requirement", "harm", "before", "now", "found", "wanted")
        parts.append(f"\n### {GROUPS[kind].capitalize()} ({len(changes):,})\n{table(head, rows)}")
    return "".join(parts) if difference.changes else f"{''.join(parts)}\nNothing changed.\n"


def to_json(difference: RunDifference) -> str:
    """The changes as JSON: the kind of change -> a list of requirements."""
    return json_text(
        {
            "options": [dict(zip(("name", "before", "now"), pair, strict=True)) for pair in difference.options],
            "left_out": difference.left_out,
            **{kind: [asdict(one) for one in difference.changes.get(kind, ())] for kind in GROUPS},
        }
    )


DIFFERENCES: Final[Mapping[str, Callable[[RunDifference], str]]] = MappingProxyType(
    {"text": to_text, "markdown": to_markdown, "json": to_json}
)
"""The formats of a difference by name."""
