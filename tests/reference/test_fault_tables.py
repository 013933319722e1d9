"""Tables of faults are read and checked: a wrong row names its file, itself and what is valid."""

from __future__ import annotations

import inspect
from dataclasses import fields

import pytest

from messages_conformance import resources
from messages_conformance.reference import Endpoint, HttpRequest, fault_registry, faults
from messages_conformance.reference.changes import Stage
from messages_conformance.reference.fault_operations import OPERATIONS
from messages_conformance.reference.fault_tables import COMMON, WHEN, FaultTableError, rows
from messages_conformance.reference.json_edits import CONVERSIONS, Edit

FILE = "usage.toml"


def table(row: str, *, head: str = "[document.edit_json]", category: str = 'category = "usage"') -> str:
    return f"{category}\n{head}\nomit_all = {{ {row} }}\n"


GOOD = 'summary = "No usage.", drop = ["usage"], trips = ["usage.present"]'


def test_a_row_is_a_fault() -> None:
    (fault,) = rows(table(GOOD + ', seen = "somewhere", depth = "deep", statement = "no"'), file=FILE)
    assert (fault.name, fault.category, fault.at) == ("omit_all", "usage", Stage.DOCUMENT)
    assert (fault.summary, fault.seen, fault.depth, fault.statement) == ("No usage.", "somewhere", "deep", "no")
    assert fault.trips == fault.trips_tokmodel == {"usage.present"}
    assert not fault.generated


def test_a_row_of_its_own_table_is_the_same_fault() -> None:
    text = (
        'category = "usage"\n[document.edit_json.omit_all]\nsummary = "No usage."\ndrop = ["usage"]\ntrips = ["a.b"]\n'
    )
    (fault,) = rows(text, file=FILE)
    assert (fault.name, fault.trips) == ("omit_all", {"a.b"})


def test_a_row_can_name_its_own_category_and_the_requirements_of_tokmodel() -> None:
    (fault,) = rows(table(GOOD + ', category = "stop", trips_tokmodel = []'), file=FILE)
    assert (fault.category, fault.trips_tokmodel) == ("stop", frozenset())


def test_when_restricts_a_fault_to_some_requests() -> None:
    (fault,) = rows(
        'category = "a"\n[failures.refuse]\nno_tools = { summary = "A.", when = { has = ["tools"] }, message = "no", '
        "trips = [] }",
        file=FILE,
    )
    endpoint = Endpoint(changes=(fault,))
    plain = b'{"model": "reference-1", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]'
    tools = b', "tools": [{"name": "f", "input_schema": {"type": "object"}}]'
    assert [_status(endpoint, plain + more + b"}") for more in (b"", tools)] == [200, 400]


def _status(endpoint: Endpoint, body: bytes) -> int:
    headers = (("x-api-key", "reference-key"), ("anthropic-version", "2023-06-01"))
    return endpoint.handle(HttpRequest(method="POST", target="/v1/messages", headers=headers, body=body)).status


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("category = ", "usage.toml: Invalid value"),
        (table(GOOD, head="[documents.edit_json]"), "usage.toml: there is no stage 'documents'; valid: request, fail"),
        (table(GOOD, head="[document.edit_jsn]"), "no operation 'edit_jsn' works at document; valid: change_stop_reas"),
        (table(GOOD, head="[document.edit_events]"), "no operation 'edit_events' works at document; valid: change_s"),
        (table(GOOD, category=""), "usage.toml: omit_all: a row without a category, in a file without one"),
        (table(GOOD + ', dorp = ["id"]'), "omit_all: there is no key 'dorp' here; valid: convert, drop, null, rename"),
        (table(GOOD.replace('["usage"]', '"usage"')), "omit_all: drop is a list, each item a string, not 'usage'"),
        (table(GOOD + ", null = [1]"), "omit_all: null is a list, each item a string, not [1]"),
        (
            table(GOOD + ', convert = { id = "text" }'),
            "convert is a table, each value one of 'string', 'float', 'list'",
        ),
        (table(GOOD + ', depth = "shallow"'), "depth is one of 'smoke', 'standard', 'deep', not 'shallow'"),
        (table(GOOD + ', generated = "yes"'), "generated is true or false, not 'yes'"),
        (table(GOOD + ', when = { hass = ["tools"] }'), "there is no key 'hass' here; valid: equals, has, header_matc"),
        (table(GOOD + ', when = "always"'), "when is a table of keys and values, not 'always'"),
        (table('summary = "No usage.", drop = ["usage"]'), "omit_all: trips is missing"),
        (table('summary = "no usage", trips = []'), "omit_all: the summary is a sentence, not 'no usage'"),
        (table('summary = "A.", trips = []', head="[error.replace_error_body]"), "omit_all: body is missing"),
        (table('summary = "A.", body = 3, trips = []', head="[error.replace_error_body]"), "body is a string or a tab"),
        (table('summary = "A.", by = "1", trips = []', head="[events.shift_indexes]"), "by is a number, not '1'"),
        ("document = 3", "usage.toml: document is a table, not 3"),
        ("[document]\nedit_json = 3", "usage.toml: document.edit_json is a table, not 3"),
        ("[document.edit_json]\nomit_all = 3\n", "omit_all: a row is a table of keys and values, not 3"),
    ],
)
def test_a_wrong_row_names_itself_and_what_is_valid(text: str, message: str) -> None:
    with pytest.raises(FaultTableError) as error:
        list(rows(text, file=FILE))
    assert str(error.value).startswith(FILE)
    assert message in str(error.value)


def test_every_table_is_read() -> None:
    files = resources.names("reference/faults", ".toml")
    read = [fault for file in files for fault in rows(resources.text(f"reference/faults/{file}"), file=file)]
    assert len(read) >= 350
    assert {fault.name for fault in read} <= faults().keys()


def test_two_faults_of_one_name_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fault_registry.resources, "text", lambda path: table(GOOD))
    with pytest.raises(TypeError, match=r"two faults are named omit_all, one of them in auth\.toml"):
        fault_registry.faults.__wrapped__()


def test_no_operation_is_unused() -> None:
    text = "\n".join(
        resources.text(f"reference/faults/{file}") for file in resources.names("reference/faults", ".toml")
    )
    assert [name for name in OPERATIONS if f".{name}]" not in text and f".{name}." not in text] == []


def test_no_conversion_is_unused() -> None:
    text = "\n".join(
        resources.text(f"reference/faults/{file}") for file in resources.names("reference/faults", ".toml")
    )
    assert [name for name in CONVERSIONS if f'"{name}"' not in text] == []


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_arguments_of_an_operation_have_names_of_their_own(name: str) -> None:
    own = set(inspect.signature(OPERATIONS[name].build).parameters) - {"trips", "edit"}
    assert not own & (COMMON | {WHEN} | {field.name for field in fields(Edit)})
    assert (OPERATIONS[name].build.__doc__ or "").strip()


EDITS = [
    (Edit(drop=("a.b", "x.y")), {"a": {"c": 2}, "d": [3]}),
    (Edit(rename={"a.b": "e"}), {"a": {"e": 1, "c": 2}, "d": [3]}),
    (Edit(convert={"a.b": "string", "x": "float"}), {"a": {"b": "1", "c": 2}, "d": [3]}),
    (Edit(null=("d", "x")), {"a": {"b": 1, "c": 2}, "d": None}),
    (Edit(set={"a.e": 4, "x": {}, "y.z": 5}), {"a": {"b": 1, "c": 2, "e": 4}, "d": [3], "x": {}}),
    (Edit(where={"a.b": 2}, set={"a": 0}), {"a": {"b": 1, "c": 2}, "d": [3]}),
    (Edit(where={"a.b": 1}, drop=("a",), set={"d": 0}), {"d": 0}),
]


@pytest.mark.parametrize(("edit", "result"), EDITS)
def test_an_edit_changes_a_copy(edit: Edit, result: object) -> None:
    value = {"a": {"b": 1, "c": 2}, "d": [3]}
    assert edit.apply(value) == result
    assert value == {"a": {"b": 1, "c": 2}, "d": [3]}
