"""The table of clients is compared with what a client does, for the faults that it meets."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from messages_conformance import resources
from messages_conformance.cli import main
from messages_conformance.clients.client_runs import FAILS, LOSS, OK
from messages_conformance.clients.installing import Installation
from messages_conformance.clients.known_clients import KnownClient
from messages_conformance.clients.predictions import Figures, Prediction, compare, default_faults, figures
from messages_conformance.clients.predictions_text import prediction_lines, to_json
from messages_conformance.contract.impacts import client_names
from messages_conformance.reference import faults
from messages_conformance.report import clients as table
from messages_conformance.report.clients import ClientStatus

DRIVER = Path(__file__).with_name("fake_driver.py")
FAKE = KnownClient(
    name="fake", title="Fake", manager="npm", packages={}, driver="", scenarios=("text", "streamed"), measured="py"
)
STATUSES = {
    "drop_message_start": table.FAILS,
    "count_nothing_in_documents": table.WORKS,
    "omit_event_lines": table.WORKS_AS_SEEN,
}


def statuses(fault: str, profile: str) -> tuple[ClientStatus, ...]:
    return (ClientStatus(client=client_names()["py"], status=STATUSES[fault]),)


def test_predictions_are_compared_with_what_a_client_does() -> None:
    installation = Installation(client=FAKE, folder=Path(), command=(sys.executable, "-S", str(DRIVER)))
    names = ("drop_message_start", "refuse_tools", "count_nothing_in_documents", "omit_event_lines")
    found = tuple(compare(installation, names, table=statuses))
    assert {one.fault: one.happened for one in found} == {
        "drop_message_start": FAILS,
        "count_nothing_in_documents": LOSS,
        "omit_event_lines": OK,
    }
    assert [one.is_right for one in found] == [True, False, True]
    assert figures(found) == (Figures(client="Fake", right=2, compared=3, not_known=0, false_works=1, version="1.0"),)
    lines = list(prediction_lines(found))
    assert lines[0].startswith(
        "count_nothing_in_documents: Fake: predicted 'works' (no effect), happened: loss (text: "
    )
    assert lines[1] == "Fake: 2 of 3 predictions are right (67%); not known: 0; false works: 1"
    schema = json.loads(resources.text("schemas/client_predictions.json"))
    Draft202012Validator(schema).validate(to_json("anthropic-2023-06-01", found))


@pytest.mark.parametrize(
    ("predicted", "happened", "right", "false_works"),
    [
        (table.WORKS, OK, True, False),
        (table.WORKS_AS_SEEN, FAILS, False, True),
        (table.WORKS_WITH_LOSS, LOSS, True, False),
        (table.WORKS_WITH_LOSS, FAILS, False, False),
        (table.FAILS, OK, False, False),
        (table.NOT_KNOWN, FAILS, False, False),
    ],
)
def test_what_a_prediction_means(predicted: str, happened: str, right: bool, false_works: bool) -> None:
    one = Prediction(fault="x", client="y", predicted=predicted, happened=happened)
    assert (one.is_right, one.is_false_works) == (right, false_works)


def test_the_default_faults_exist() -> None:
    assert set(default_faults(20)) <= set(faults())
    assert len(default_faults(20)) == len(default_faults(0)) + 20
    assert default_faults(20) == default_faults(20)


def test_an_unknown_fault_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["clients", "--judge-predictions", "--fault", "omit_usag"]) == 4
    assert "omit_usage" in capsys.readouterr().err
