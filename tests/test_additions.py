"""Every fact of the second reading of the contract names what covers it, so that gaps are visible."""

from messages_conformance.contract.facts import facts
from messages_conformance.rules.requirement_list import listed

MOST_GAPS = 0
"""The number of facts that nothing covers yet. It only falls."""


def test_each_fact_names_rows_of_the_catalogue() -> None:
    known = {row.id for row in listed()}
    unknown = {fact.number: fact.judged_by for fact in facts() if set(fact.judged_by) - known}
    assert unknown == {}


def test_the_sections_are_complete() -> None:
    sections = [fact.number.partition(".")[0] for fact in facts()]
    assert {name: sections.count(name) for name in sections} == {"1": 30, "2": 90, "3": 64, "4": 31, "5": 24, "6": 89}


def test_there_are_no_new_gaps() -> None:
    known = {row.id for row in listed()}
    gaps = [
        f"{fact.number} {fact.subject}"
        for fact in facts()
        if not ({fact.subject} & known or fact.judged_by or fact.reason)
    ]
    assert len(gaps) <= MOST_GAPS, "\n".join(gaps)


def test_a_reason_is_a_sentence_of_a_fact_that_nothing_covers() -> None:
    for fact in facts():
        if fact.reason:
            assert fact.reason.endswith("."), fact.number
            assert fact.judged_by == (), fact.number
