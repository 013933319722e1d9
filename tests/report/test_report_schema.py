"""schemas/report.json only grows: readers of version 1 keep working, and published reports stay valid."""

import json
from pathlib import Path

import jsonschema_rs
import pytest

from messages_conformance import resources
from messages_conformance.report import load, to_json
from messages_conformance.report.json_report import SCHEMA_ID

SCHEMA = json.loads(resources.text("schemas/report.json"))
FAST = jsonschema_rs.validator_for(SCHEMA)
FROZEN = Path(__file__).parent / "report_schema_1.txt"
PUBLISHED = sorted((Path(__file__).parents[2] / "reports" / "published").rglob("report.json"))


def promises(schema, path="$"):
    """A line for each thing that a reader may rely on: a key with its type, that it is always there, a legal value."""
    for name, part in schema.get("properties", {}).items():
        kind = part.get("type") or part.get("$ref") or sorted(part.keys() & {"enum", "const", "anyOf"})
        yield f"{path}.{name}: {json.dumps(kind)}"
        yield from promises(part, f"{path}.{name}")
    yield from (f"{path}.{name} is always there" for name in schema.get("required", ()))
    yield from (f"{path} may be {json.dumps(value)}" for value in schema.get("enum", ()))
    if "const" in schema:
        yield f"{path} is {json.dumps(schema['const'])}"
    for part in schema.get("anyOf", ()):
        yield from promises(part, path)
    if "items" in schema:
        yield from promises(schema["items"], f"{path}[]")
    for name, part in schema.get("$defs", {}).items():
        yield from promises(part, f"#{name}")


def test_no_key_of_the_schema_is_removed():
    """A line that is missing here breaks somebody's reader: it needs report/2, not a change of this file."""
    frozen = FROZEN.read_text("utf-8").splitlines()
    assert len(frozen) > 100
    assert set(frozen) - set(promises(SCHEMA)) == set()


def test_the_frozen_keys_are_of_this_version():
    assert f'$.schema is "{SCHEMA_ID}"' in FROZEN.read_text("utf-8")


def test_no_object_is_closed_to_additions():
    assert "additionalProperties" not in json.dumps(SCHEMA)


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.parent.name)
def test_published_reports_are_valid_and_can_be_loaded(path):
    document = json.loads(path.read_text("utf-8"))
    assert [error.message for error in FAST.iter_errors(document)] == []
    read = to_json(load(path))
    for name in ("exit_code", "statement", "exchanges"):
        assert read[name] == document[name], name
    assert {name: read["counts"][name] for name in document["counts"]} == document["counts"]
    assert {name: read["spent"][name] for name in document["spent"]} == document["spent"]
    assert {name: read["run"][name] for name in document["run"]} == document["run"]
    measured = ("severity", "impact", "excuse")  # by this version's measurements, not by those of the version that ran
    assert [without(row, *measured) for row in read["requirements"]] == [
        without(row, *measured) for row in document["requirements"]
    ]


def without(row, *names):
    """The row and its findings without some of their keys, and without those that later versions added."""
    findings = [{key: value for key, value in found.items() if key not in names} for found in row["findings"]]
    return {
        **{key: row[key] for key in ("id", "level", "verdict", "reason", "sentence", "source")},
        "findings": findings,
    }
