"""What was observed becomes rows of impact.json, and a page about clients."""

import json

import pytest

from messages_conformance import resources
from messages_conformance.clients.client_runs import ClientResult
from messages_conformance.clients.comparison import changes
from messages_conformance.clients.known_clients import known_clients
from messages_conformance.clients.measuring import FILE, effects_by_form, observed, read, text_of
from messages_conformance.clients.observing import Observation, Observed
from messages_conformance.clients.predictions import Prediction
from messages_conformance.clients.predictions_text import to_json
from messages_conformance.clients.publishing import page
from messages_conformance.contract import FindingForm

A = FindingForm(requirement="stream.final.tool-input", streamed=True, tools=True, place="/id", found="null")
B = FindingForm(requirement="response.id.string", streamed=False, tools=False, place="/content/#/input", found="null")


def observation(*scenarios):
    result = ClientResult(client=known_clients()["anthropic-python"], version="2")
    return Observation(fault="a_fault", result=result, scenarios=scenarios)


def seen(effect, *forms, met=True):
    return Observed(scenario="text", effect=effect, met=met, forms=frozenset(forms))


@pytest.mark.parametrize(
    ("scenarios", "effects"),
    [
        ((seen("ok", A), seen("crash", A)), {A: "crash"}),  # the worst scenario with the form
        ((seen("ok", A), seen("silent_usage")), {A: "ok", B: "silent_usage"}),  # the suites explain the rest
        ((seen("error", A), seen("crash")), {A: "error"}),  # both stop the client
        ((seen("hang", met=False), seen("ok", A)), {A: "ok"}),  # not because of the fault
        ((seen("ok"),), {A: "ok"}),  # the scenarios do not compare whole inputs
        ((seen("silent_tool"),), {A: "silent_tool", B: "silent_tool"}),
    ],
)
def test_the_effect_of_a_form(scenarios, effects):
    assert effects_by_form(observation(*scenarios), more=lambda: frozenset({A, B})) == effects


def test_the_file_is_what_the_command_writes():
    text = resources.text(FILE)
    data = json.loads(text)
    day = data["observed"]["day"]
    assert data | {"observed": observed(read(data), data["observed"]["clients"], day=day)} == data
    assert json.loads(text_of(data)) == data
    assert text_of(data).count("\n") < 3_000


PLAIN = {"text": "ok", "calls": [["a", {"b": "c d"}]], "input_tokens": 3}


@pytest.mark.parametrize(
    ("changed", "names"),
    [
        ({}, set()),
        ({"input_tokens": 4}, {"usage"}),
        ({"calls": [["a", {"b": "cd"}]]}, {"calls"}),
        ({"text": "ok."}, {"text"}),
        ({"error": "KeyError"}, set()),
    ],
)
def test_what_differs_from_the_plain_endpoint(changed, names):
    assert set(changes(PLAIN | changed, PLAIN)) == names


def test_the_page_has_the_shares_and_the_wrong_predictions():
    found = [
        Prediction(fault="one", client="Fake", predicted="works", happened="ok", version="3"),
        Prediction(fault="two", client="Fake", predicted="works", happened="fails", version="3"),
    ]
    run = {
        "schema": "messages-conformance/clients/1",
        "target": "reference:",
        "clients": [
            {"title": "Fake", "status": "ok", "not_run": "", "scenarios": [{"outcome": "ok"}]},
            {"title": "Other", "status": "unknown", "not_run": "no npm", "scenarios": []},
        ],
    }
    text = page([to_json("claude-code", found), run])
    assert "| Fake 3 | claude-code |" in text
    assert "1 of 2 (50%)" in text
    assert "| Fake | ok (1 of 1) |" in text
    assert "| Other | not run |" in text
    assert "| two | Fake | works | fails |" in text
    assert "| one |" not in text
