"""A filter selects the requests that have all of its parts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from messages_conformance.reference import HttpRequest
from messages_conformance.reference.changes import RequestContext
from messages_conformance.reference.request_filters import RequestFilter

BODY = {
    "model": "a/b",
    "stream": True,
    "max_tokens": 0,
    "thinking": {"type": "enabled"},
    "system": "Hi",
    "tools": [1, 2],
}


def context(body: dict[str, Any]) -> RequestContext:
    request = HttpRequest(
        method="POST",
        target="/v1/messages?beta=true",
        headers=(("X-Api-Key", "k"), ("anthropic-beta", "a-1,b-2")),
        body=json.dumps(body).encode(),
    )
    return RequestContext(request=request, number=1, request_id="req_1", received_at_s=0.0, body=body, memory={})


@pytest.mark.parametrize(
    ("selecting", "rejecting"),
    [
        (RequestFilter(), None),
        (RequestFilter(method="POST"), RequestFilter(method="GET")),
        (RequestFilter(path="/v1/mess*"), RequestFilter(path="/v1/models*")),
        (RequestFilter(target="*beta=true*"), RequestFilter(target="*beta=false*")),
        (RequestFilter(http_version="1.1"), RequestFilter(http_version="1.0")),
        (RequestFilter(headers=("x-api-key",)), RequestFilter(headers=("x-api-key", "authorization"))),
        (RequestFilter(without_headers=("authorization",)), RequestFilter(without_headers=("x-api-key",))),
        (RequestFilter(header_matches={"anthropic-beta": "*,*"}), RequestFilter(header_matches={"accept": "*,*"})),
        (RequestFilter(sends='^."model".*Hi'), RequestFilter(sends="Ho")),
        (RequestFilter(streamed=True), RequestFilter(streamed=False)),
        (RequestFilter(has=("thinking.type",)), RequestFilter(has=("thinking.display",))),
        (RequestFilter(lacks=("metadata", "max_tokens")), RequestFilter(lacks=("metadata", "system"))),
        (RequestFilter(equals={"thinking.type": "enabled"}), RequestFilter(equals={"thinking.type": "disabled"})),
        (RequestFilter(equals={"max_tokens": 0}), RequestFilter(equals={"max_tokens": False})),
        (RequestFilter(matches={"model": "*/*"}), RequestFilter(matches={"max_tokens": "*"})),
        (RequestFilter(types={"system": "string", "tools": "list"}), RequestFilter(types={"system": "list"})),
        (RequestFilter(longer_than={"tools": 1}), RequestFilter(longer_than={"tools": 2})),
        (RequestFilter(longer_than={"tools": 1}), RequestFilter(longer_than={"system": 1})),
        (RequestFilter(method="POST", has=("tools",)), RequestFilter(method="POST", has=("metadata",))),
    ],
)
def test_a_filter_selects(selecting: RequestFilter, rejecting: RequestFilter | None) -> None:
    assert selecting.selects(context(BODY))
    assert rejecting is None or not rejecting.selects(context(BODY))


def test_a_body_that_was_not_accepted_has_no_members() -> None:
    assert not RequestFilter(has=("tools",)).selects(context({}))
    assert RequestFilter(lacks=("tools",)).selects(context({}))
