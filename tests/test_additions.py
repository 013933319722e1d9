"""Every fact of the second reading of the contract names what covers it, so that gaps are visible."""

import tomllib
from pathlib import Path

from messages_conformance.rules.requirement_list import listed

FACTS = tomllib.loads((Path(__file__).parent / "additions.toml").read_text("utf-8"))
MOST_GAPS = 13
"""The number of facts that nothing covers yet. It only falls."""


def test_each_fact_names_rows_of_the_catalogue() -> None:
    known = {row.id for row in listed()}
    unknown = {number: fact["judged_by"] for number, fact in FACTS.items() if set(fact["judged_by"]) - known}
    assert unknown == {}


def test_the_sections_are_complete() -> None:
    sections = [number.partition(".")[0] for number in FACTS]
    assert {name: sections.count(name) for name in sections} == {"1": 30, "2": 90, "3": 64, "4": 31, "5": 24}


def test_there_are_no_new_gaps() -> None:
    known = {row.id for row in listed()}
    gaps = [
        f"{number} {fact['subject']}"
        for number, fact in FACTS.items()
        if not ({fact["subject"]} & known or fact["judged_by"] or fact.get("reason"))
    ]
    assert len(gaps) <= MOST_GAPS, "\n".join(gaps)


def test_a_reason_is_a_sentence_of_a_fact_that_nothing_covers() -> None:
    for number, fact in FACTS.items():
        if "reason" in fact:
            assert fact["reason"].endswith("."), number
            assert fact["judged_by"] == [], number
