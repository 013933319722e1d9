"""The judge as one call on one exchange."""

from __future__ import annotations

import json

import pytest
from test_httpx_transport import ANSWER, ASK, HEADERS

from messages_conformance.contract import ContractError
from messages_conformance.live import Judgement, ReceivedResponse, SentRequest, judge

REQUEST = SentRequest(body=json.dumps(ASK).encode(), url="https://gateway.example/anthropic/v1/messages")


def received(**changes: object) -> ReceivedResponse:
    return ReceivedResponse(status=200, headers=HEADERS, body=json.dumps({**ANSWER, **changes}).encode())


def test_a_correct_answer_conforms() -> None:
    assert judge(REQUEST, received()) == Judgement()
    assert judge(REQUEST, received()).conforms


def test_a_violation_is_found() -> None:
    judged = judge(REQUEST, received(role="user"))
    assert [finding.requirement for finding in judged.violations] == ["response.role.assistant"]
    assert not judged.conforms


def test_a_leaked_key_is_found_and_not_repeated() -> None:
    request = SentRequest(body=REQUEST.body, headers=[("X-Api-Key", "sk-ant-0123456789abcdef")])
    judged = judge(request, received(content=[{"type": "text", "text": "sk-ant-0123456789abcdef"}]))
    assert "auth.key-not-echoed" in [finding.requirement for finding in judged.violations]
    assert "sk-ant" not in str(judged)


def test_an_exchange_of_another_api_is_not_judged() -> None:
    judged = judge(SentRequest(body=b"{}", url="/v1/chat/completions"), received(role="user"))
    assert judged == Judgement(not_judged="an exchange to other routes (OpenAI chat completions)")
    assert not judged.conforms


def test_an_unknown_profile_is_refused() -> None:
    with pytest.raises(ContractError, match="no-such"):
        judge(REQUEST, received(), profile="no-such")
