"""Every value of the official SDK's types is valid under the schemas; every difference from the SDK has a reason."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

pytest.importorskip("anthropic", minversion="2", reason="the official SDK is not installed: pip install 'anthropic>=2'")

import jsonschema_rs
from sdk_samples import MESSAGE_START, MODES, STARTS_EMPTY, Mode, objects, samples

import sdk_drift
import sdk_types
from messages_conformance import contract
from messages_conformance.contract import validity

WIRE = ("response", "blocks/response", "usage", "delta", "count_tokens", "model", "models", "error", "events/error")
ROOTS = [root for root in sdk_types.roots() if not root.pointer]
# The SDK uses these classes in other places too, where null is valid.
CERTAIN: dict[str, dict[str, Any]] = {"response": {"stop_reason": "end_turn"}, "models": {"has_more": True}}
# The schemas allow less than the types of these classes, as tools/known_sdk_drift.json says.
NARROWED = ("event[message_start]", "event[content_block_start]")


def _invalid(schema: str, values: Iterator[Any] | list[Any]) -> list[Any]:
    return [(value, contract.explain(schema, value)) for value in values if not contract.valid(schema, value)]


def _root_id(root: sdk_types.Root) -> str:
    return root.label


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("root", [root for root in ROOTS if root.schema in WIRE], ids=_root_id)
def test_what_a_target_sends(root: sdk_types.Root, mode: Mode) -> None:
    built = samples(root.type, mode)
    whole = [value | CERTAIN.get(root.schema, {}) for value in built]
    assert whole
    assert _invalid(root.schema, whole) == []


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("root", [root for root in ROOTS if root.schema == "event"], ids=_root_id)
def test_stream_events(root: sdk_types.Root, mode: Mode) -> None:
    built = [_started(event) for event in samples(root.type, mode)]
    assert {event["type"] for event in built} == contract.event_types() - {"ping", "error"}
    assert _invalid("event", built) == []


def _started(event: dict[str, Any]) -> dict[str, Any]:
    """The valid form of the event: a message starts without content, a block without what its deltas add."""
    if event["type"] == "message_start":
        return event | {"message": event["message"] | MESSAGE_START}
    if event["type"] == "content_block_start":
        block = event["content_block"]
        return event | {"content_block": block | STARTS_EMPTY.get(block["type"], {})}
    return event


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("root", [root for root in ROOTS if root.schema.endswith("request")], ids=_root_id)
def test_what_a_client_sends(root: sdk_types.Root, mode: Mode) -> None:
    built = samples(root.type, mode)
    assert built
    assert _invalid(root.schema, built) == []


@cache
def _pairs() -> tuple[sdk_drift.Pair, ...]:
    return tuple(pair for pair in sdk_drift.drift().pairs if not pair.place.removeprefix("beta ").startswith(NARROWED))


@pytest.mark.parametrize("mode", MODES)
def test_every_class_at_its_own_place(mode: Mode) -> None:
    """Each class is compared with the shape that describes it, so that no open union hides a difference."""
    wrong = []
    for pair in _pairs():
        certain = CERTAIN.get(pair.place.removeprefix("beta "), {})
        built = [value | certain for value in objects(pair.cls, mode)]
        validator = _validator(json.dumps(_schema(pair.shape), sort_keys=True))
        wrong += [(pair.place, value) for value in built if not validator.is_valid(value)]
    assert wrong == []


def _schema(shape: sdk_drift.Schema) -> dict[str, Any]:
    return {key: value for key, value in shape.items() if key not in ("known", "beta")}


@cache
def _validator(schema: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(json.loads(schema), registry=validity._registry(), validate_formats=False)


def test_every_class_of_the_contract_is_compared() -> None:
    names = {pair.cls.__name__ for pair in sdk_drift.drift().pairs}
    assert {
        "Message",
        "Usage",
        "MessageDeltaUsage",
        "RawMessageDeltaEvent",
        "ThinkingDelta",
        "ErrorResponse",
    } <= names
    assert {
        "ModelInfo",
        "MessageTokensCount",
        "ToolParam",
        "WebFetchTool20260318Param",
        "BrowserStateBlockParam",
    } <= names
    assert {
        "MessageCreateParamsStreaming",
        "MessageCountTokensParams",
        "BetaMessage",
        "BetaMCPToolUseBlock",
    } <= names
    assert len(names) > 300


def test_every_block_type_of_the_sdk_has_its_file() -> None:
    for root in ROOTS:
        if root.schema in ("blocks/response", "blocks/request"):
            kinds = {kind for cls in sdk_types.alternatives(root.type) for kind in sdk_types.constants(cls)["type"]}
            assert kinds <= set(contract.block_types())


def test_no_difference_is_unexplained(capsys: pytest.CaptureFixture[str]) -> None:
    code = sdk_drift.main(["--check"])
    printed = capsys.readouterr().out
    assert [line for line in printed.splitlines() if line.startswith(("NEW", "gone"))] == []
    assert code == 0
    assert printed.splitlines()[-1].endswith(f"0 new, {len(sdk_drift.reasons())} known, 0 gone")
