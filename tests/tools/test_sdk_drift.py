"""The comparison with the SDK finds each kind of difference; these tests use types of their own, and no SDK."""

import json
from types import SimpleNamespace
from typing import Any, Literal, Optional, TypedDict

import pytest

import api_names
import sdk_drift
import sdk_types
from sdk_drift import Difference


class Spin(TypedDict):
    type: Literal["spin"]
    angle: int


class Flip(TypedDict):
    type: Literal["flip"]


class Trick(TypedDict, total=False):
    name: str
    moves: list[Spin | Flip]
    colour: Literal["red", "blue"]
    note: str | None


SPIN = {
    "type": "object",
    "required": ["type", "angle"],
    "properties": {"type": {"const": "spin"}, "angle": {"type": "integer"}},
}
FLIP = {"type": "object", "required": ["type"], "properties": {"type": {"const": "flip"}}}
UNION = {"oneOf": [SPIN, FLIP], "discriminator": {"propertyName": "type", "mapping": {}}}
TRICK: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "moves": {"type": "array", "items": UNION},
        "colour": {"enum": ["red", "blue"]},
        "note": {"type": ["string", "null"]},
    },
}


def _differences(schema: dict[str, Any]) -> list[tuple[str, str, str]]:
    walk = sdk_drift._Walk()
    return [(found.kind, found.place, found.sdk) for found in walk.compare(Trick, schema, "trick")]


def _changed(**properties: Any) -> dict[str, Any]:
    changed = {**TRICK["properties"], **properties}
    return {**TRICK, "properties": {name: value for name, value in changed.items() if value is not ...}}


def test_equal_sides_do_not_differ() -> None:
    assert _differences(TRICK) == []


@pytest.mark.parametrize(
    ("schema", "difference"),
    [
        (_changed(name=...), ("member", "trick", "name")),
        (_changed(name={"type": "integer"}), ("narrower", "trick/name", "string")),
        (_changed(name={"const": ""}), ("narrower", "trick/name", "any string")),
        (_changed(note={"type": "string"}), ("null", "trick/note", "null")),
        (_changed(colour={"enum": ["red"]}), ("value", "trick/colour", "blue")),
        (_changed(colour={"type": "string", "known": ["blue"]}), ("value", "trick/colour", "red")),
        (_changed(moves={"type": "array", "items": FLIP}), ("type", "trick/moves", "spin")),
        (_changed(moves={"type": "array"}), ("shape", "trick/moves", "items")),
        (_changed(moves={"type": "object"}), ("narrower", "trick/moves", "array")),
        ({**TRICK, "required": ["name"]}, ("required", "trick", "name")),
        ({"type": "object"}, ("shape", "trick", "Trick")),
    ],
)
def test_a_difference_is_reported_once(schema: dict[str, Any], difference: tuple[str, str, str]) -> None:
    assert _differences(schema) == [difference]


def test_an_open_set_without_known_values_hides_no_value() -> None:
    assert [found[2] for found in _differences(_changed(colour={"type": "string"}))] == ["red", "blue"]


def test_a_table_can_name_the_values() -> None:
    found = [value for kind, _, value in _differences(_changed(colour={"type": "string", "known": "stop_reasons"}))]
    assert found == ["red", "blue"]
    assert "refusal" in sdk_drift._known({"type": "string", "known": "stop_reasons"})
    assert "overloaded_error" in sdk_drift._known({"type": "string", "known": "error_types"})


def test_a_beta_member_is_not_compared() -> None:
    assert _differences({"beta": True}) == []
    assert _differences(_changed(moves={"beta": True}, colour={"beta": True})) == []


def test_types_have_alternatives_items_and_members() -> None:
    assert sdk_types.alternatives(Optional[int]) == (int, type(None))  # noqa: UP045
    assert sdk_types.item(list[int]) is int
    assert sdk_types.item(dict[str, int]) is None
    assert sdk_types.constants(Spin) == {"type": ("spin",)}
    assert sdk_types.constants(Trick) == {}
    assert {name: member.required for name, member in sdk_types.members(Spin).items()} == {"type": True, "angle": True}
    assert not any(member.required for member in sdk_types.members(Trick).values())


def test_the_report_divides_the_differences() -> None:
    one, two, three = (Difference(place=place, kind="member", sdk="x") for place in "abc")
    divided = sdk_drift.report([one, two], {two: "meant", three: "meant once"})
    assert (divided.new, divided.known, divided.gone) == ((one,), {two: "meant"}, (three,))


def test_every_known_difference_has_its_reason() -> None:
    data = json.loads(sdk_drift.KNOWN.read_text("utf-8"))
    assert set(data) == {"about", "sdk", "read", "differences"}
    assert [group for group in data["differences"] if len(group["reason"]) < 20] == []
    assert sum(len(values) for group in data["differences"] for values in group["places"].values()) == len(
        sdk_drift.reasons()
    )


@pytest.mark.parametrize(("arguments", "code"), [([], 0), (["--check"], 1)])
def test_a_new_difference_fails_a_check(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int
) -> None:
    new = Difference(place="response", kind="member", sdk="aura")
    monkeypatch.setattr(sdk_drift, "drift", lambda: sdk_drift.Drift(differences=(new,), pairs=()))
    monkeypatch.setattr(sdk_drift, "reasons", dict)
    monkeypatch.setattr(sdk_types, "version", lambda: "9.9.9")
    monkeypatch.setattr(api_names, "names", dict)
    assert sdk_drift.main(arguments) == code
    assert capsys.readouterr().out.splitlines() == [
        "NEW   member    response: aura (the schemas have no such member)",
        "anthropic 9.9.9, 0 pairs of a class and a shape: 1 new, 0 known, 0 gone",
    ]


def test_without_the_sdk_one_message_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sdk_types, "PACKAGE", "anthropic_is_not_here")
    sdk_drift.drift.cache_clear()
    assert sdk_drift.main(["--check"]) == 4
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert "pip install 'anthropic>=2'" in printed.err


def test_an_old_sdk_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sdk_types, "import_module", lambda _: SimpleNamespace(__version__="0.75.0"))
    sdk_drift.drift.cache_clear()
    assert sdk_drift.main([]) == 4
    assert "the official SDK is 0.75.0" in capsys.readouterr().err


def test_wrong_usage_is_4(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        sdk_drift.main(["--chek"])
    assert caught.value.code == 4
    assert "unrecognized arguments: --chek" in capsys.readouterr().err


def test_a_new_name_fails_a_check(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sdk_drift, "drift", lambda: sdk_drift.Drift(differences=(), pairs=()))
    monkeypatch.setattr(sdk_drift, "reasons", dict)
    monkeypatch.setattr(sdk_types, "version", lambda: "9.9.9")
    monkeypatch.setattr(api_names, "names", lambda: {"betas": {"computer-use-2025-01-24", "tea-2027-01-01"}})
    assert sdk_drift.main(["--check"]) == 1
    assert capsys.readouterr().out.splitlines()[0] == "NEW   name      betas: tea-2027-01-01"


@pytest.mark.slow
def test_the_pinned_versions_have_no_new_drift(capsys: pytest.CaptureFixture[str]) -> None:
    sdk_drift.drift.cache_clear()
    code = sdk_drift.main(["--check"])
    printed = capsys.readouterr().out.splitlines()
    assert [line for line in printed if line.startswith(("NEW", "gone"))] == []
    assert code == 0


def test_each_group_of_names_is_recorded() -> None:
    known = json.loads(api_names.KNOWN.read_text("utf-8"))["names"]
    assert {group for group, names in known.items() if len(names) > 5} == {
        *("betas", "error codes", "batches", "files", "openapi"),
    }
