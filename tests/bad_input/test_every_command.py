"""Every command that reads or writes files masks the key, disarms commands of CI systems, and survives any file.

The commands run in this process, one row after the other, with one poisoned report.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from misbehaving import COMMANDS, DISGUISES, KEY
from test_key import check

from messages_conformance.cli import main
from messages_conformance.masking import forget_secrets
from messages_conformance.proof import run

SPELLINGS = " ".join([KEY, *(disguise(KEY) for disguise in DISGUISES.values())])
INJECTED = "\n".join(COMMANDS)
EXECUTED = re.compile(
    r"::(?:error|add-mask|stop-commands|set-output)\b[^\n]*::gates|##\[(?:error|add-mask)|##vso\[|##teamcity\["
    r"|section_start:15|travis_fold:start|^(?:---|\+\+\+|~~~|\^\^\^) (?:gates|\+\+\+)|\x1b|\u202e",
    re.IGNORECASE | re.MULTILINE,
)
"""What a CI system or a terminal would execute of INJECTED."""

FORMATS = [
    "html",
    "brief",
    "markdown",
    "sarif",
    "junit",
    "github",
    "badge",
    "json",
    "matrix",
    "har",
    "terminal",
    "verdict",
]
TABLES = ["terminal", "markdown", "html", "json", "csv", "jsonl"]

ROWS: dict[str, list[list[str]]] = {
    "report": [["report", "DIR", "--format", form, "--output", f"OUT/{form}"] for form in FORMATS],
    "report-printed": [["report", "DIR", "--format", form] for form in ("terminal", "json", "github", "brief", "har")],
    "verify": [["report", "verify", "DIR"]],
    "compare": [["compare", "DIR", "GOOD", "--format", form, "--output", f"OUT/c.{form}"] for form in TABLES],
    "compare-printed": [["compare", "DIR", "GOOD", "--name", "TEXT"], ["compare", "DIR", "GOOD", "--pivot"]],
    "diff": [["diff", "DIR", "GOOD", "--format", form] for form in ("text", "markdown", "json")],
    "waive": [["waive", "DIR", "--output", "OUT/waivers.toml"]],
    "history": [
        ["history", "add", "DIR", "--store", "OUT/h", "--release", "TEXT"],
        *(["history", "show", "--store", "OUT/h", "--format", form] for form in ("text", "json")),
        *(
            ["history", "export", "--store", "OUT/h", "--format", form, "--output", f"OUT/{form}"]
            for form in TABLES[4:]
        ),
    ],
    "site": [["site", "DIR", "--output", "OUT/site", "--title", "TEXT"]],
    "check": [
        ["check", "DIR", "--report", "OUT/again", "--events", "OUT/events"],
        ["check", "DIR", "--output", "json"],
    ],
    "promote": [["promote", "DIR", "--exchange", "1", "--to", "OUT/suite", "--name", "TEXT"]],
    "targets": [["targets", "--config", "FILE"], ["targets", "--config", "FILE", "--format", "json"]],
    "config": [["config", "a", "--config", "FILE"], ["config", "a", "--config", "FILE", "--output", "json"]],
    "errors": [["run", "TEXT"], ["load", "TEXT"], ["proxy", "--upstream", "TEXT"], ["serve", "--fault", "TEXT"]],
}


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a red report."""
    folder = tmp_path_factory.mktemp("good")
    options = {"model": "reference-1", "depth": "smoke", "only": ("stream.order", "response.id")}
    run("reference:drop_message_stop,transport=memory", "tokmodel", report=str(folder), **options)
    return folder


@pytest.fixture(autouse=True)
def _forgets() -> Iterator[None]:
    forget_secrets()
    yield
    forget_secrets()


def poisoned(good: Path, folder: Path, text: str) -> Path:
    """A copy of the report with the text in what a target or a user wrote, as no run of ours would have written it."""
    made = folder / "poisoned"
    shutil.copytree(good, made)
    document = json.loads((made / "report.json").read_text())
    document["run"] |= {"target": f"http://h/{text}", "model": text, "notes": [text]}
    for row in document["requirements"]:
        for found in row["findings"]:
            found |= {"found": text, "wanted": text}
        if row["verdict"] == "not-verified":
            row["reason"] = text
    (made / "report.json").write_text(json.dumps(document))
    return made


def written(good: Path, folder: Path, row: str, text: str, capfd: pytest.CaptureFixture[str]) -> dict[str, str]:
    """What the commands of a row print, and each file that they write."""
    (folder / "out").mkdir()
    (folder / "file").write_text(f'[targets.a]\ntarget = "reference:transport=memory"\nmodel = {json.dumps(text)}\n')
    places = {"DIR": poisoned(good, folder, text), "GOOD": good, "TEXT": text, "FILE": folder / "file"}
    found = {}
    for words in ROWS[row]:
        given = [str(places.get(word, word)).replace("OUT/", f"{folder / 'out'}/") for word in words]
        code = main(given)
        printed = capfd.readouterr()
        assert code in (0, 1, 2, 4), words
        assert "Traceback" not in printed.out + printed.err, words
        assert "internal error" not in printed.out + printed.err, words
        found[" ".join(words)] = printed.out + printed.err
    files = (path for path in (folder / "out").rglob("*") if path.is_file())
    return found | {str(path.relative_to(folder)): path.read_bytes().decode("utf-8", "replace") for path in files}


@pytest.mark.parametrize("row", ROWS)
def test_no_command_writes_the_key_or_what_a_system_executes(
    row: str,
    good: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MESSAGES_API_KEY", KEY)
    for place, text in written(good, tmp_path, row, f"{SPELLINGS}\n{INJECTED}", capfd).items():
        try:
            check(text)
        except AssertionError:
            raise AssertionError(f"the key is in {place}") from None
        if not place.startswith("out/") and "github" not in place:
            assert not EXECUTED.search(text), f"{place}: {EXECUTED.search(text)}"


LONG = "x" * 5_000
UNUSABLE = {
    "null-character": (["report", "a\0b"], "a null character"),
    "long-name": (["compare", LONG, LONG], "File name too long"),
    "long-store": (["history", "show", "--store", LONG], "File name too long"),
    "long-output": (["waive", "GOOD", "--output", LONG], "File name too long"),
    "long-site": (["site", "GOOD", "--output", LONG], "File name too long"),
    "open-bracket": (["proxy", "--upstream", "http://[::1"], "--upstream is 'http://[::1'"),
    "port": (["proxy", "--upstream", "http://h:99999"], "--upstream is"),
}


@pytest.mark.parametrize("row", UNUSABLE)
def test_a_name_that_no_system_can_use_is_wrong_usage(row: str, good: Path, capfd: pytest.CaptureFixture[str]) -> None:
    words, text = UNUSABLE[row]
    assert main([str(good) if word == "GOOD" else word for word in words]) == 4
    printed = capfd.readouterr()
    assert text in printed.err
    assert printed.err.startswith("ERROR: ")
    assert printed.err.count("\n") == 1
