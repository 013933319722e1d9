"""A fault under a condition strikes where the condition holds, and nowhere else."""

import json

import pytest
from reference_rows import TOOL, assistant, user
from reference_support import HEADERS, VERSION, body

from messages_conformance.reference import (
    HttpRequest,
    conditional_faults,
    conditions,
    endpoint,
    faults,
    find_fault,
)

LONG = "Say hello. " + "The library opens at nine. " * 100
TURNS = [user("Hi"), assistant("Hello"), user("Say hello.")]
BOTH = "Call both tools in parallel: get_weather for Paris and for Rome."
OFFERED = {"tools": [TOOL], "max_tokens": 300}
THINKING = {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 1400}

STRIKES = {
    "streamed": ({"stream": True}, {}),
    "whole": ({}, {"stream": True}),
    "tools": (OFFERED, {}),
    "system": ({"system": "Be kind."}, {}),
    "stops": ({"stop_sequences": ["x"]}, {"stop_sequences": []}),
    "thinking": (THINKING, {"thinking": {"type": "disabled"}}),
    "unicode": ({"messages": [user("Grüße")]}, {}),
    "long": ({"messages": [user(LONG)]}, {}),
    "long=15": ({"messages": [user("Say hello again.")]}, {"messages": [user("Hi")]}),
    "max_tokens": ({"max_tokens": 1}, {"max_tokens": 2}),
    "max_tokens=5": ({"max_tokens": 5}, {"max_tokens": 6}),
    "history": ({"messages": TURNS}, {}),
    "history=4": ({"messages": [user("Hi"), assistant("Ho"), *TURNS]}, {"messages": TURNS}),
    "blocks": ({"messages": [user("Name the weather in Paris and Rome.")], **OFFERED, **THINKING}, {}),
}
"""Per condition: what a request has where the fault strikes, and what a request has where it does not."""

CRIME = "omit_model"


def answer(served, **fields):
    """Whether the answer is right: it names its model."""
    content = json.dumps(body("Say hello.") | fields).encode()
    sent = HttpRequest(method="POST", target="/v1/messages", headers=(*HEADERS, VERSION), body=content)
    response = served.handle(sent)
    assert response.status == 200, response.body()
    return b'"model"' in response.body()


@pytest.mark.parametrize(("bound", "fields"), STRIKES.items(), ids=STRIKES)
def test_a_bound_fault_strikes_where_its_condition_holds(bound, fields):
    struck, spared = fields
    crime = "omit_role_and_model_in_start" if bound == "streamed" else CRIME
    assert not answer(endpoint(fault=f"{crime}@{bound}"), **struck)
    assert answer(endpoint(fault=f"{crime}@{bound}"), **spared)


@pytest.mark.parametrize(
    ("bound", "right"),
    [("every=3", [1, 1, 0, 1, 1, 0]), ("first=2", [0, 0, 1, 1]), ("after=2", [1, 1, 0, 0]), ("first", [0, 1])],
)
def test_turns_are_counted_among_the_exchanges_that_a_fault_could_strike(bound, right):
    served = endpoint(fault=f"{CRIME}@{bound}")
    for expected in right:
        # A stream is no document, and so no turn of a crime in documents.
        answer(served, stream=True)
        assert answer(served) == bool(expected)


def test_requests_meet_in_an_endpoint_that_is_slow_enough_for_it():
    served = endpoint(fault=f"{CRIME}@concurrent")
    assert answer(served)
    assert not answer(served), "the one before has just begun"
    content = json.dumps(body()).encode()
    sent = HttpRequest(method="POST", target="/v1/messages", headers=(*HEADERS, VERSION), body=content)
    assert served.handle(sent).delay_s > 0


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("omit_model@stremed", "streamed"),
        ("omit_model@streamed=2", "takes no number"),
        ("omit_model@every=0", "every=5"),
        ("omit_model@every=x", "every=5"),
        ("omit_modle@every", "omit_model"),
    ],
)
def test_a_wrong_condition_gets_help(name, said):
    with pytest.raises(LookupError, match=said):
        find_fault(name)


def test_every_condition_is_described_and_proved():
    for condition in conditions().values():
        assert condition.summary.endswith(".")
    assert {pair.condition.partition("=")[0] for pair in conditional_faults()} == set(conditions())
    assert {pair.fault for pair in conditional_faults()} <= set(faults())
    for pair in conditional_faults():
        assert find_fault(pair.name).trips == faults()[pair.fault].trips
