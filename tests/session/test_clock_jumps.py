"""A clock of the machine that jumps changes no verdict: only times that never go back are compared."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from messages_conformance.proof import run
from messages_conformance.report import load
from messages_conformance.session import Clock, SessionOptions, Source, judge_recordings

MOMENTS = (datetime(2026, 11, 30, tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC))


def test_a_clock_that_jumps_changes_no_verdict(tmp_path: Path) -> None:
    _, made = run("reference:transport=memory", "tokmodel", model="reference-1", depth="smoke", only=("stream.order",))
    moments, ticks = itertools.cycle(MOMENTS), itertools.count(step=0.7)
    code, found = judge_recordings(
        Source(name="a recording", model="reference-1"),
        tuple(made.exchanges.values()),
        options=SessionOptions(
            profile="tokmodel", only=("stream.order",), report=str(tmp_path), events=str(tmp_path / "events")
        ),
        clock=Clock(now=lambda: next(moments), monotonic_s=lambda: next(ticks)),
        out=Console(quiet=True),
    )
    assert code == 0
    assert {one.requirement for one in found.verdicts if one.outcome == "pass"}
    assert load(tmp_path).run.started_at.startswith("2026-11-30")
    assert all(json.loads(line)["at"] for line in (tmp_path / "events").read_text().splitlines())
