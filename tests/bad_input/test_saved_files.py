"""Files that a run or a user wrote, in every wrong form, give one message with the file and the place."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import COMMAND, environment
from command_line import run as command
from mutated_json import VALUES, as_json, mutated, places

from messages_conformance import configuration, contract, report
from messages_conformance.captures import CaptureError, Reading, problems, read_all, shortfall
from messages_conformance.configuration import ConfigurationError
from messages_conformance.contract import ContractError
from messages_conformance.gate import GateError, read
from messages_conformance.generate import parse_origin
from messages_conformance.proof import run
from messages_conformance.shapes import unreadable
from messages_conformance.targets import TargetError, open_target

MESSAGE_CHARACTERS = 900
"""No message is longer than a few lines, whatever the file holds."""


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a red report."""
    folder = tmp_path_factory.mktemp("saved")
    options = {"model": "reference-1", "depth": "smoke", "only": ("stream.order", "response.id")}
    assert run("reference:drop_message_stop,transport=memory", "tokmodel", report=str(folder), **options)[0] == 1
    return folder


def one_of_each(folder: Path) -> dict[str, Any]:
    """The report.json of a folder with few rows, and with every optional part."""
    document: dict[str, Any] = json.loads((folder / "report.json").read_text())
    failed = next(row for row in document["requirements"] if row["findings"])
    failed["findings"] = failed["findings"][:1]
    failed["excuse"] = {"kind": "waived", "reason": "known"}
    failed["explained"] = failed["findings"]
    passed = next(row for row in document["requirements"] if row["verdict"] == "pass")
    coverage = document["request_coverage"]
    full = next(row for row in coverage["rows"] if row["cases"] and row["keywords"])
    cause = {"requirement": failed["id"], "sentence": "Every one fails.", "features": ["streamed"], "exchanges": [1]}
    number = failed["findings"][0]["exchange"]
    return {
        **document,
        "requirements": [failed, passed],
        "exchanges": [row for row in document["exchanges"] if row["number"] == number],
        "request_coverage": {**coverage, "rows": [full], "not_sent": coverage["not_sent"][:1]},
        "gate": {"edition": "", "problems": ["one"], "difference": {"newly_failing": [failed["id"]], "fixed": []}},
        "statement": {"kind": "budget", "message": "used up"},
        "drifts": [{"situation": "plain", "path": "id", "before": None, "after": "string"}],
        "failed_tests": [{"name": "test_x", "message": "no"}],
        "harness_errors": ["one"],
        "causes": [{**cause, "example": 1, "explains": [passed["id"]]}],
    }


def check_message(error: Exception, path: Path) -> None:
    text = str(error)
    assert path.name in text
    assert "\n" not in text
    assert len(text) < MESSAGE_CHARACTERS


@pytest.mark.proof  # minutes: every value of a report is replaced in many ways
def test_every_value_of_a_report_may_be_anything(saved: Path, tmp_path: Path) -> None:
    document, path = one_of_each(saved), tmp_path / "report.json"
    seen = {"read": 0, "refused": 0}
    for place in places(document):
        for value in VALUES.values():
            path.write_text(as_json(mutated(document, place, value)))
            try:
                loaded = report.load(path)
            except report.ReportError as error:
                seen["refused"] += 1
                check_message(error, path)
                continue
            seen["read"] += 1
            for write in (*report.FORMATS.values(), lambda one: str(report.compare([one, one]))):
                write(loaded)
    assert min(seen.values()) > 300


def test_every_value_of_a_recorded_exchange_may_be_anything(saved: Path, tmp_path: Path) -> None:
    shutil.copy(saved / "report.json", tmp_path)
    record = json.loads((saved / "exchanges.jsonl").read_text().splitlines()[-1])
    record["response"]["chunks"] = record["response"]["chunks"][:1]
    record["response"]["headers"] = record["response"]["headers"][:1]
    path = tmp_path / "exchanges.jsonl"
    refused = 0
    for place in places(record):
        for value in VALUES.values():
            path.write_text(as_json(mutated(record, place, value)) + "\n")
            try:
                for exchange in report.read(path):
                    report.trace(exchange)
                    report.curl(exchange, "http://127.0.0.1")
            except report.ReportError as error:
                refused += 1
                check_message(error, path)
                with pytest.raises(TargetError, match="line 1 is not an exchange"):
                    open_target(f"replay:{path}", key=None)
    assert refused > 300


def test_the_place_of_a_wrong_value_has_its_indexes(saved: Path, tmp_path: Path) -> None:
    document = one_of_each(saved)
    document["requirements"].append(json.loads(json.dumps(document["requirements"][0])))
    wrong = mutated(document, ("requirements", 2, "findings", 0, "place", "event"), "x")
    (tmp_path / "report.json").write_text(json.dumps(wrong))
    with pytest.raises(
        report.ReportError, match=r"requirements\[2\]\.findings\[0\]\.place\.event: expected int \| null"
    ):
        report.load(tmp_path)


WRONG_TYPE = ("requirements", 0, "level")


def test_the_commands_refuse_a_wrong_report(saved: Path, tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text(json.dumps(mutated(one_of_each(saved), WRONG_TYPE, 7)))
    memory = "reference:,transport=memory"
    for arguments in (
        ("report", str(tmp_path)),
        ("diff", str(saved), str(tmp_path)),
        ("compare", str(saved), str(tmp_path)),
        ("waive", str(tmp_path), "--output", str(tmp_path / "w.toml")),
        ("run", memory, "--baseline", str(tmp_path), "--fail-on", "regression"),
    ):
        outcome = command(*arguments)
        assert outcome.code == 4, outcome.all
        assert "requirements[0].level: expected str, got int" in outcome.error


# -- files of any kind ----------------------------------------------------------------------------------------------

Reader = Callable[[Path], object]


def recordings(path: Path) -> None:
    reading = Reading()
    list(read_all([str(path)], reading=reading))
    if problems(reading):
        raise CaptureError(problems(reading))
    if shortfall(reading):
        raise CaptureError(f"{path}: {shortfall(reading)}")


def snapshots(path: Path) -> None:
    folder = path.parent / "shapes"
    folder.mkdir(exist_ok=True)
    shutil.rmtree(folder) if path.is_dir() else None
    folder.mkdir(exist_ok=True)
    path.rename(folder / "plain.shape")
    if broken := unreadable(folder):
        raise ValueError(broken)


READERS: dict[str, tuple[Reader, type[Exception]]] = {
    "report.json": (report.load, report.ReportError),
    "recording.jsonl": (report.read, report.ReportError),
    "replay.jsonl": (lambda path: open_target(f"replay:{path}", key=None), TargetError),
    "waivers.toml": (read, GateError),
    "options.toml": (lambda path: configuration.read(path.parent, str(path)), ConfigurationError),
    "pyproject.toml": (lambda path: configuration.read(path.parent, str(path)), ConfigurationError),
    "profile.toml": (lambda path: contract.profile(str(path)), ContractError),
    "pairs.jsonl": (recordings, CaptureError),
    "plain.shape": (snapshots, ValueError),
}

DEEP = "[" * 100_000

CONTENTS: dict[str, bytes | None] = {
    "empty": b"",
    "space": b" \n \n",
    "binary": bytes(range(256)) * 40,
    "not-utf-8": b'a = "\xff"\n',
    "utf-16": '{"schema": "messages-conformance/report/1"}'.encode("utf-16"),
    "null-characters": b"\0" * 100,
    "deep-list": DEEP.encode(),
    "deep-toml": f"a = {DEEP}\n".encode(),
    "deep-our-table": f"[[waiver]]\nrequirement = {DEEP}\n".encode(),
    "deep-keys": ("a." * 50_000 + "a = 1\n").encode(),
    "huge-number": b"a = " + b"9" * 10_000,
    "huge-json-number": b'{"schema": ' + b"9" * 10_000 + b"}\n",
    "long-key": b"a" * 1_000_000 + b" = 1\n",
    "infinity": b"[Infinity, NaN]\n",
    "gzip": b"\x1f\x8b" + b"x" * 100,
    "deflated": zlib.compress(b"{}"),
    "carriage-returns": b"\r" * 10_000,
    "bom": b"\xef\xbb\xbfa = 1\n",
    "a-list": b"[]\n",
    "a-text": b'"x"\n',
    "missing": None,
}


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("name", READERS)
def test_any_content_is_read_or_refused_with_one_message(tmp_path: Path, name: str, content: str) -> None:
    reader, refusal = READERS[name]
    data = CONTENTS[content]
    path = tmp_path / name
    if data is not None:
        path.write_bytes(data)
    try:
        reader(path)
    except refusal as error:
        check_message(error, path)
    except FileNotFoundError:
        assert name == "plain.shape"  # the test itself moves the file


KINDS: dict[str, Callable[[Path], object]] = {
    "folder": Path.mkdir,
    "pipe": lambda path: os.mkfifo(path),
    "device": lambda path: path.symlink_to("/dev/zero"),
    "loop": lambda path: path.symlink_to(path),
    "unreadable": lambda path: (path.write_text("{}"), path.chmod(0)),
}


@pytest.mark.skipif(os.name != "posix", reason="needs the kinds of files of POSIX")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", READERS)
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, name: str, kind: str) -> None:
    reader, refusal = READERS[name]
    path = tmp_path / name
    KINDS[kind](path)
    if kind == "unreadable" and os.access(path, os.R_OK):
        pytest.skip("root may read everything")
    with pytest.raises(refusal) as raised:
        reader(path)
    check_message(raised.value, path)


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    path = tmp_path / "messages-conformance.toml"
    path.write_bytes(b'\xef\xbb\xbfdepth = "smoke"\n')
    assert configuration.read(tmp_path).common == {"depth": "smoke"}


def test_an_empty_file_of_waivers_waives_nothing(tmp_path: Path) -> None:
    for text in ("", "\n\n", "# none is left\n"):
        (tmp_path / "w.toml").write_text(text)
        assert read(tmp_path / "w.toml") == ()


def wrong_names() -> Iterator[str]:
    yield from ("", "/", "requests", "requests/0", "requests/0/", "requests//1", "requests/--5/1", "requests/-/1")
    yield from ("requests/0/-1", "requests/0/1/2", "requests/1e3/1", "x/0/1", "requests/0/²", "requests/٣/1")
    yield from (f"requests/{'9' * 5000}/1", f"requests/0/{'9' * 5000}", "requests/0/1 ", "\0/0/0")


@pytest.mark.parametrize("name", list(wrong_names()), ids=lambda name: repr(name[:20]))
def test_a_wrong_name_of_a_generated_request_is_refused(name: str) -> None:
    with pytest.raises(ContractError, match="names no generated request"):
        parse_origin(name)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed = 99999999999999999999", "--seed is too large"),
        ('report = "a\\u0000b"', "report has a null character"),
        ('only = ["a\\u0000b"]', "only has a null character"),
        ("rate = nan", "rate is a number"),
        ("rate = inf", "rate is a number"),
        ("seed = true", "seed is true or false"),
    ],
)
def test_a_value_that_no_command_can_take_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "messages-conformance.toml").write_text(text)
    outcome = command("run", "reference:transport=memory", "--depth", "smoke", cwd=tmp_path)
    assert outcome.code == 4
    assert message in outcome.error


@pytest.mark.skipif(os.name != "posix", reason="needs named pipes and links")
def test_check_reads_no_named_pipe_and_no_device(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, kind in ((tmp_path / "pipe", "a named pipe"), (Path("/dev/zero"), "a device")):
        outcome = command("check", str(path))
        assert outcome.code == 4, outcome.all
        assert f"it is {kind}, not a file" in outcome.all


def test_a_folder_that_was_removed_and_a_date_far_away_are_wrong_usage(saved: Path, tmp_path: Path) -> None:
    outcome = command("waive", str(saved), "--days", "99999999999", "--output", str(tmp_path / "w.toml"))
    assert outcome.code == 4
    assert "--days is 99999999999; it must be a number from 1 to 3,650" in outcome.error
    shell = f"mkdir gone && cd gone && rmdir ../gone && {' '.join(COMMAND)} list"
    ran = subprocess.run(["bash", "-c", shell], cwd=tmp_path, env=environment(), capture_output=True, check=False)
    assert ran.returncode == 4
    assert b"the current folder does not exist any more" in ran.stderr
