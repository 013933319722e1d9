"""`run --all`: the exit code over all targets, and targets that cannot be run."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import Outcome, run

pytestmark = pytest.mark.slow

GREEN = 'target = "reference:transport=memory"'
RED = 'target = "reference:drop_message_stop,transport=memory"'
UNJUDGED = f'{GREEN}\nprofile = "anthropic-2023-06-01"\nonly = ["errors.envelope.tokmodel"]'
"""A run that selects only what its profile does not promise judges nothing."""

WRONG = {
    "fault": 'target = "reference:drop_mesage_stop"',
    "key": f"{GREEN}\nprofil = 'tokmodel'",
    "kind": f"{GREEN}\nseed = 'x'",
    "value": f"{GREEN}\nconcurrency = 0",
    "profile": f"{GREEN}\nprofile = 'no-such'",
    "no-target": "seed = 1",
    "suite": f"{GREEN}\nsuite = ['no_such_file.py']",
    "waivers": f"{GREEN}\nwaivers = 'no_such_file.toml'",
}


def judged(folder: Path, **targets: str) -> Outcome:
    tables = "".join(f"[targets.{name}]\n{text}\n" for name, text in targets.items())
    (folder / "messages-conformance.toml").write_text(f'depth = "smoke"\n{tables}')
    return run("run", "--all", "--report", "out", cwd=folder)


@pytest.mark.parametrize("names", [sorted(WRONG)[::2], sorted(WRONG)[1::2]], ids="-".join)
def test_a_misconfigured_target_is_a_row_and_the_others_are_judged(tmp_path: Path, names: list[str]) -> None:
    outcome = judged(tmp_path, red=RED, **{name: WRONG[name] for name in names})
    assert outcome.code == 1, outcome.all
    assert "DOES NOT CONFORM" in outcome.out
    page, text = ((tmp_path / "out" / f"comparison.{suffix}").read_text() for suffix in ("html", "md"))
    assert "NOT RUN: " in page
    assert "`red`" in text
    for name in names:
        shown = outcome.out[outcome.out.index(f"== {name} ==") :].split("\n== ")[0]
        assert "ERROR: " in shown, name
        assert f"| `{name}` | – | – | NOT RUN: " in text


def test_violations_come_before_not_judged_and_that_before_wrong_usage(tmp_path: Path) -> None:
    codes = {
        ("green",): 0,
        ("green", "wrong"): 4,
        ("green", "wrong", "unjudged"): 2,
        ("wrong", "unjudged", "red"): 1,
    }
    texts = {"green": GREEN, "wrong": WRONG["key"], "unjudged": UNJUDGED, "red": RED}
    for names, code in codes.items():
        assert judged(tmp_path, **{name: texts[name] for name in names}).code == code, names


def test_one_target_alone_needs_a_file_without_mistakes(tmp_path: Path) -> None:
    judged(tmp_path, good=GREEN, wrong=WRONG["key"])
    outcome = run("run", "good", cwd=tmp_path)
    assert outcome.code == 4
    assert "[targets.wrong]: unknown key 'profil'" in outcome.error
