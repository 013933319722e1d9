"""What all forms of the proof say alike: how things are counted, and what a catch is."""

from __future__ import annotations

from typing import Final

from messages_conformance.options import DEPTHS
from messages_conformance.proof.matrix import SMOKE, SMOKE_SHARE, Matrix, Share, catches, outcome

RULES: Final = (
    "A fault is one deliberate deviation of the reference endpoint. It names the requirements that it breaks, and is "
    "tried in the first profile that promises one of them; in tokmodel too, where that promises something of its own.",
    "Caught means: the run finds broken exactly what the fault names, and nothing else. A fault that leaves a server "
    "dead is caught when the run says so in one statement instead of a verdict.",
    "A smoke run asks too little to see everything: there it is enough that one of the named requirements is found.",
    "Missed means: less was found than the fault names. A missed MUST fails the proof; a missed SHOULD is shown.",
    "A false alarm is any finding that nobody named: on a correct server, or beside what a fault breaks.",
    "A run that went wrong while the machine itself stood still is tried again, twice at most: timings decide nothing.",
    f"The proof holds without a missed MUST and without a false alarm, and when smoke catches {SMOKE_SHARE:.0%} of all "
    "faults.",
)

CURVE: Final = (
    "A run looked at after so many of its requests, which are asked as a limited run asks them: what tells most comes "
    "first. Counted are the faults of which at least one named requirement was found by then, but for those that leave "
    "a server dead. What was asked again is counted, too."
)


def percent(share: Share) -> str:
    """The share in whole percent, rounded down: 100 % is said of all only."""
    return f"{100 * share.part // share.whole if share.whole else 0} %"


def of(share: Share) -> str:
    return f"{share.part:,} of {share.whole:,}"


def verdict(matrix: Matrix, *, whole: bool) -> str:
    """The proof in one sentence."""
    problems = matrix.problems(whole=whole)
    alarms, missed = len(matrix.false_alarms), len(matrix.missed_musts)
    servers = len({trial.subject.name for trial in matrix.correct})
    caught = ", ".join(
        f"{depth} {of(matrix.caught(depth))} ({percent(matrix.caught(depth))})" for depth in matrix.depths
    )
    tried = f"faults caught: {caught}; " if matrix.faulty else ""
    state = "HOLDS" if not problems else "DOES NOT HOLD"
    return (
        f"THE PROOF {state}: {tried}{missed:,} missed MUST; {alarms:,} false alarms over {servers:,} correct servers"
        f" in {len(matrix.correct):,} runs"
    )


def by_drawing(matrix: Matrix) -> str:
    """What drawn requests add to the suites' own; empty where nothing was tried against them."""
    drawn = [trial for trial in matrix.faulty if trial.subject.generated and trial.depth != SMOKE]
    if not drawn:
        return ""
    names = {trial.subject.name for trial in drawn}
    caught = sorted({trial.subject.name for trial in drawn if catches(trial)})
    return f"drawn requests find {len(caught):,} of {len(names):,} faults that no other can: {', '.join(caught)}"


def deeper(matrix: Matrix) -> str:
    """Faults that a standard run cannot show, and what a deep one made of them; empty where there are none."""
    deep = [trial for trial in matrix.faulty if trial.subject.depth == trial.depth == DEPTHS[-1]]
    told = ", ".join(f"{trial.subject.name} ({outcome(trial)})" for trial in deep)
    return f"only a deep run can show, and counted as missed before it: {told}" if told else ""


def at_smoke(matrix: Matrix) -> str:
    """What the smoke run really spends and finds; empty where it was not tried."""
    fewest, most = matrix.requests(SMOKE)
    if not most:
        return ""
    return f"smoke itself: {fewest} to {most} requests, {of(matrix.caught(SMOKE))} faults caught"
