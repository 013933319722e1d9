"""A fault with a condition happens when the condition holds, and only then."""

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
FORMAT = {"format": {"type": "json_schema", "schema": {"type": "object", "additionalProperties": False}}}
SAID = {"type": "text", "text": "Say hello."}
MARKED = {"cache_control": {"type": "ephemeral"}}
DOT = "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAFklEQVR42mO4IydHEmIY1TCqYfhqAACaMxgQdrf9VwAAAABJRU5ErkJggg=="
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": DOT}}
DOCUMENT = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Hello."}}
CALL = {"type": "tool_use", "id": "toolu_1", "name": TOOL["name"], "input": {"location": "Rome"}}
RESULT = [
    user("Hi"),
    assistant([CALL]),
    user([{"type": "tool_result", "tool_use_id": "toolu_1", "content": "Sunny"}]),
]

AFFECTED_AND_NOT = {
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
    "later": ({"messages": TURNS}, {"messages": [user("Say hello."), assistant("Hel")]}),
    "prefilled": ({"messages": [user("Say hello."), assistant("Hel")]}, {"messages": TURNS}),
    "formatted": ({"output_config": FORMAT}, {"output_config": {"effort": "low"}}),
    "images": ({"messages": [user([IMAGE, SAID])]}, {"messages": [user([SAID])]}),
    "documents": ({"messages": [user([DOCUMENT, SAID])]}, {"messages": [user([SAID])]}),
    "results": ({"messages": RESULT, **OFFERED}, OFFERED),
    "cached": ({"messages": [user([SAID | MARKED])]}, {"messages": [user([SAID])]}),
    "size": ({"messages": [user("Say hello. " * 5_000)]}, {"messages": [user("Say hello. " * 500)]}),
    "blocks": ({"messages": [user("Name the weather in Paris and Rome.")], **OFFERED, **THINKING}, {}),
}
"""Condition -> the fields of a request that the fault affects, and of one that it does not affect."""

FAULT = "omit_model"


def is_right(served, **fields):
    """Whether the answer is right: it names its model."""
    content = json.dumps(body("Say hello.") | fields).encode()
    request = HttpRequest(method="POST", target="/v1/messages", headers=(*HEADERS, VERSION), body=content)
    response = served.handle(request)
    assert response.status == 200, response.body()
    return b'"model"' in response.body()


@pytest.mark.parametrize(("condition", "fields"), AFFECTED_AND_NOT.items(), ids=AFFECTED_AND_NOT)
def test_a_fault_happens_when_its_condition_holds(condition, fields):
    affected, unaffected = fields
    fault = "omit_role_and_model_in_start" if condition == "streamed" else FAULT
    assert not is_right(endpoint(fault=f"{fault}@{condition}"), **affected)
    assert is_right(endpoint(fault=f"{fault}@{condition}"), **unaffected)


@pytest.mark.parametrize(
    ("condition", "right"),
    [("every=3", [1, 1, 0, 1, 1, 0]), ("first=2", [0, 0, 1, 1]), ("after=2", [1, 1, 0, 0]), ("first", [0, 1])],
)
def test_only_requests_that_the_fault_could_affect_are_counted(condition, right):
    served = endpoint(fault=f"{FAULT}@{condition}")
    for expected in right:
        # This fault changes documents only, so a stream does not count.
        is_right(served, stream=True)
        assert is_right(served) == bool(expected)


def test_the_concurrent_condition_delays_answers_so_that_requests_overlap():
    served = endpoint(fault=f"{FAULT}@concurrent")
    assert is_right(served)
    assert not is_right(served), "the previous request is still in progress"
    content = json.dumps(body()).encode()
    request = HttpRequest(method="POST", target="/v1/messages", headers=(*HEADERS, VERSION), body=content)
    assert served.handle(request).delay_s > 0


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("omit_model@stremed", "streamed"),
        ("omit_model@streamed=2", "takes no number"),
        ("omit_model@every=0", "every=5"),
        ("omit_model@every=x", "every=5"),
        ("omit_modle@every", "omit_model"),
    ],
)
def test_an_unknown_condition_gets_a_suggestion(name, message):
    with pytest.raises(LookupError, match=message):
        find_fault(name)


def test_every_condition_has_a_summary_and_is_proved():
    for condition in conditions().values():
        assert condition.summary.endswith(".")
    assert {pair.condition.partition("=")[0] for pair in conditional_faults()} == set(conditions())
    assert {pair.fault for pair in conditional_faults()} <= set(faults())
    for pair in conditional_faults():
        assert find_fault(pair.name).trips == faults()[pair.fault].trips
