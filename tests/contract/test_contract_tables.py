"""The tables hold the facts of the contract: blocks and their deltas, stop reasons, statuses, measured impact."""

import pytest
from known_requirements import CONTRACT, KNOWN

from messages_conformance import contract
from messages_conformance.contract import DeltaEffect, impacts
from messages_conformance.rules import CATALOGUE

SEVERITIES = ("fatal", "major", "moderate", "minor", "harmless", "unmeasured")


def test_blocks_know_where_they_are_valid() -> None:
    blocks = contract.block_types()
    assert (blocks["text"].request, blocks["text"].response) == (True, True)
    assert (blocks["image"].request, blocks["image"].response) == (True, False)
    assert (blocks["tool_reference"].request, blocks["tool_reference"].response) == (False, False)
    assert {name: block.name for name, block in blocks.items()} == {name: name for name in blocks}


def test_deltas_build_blocks() -> None:
    blocks = contract.block_types()
    assert blocks["text"].deltas == {
        "text_delta": DeltaEffect(field="text", into="text", how="append"),
        "citations_delta": DeltaEffect(field="citation", into="citations", how="collect"),
    }
    assert blocks["tool_use"].deltas["input_json_delta"].how == "json"
    assert blocks["thinking"].deltas["signature_delta"].how == "replace"
    assert blocks["redacted_thinking"].deltas == {}


def test_every_delta_belongs_to_a_block() -> None:
    used = {kind for block in contract.block_types().values() for kind in block.deltas}
    assert used == contract.delta_types()


def test_event_types() -> None:
    assert contract.event_types() == {
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
        "ping",
        "error",
    }


def test_stop_reasons_and_statuses() -> None:
    assert {"end_turn", "max_tokens", "stop_sequence", "tool_use", "compaction"} <= contract.stop_reasons()
    assert len(contract.stop_reasons()) == 8
    assert contract.error_types()[529] == "overloaded_error"
    assert 422 not in contract.error_types()


def test_every_valid_block_is_in_the_union() -> None:
    for role in ("request", "response"):
        valid = {name for name, block in contract.block_types().items() if getattr(block, role)}
        assert set(contract.schema(f"blocks/{role}")["discriminator"]["mapping"]) == valid


def test_impact_is_worst_first_and_under_known_ids() -> None:
    for requirement in CONTRACT:
        found = [SEVERITIES.index(measurement.severity) for measurement in contract.impact(requirement)]
        assert found == sorted(found)
        assert contract.severity(requirement) == (SEVERITIES[found[0]] if found else "unmeasured")
    assert impacts._measurements().keys() <= CATALOGUE.keys() | KNOWN.keys()
    assert len(impacts._measurements()) > 80


def test_impact_names_clients_with_their_versions() -> None:
    found = {measurement.measured: measurement for measurement in contract.impact("stream.msgdelta.usage-required")}
    assert found["X17"].source == "sdk_streams.json"
    assert found["X17"].clients["anthropic (Python) 2.12.0"] == "crashes"
    assert found["delta_usage_missing"].source == "impact.json"
    assert found["delta_usage_missing"].clients["Claude Code 2.1.197"] == "wrong usage silently"
    assert found["delta_usage_missing"].severity == "fatal"


@pytest.mark.parametrize(
    ("requirement", "severity"),
    [
        ("stream.order.message-start-first", "fatal"),
        ("stream.frame.no-bom", "major"),
        ("response.model.string", "moderate"),
        ("usage.output.positive", "minor"),
        ("response.id.msg-prefix", "harmless"),
        ("headers.request-id.unique", "unmeasured"),
    ],
)
def test_severity(requirement: str, severity: str) -> None:
    assert contract.severity(requirement) == severity
