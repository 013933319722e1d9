"""Forms of violations: what was measured counts for the same form, and else the worst of the others."""

import pytest

from messages_conformance.contract import FindingForm, is_failure, stops
from messages_conformance.contract.finding_forms import kind_of, near_forms, place_of, same_form
from messages_conformance.contract.impacts import impact_data
from messages_conformance.contract.observed_effects import (
    WORST_LAST,
    near_effect,
    observed_clients,
    observed_effect,
    observed_forms,
)
from messages_conformance.rules import CATALOGUE


@pytest.mark.parametrize(
    ("found", "place", "kind"),
    [
        ("null", "/usage", "null"),
        ("3", "/usage", "number"),
        ("3.5", "/usage", "fraction"),
        ("-1", "/usage", "negative"),
        ('"stop"', "/delta/stop_reason", "stop"),
        ('"stop"', "/delta/text", "string"),
        ('""', "/delta/text", "empty string"),
        ('["a"] (and at 3 more places of this response)', "/delta/text", "array"),
        ("absent", "/usage", "absent"),
        ("12 after 15", "/usage", "# after #"),
        ("\x1f\x8b", "", "unreadable"),
    ],
)
def test_the_kind_of_a_value(found, place, kind):
    assert kind_of(found, place=place) == kind


def test_positions_in_a_pointer_do_not_matter():
    assert place_of(event_type="content_block_start", header=None, pointer="/content/12/input") == (
        "content_block_start /content/#/input"
    )


def form(found, *, streamed=True, tools=False, place="/index"):
    return FindingForm(requirement="x", streamed=streamed, tools=tools, place=place, found=found)


KNOWN = {
    form("null"): "crash",
    form("absent"): "ok",
    form("null", place="/id"): "error",
    form("a", streamed=False): "ok",
}


@pytest.mark.parametrize(
    ("asked", "same", "near"),
    [
        (form("null"), {"crash"}, {"crash", "ok"}),
        (form("null", tools=None), {"crash"}, {"crash", "ok"}),
        (form("null", tools=True), set(), {"crash", "ok"}),
        (form("number"), set(), {"crash", "ok"}),
        (form("number", place="/type"), set(), {"crash", "ok", "error"}),
        (form("number", streamed=False), set(), {"ok"}),
    ],
)
def test_the_nearest_forms(asked, same, near):
    assert same_form(asked, KNOWN) == same
    assert near_forms(asked, KNOWN) == near


def test_the_observed_effects_are_known_words():
    forms = observed_forms()
    assert len(forms) > 100
    effects = {one for row in forms for found in row.effects.values() for one in found.values()}
    assert effects <= set(WORST_LAST) <= set(impact_data()["outcomes"])
    assert {row.form.requirement for row in forms} <= set(CATALOGUE)
    assert {name for row in forms for found in row.effects.values() for name in found} <= set(observed_clients())
    assert stops("silent_tool")
    assert not is_failure(impact_data()["outcomes"]["silent_tool"])


def test_a_fault_can_be_left_out():
    row = next(row for row in observed_forms() if row.effects.keys() == {"flatten_content"})
    client = next(iter(row.effects["flatten_content"]))
    assert observed_effect(row.form, client=client) == row.effects["flatten_content"][client]
    assert observed_effect(row.form, client=client, without="flatten_content") is None
    assert near_effect(row.form, client=client, without="flatten_content") in (None, *WORST_LAST)
