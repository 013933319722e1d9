"""Known clients are driven against a target; each failure names the requirements that its exchanges violate.

The client is fake_driver.py. Real clients are installed by the tests with the marker proof.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from messages_conformance import contract, resources
from messages_conformance.cli import main
from messages_conformance.clients.client_runs import (
    FAILS,
    HANGS,
    LOSS,
    NOT_COUNTED,
    NOT_PROVOKED,
    OK,
    ClientResult,
    Endpoint,
    ScenarioResult,
    judged_scenario,
    run_client,
    without_control_failures,
)
from messages_conformance.clients.clients_json import to_json
from messages_conformance.clients.clients_text import client_lines, summary
from messages_conformance.clients.comparison import differences, only_loss
from messages_conformance.clients.driven_target import ClientsOptions, drive_clients
from messages_conformance.clients.installing import Installation, NotInstalled, installed
from messages_conformance.clients.known_clients import KnownClient, Scenario, known_clients, scenarios
from messages_conformance.clients.recording import Recorded, Recorder
from messages_conformance.contract.impacts import client_names
from messages_conformance.reference import API_KEY, serve

PROFILE = "anthropic-2023-06-01"
FAKE = KnownClient(name="fake", title="Fake", manager="npm", packages={}, driver="", scenarios=())
DRIVER = Path(__file__).with_name("fake_driver.py")
HANG_S = 4.0


def driven(
    *names: str, fault: str | None = None, variant: str | None = None, obedient: bool = True, limit_s: float = 60.0
) -> dict[str, ScenarioResult]:
    installation = Installation(client=FAKE, folder=Path(), command=(sys.executable, "-S", str(DRIVER)))
    with serve(fault=fault, variant=variant) as server, Recorder(server.base_url, PROFILE) as recorder:
        endpoint = Endpoint(
            base_url=recorder.base_url, model="claude-opus-4-5", key=API_KEY, limit_s=limit_s, obedient=obedient
        )
        result = run_client(installation, [scenario(name) for name in names], endpoint, recorder)
    assert result.version == "1.0"
    return {one.scenario: one for one in result.scenarios}


def scenario(name: str) -> Scenario:
    """A scenario of the table, or a text with a client that misbehaves."""
    found = scenarios().get(name)
    return found or Scenario(name=name, ask={"prompt": "Hi", "misbehaves": name}, expects={"text": ""})


def outcomes(found: Mapping[str, ScenarioResult]) -> dict[str, str]:
    return {name: one.outcome for name, one in found.items()}


def test_a_client_does_what_the_scenarios_ask() -> None:
    names = ("text", "streamed", "limit", "long_stream", "bad_request", "wrong_key", "retry")
    found = driven(*names)
    assert outcomes(found) == dict.fromkeys(names, OK), found
    assert [one.requests for one in found.values()] == [1] * len(names)
    assert not any(one.violated for one in found.values())


def test_a_failure_names_the_requirements_that_its_exchanges_violate() -> None:
    found = driven("text", "streamed", fault="drop_message_start")
    assert outcomes(found) == {"text": OK, "streamed": FAILS}
    assert found["streamed"].violated[0] == "stream.order.message-start-first"
    assert found["text"].violated == ()
    assert "KeyError" in found["streamed"].detail


def test_wrong_counts_are_a_loss() -> None:
    found = driven("text", fault="count_nothing_in_documents")
    assert outcomes(found) == {"text": LOSS}
    assert found["text"].violated


def test_a_model_that_does_something_else_is_no_failure() -> None:
    assert outcomes(driven("text", variant="weak_model", obedient=False)) == {"text": NOT_PROVOKED}
    assert outcomes(driven("text", variant="weak_model", obedient=True)) == {"text": FAILS}


@pytest.mark.parametrize(
    ("violated", "outcome"),
    [
        ((), NOT_PROVOKED),
        (("headers.request-id.present", "stream.start.input-tokens-real"), NOT_PROVOKED),
        (("headers.request-id.present", "stream.final.tool-input"), FAILS),
    ],
)
def test_only_a_violation_that_loses_content_takes_the_blame_from_the_model(
    violated: tuple[str, ...], outcome: str
) -> None:
    result: dict[str, Any] = {"calls": [], "stop_reason": "end_turn", "input_tokens": 1, "output_tokens": 1}
    found = judged_scenario(scenarios()["tool_streamed"], result, Recorded(violated=violated), obedient=False)
    assert found.outcome == outcome
    assert judged_scenario(scenarios()["tool_streamed"], result, obedient=True).outcome == FAILS


def test_what_a_client_does_wrong_ends_only_its_scenario() -> None:
    found = driven("ends", "text", "prints", "hangs", "limit", limit_s=HANG_S)
    assert outcomes(found) == {"ends": FAILS, "text": OK, "prints": OK, "hangs": HANGS, "limit": OK}
    assert found["ends"].detail == "ended: the client ended: this client ends"


def test_a_scenario_that_fails_with_the_reference_endpoint_counts_for_nobody() -> None:
    def result(**named: str) -> ClientResult:
        made = [ScenarioResult(scenario=name, core=True, outcome=outcome) for name, outcome in named.items()]
        return ClientResult(client=FAKE, scenarios=tuple(made))

    found = without_control_failures(result(text=FAILS, tool=FAILS), result(text=FAILS, tool=OK))
    assert [one.outcome for one in found.scenarios] == [NOT_COUNTED, FAILS]
    assert found.status == FAILS
    assert without_control_failures(result(text=FAILS), result(text=HANGS)).status == ""


RESULT: dict[str, Any] = {"text": "OK.", "stop_reason": "end_turn", "input_tokens": 3, "output_tokens": 2}
CALL = {"calls": [["get_weather", {"city": "paris"}]], "stop_reason": "tool_use", "final": "Sunny"}


@pytest.mark.parametrize(
    ("name", "result", "wrong", "loss"),
    [
        ("text", RESULT, set(), True),
        ("text", RESULT | {"text": None}, {"text"}, False),
        ("text", RESULT | {"text": 5}, {"text"}, False),
        ("text", RESULT | {"stop_reason": None}, {"stop_reason"}, True),
        ("text", RESULT | {"output_tokens": True}, {"usage"}, True),
        ("text", RESULT | {"input_tokens": None}, {"usage"}, True),
        ("text", {"error": "KeyError", "message": "x"}, {"error"}, False),
        ("tool", RESULT | CALL, set(), True),
        ("tool", RESULT | CALL | {"stop_reason": "end_turn"}, {"stop_reason"}, False),
        ("tool", RESULT | CALL | {"calls": []}, {"calls"}, False),
        ("tool", RESULT | CALL | {"calls": [["get_weather", "{}"]]}, {"calls"}, False),
        ("tool", RESULT | CALL | {"final": ""}, {"final"}, False),
        ("bad_request", {"error": "BadRequestError", "status": 400}, set(), True),
        ("bad_request", {"error": "InternalServerError", "status": 500}, {"status"}, False),
        ("bad_request", RESULT, {"error"}, False),
        ("structured", {"parsed": {"name": "Ada", "age": 36}}, set(), True),
        ("structured", {"parsed": {"name": "Ada", "age": "36"}}, {"parsed"}, False),
        ("structured", {"parsed": {"name": "name", "age": 7}}, {"values"}, False),
        ("structured", {"parsed": {"name": "Ada"}}, {"parsed"}, False),
        ("count_tokens", {"counted": 0}, {"counted"}, False),
    ],
)
def test_what_the_application_gets_is_compared(name: str, result: dict[str, Any], wrong: set[str], loss: bool) -> None:
    found = differences(scenarios()[name], result)
    assert set(found) == wrong
    assert only_loss(scenarios()[name], found) is loss


def test_the_tables_fit_together() -> None:
    used = set()
    for client in known_clients().values():
        assert {*client.scenarios, *client.compared} <= set(scenarios()), client.name
        assert resources.path(f"clients/drivers/{client.driver}").is_file()
        assert not client.measured or client.measured in client_names()
        used |= {*client.scenarios, *client.compared}
    assert used == set(scenarios())
    for one in scenarios().values():
        assert not one.needs or one.needs in contract.profile(PROFILE).offers, one.name


def test_results_are_shown_and_written() -> None:
    failing = ScenarioResult(
        scenario="tool", core=True, outcome=FAILS, detail="calls []", violated=("response.id.present",), requests=1
    )
    unexplained = ScenarioResult(scenario="text", core=True, outcome=FAILS, detail="text ''", requests=1)
    results = (
        ClientResult(client=FAKE, version="1.0", scenarios=(failing, unexplained)),
        ClientResult(client=FAKE, not_run="npm is not installed"),
    )
    Draft202012Validator(json.loads(resources.text("schemas/clients.json"))).validate(
        to_json("reference:", PROFILE, results)
    )
    lines = [line for result in results for line in client_lines(result)]
    assert lines[0] == "Fake 1.0: fails (0 of 2 scenarios ok)"
    assert lines[2].strip() == "response.id.present"
    assert lines[4].strip().startswith("no violated requirement")
    assert lines[5] == "Fake: not run: npm is not installed"
    assert summary(results) == "fails: Fake; not run: Fake"


@pytest.fixture
def without_npm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)


@pytest.mark.usefixtures("without_npm")
def test_a_client_whose_manager_is_missing_is_not_run(tmp_path: Path) -> None:
    for name, tool in (("claude-code", "npm"), ("anthropic-typescript", "node")):
        with pytest.raises(NotInstalled, match=tool):
            installed(known_clients()[name], tmp_path)


def test_a_cache_that_cannot_be_written_is_not_run(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotInstalled, match="file"):
        installed(known_clients()["anthropic-python"], tmp_path / "file" / "cache")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["clients"], "no TARGET was given"),
        (["clients", "replay:x"], "cannot be driven against a replay"),
        (["clients", "reference:", "--client", "anthropic-pyton"], "did you mean anthropic-python?"),
        (["clients", "reference:omit_usag", "--client", "claude-code"], "omit_usage"),
        (["clients", "http://127.0.0.1:9", "--model", "m", "--api-key-env", "NO_SUCH_KEY"], "no key was given"),
        (["clients", "http://127.0.0.1:9"], "no model was given"),
        (["clients", "reference:", "--time-limit", "-1"], "--time-limit is -1"),
    ],
)
def test_wrong_usage_ends_with_4(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 4
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.proof
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", known_clients())
def test_a_real_client_works_with_the_reference_endpoint(name: str, tmp_path: Path) -> None:
    options = ClientsOptions(target="reference:", clients=(known_clients()[name],), profile=PROFILE, cache=tmp_path)
    (result,) = drive_clients(options)
    assert (result.not_run, result.status) == ("", OK), list(client_lines(result))


@pytest.mark.proof
@pytest.mark.timeout(900)
def test_a_version_that_does_not_exist_is_not_run(tmp_path: Path) -> None:
    client = known_clients()["anthropic-python"]
    missing = KnownClient(**{**vars(client), "packages": {"anthropic": "0.0.0.1"}})
    with pytest.raises(NotInstalled, match="pip failed"):
        installed(missing, tmp_path)
