"""Whole runs with a gate, and the commands `waive` and `diff`."""

from __future__ import annotations

import json
from pathlib import Path
from types import MappingProxyType

import pytest
from command_line import run as command
from command_line import valid_report

from messages_conformance.proof import run
from messages_conformance.rules import CATALOGUE, editions
from messages_conformance.run import UsageError

FAULT = "reference:drop_message_stop,transport=memory"
CORRECT = "reference:transport=memory"
SMOKE = {"model": "reference-1", "depth": "smoke"}
BROKEN = "stream.order.message-stop-once"


def waivers(folder: Path, requirement: str = BROKEN, expires: str = "2999-01-01") -> str:
    path = folder / "waivers.toml"
    path.write_text(f'[[waiver]]\nrequirement = "{requirement}"\nreason = "known"\nowner = "jo"\nexpires = {expires}\n')
    return str(path)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Folders with a red and a green report."""
    folders = {name: str(tmp_path_factory.mktemp(name)) for name in ("red", "green")}
    assert run(FAULT, "tokmodel", report=folders["red"], **SMOKE)[0] == 1
    assert run(CORRECT, "tokmodel", report=folders["green"], **SMOKE)[0] == 0
    return folders


def test_a_waived_failure_passes_and_a_stale_or_expired_waiver_fails(tmp_path: Path) -> None:
    folder = tmp_path / "report"
    code, made = run(FAULT, "tokmodel", waivers=waivers(tmp_path), report=str(folder), **SMOKE)
    assert (code, set(made.gate.excuses)) == (0, {BROKEN})
    row = next(row for row in valid_report(folder)["requirements"] if row["id"] == BROKEN)
    assert row["excuse"] == {"kind": "waived", "reason": "until 2999-01-01 by jo: known"}
    code, made = run(CORRECT, "tokmodel", waivers=waivers(tmp_path), **SMOKE)
    assert code == 1
    assert "lines 1 to 5: stale" in made.gate.problems[0]
    code, made = run(FAULT, "tokmodel", waivers=waivers(tmp_path, expires="2020-01-01"), **SMOKE)
    assert code == 1
    assert "expired on 2020-01-01" in made.gate.problems[0]


def test_a_waiver_for_no_requirement_is_found_before_anything_is_sent(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"did you mean stream\.order\.message-stop-once"):
        run(CORRECT, "tokmodel", waivers=waivers(tmp_path, "stream.order.mesage-stop-once"), **SMOKE)


def test_only_a_regression_fails_against_a_baseline(saved: dict[str, str]) -> None:
    regression = {"fail_on": "regression", **SMOKE}
    code, made = run(FAULT, "tokmodel", baseline=saved["red"], **regression)
    assert (code, made.gate.excuses[BROKEN].kind) == (0, "in the baseline")
    code, made = run(FAULT, "tokmodel", baseline=saved["green"], **regression)
    assert code == 1
    assert made.gate.difference is not None
    assert made.gate.difference.newly_failing == (BROKEN,)
    assert made.run.notes == ()
    other = {**regression, "depth": "smoke", "only": ("stream.order",)}
    _, made = run(CORRECT, "anthropic-2023-06-01", baseline=saved["green"], **other)
    assert made.run.notes == ("the baseline has profile tokmodel, and this run anthropic-2023-06-01",)


def test_under_an_older_edition_later_requirements_are_judged_but_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    older = MappingProxyType({name: row.level for name, row in CATALOGUE.items() if name != BROKEN})
    softer = MappingProxyType({**older, BROKEN: "SHOULD"})
    monkeypatch.setattr(editions, "editions", lambda: ("2026.05", "2026.11"))
    for levels, excuse, outcome in ((older, "added after edition 2026.05", "fail"), (softer, "", "warn")):
        monkeypatch.setattr(editions, "frozen", lambda name, levels=levels: levels if name == "2026.05" else None)
        code, made = run(FAULT, "tokmodel", edition="2026.05", **SMOKE)
        verdict = next(verdict for verdict in made.verdicts if verdict.requirement == BROKEN)
        assert (code, verdict.outcome) == (0, outcome)
        assert excuse == (made.gate.excuses[BROKEN].reason if BROKEN in made.gate.excuses else "")
    assert run(FAULT, "tokmodel", edition="2026.11", **SMOKE)[0] == 1


# -- the commands ---------------------------------------------------------------------------------------------------


def test_waive_writes_a_file_that_is_valid_once_it_is_filled_in(saved: dict[str, str], tmp_path: Path) -> None:
    outcome = command("waive", saved["red"], cwd=tmp_path)
    assert outcome.code == 0, outcome.all
    assert "waivers.toml: 1 waiver until " in outcome.out
    path = tmp_path / "waivers.toml"
    with pytest.raises(UsageError, match="reason is empty"):
        run(FAULT, "tokmodel", waivers=str(path), **SMOKE)
    path.write_text(path.read_text().replace('reason = ""', 'reason = "r"').replace('owner = ""', 'owner = "o"'))
    assert run(FAULT, "tokmodel", waivers=str(path), **SMOKE)[0] == 0
    again = command("waive", saved["red"], cwd=tmp_path)
    assert again.code == 4
    assert "already exists" in again.error
    assert command("waive", saved["green"], "--output", "x.toml", cwd=tmp_path).out.startswith("nothing failed")


def test_diff_says_what_changed(saved: dict[str, str]) -> None:
    worse, better = (
        command("diff", *pair) for pair in ((saved["green"], saved["red"]), (saved["red"], saved["green"]))
    )
    assert (worse.code, better.code) == (1, 0)
    assert f"NEWLY FAILING (1)\n  {BROKEN}  " in worse.out
    assert "NO LONGER VERIFIED" in worse.out
    assert f"FIXED (1)\n  {BROKEN}  " in better.out
    assert "NEWLY VERIFIED" in better.out
    assert "    found   " in worse.out
    assert "    wanted  " in worse.out
    assert f"--only {BROKEN}" in worse.out
    assert command("diff", saved["red"], saved["red"]).out == "nothing changed\n"


def test_diff_has_other_formats(saved: dict[str, str]) -> None:
    changes = json.loads(command("diff", saved["green"], saved["red"], "--format", "json").out)
    assert [(one["requirement"], one["before"], one["now"]) for one in changes["newly_failing"]] == [
        (BROKEN, "pass", "fail")
    ]
    assert changes["newly_failing"][0]["found"]
    text = command("diff", saved["green"], saved["red"], "--format", "markdown").out
    assert "### Newly failing (1)" in text
    assert f"| `{BROKEN}` |" in text


def newer(folder: Path) -> None:
    document = json.loads((folder / "report.json").read_text())
    (folder / "report.json").write_text(json.dumps({**document, "schema": "messages-conformance/report/2"}))


def cut_off(folder: Path) -> None:
    text = (folder / "report.json").read_text()
    (folder / "report.json").write_text(text[: len(text) // 2])


def emptied(folder: Path) -> None:
    (folder / "report.json").write_text("")


UNUSABLE = {
    "newer": (newer, "update messages-conformance"),
    "cut-off": (cut_off, "was it cut off"),
    "empty": (emptied, "was it cut off"),
    "missing": (lambda folder: (folder / "report.json").unlink(), "No such file"),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_a_report_that_cannot_be_used_is_one_message(saved: dict[str, str], tmp_path: Path, case: str) -> None:
    change, message = UNUSABLE[case]
    (tmp_path / "report.json").write_text((Path(saved["red"]) / "report.json").read_text())
    change(tmp_path)
    with pytest.raises(UsageError, match=message):
        run(CORRECT, "tokmodel", baseline=str(tmp_path), **SMOKE)
    for arguments in (("diff", saved["red"], str(tmp_path)), ("waive", str(tmp_path), "--output", "w.toml")):
        outcome = command(*arguments)
        assert outcome.code == 4
        assert message in outcome.error
