"""Published runs are small, and still can be loaded and compared."""

import json

import publish
from messages_conformance import report
from messages_conformance.proof import MODEL, run


def findings(path):
    return max(len(row["findings"]) for row in json.loads((path / "report.json").read_text())["requirements"])


def test_a_published_run_has_three_findings_of_each_requirement_and_no_recording(tmp_path):
    _, made = run("reference:drop_message_stop,transport=memory", "tokmodel", model=MODEL, only=("stream.order",))
    (tmp_path / "report.json").write_text(report.FORMATS["json"](made))
    (tmp_path / "exchanges.jsonl").write_text("{}")
    (tmp_path / "out.txt").write_text("DOES NOT CONFORM")
    assert findings(tmp_path) > publish.FINDINGS
    publish.main(tmp_path, tmp_path / "out.txt")
    assert findings(tmp_path) == publish.FINDINGS
    assert not (tmp_path / "exchanges.jsonl").exists()
    assert (tmp_path / "terminal.txt").read_text() == "DOES NOT CONFORM"
    assert report.verdict_sentence(report.load(tmp_path)) == report.verdict_sentence(made)
