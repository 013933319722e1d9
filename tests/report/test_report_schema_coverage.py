"""The table of the request schema: requests, their outcomes, and their cases and keywords."""

import json
from dataclasses import replace

import pytest
from report_samples import request

from messages_conformance.contract.request_fields import fields_to, request_fields
from messages_conformance.exchange import EITHER, REFUSED, Chunk, Exchange, Failure, Response
from messages_conformance.report import FieldCoverage, request_coverage
from messages_conformance.report.schema_coverage import from_json, sentence, shares, to_json

PLAIN = {"model": "m", "max_tokens": 16, "messages": [{"role": "user", "content": "Hi"}]}
NO_ANSWER = Failure(kind="refused", message="nobody there")


def exchange(body, status=200, *, expect="accepted", path="/v1/messages"):
    response = Response(
        status=status, headers=(), chunks=(Chunk(at_s=0.0, data=b"{}"),), headers_at_s=0.0, ended_at_s=0.0
    )
    return Exchange(
        number=1,
        request=request(body, path=path),
        response=response if status else None,
        failure=None if status else NO_ANSWER,
        situations=("s",),
        expect=expect,
    )


def table(*exchanges) -> dict[str, FieldCoverage]:
    return {row.name: row for row in request_coverage(exchanges, api_version="2023-06-01")}


def counts(tally):
    return tally.sent, tally.accepted, tally.refused


def test_every_field_has_one_row_and_a_name_of_its_own():
    names = [field.name for field in request_fields()]
    assert len(set(names)) == len(names)
    assert {"(the body)", "max_tokens", "message.content[]", "image.source", "tools/custom.input_schema"} <= set(names)
    assert {"thinking", "tool_choice", "cache_control.ttl", "tool_result.content[]"} <= set(names)


def test_a_field_counts_once_for_each_request_with_the_outcome():
    twice = {**PLAIN, "messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
    rows = table(exchange(twice), exchange(PLAIN, 400, expect=EITHER), exchange(PLAIN, 500), exchange(PLAIN, 0))
    assert counts(rows["message.content"].valid) == (4, 1, 1)
    assert counts(rows["message.role"].cases['"assistant"']) == (1, 1, 0)
    assert counts(rows["temperature"].valid) == (0, 0, 0)


@pytest.mark.parametrize("kind", ["budget", "cancelled"])
def test_requests_that_were_never_sent_do_not_count(kind):
    unsent = replace(exchange(PLAIN, 0), failure=Failure(kind=kind, message="not sent"))
    assert counts(table(unsent)["model"].valid) == (0, 0, 0)


@pytest.mark.parametrize(
    ("changes", "field", "case"),
    [
        ({"system": [{"type": "text", "text": "s"}]}, "system", "array"),
        ({"stream": True}, "stream", "true"),
        ({"tool_choice": {"type": "any"}}, "tool_choice", "[any]"),
        ({"thinking": {"type": "adaptive"}}, "thinking", "[adaptive]"),
        ({"service_tier": "auto"}, "service_tier", '"auto"'),
        ({"inference_geo": None}, "inference_geo", "null"),
        ({"tools": [{"type": "bash_20250124", "name": "bash"}]}, "tools[]", "[bash_20250124]"),
    ],
)
def test_a_case_is_a_type_a_value_or_a_branch(changes, field, case):
    rows = table(exchange({**PLAIN, **changes}))
    assert counts(rows[field].cases[case]) == (1, 1, 0)
    assert sum(tally.sent for tally in rows[field].cases.values()) == 1


def test_nested_fields_count_under_their_definition():
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}}
    result = {"type": "tool_result", "tool_use_id": "t", "content": [image]}
    rows = table(exchange({**PLAIN, "messages": [{"role": "user", "content": [result]}]}))
    assert rows["tool_result.content[]"].cases["[image]"].sent == 1
    assert rows["image.source"].cases["[base64]"].sent == 1
    assert rows["sources/image_base64.media_type"].cases['"image/png"'].sent == 1


@pytest.mark.parametrize(
    ("changes", "field", "keyword_of", "keyword"),
    [
        ({"max_tokens": "x"}, "max_tokens", "max_tokens", "type"),
        ({"temperature": 2}, "temperature", "temperature", "maximum"),
        ({"messages": []}, "messages", "messages", "minItems"),
        ({"thinking": {"type": "odd"}}, "thinking", "thinking", "oneOf"),
        ({"thinking": {"type": "enabled"}}, "thinking_enabled.budget_tokens", "thinking", "required"),
        ({"surprise": 1}, "(the body)", "(the body)", "additionalProperties"),
    ],
)
def test_an_invalid_request_counts_for_the_field_where_the_schema_finds_the_mistake(
    changes, field, keyword_of, keyword
):
    rows = table(exchange({**PLAIN, **changes}, 400, expect=REFUSED))
    assert [name for name, row in rows.items() if row.invalid.sent] == [field]
    assert counts(rows[field].invalid) == (1, 0, 1)
    assert [name for name, row in rows.items() if row.keywords.get(keyword) and row.keywords[keyword].broken]
    assert sum(row.valid.sent for row in rows.values()) == 0


def test_a_missing_field_counts_as_invalid_for_that_field():
    body = {"model": "m", "messages": PLAIN["messages"]}
    rows = table(exchange(body, 200, expect=REFUSED))
    assert counts(rows["max_tokens"].invalid) == (1, 1, 0)
    assert rows["(the body)"].keywords["required"].broken == 1


@pytest.mark.parametrize("body", [PLAIN, b"{", b"[]"])
def test_a_mistake_that_the_schema_cannot_find_counts_for_the_whole_body(body):
    rows = table(exchange(body, 400, expect=REFUSED))
    assert [name for name, row in rows.items() if row.invalid.sent] == ["(the body)"]


def test_other_endpoints_are_ignored():
    assert shares(table(exchange(PLAIN, path="/v1/messages/count_tokens")).values()).fields_sent == 0


def test_a_place_that_the_schema_does_not_have_counts_for_the_nearest_one_it_has():
    body = {**PLAIN, "tools": [{"name": "a", "input_schema": {"type": "object", "properties": {"x": {}}}}]}
    assert [f.name for f in fields_to(body, "/tools/0/input_schema/properties/x")][-1].endswith("properties")
    assert [f.name for f in fields_to(body, "")] == ["(the body)"]
    assert [f.name for f in fields_to(body, "/model/x")][-1] == "model"


def test_the_figures_leave_out_what_needs_a_beta_header_and_survive_json():
    rows = tuple(
        table(exchange({**PLAIN, "thread": {}}), exchange({**PLAIN, "top_k": -1}, 400, expect=REFUSED)).values()
    )
    document = json.loads(json.dumps(to_json(rows)))
    assert document["fields_sent"] == 7  # the body, model, max_tokens, messages, a message, its role and its content
    assert document["fields_broken"] == 1
    assert "temperature" in document["not_sent"]
    read = from_json(document)
    assert {row.name: row for row in read if row.valid.sent} == {row.name: row for row in rows if row.valid.sent}
    assert shares(read).fields == document["fields"]
    assert sentence(shares(rows)).startswith(f"request schema: 7 of {document['fields']} fields and ")
