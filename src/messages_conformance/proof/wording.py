"""The sentences that all formats of the proof share: what the words mean, and the verdict."""

from __future__ import annotations

from typing import Final

from messages_conformance.options import DEPTHS
from messages_conformance.proof.matrix import SMOKE, SMOKE_SHARE, Matrix, catches, outcome
from messages_conformance.report.figures import Share
from messages_conformance.report.text import counted

RULES: Final = (
    "A fault is one deliberate deviation of the reference endpoint. It names the requirements that it breaks. It is "
    "tried in the first profile that promises one of them. It is also tried in tokmodel when it breaks a promise of "
    "tokmodel alone.",
    "Caught means: exactly the requirements that the fault names fail. A fault that makes the server unusable is "
    "caught when the run reports this in one statement instead of a verdict.",
    "A smoke run sends too few requests to find everything. There, one of the named requirements is enough.",
    "Missed means: not all of the named requirements fail. A missed MUST fails the proof; a missed SHOULD is shown.",
    "A headline is right when it names a requirement that the fault itself breaks, not a consequence. Of two faults in "
    "one server, either may be the headline.",
    "A false alarm is a failure that is not named: of a correct server, or in addition to what a fault names.",
    "A run that went wrong while its process was paused is repeated, twice at most. Timings decide nothing.",
    "The proof holds when no MUST is missed, when there is no false alarm, and when smoke runs catch at least "
    f"{SMOKE_SHARE:.0%} of all faults.",
)

CURVE: Final = (
    "How many faults a run has found after a number of requests. The requests are in the order of a limited run: the "
    "most informative ones first. A fault counts when at least one of its named requirements failed by then. Faults "
    "that make the server unusable are left out. Repeated requests are counted."
)


def percent(share: Share) -> str:
    """The share in whole percent, rounded down: only all are 100 %."""
    return f"{100 * share.part // share.whole if share.whole else 0} %"


def of(share: Share) -> str:
    """The share as counts, such as `3 of 4`."""
    return f"{share.part:,} of {share.whole:,}"


def verdict(matrix: Matrix, *, whole: bool) -> str:
    """The proof in one sentence."""
    problems = matrix.problems(whole=whole)
    alarms, missed = len(matrix.false_alarms), len(matrix.missed_musts)
    servers = len({trial.subject.name for trial in matrix.correct})
    caught = ", ".join(
        f"{depth} {of(matrix.caught(depth))} ({percent(matrix.caught(depth))})" for depth in matrix.depths
    )
    faults = f"faults caught: {caught}; " if matrix.faulty else ""
    state = "HOLDS" if not problems else "DOES NOT HOLD"
    return (
        f"THE PROOF {state}: {faults}{missed:,} missed MUST; "
        f"{counted(alarms, 'false alarm')} for {counted(servers, 'correct server')}"
        f" in {counted(len(matrix.correct), 'run')}"
    )


def headlines(matrix: Matrix) -> str:
    """For how many faults the report names first what the fault breaks; empty when none was found."""
    share = matrix.headlines
    if not share.whole:
        return ""
    wrong = ", ".join(f"{trial.subject.name} ({trial.headline or 'none'})" for trial in matrix.wrong_headlines)
    return f"headline right for {of(share)} faults and pairs of faults" + (f"; wrong: {wrong}" if wrong else "")


def by_generated_requests(matrix: Matrix) -> str:
    """Which faults only generated requests find; empty when no such fault was tried."""
    generated = [trial for trial in matrix.faulty if trial.subject.generated and trial.depth != SMOKE]
    if not generated:
        return ""
    names = {trial.subject.name for trial in generated}
    caught = sorted({trial.subject.name for trial in generated if catches(trial)})
    share = f"{len(caught):,} of {len(names):,} faults"
    return f"generated requests find {share} that no other request can find: {', '.join(caught)}"


def deeper(matrix: Matrix) -> str:
    """Faults that only a deep run can find, with their outcomes; empty when there are none."""
    deep = [trial for trial in matrix.faulty if trial.subject.depth == trial.depth == DEPTHS[-1]]
    outcomes = ", ".join(f"{trial.subject.name} ({outcome(trial)})" for trial in deep)
    return f"only a deep run can find these (other depths count them as missed): {outcomes}" if outcomes else ""


def at_smoke(matrix: Matrix) -> str:
    """How many requests smoke runs send and what they find; empty without smoke runs."""
    fewest, most = matrix.requests(SMOKE)
    if not most:
        return ""
    return f"a smoke run: {fewest} to {most} requests, {of(matrix.caught(SMOKE))} faults caught"
