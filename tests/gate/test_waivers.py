"""Files of waivers: their content, the places of waivers, and the messages for unusable files."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path

import pytest

from messages_conformance.gate import GateError, Waiver, read, unknown_requirement, waivers_toml

WHOLE = """# ours
[[waiver]]
requirement = "usage.*"
reason = "ticket 1"
owner = "jo"
expires = 2027-02-28

# the next one
[[ waiver ]]  # with a comment
requirement = "stream.order.pings"
reason = "ticket 2"
owner = "jo"
expires = "2027-03-01"
model = "big-*"
profile = "tokmodel"
"""


def reading(folder: Path, text: str | bytes) -> tuple[Waiver, ...]:
    path = folder / "w.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read(path)


def test_a_waiver_has_requirement_reason_owner_and_expiry_date(tmp_path: Path) -> None:
    first, second = reading(tmp_path, WHOLE)
    assert (first.requirement, first.reason, first.owner, first.expires) == (
        "usage.*",
        "ticket 1",
        "jo",
        date(2027, 2, 28),
    )
    assert second.expires == date(2027, 3, 1)
    assert first.place == f"{tmp_path / 'w.toml'}, lines 2 to 6"
    assert second.place == f"{tmp_path / 'w.toml'}, lines 9 to 15"


def test_models_and_profiles_limit_it(tmp_path: Path) -> None:
    first, second = reading(tmp_path, WHOLE)
    assert first.applies_to(model="any", profile="any")
    assert second.applies_to(model="big-1", profile="tokmodel")
    assert not second.applies_to(model="small-1", profile="tokmodel")
    assert not second.applies_to(model="big-1", profile="claude-code")


def test_waivers_without_headings_are_identified_by_number(tmp_path: Path) -> None:
    row = '{requirement = "a", reason = "r", owner = "o", expires = 2027-01-01}'
    found = reading(tmp_path, f"waiver = [{row}, {row}]")
    assert [waiver.place.rpartition(", ")[2] for waiver in found] == ["waiver 1", "waiver 2"]


ROW = '[[waiver]]\nrequirement = "a"\nreason = "r"\nowner = "o"\nexpires = 2027-01-01\n'
BROKEN = {
    "syntax": (ROW + "x\n", ["is not TOML", "line 6"]),
    "encoding": (b"\xff\xfe", ["is not UTF-8 (byte 0xff in line 1)"]),
    "table": ("[[waivers]]\nx = 1", ["has the key 'waivers'", "[[waiver]]"]),
    "no-list": ("waiver = 1", ["list of tables"]),
    "key": (ROW.replace("expires", "expiry"), ["lines 1 to 5", "unknown key 'expiry'", "did you mean expires?"]),
    "missing": (ROW.replace('owner = "o"\n', ""), ["lines 1 to 4", "has no owner"]),
    "empty": (ROW.replace('"r"', '""'), ["reason is empty", "fill it in"]),
    "kind": (ROW.replace('"r"', "3"), ["lines 1 to 5, reason: expected str, got int"]),
    "date": (ROW.replace("2027-01-01", '"soon"'), ["expires is 'soon'", "2027-02-28"]),
    "number": (ROW.replace("2027-01-01", "2027"), ["expires is 2027", "a date"]),
}


@pytest.mark.parametrize("case", BROKEN)
def test_an_unusable_file_is_reported_with_the_place(tmp_path: Path, case: str) -> None:
    text, parts = BROKEN[case]
    with pytest.raises(GateError) as raised:
        reading(tmp_path, text)
    for part in ("w.toml", *parts):
        assert part in str(raised.value)


def test_no_file_at_all(tmp_path: Path) -> None:
    with pytest.raises(GateError, match="No such file"):
        read(tmp_path / "nowhere.toml")


def test_an_unknown_requirement_is_reported_with_the_nearest_ones() -> None:
    known = ["usage.present", "stream.order.pings"]
    here = {"reason": "r", "owner": "o", "expires": date(2027, 1, 1), "place": "w.toml, lines 1 to 5"}
    assert (
        unknown_requirement([Waiver(requirement="usage.*", **here), Waiver(requirement="stream", **here)], known) == ""
    )
    message = unknown_requirement([Waiver(requirement="usage.presnt", **here)], known)
    assert message.startswith("w.toml, lines 1 to 5: no requirement matches 'usage.presnt'; did you mean usage.present")
    assert "`messages-conformance list`" in unknown_requirement([Waiver(requirement="zzz", **here)], known)


def test_a_written_waiver_file_is_valid_once_it_is_filled_in(tmp_path: Path) -> None:
    rows = [("usage.present", "Usage is there.\nAlways."), ("errors.envelope", "")]
    text = waivers_toml(rows, expires=date(2027, 1, 2), model='odd "[model]"*', profile="tokmodel")
    with pytest.raises(GateError, match="reason is empty"):
        reading(tmp_path, text)
    found = reading(tmp_path, text.replace('reason = ""', 'reason = "r"').replace('owner = ""', 'owner = "o"'))
    assert [waiver.requirement for waiver in found] == ["usage.present", "errors.envelope"]
    assert found[0].applies_to(model='odd "[model]"*', profile="tokmodel")
    assert not found[0].applies_to(model='odd "[model]" 2', profile="tokmodel")
    assert tomllib.loads(text)["waiver"][0]["expires"] == date(2027, 1, 2)
