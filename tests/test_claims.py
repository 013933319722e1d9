"""Each statement of the pages of TokModel names what judges it."""

from __future__ import annotations

import pytest

from messages_conformance.cli.requirements import requirements_of
from messages_conformance.contract import profile
from messages_conformance.contract.claims import Claim, claims
from messages_conformance.rules.requirement_list import JUDGED, listed

TOKMODEL = profile("tokmodel")
ROWS = {row.id: row for row in listed(TOKMODEL) if "tokmodel" in row.profiles}

NOT_JUDGED = {
    "PAGE-4": "an account without credit is no violation",
    "PAGE-10": "other routes are not part of the API",
}
"""Statements that no rule judges, each with the reason."""


def test_there_are_25_statements_of_the_page_and_10_of_the_others() -> None:
    names = [claim.name for claim in claims()]
    assert names == [*(f"TOK-{number}" for number in range(1, 26)), *(f"PAGE-{number}" for number in range(1, 11))]


@pytest.mark.parametrize("claim", claims(), ids=lambda claim: claim.name)
def test_each_statement_is_judged_or_says_what_a_run_does(claim: Claim) -> None:
    found = requirements_of(claim, ROWS)
    assert found or claim.handled, "name a requirement of the profile tokmodel in contract/tokmodel_claims.toml"
    judged = [name for name in found if ROWS[name].kind == JUDGED]
    assert bool(judged) == (claim.name not in NOT_JUDGED)


@pytest.mark.parametrize("claim", claims(), ids=lambda claim: claim.name)
def test_each_name_is_a_requirement_of_the_profile(claim: Claim) -> None:
    unknown = [
        glob
        for glob in claim.judged_by
        if not requirements_of(Claim(name="x", sentence="x", judged_by=(glob,), handled=""), ROWS)
    ]
    assert unknown == []
