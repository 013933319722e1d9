"""Every requirement of the contract is judged, tolerated or excluded, each exactly once, and none is invented."""

from collections import Counter
from pathlib import Path

import pytest

from messages_conformance import contract
from messages_conformance.reference import variants
from messages_conformance.rules import CATALOGUE, MAY, MUST, SHOULD
from messages_conformance.rules.contract_list import EXCLUDED_KIND, JUDGED, TOLERATED, Listed, listed
from messages_conformance.rules.excluded import EXCLUDED
from messages_conformance.rules.tolerances import TOLERANCES, Tolerance

HERE = Path(__file__).parent


def ids(name: str) -> list[str]:
    lines = (HERE / name).read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


CONTRACT = ids("requirement_ids.txt")
ADDED = ids("requirement_ids_added.txt")
"""What measurements of a client add to the contract."""

SPLIT = ["response.stop_reason.own-words"]
"""Rows that were split from one of the contract's, because their parts weigh differently."""

OWN = [
    "request.context.complete",
    "request.fields.types",
    "request.messages.affects-input-tokens",
    "request.metadata.accepted",
    "request.system.blocks-read",
    "request.tool_result.affects-input-tokens",
    "request.tool_use.long-id",
    "request.tools.list",
    "response.content.no-model-markup",
    "stop.stop_sequence.matched",
    "stream.delta.blanks-kept",
    "stream.delta.text-complete",
    "stream.final.same-kinds",
    "stream.final.tool-input",
]
"""Rows of our own, for losses that gateways were seen to cause and that no row of the contract names."""

LEVELS = dict(
    reversed(line.split()) for line in (HERE / "rules" / "requirement_levels.txt").read_text("utf-8").splitlines()
)

WIRE = ["errors.bad-input-answered", "transport.next-request-answered"]
"""What is asked of an endpoint after a request that is odd on the wire."""

ROWS = {row.id: row for row in listed()}


def test_the_lists_name_each_requirement_once() -> None:
    assert len(CONTRACT) == 315
    assert [name for name, times in Counter([*CONTRACT, *ADDED]).items() if times > 1] == []
    assert [name for name in ADDED if not name.startswith("claude-code.")] == [*SPLIT, *OWN, *WIRE]


def test_none_is_missing() -> None:
    missing = [name for name in [*CONTRACT, *ADDED] if name not in ROWS]
    assert missing == [], "write a rule, a probe, a tolerance or an exclusion with its reason"


def test_none_is_doubled() -> None:
    kinds = Counter([*CATALOGUE, *TOLERANCES, *EXCLUDED])
    assert [name for name, times in kinds.items() if times > 1] == []
    assert len(ROWS) == kinds.total()


def test_none_is_invented() -> None:
    assert sorted(set(ROWS) - set(CONTRACT) - set(ADDED)) == []


@pytest.mark.parametrize("row", [row for row in ROWS.values() if row.kind != JUDGED], ids=lambda row: row.id)
def test_what_is_not_judged_says_why_at_the_level_of_the_contract(row: Listed) -> None:
    assert row.level == LEVELS[row.id]
    assert row.sentence.endswith(".")
    assert row.source
    assert row.how.endswith(".")
    assert row.profiles


def test_a_tolerance_is_mostly_a_may() -> None:
    assert {row.id for row in TOLERANCES.values() if row.level != MAY} == {
        "checker.open.fields",
        "checker.open.error-conditions",
        "checker.model-dependent.retry",
    }


@pytest.mark.parametrize("tolerance", TOLERANCES.values(), ids=TOLERANCES)
def test_a_tolerance_is_proved_by_variants(tolerance: Tolerance) -> None:
    # tests/proof runs the suites against every variant in every profile that it conforms to, and wants it green.
    proved = {name for variant in tolerance.variants for name in variants()[variant].conforms}
    families = {contract.profile(name).family for name in proved}
    assert tolerance.variants
    assert tolerance.families <= families


@pytest.mark.parametrize("requirement", [name for name in ADDED if name not in [*SPLIT, *OWN, *WIRE]])
def test_what_is_added_belongs_to_its_client(requirement: str) -> None:
    row = ROWS[requirement]
    assert (row.kind, row.profiles) == (JUDGED, ("claude-code",))
    assert row.level in (MUST, SHOULD)
    assert "2026-11-22" in row.source


def test_the_kinds_are_told_apart() -> None:
    kinds = Counter(row.kind for row in ROWS.values())
    assert kinds == {JUDGED: len(CATALOGUE), TOLERATED: len(TOLERANCES), EXCLUDED_KIND: len(EXCLUDED)}
