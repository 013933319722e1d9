"""cache_control has its effect again and again, in streams, at each place and with its ttl; single misses are legal."""

from typing import Any

import pytest
from builders import FULL_PROFILE, answered, numbered, streamed, verdicts
from stream_frames import block, ends, over, start, stop, text

from messages_conformance.exchange import Exchange
from messages_conformance.rules import NOT_VERIFIED, PASS, WARN, Verdict

Run = list[Exchange]
AFTER_WRITE, FORMS = "usage.cache.read-after-write", "usage.cache.stream-equals-whole"
PLACE, TTL = "usage.cache.place", "usage.cache.ttl"
SIZE = 2000
SENT = ("request.system.blocks",)  # by the suites


def marked(place: str, **control: Any) -> dict[str, Any]:
    mark = {"cache_control": {"type": "ephemeral", **control}}
    words = {"type": "text", "text": "Long.", **mark}
    if place == "tools":
        return {"tools": [{"name": "f", "input_schema": {"type": "object"}, **mark}]}
    if place == "tool_result":
        words = {"type": place, "tool_use_id": "toolu_1", "content": "Long.", **mark}
    return {"system": [words]} if place == "system" else {"messages": [{"role": "user", "content": [words]}]}


def counts(created: int, read: int, **more: Any) -> dict[str, Any]:
    return {
        "input_tokens": SIZE + 15 - created - read,
        "cache_creation_input_tokens": created,
        "cache_read_input_tokens": read,
        "output_tokens": 5,
        **more,
    }


def whole(created: int = 0, read: int = 0, place: str = "system", ttl: str | None = None, **more: Any) -> Exchange:
    ask = marked(place, **({"ttl": ttl} if ttl else {}))
    return answered({"usage": counts(created, read, **more)}, ask=ask, probes=SENT)


def stream(created: int = 0, read: int = 0) -> Exchange:
    usage = counts(created, read)
    return streamed(
        [start(usage=usage), block(), text("Hi"), stop(), ends(usage=usage), over()], ask=marked("system"), probes=SENT
    )


def split(minutes: int, hour: int) -> dict[str, Any]:
    return {"cache_creation": {"ephemeral_5m_input_tokens": minutes, "ephemeral_1h_input_tokens": hour}}


WROTE, HIT, PLAIN = whole(SIZE), whole(0, SIZE), whole()
UNUSED = [whole(place="tools"), whole(place="tools")]
ROWS: dict[str, tuple[Run, Run]] = {
    AFTER_WRITE: ([WROTE] * 8, [*[WROTE] * 7, HIT]),
    FORMS: ([WROTE, HIT, stream(), HIT, stream()], [WROTE, HIT, stream(), HIT, stream(0, SIZE)]),
    PLACE: (
        [WROTE, whole(place="tools"), whole(place="tools")],
        [WROTE, whole(place="tools"), whole(SIZE, place="tools")],
    ),
    TTL: ([whole(SIZE, ttl="1h", **split(SIZE, 0))], [whole(SIZE, ttl="1h", **split(0, SIZE))]),
}


def judged(requirement: str, run: Run) -> Verdict:
    return verdicts(numbered(*run), under=FULL_PROFILE, only=[requirement])[requirement]


@pytest.mark.parametrize("requirement", ROWS)
def test_it_is_violated(requirement: str) -> None:
    verdict = judged(requirement, ROWS[requirement][0])
    assert verdict.outcome == WARN
    assert len(verdict.findings) == 1


@pytest.mark.parametrize("requirement", ROWS)
def test_it_passes(requirement: str) -> None:
    assert judged(requirement, ROWS[requirement][1]).outcome == PASS


@pytest.mark.parametrize(
    ("requirement", "run"),
    [
        pytest.param(AFTER_WRITE, [WROTE] * 7, id="a cache that loses every second entry by chance"),
        pytest.param(AFTER_WRITE, [PLAIN] * 8, id="a server without a cache"),
        pytest.param(FORMS, [WROTE, HIT, stream()], id="one stream that missed"),
        pytest.param(FORMS, [PLAIN, PLAIN, stream(), PLAIN, stream()], id="no cache in either form"),
        pytest.param(PLACE, [PLAIN, *UNUSED], id="no cache at any place"),
        pytest.param(TTL, [whole(SIZE, ttl="1h")], id="a usage that is not divided"),
        pytest.param(TTL, [whole(ttl="1h", **split(0, 0))], id="nothing written"),
    ],
)
def test_a_cache_that_misses_or_is_off_accuses_nobody(requirement: str, run: Run) -> None:
    assert judged(requirement, run).outcome == NOT_VERIFIED


def test_results_of_tools_are_a_place_of_their_own() -> None:
    lost = [whole(place="tool_result"), whole(place="tool_result")]
    verdict = judged(PLACE, [whole(SIZE, place="messages"), *lost])
    assert "cache_control in tool_result" in verdict.findings[0].found
    assert not judged(PLACE, [whole(SIZE, place="messages"), whole(place="messages"), *lost[:1]]).findings


def test_a_miss_at_one_place_is_legal() -> None:
    assert judged(PLACE, [WROTE, whole(place="tools")]).outcome == PASS


def test_both_ttls_in_one_request_are_not_compared() -> None:
    both = {**marked("system", ttl="1h"), **marked("messages")}
    one = answered({"usage": counts(SIZE, 0, **split(SIZE, 0))}, ask=both, probes=SENT)
    assert judged(TTL, [one]).outcome == NOT_VERIFIED
