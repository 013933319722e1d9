"""A key that a target sends back in another spelling, or in pieces, is in no output and no file."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from command_line import Outcome, run
from misbehaving import DISGUISES, KEY, Endpoints

from messages_conformance import report
from messages_conformance.report import FORMATS

Judge = Callable[..., Outcome]


def plain(text: str) -> Iterator[str]:
    """A text and what is left of it without its escapes: what a reader or a program may make of it."""
    for _ in range(4):
        yield text
        text = html.unescape(unquote(re.sub(r"\\+u00([0-9a-fA-F]{2})", lambda found: chr(int(found[1], 16)), text)))


def decoded(text: str) -> Iterator[str]:
    """What the base64 and the hexadecimal numbers in a text encode."""
    for run_of_characters in re.findall(r"[A-Za-z0-9+/_-]{16,}", text):
        for at in range(4):
            part = run_of_characters[at:].translate(str.maketrans("-_", "+/"))
            yield base64.b64decode(part[: len(part) // 4 * 4]).decode("latin-1")
    yield from (bytes.fromhex(found).decode("latin-1") for found in re.findall(r"(?:[0-9a-fA-F]{2}){16,}", text))


def check(text: str) -> None:
    """Fails when the key can be read in the text."""
    for form in plain(text):
        assert KEY not in form
        for inner in decoded(form):
            assert all(KEY not in one for one in plain(inner))


def check_all(outcome: Outcome, folder: Path) -> None:
    """Checks the output, each file of a report, each format of it, and each recorded body."""
    check(outcome.all)
    loaded = report.load(folder)
    for path in folder.glob("*"):
        check(path.read_text("utf-8"))
    for write in FORMATS.values():
        check(write(loaded))
    for exchange in report.read(folder / "exchanges.jsonl"):
        if exchange.response is None:
            continue
        check(exchange.response.text)
        texts = [event.fields.get("delta", {}).get("text", "") for event in exchange.response.events]
        check("".join(texts))
        for line in (*report.trace(exchange), report.curl(exchange, "http://127.0.0.1")):
            check(line)


@pytest.mark.parametrize("behaviour", [*(f"disguises_key_{form}" for form in DISGUISES), "cuts_key"])
def test_a_disguised_key_stays_out_of_everything_and_is_found(
    judge: Judge, endpoints: Endpoints, tmp_path: Path, behaviour: str
) -> None:
    outcome = judge(endpoints.url(behaviour), "--only", "auth.*", "--only", "stream.*", "--depth", "smoke", key=KEY)
    check_all(outcome, tmp_path / "report")
    assert "auth.key-not-echoed" in outcome.failed
    assert outcome.code == 1


def test_a_recording_that_holds_the_key_is_masked_when_it_is_judged_again(tmp_path: Path) -> None:
    first = run("run", "reference:,transport=memory", "--depth", "smoke", "--report", str(tmp_path / "first"))
    assert first.code == 0, first.all
    recording = tmp_path / "first" / "exchanges.jsonl"
    lines = [json.loads(line) for line in recording.read_text("utf-8").splitlines()]
    for line in lines:
        line["response"]["headers"].append(["x-debug", f"Bearer {KEY}"])
        line["response"]["chunks"].insert(0, [0.0, base64.b64encode(DISGUISES["escaped"](KEY).encode()).decode()])
    recording.write_text("".join(f"{json.dumps(line)}\n" for line in lines), "utf-8")
    folder = tmp_path / "second"
    outcome = run(
        "run", f"replay:{recording}", "--model", "reference-1", "--depth", "smoke", "--report", str(folder), key=KEY
    )
    assert outcome.code == 1, outcome.all
    check_all(outcome, folder)
    assert "$MESSAGES_API_KEY" in outcome.out
