"""Every requirement of the contract is judged, tolerated or excluded, each exactly once."""

from collections import Counter

import pytest
from known_requirements import ADDED, CONTRACT, KNOWN

from messages_conformance import contract
from messages_conformance.contract import ContractError
from messages_conformance.contract.probes import Probe, probes
from messages_conformance.reference import variants
from messages_conformance.rules import CATALOGUE, MAY, MUST, SHOULD
from messages_conformance.rules.not_judged import Tolerance, exclusions, parsed, tolerances
from messages_conformance.rules.requirement_list import EXCLUDED, JUDGED, TOLERATED, Listed, listed

ROWS = {row.id: row for row in listed()}

OWN_LEVELS = {
    # The contract makes null and absent equal there, so the key itself cannot be a MUST.
    "response.stop_sequence.present": SHOULD,
    # An answer that costs nothing is billed wrongly, and no recorded answer does.
    "usage.output.positive": MUST,
    # Text, thinking or calls that only one form of the same answer has are lost in the other.
    "stream.final.same-kinds": MUST,
    # Measured: the client cannot connect, or loses calls, errors or counts; no correct server does this.
    "claude-code.auth.bearer": MUST,
    "errors.stream-request-prevalidation": MUST,
    "request.messages.affects-input-tokens": MUST,
    "stop.tool_use.block-implies": MUST,
    "transport.path.query-tolerated": MUST,
    "version.header.2026-10-21-tokmodel": MUST,
}


def test_the_contract_has_315_requirements_and_shares_none_with_the_added_ones() -> None:
    assert len(CONTRACT) == 315
    assert CONTRACT.keys() & ADDED.keys() == set()


def test_no_known_requirement_is_missing_or_renamed() -> None:
    missing = sorted(KNOWN.keys() - ROWS.keys())
    assert missing == [], (
        "write a rule under src/messages_conformance/rules, or a row in suites/probes.toml or suites/not_judged.toml"
    )


def test_no_known_requirement_changes_its_level() -> None:
    changed = {name: ROWS[name].level for name in KNOWN if name in ROWS and ROWS[name].level != KNOWN[name]}
    assert changed == OWN_LEVELS, "users gate on levels: restore it, or add the requirement under a new id"


def test_no_requirement_has_two_rows() -> None:
    kinds = Counter([*CATALOGUE, *tolerances(), *exclusions()])
    assert [name for name, times in kinds.items() if times > 1] == []
    assert len(ROWS) == kinds.total()


@pytest.mark.parametrize("row", [row for row in ROWS.values() if row.kind != JUDGED], ids=lambda row: row.id)
def test_a_requirement_that_is_not_judged_says_why(row: Listed) -> None:
    assert row.sentence.endswith(".")
    assert row.source
    assert row.how.endswith(".")
    assert row.profiles


def test_tolerances_are_may_requirements_with_three_exceptions() -> None:
    assert {row.id for row in tolerances().values() if row.level != MAY} == {
        "checker.open.fields",
        "checker.open.error-conditions",
        "checker.model-dependent.retry",
    }


@pytest.mark.parametrize("tolerance", tolerances().values(), ids=tolerances())
def test_a_tolerance_is_proved_by_variants(tolerance: Tolerance) -> None:
    # tests/proof runs the suites against every variant in every profile that it conforms to, and expects no finding.
    proved = {name for variant in tolerance.variants for name in variants()[variant].conforms}
    families = {contract.profile(name).family for name in proved}
    assert tolerance.families <= families


@pytest.mark.parametrize("requirement", [name for name in ROWS if name.startswith("claude-code.")])
def test_the_requirements_of_a_client_are_asked_for_by_its_profile_only(requirement: str) -> None:
    row = ROWS[requirement]
    assert (row.kind, row.profiles) == (JUDGED, ("claude-code",))
    assert row.level in (MUST, SHOULD)
    assert row.source.endswith(("2026-11-22", "2026-11-30", "2026-08-22"))


def test_the_kinds_add_up() -> None:
    kinds = Counter(row.kind for row in ROWS.values())
    assert kinds == {JUDGED: len(CATALOGUE), TOLERATED: len(tolerances()), EXCLUDED: len(exclusions())}


@pytest.mark.parametrize(
    "probe", [probe for probe in probes().values() if probe.judged_elsewhere], ids=lambda probe: probe.requirement
)
def test_a_probe_that_a_function_judges_repeats_its_row(probe: Probe) -> None:
    rule = CATALOGUE[probe.requirement]
    row = (rule.sentence, rule.level, rule.harm)
    assert (probe.sentence, probe.level, probe.harm) == row, "suites/probes.toml: copy them from the rule"


# -- the table of requirements that no rule judges ------------------------------------------------------------------

ROW = """
[[excluded]]
requirement = "a.b"
level = "MAY"
sentence = "It is good."
source = "the test"
reason = "It cannot be seen."
"""


def test_a_complete_row_is_read() -> None:
    assert [row["requirement"] for row in parsed(ROW)["excluded"]] == ["a.b"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[excluded", "suites/not_judged.toml is not valid TOML: "),
        (ROW.replace("[[excluded]]", "[[ignored]]"), "unknown table 'ignored'; valid: tolerated, excluded"),
        (ROW.replace("[[excluded]]", "[[tolerated]]"), "[[tolerated]] a.b: unknown key 'reason'; valid: requirement"),
        (ROW.replace('"MAY"', '"WILL"'), "[[excluded]] a.b: level is 'WILL'; valid: MUST, SHOULD, MAY"),
        (ROW.replace('"It is good."', '""'), "[[excluded]] a.b: sentence is ''; valid: a non-empty string"),
        (ROW.replace('source = "the test"', ""), "[[excluded]] a.b: the key 'source' is missing"),
        (ROW.replace('requirement = "a.b"', ""), "[[excluded]] number 1: the key 'requirement' is missing"),
        (ROW + 'families = ["openai"]', "families is ['openai']; valid: a list of anthropic and tokmodel"),
        (ROW + ROW, "[[excluded]] a.b: a.b has two rows"),
        (
            ROW.replace("excluded", "tolerated").replace('reason = "It cannot be seen."', 'variants = "x"'),
            "[[tolerated]] a.b: variants is 'x'; valid: a list of one or more names",
        ),
    ],
)
def test_a_wrong_row_is_refused_with_its_place_and_what_is_valid(text: str, message: str) -> None:
    with pytest.raises(ContractError) as refusal:
        parsed(text)
    assert message in str(refusal.value)
    assert "suites/not_judged.toml" in str(refusal.value)
