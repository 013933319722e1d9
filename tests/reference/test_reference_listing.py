"""`serve --list` shows all faults and variants."""

import json
from pathlib import Path

import pytest

from messages_conformance.cli import main
from messages_conformance.contract import profile_names
from messages_conformance.reference import faults, find_fault, find_variant, variant_registry, variants
from messages_conformance.reference.change_list import listed_changes
from messages_conformance.reference.changes import Stage


def test_every_fault_and_variant_is_listed_once_by_category():
    rows = listed_changes()
    assert sorted(row.name for row in rows) == sorted([*faults(), *variants()])
    assert list(rows) == sorted(rows, key=lambda row: (row.kind, row.category, row.name))
    assert all(row.summary and row.category for row in rows)


def test_the_list_groups_names_under_their_category(capsys):
    assert main(["serve", "--list"]) == 0
    groups = capsys.readouterr().out.split("\n\n")
    wire = next(group for group in groups if group.startswith("faults: wire"))
    assert "never_answer" in wire
    assert "No request is ever answered." in wire
    assert groups[-1].startswith(f"{len(faults()):,} faults (")
    assert f" load test), {len(variants())} variants" in groups[-1]


def test_the_list_is_data_too(capsys):
    assert main(["serve", "--list", "--format", "json"]) == 0
    by_name = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert by_name["drop_message_stop"]["kind"] == "fault"
    assert by_name["drop_message_stop"]["breaks"] == sorted(faults()["drop_message_stop"].trips)
    assert by_name["no_pings"]["kind"] == "variant"
    assert by_name["no_pings"]["conforms"] == sorted(variants()["no_pings"].conforms)


@pytest.mark.parametrize("find", [find_fault, find_variant])
def test_an_unknown_name_points_to_the_list(find):
    with pytest.raises(LookupError, match="`messages-conformance serve --list` shows all"):
        find("no_such_name_at_all")


def test_a_variant_needs_a_new_name_and_a_summary():
    def no_pings(events):
        """A second variant with a used name."""

    def without_summary(events):
        return events

    declare = variant_registry.variant(at=Stage.EVENTS)
    with pytest.raises(TypeError, match="two variants are named no_pings"):
        declare(no_pings)
    with pytest.raises(TypeError, match="without_summary has no docstring"):
        declare(without_summary)
    assert "without_summary" not in variants()


def test_every_module_of_variants_declares_one():
    folder = Path(variant_registry.__file__).parent / "variants"
    for module in set(folder.glob("*.py")) - {folder / "__init__.py"}:
        assert "@variant(" in module.read_text("utf-8"), module


@pytest.mark.parametrize("variant", variants().values(), ids=variants())
def test_a_variant_has_a_one_line_summary_and_conforms_to_known_profiles(variant):
    assert variant.summary.endswith(".")
    assert variant.conforms
    assert variant.conforms <= set(profile_names())
