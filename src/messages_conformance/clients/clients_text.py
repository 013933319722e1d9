"""The results of known clients as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from messages_conformance.clients.client_runs import (
    FAILS,
    HANGS,
    LOSS,
    OK,
    ClientResult,
    ScenarioResult,
)
from messages_conformance.report.text import counted, inline, listed

DETAIL_CHARACTERS: Final = 300
IDS_SHOWN: Final = 4
STATUS: Final = {OK: "works", LOSS: "works with loss", FAILS: "fails", "": "nothing was verified"}
NO_VIOLATION: Final = "no violated requirement: a gap of the requirements, or a bug of the client"


def client_lines(result: ClientResult) -> Iterator[str]:
    """The lines of one client: its status, and each scenario that is not ok with the requirements that explain it."""
    if result.not_run:
        yield f"{result.client.title}: not run: {inline(result.not_run)}"
        return
    passed = sum(one.outcome == OK for one in result.scenarios)
    share = f"{passed} of {counted(len(result.scenarios), 'scenario')} ok"
    yield f"{result.client.title} {result.version}: {STATUS[result.status]} ({share})"
    for one in result.scenarios:
        if one.outcome != OK:
            yield from _scenario(one)


def _scenario(one: ScenarioResult) -> Iterator[str]:
    name = one.outcome.upper() if one.outcome in (FAILS, HANGS) else one.outcome
    yield f"  {name:<12}  {one.scenario:<20}  {inline(one.detail, DETAIL_CHARACTERS)}"
    if one.outcome in (FAILS, HANGS, LOSS):
        cause = listed(one.violated, IDS_SHOWN) if one.violated else NO_VIOLATION
        yield f"  {'':<12}  {'':<20}  {cause}"


def summary(results: Sequence[ClientResult]) -> str:
    """All clients in one sentence."""
    groups: dict[str, list[str]] = {}
    for result in results:
        groups.setdefault("not run" if result.not_run else STATUS[result.status], []).append(result.client.title)
    return "; ".join(f"{words}: {', '.join(names)}" for words, names in groups.items())
