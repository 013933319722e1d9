"""Failures that are read together are one group, and what the model may have done is never the headline."""

import json
from dataclasses import replace

import pytest
from report_samples import FAILED, exchange, report, request

from messages_conformance.exchange import Chunk, Response
from messages_conformance.report import FORMATS, failures, headline
from messages_conformance.report.causes import Cause
from messages_conformance.report.groups import divided_causes, grouped
from messages_conformance.report.model_or_server import marked_uncertain
from messages_conformance.rules import CATALOGUE
from messages_conformance.rules.verdict import Finding, Place, Verdict

LENIENT = ["request.messages.required", "request.messages.role-enum", "request.max_tokens.integer"]
OTHER = ["adjacent.models.list-shape", "adjacent.models.retrieve", "adjacent.count_tokens.shape"]
NAME_KNOWN = "response.content.tool_use-name-known"
TOOLS = [{"name": "f", "input_schema": {"type": "object"}}]


def failed(name, **fields):
    return Verdict(requirement=name, level="MUST", outcome="fail", **fields)


def names(verdicts):
    return [verdict.requirement for verdict in verdicts]


def test_accepted_mistakes_and_other_routes_are_groups_of_their_own():
    made = report(*map(failed, [*OTHER, *LENIENT, "stream.order"]), catalogue=CATALOGUE)
    single, groups = grouped(made, failures(made))
    assert names(single) == ["stream.order"]
    assert [group.name for group in groups] == ["lenient", "other-routes"]
    assert groups[0].title == "Accepts 3 kinds of invalid request, so mistakes surface elsewhere"
    assert sorted(names(groups[1].verdicts)) == sorted(OTHER)


def test_causes_of_other_routes_come_after_failures_of_the_messages_route():
    causes = [
        Cause(requirement=name, sentence=f"{name} fails.", features=(), exchanges=(1, 2), example=1)
        for name in (OTHER[0], "stream.order")
    ]
    made = replace(report(*map(failed, [*OTHER, "stream.order"]), catalogue=CATALOGUE), causes=tuple(causes))
    assert [[cause.requirement for cause in part] for part in divided_causes(made)] == [["stream.order"], [OTHER[0]]]
    only = replace(report(*map(failed, OTHER), catalogue=CATALOGUE), causes=(causes[0],))
    assert divided_causes(only) == ((causes[0],), ())


def test_two_of_a_kind_are_no_group():
    made = report(*map(failed, [*OTHER[:2], *LENIENT[:2]]), catalogue=CATALOGUE)
    assert grouped(made, failures(made))[1] == ()


def test_what_the_model_may_have_done_is_last_and_no_headline():
    unsure = failed(NAME_KNOWN, uncertain=True)
    made = report(unsure, *map(failed, OTHER), catalogue=CATALOGUE)
    assert names(failures(made))[-1] == NAME_KNOWN
    assert headline(made).requirement in OTHER
    assert [group.name for group in grouped(made, failures(made))[1]] == ["other-routes", "uncertain"]


def test_a_requirement_on_which_the_sources_differ_is_last_and_no_headline():
    contested = Verdict(requirement="version.header.required", level="SHOULD", outcome="warn")
    other = Verdict(requirement="adjacent.models.limit", level="SHOULD", outcome="warn")
    assert headline(report(contested, catalogue=CATALOGUE)) is None
    assert headline(report(contested, other, catalogue=CATALOGUE)).requirement == "adjacent.models.limit"


def calling(number, name, **fields):
    """A whole answer that calls a tool of that name."""
    block = {"type": "tool_use", "id": f"toolu_{number}", "name": name, "input": {}}
    message = {"type": "message", "role": "assistant", "content": [block]}
    body = {"model": "m", "max_tokens": number, "messages": [], "tools": TOOLS, **fields}
    return exchange(number, sent=request(body), response=whole(message))


def whole(message):
    return Response(
        status=200,
        headers=(("content-type", "application/json"),),
        chunks=(Chunk(at_s=0.1, data=json.dumps(message).encode()),),
        headers_at_s=0.1,
        ended_at_s=0.1,
    )


def wrong_name(*exchanges):
    place = Place(pointer="/content/0/name")
    findings = tuple(
        Finding(requirement=NAME_KNOWN, exchange=one.number, found='"g"', wanted='"f"', place=place)
        for one in exchanges
    )
    return failed(NAME_KNOWN, findings=findings, judged=5)


RIGHT = [calling(number, "f") for number in range(20, 50)]


@pytest.mark.parametrize(
    ("wrong", "right", "uncertain"),
    [
        ([calling(9, "g")], RIGHT, True),
        ([calling(9, "g"), calling(8, "g")], [], False),
        ([calling(9, "g", tool_choice={"type": "any"})], RIGHT, False),
        ([calling(9, "g", tools=[{**TOOLS[0], "strict": True}])], RIGHT, False),
        ([calling(number, "g", metadata={"user_id": "u"}) for number in (7, 8, 9)], RIGHT, False),
    ],
    ids=["one of five tries", "every try", "a forced choice", "a strict tool", "every try with one feature"],
)
def test_a_model_can_name_a_tool_that_nobody_offered(wrong, right, uncertain):
    known = {one.number: one for one in (*wrong, *right)}
    assert marked_uncertain(wrong_name(*wrong), known).uncertain == uncertain


def test_other_failures_are_never_the_model():
    assert not marked_uncertain(replace(FAILED, requirement="stream.order"), {}).uncertain


def test_no_failure_names_an_exchange_by_its_number():
    finding = Finding(
        requirement="usage.input.monotone", exchange=2, found="9, although it extends exchange 1 (16)", wanted="more"
    )
    made = report(failed("usage.input.monotone", findings=(finding,), judged=1), catalogue=CATALOGUE)
    for name in ("terminal", "markdown", "junit", "html", "sarif"):
        text = FORMATS[name](made)
        assert "extends another answer (16)" in text, name
        assert "extends exchange" not in text, name
