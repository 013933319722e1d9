"""The fuzzer finds no crash in one short round; CI runs it for a minute."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

import fuzz
import fuzz_files
from messages_conformance.engine.backoff import stated_pause_s
from messages_conformance.exchange import Chunk, Response, parse_json
from messages_conformance.rules import CATALOGUE
from messages_conformance.rules import judge as judge_module


def test_one_round_finds_no_crash() -> None:
    fuzz.fuzz_once(examples=1, number=0)


def test_the_readers_read_correct_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz_files, "WRONG_FILE", ())
    readers = {name: fuzz_files._readers(name) for name, _ in fuzz_files.files()}
    monkeypatch.setattr(fuzz_files, "_readers", lambda name: readers[name][_own_reader(name)])
    for name, text in fuzz_files.files():
        fuzz_files.check_file(name, text.encode())


def _own_reader(name: str) -> slice:
    """The readers that a correct file of this name is for."""
    toml = {"waivers.toml": 0, "profile.toml": 1, "messages-conformance.toml": 2}
    if name in toml:
        return slice(toml[name], toml[name] + 1)
    return slice(None) if name == "exchanges.jsonl" else slice(1)


def test_a_rule_that_raises_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = replace(CATALOGUE["response.object"], judge=lambda exchange: [][1], applies=lambda exchange: True)
    monkeypatch.setattr(judge_module, "_under", lambda row, profile: broken if row.id == broken.id else row)
    with pytest.raises(AssertionError, match=r"response\.object"):
        fuzz.check_judge(fuzz.samples()[:1])


def test_numbers_of_thousands_of_digits_are_bounded() -> None:
    assert parse_json("9" * 5_000) == 10**100
    assert parse_json("-" + "9" * 5_000) == -(10**100)
    assert parse_json("[1e999, -1e999, 12345678901234567890]") == [1e100, -1e100, 12345678901234567890]
    assert len(str(parse_json("9" * 5_000))) < 200


@pytest.mark.parametrize(
    "text",
    [
        "Mon, 30 Nov 2026 07:00:00 +99999999",
        "Mon, 99 Nov 99999 99:99:99 GMT",
        "9" * 400,
    ],
)
def test_an_absurd_retry_after_states_no_pause(text: str) -> None:
    headers = (("retry-after", text),)
    response = Response(status=429, headers=headers, chunks=(Chunk(at_s=0, data=b""),), headers_at_s=0, ended_at_s=0)
    assert stated_pause_s(response, now_s=0.0) in (None, 0.0)
