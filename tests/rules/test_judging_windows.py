"""A long recording is judged window by window, so that its memory has a bound; a short one is one window."""

from __future__ import annotations

import pytest
from builders import answered, numbered, streamed
from stream_frames import block, ends, over, sse, start, stop, text

from messages_conformance import contract
from messages_conformance.exchange import Exchange
from messages_conformance.rules import FAIL, Judge
from messages_conformance.rules import judge as judge_module
from messages_conformance.stream import walk


def judged(*exchanges: Exchange) -> Judge:
    judge = Judge(contract.profile("anthropic-2023-06-01"))
    for exchange in numbered(*exchanges):
        judge.add(exchange)
    return judge


def outcomes(judge: Judge) -> dict[str, str]:
    return {verdict.requirement: verdict.outcome for verdict in judge.verdicts()}


def test_exchanges_of_one_window_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge_module, "WINDOW_EXCHANGES", 2)
    same = judged(answered(), answered(), answered())
    assert same.full_windows == 1
    assert outcomes(same)["response.id.unique"] == FAIL


@pytest.mark.parametrize(("limit", "value"), [("WINDOW_EXCHANGES", 1), ("WINDOW_BYTES", 1)])
def test_a_full_window_is_released(monkeypatch: pytest.MonkeyPatch, limit: str, value: int) -> None:
    monkeypatch.setattr(judge_module, limit, value)
    judge = judged(*[answered() for _ in range(4)])
    assert judge.full_windows == 3
    judge.forget()
    assert len(judge.exchanges) == 1
    assert outcomes(judge)["response.id.unique"] != FAIL


def test_events_are_forgotten_after_so_many_of_a_window(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (streamed(sse([start(), block(), text("a"), stop(), ends(), over()])) for _ in range(2))
    assert first.response is not None
    monkeypatch.setattr(judge_module, "KEPT_EVENTS", len(walk(first.response).events) + 1)
    exchanges = judged(first, second).exchanges
    assert [bool(walk(one.response).events) for one in exchanges if one.response] == [True, False]
    assert all(walk(one.response).message for one in exchanges if one.response)
