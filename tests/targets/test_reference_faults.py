"""A description of the reference endpoint can name several faults; each of them has its effect."""

import asyncio
import json

import pytest

from messages_conformance.exchange import Request
from messages_conformance.targets import TargetError
from messages_conformance.targets.reference import ReferenceTarget

HEADERS = (
    ("x-api-key", "$MESSAGES_API_KEY"),
    ("anthropic-version", "2023-06-01"),
    ("content-type", "application/json"),
)
BODY = {"model": "reference-1", "max_tokens": 8, "messages": [{"role": "user", "content": "Hello"}]}


def answers(description):
    """The statuses of a plain question, a stream, and a question with metadata."""
    bodies = (BODY, {**BODY, "stream": True}, {**BODY, "metadata": {"user_id": "u"}})

    async def ask():
        target = ReferenceTarget(description, timeout_s=5)
        try:
            requests = [
                Request(method="POST", path="/v1/messages", headers=HEADERS, body=json.dumps(body).encode())
                for body in bodies
            ]
            return [(await target.send(request)).status for request in requests]
        finally:
            await target.aclose()

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("description", "statuses"),
    [
        ("transport=memory", [200, 200, 200]),
        ("crash_on_streams,transport=memory", [200, 500, 200]),
        ("crash_on_streams,refuse_metadata,transport=memory", [200, 500, 400]),
        ("fault=crash_on_streams,fault=refuse_metadata,transport=memory", [200, 500, 400]),
        ("refuse_metadata,variant=long_ids,crash_on_streams,transport=memory", [200, 500, 400]),
    ],
)
def test_each_of_several_faults_has_its_effect(description, statuses):
    assert answers(description) == statuses


def test_a_second_variant_is_refused():
    with pytest.raises(TargetError, match="two of variant="):
        ReferenceTarget("variant=long_ids,variant=no_pings", timeout_s=5)
