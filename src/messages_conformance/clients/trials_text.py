"""The trials of a client as text: one row for each variant and fault, and the sentences that sum them up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from messages_conformance.clients.client_trials import (
    BROKEN,
    DETECTED,
    FAULT,
    HANGS,
    NOT_EXERCISED,
    SURVIVED,
    SWALLOWED,
    VARIANT,
    WORKS,
    ClientTrial,
    ClientTrials,
)
from messages_conformance.report.text import counted, inline

NAME_WIDTH: Final = 30
DETAIL_CHARACTERS: Final = 120
TITLES: Final = {VARIANT: "correct variants", FAULT: "faults"}
HEAD: Final = "outcome, name, requests that show it, how the command ended (what the endpoint does)"
WORDS: Final = {
    DETECTED: "detects",
    SURVIVED: "survives",
    SWALLOWED: "silently swallows",
    HANGS: "hangs with",
}


def title(kind: str) -> str:
    """The line above the rows of one kind."""
    return f"{TITLES[kind]}: {HEAD}"


def row(trial: ClientTrial) -> str:
    """One row, as the title says."""
    shown = f"{trial.shown} of {trial.requests}"
    outcome = trial.outcome.upper() if trial.outcome == BROKEN else trial.outcome
    detail = f"{inline(trial.detail, DETAIL_CHARACTERS)}  " if trial.detail else ""
    return f"  {outcome:<13}  {trial.name:<{NAME_WIDTH}}  {shown:<8}  {detail}({trial.summary})"


def summary(trials: ClientTrials) -> Iterator[str]:
    """What the trials say about the client, in sentences."""
    if trials.of(VARIANT):
        shown = counted(len(trials.of(VARIANT, WORKS, BROKEN)), "correct variant")
        names = ", ".join(trial.name for trial in trials.broken)
        verb = "breaks" if len(trials.broken) == 1 else "break"
        broken = f"{len(trials.broken)} of them {verb} the client: {names}" if names else "none of them breaks it"
        yield f"Its requests show {shown}; {broken}."
    if faults := trials.of(FAULT):
        counts = ", ".join(f"{word} {len(trials.of(FAULT, outcome))}" for outcome, word in WORDS.items())
        unseen = len(trials.of(FAULT, NOT_EXERCISED))
        yield f"Its requests show {counted(len(faults) - unseen, 'fault')}; the client {counts}."
    if missing := sum(trial.outcome == NOT_EXERCISED for trial in trials.trials):
        yield f"Not exercised: {missing}. No request of the client got another answer there."
