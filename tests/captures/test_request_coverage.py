"""Which features of recorded requests a run sends."""

from pathlib import Path
from typing import Any

import pytest
from builders import answered

from messages_conformance.captures.request_coverage import coverage, features, main


def asked(**fields: Any) -> frozenset[str]:
    return features(answered(ask=fields))


def test_features_are_places_with_types() -> None:
    block = {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "image", "source": {"type": "url"}}]}
    found = asked(messages=[{"role": "user", "content": [block]}])
    assert "messages/content:tool_result/content:image/source:url" in found


def test_names_that_users_chose_are_no_features() -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string", "pattern": "x"}}}
    found = asked(tools=[{"name": "f", "input_schema": schema}])
    assert "tools/input_schema/properties/*/pattern" in found
    assert not any("city" in name for name in found)


def test_features_are_counted_by_how_often_they_occur() -> None:
    plain, rare = answered(ask={"top_k": 1}), answered(ask={"service_tier": "auto"})
    total, found = coverage([plain, plain, rare], [plain])
    assert total == 3
    assert ("top_k", 2, True) in found
    assert ("service_tier", 1, False) in found


def test_a_file_that_is_no_recording_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    damaged = tmp_path / "notes.json"
    damaged.write_text("[]")
    assert main([str(damaged), "--sent", str(damaged)]) == 4
    assert "notes.json" in capsys.readouterr().err
