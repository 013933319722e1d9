"""`serve --list` shows all faults and variants."""

import json

import pytest

from messages_conformance.cli import main
from messages_conformance.reference import faults, find_fault, find_variant, variants
from messages_conformance.reference.change_list import listed_changes


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
    assert f"{len(faults())} faults, {len(variants())} variants" in groups[-1]


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
