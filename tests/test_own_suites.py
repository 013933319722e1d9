"""The user's own tests, rules and profiles share one run and one report; their errors are not the target's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from command_line import run

from messages_conformance import contract
from messages_conformance.rules import CATALOGUE, answered, rule

RULES = '''
from messages_conformance.rules import RESPONSE_HEADERS, Finding, Place, answered, rule

@rule("acme.region", "MUST", source="Acme's handbook", applies=answered, reads={RESPONSE_HEADERS})
def names_its_region(exchange):
    """Every response names the region that answered."""
    if exchange.response.header("x-acme-region") is None:
        yield Finding(found="no x-acme-region", wanted="a region", place=Place(header="x-acme-region"))
'''
FAILING = """
def test_says_nope(ask):
    from messages_conformance.generate import answer_text
    assert answer_text(ask("Reply with the single word: ok")) == "nope", "it said something else"
"""
DEEPER = """
import pytest
from messages_conformance.generate import whole_and_streamed

@pytest.mark.parametrize("exchange", whole_and_streamed("own.greeting", "Say hello.", max_tokens=20), indirect=True)
def test_greets(exchange, judge):
    judge(exchange)
"""
BROKEN = "def test_broken(ask):\n    raise KeyError('of the test')\n"
SMOKE = ("--depth", "smoke")


def own(folder: Path, *, tests: str = "", conftest: str = "", more: tuple[str, ...] = ()):
    (folder / "own").mkdir()
    (folder / "own" / "conftest.py").write_text(conftest)
    (folder / "own" / "test_own.py").write_text(tests)
    report = folder / "report"
    arguments = ("run", "reference:", "--suite", str(folder / "own"), *more, *SMOKE, "--report", str(report))
    return run(*arguments, folder=report, cwd=folder)


def test_an_own_rule_judges_every_exchange(tmp_path):
    ran = own(tmp_path, conftest=RULES)
    assert ran.code == 1
    assert ran.failed == {"acme.region"}
    row = next(row for row in ran.report["requirements"] if row["id"] == "acme.region")
    assert row["source"] == "Acme's handbook"
    assert row["judged"] > 20
    assert re.search(r"--suite \S*own --only acme.region", " ".join(ran.out.split()))
    without = run("run", "reference:", "--last-failed", str(ran.folder), cwd=tmp_path)
    assert (without.code, "acme.region failed in" in without.err) == (4, True)
    recorded = run("check", str(ran.folder), cwd=tmp_path)
    assert (recorded.code, "acme.region failed in the saved run" in recorded.out) == (2, True)
    assert run("check", str(ran.folder), "--only", "stream.*", cwd=tmp_path).code == 0


def test_tests_that_the_depth_leaves_out_are_named(tmp_path):
    ran = own(tmp_path, tests=DEEPER)
    assert ran.code == 0
    assert "--depth smoke leaves out 2 tests of your suite" in " ".join(ran.err.split() + ran.out.split())


def test_only_selects_own_requirements(tmp_path):
    ran = own(tmp_path, conftest=RULES, more=("--only", "acme.*"))
    assert ran.code == 1
    assert [row["id"] for row in ran.report["requirements"]] == ["acme.region"]


def test_a_failed_assertion_of_an_own_test_fails_the_run(tmp_path):
    ran = own(tmp_path, tests=FAILING)
    assert ran.code == 1
    assert ran.report["counts"]["failed"] == 0
    assert [test["name"] for test in ran.report["failed_tests"]] == ["test_says_nope"]
    assert "it said something else" in ran.report["failed_tests"][0]["message"]
    assert ran.last.startswith("FAILED: 1 test of your own")


def test_an_error_in_an_own_test_is_no_violation(tmp_path):
    ran = own(tmp_path, tests=BROKEN)
    assert ran.code == 2
    assert "KeyError: 'of the test'" in ran.report["harness_errors"][0]


def test_a_missing_suite_is_wrong_usage():
    assert "there is no file or folder 'nowhere'" in run("run", "reference:", "--suite", "nowhere").error


def test_an_own_rule_cannot_use_a_topic_of_the_contract():
    with pytest.raises(ValueError, match=r"begin the id .* such as acme\.stream\.mine"):
        rule("stream.mine", "MUST", source="x", applies=answered)(lambda exchange: [])
    assert "stream.mine" not in CATALOGUE


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = ", "it is not TOML"),
        ('extends = "tokmodl"', "Did you mean 'tokmodel'"),
        ('extends = "tokmodel"\nwarnz = []', "Did you mean 'warns'"),
        ('extends = "tokmodel"\npromises = ["sytem"]', "Did you mean 'system'"),
        ('extends = "tokmodel"\npromises = "system"', "promises is 'system'; valid: an array of strings"),
        ('title = "x"', "family is missing"),
    ],
)
def test_a_mistake_in_a_profile_is_reported_with_its_cure(tmp_path, text, said):
    path = tmp_path / "own.toml"
    path.write_text(text)
    with pytest.raises(contract.ContractError, match=said):
        contract.profile(str(path))
    ran = run("run", "reference:", "--profile", str(path))
    assert ran.code == 4
    assert said in ran.error


def test_a_profile_extends_another(tmp_path):
    path = tmp_path / "acme.toml"
    path.write_text('extends = "anthropic-2023-06-01"\ntitle = "Acme"\nauth = "bearer"\n')
    own_profile, base = contract.profile(str(path)), contract.profile("anthropic-2023-06-01")
    assert (own_profile.name, own_profile.title, own_profile.auth) == ("acme", "Acme", "bearer")
    assert own_profile.promises == base.promises
