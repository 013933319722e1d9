"""The official Anthropic SDK reads the dialect `anthropic`, and the reference endpoint judges its requests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest
from misbehaving import PATIENCE_S
from upstream_support import CALLS, EVERYTHING, TALK, WORDS, prompt

from messages_conformance.upstream import Failure, Interruption, Reasoning, Refusal, Script, Text, Upstream


@pytest.fixture(scope="module")
def sdk() -> Iterator[anthropic.Anthropic]:
    with (
        Upstream("anthropic") as upstream,
        anthropic.Anthropic(base_url=upstream.base_url, api_key="k", max_retries=0, timeout=PATIENCE_S) as made,
    ):
        yield made


def create(sdk: anthropic.Anthropic, script: Script | str, **fields: Any) -> Any:
    text = script if isinstance(script, str) else prompt(script)
    given: dict[str, Any] = {"model": "upstream-name", "max_tokens": 500, **fields}
    return sdk.messages.create(messages=[{"role": "user", "content": text}], **given)


def streamed(sdk: anthropic.Anthropic, script: Script) -> Any:
    turns: Any = [{"role": "user", "content": prompt(script)}]
    with sdk.messages.stream(model="upstream-name", max_tokens=500, messages=turns) as stream:
        return stream.get_final_message()


def test_text_and_usage_without_the_cached_tokens(sdk: anthropic.Anthropic) -> None:
    for answer in (create(sdk, TALK), streamed(sdk, TALK)):
        assert answer.content[0].text == WORDS
        assert (answer.stop_reason, answer.model, answer.id[:6]) == ("end_turn", "upstream-name", "msg_01")
        assert (answer.usage.input_tokens, answer.usage.cache_read_input_tokens) == (26, 4)


def test_thinking_and_parallel_calls(sdk: anthropic.Anthropic) -> None:
    for answer in (create(sdk, EVERYTHING), streamed(sdk, EVERYTHING)):
        assert [block.type for block in answer.content] == ["thinking", "text", "tool_use", "tool_use"]
        assert (answer.content[0].thinking, answer.content[0].signature) == ("I think.", "c2lnbmVk")
        assert [(block.id, block.name) for block in answer.content[2:]] == [(call.id, call.name) for call in CALLS]
        assert answer.content[2].input == {"city": "Zürich", "n": 12345678901234567890}
        assert answer.stop_reason == "tool_use"


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (Script(finish="length"), "max_tokens"),
        (Script(finish="content_filter"), "refusal"),
        (Script(blocks=(Refusal("I cannot."),)), "refusal"),
        (Script(finish="pause_turn"), "pause_turn"),
        (Script(finish="missing"), None),
    ],
)
def test_stop_reasons(sdk: anthropic.Anthropic, script: Script, reason: str | None) -> None:
    assert create(sdk, script).stop_reason == reason
    assert streamed(sdk, script).stop_reason == reason


def test_stop_sequences_and_redacted_thinking(sdk: anthropic.Anthropic) -> None:
    script = Script(blocks=(Reasoning("", redacted="c2VjcmV0"), Text("a")), finish="stop_sequence", stop_sequence="b")
    for answer in (create(sdk, script), streamed(sdk, script)):
        assert answer.content[0].data == "c2VjcmV0"
        assert (answer.stop_reason, answer.stop_sequence) == ("stop_sequence", "b")


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, "AuthenticationError"), (429, "RateLimitError"), (500, "InternalServerError"), (529, "OverloadedError")],
)
def test_errors_have_the_class_of_their_status(sdk: anthropic.Anthropic, status: int, kind: str) -> None:
    with pytest.raises(anthropic.APIStatusError) as raised:
        create(sdk, Script(failure=Failure(status=status)))
    assert type(raised.value).__name__ == kind
    assert raised.value.request_id


def test_interrupted_streams(sdk: anthropic.Anthropic) -> None:
    failure = Failure(status=529, message="Overloaded")
    with pytest.raises(anthropic.APIStatusError, match="overloaded_error"):
        streamed(sdk, Script(interruption=Interruption(after=1, how="error", failure=failure)))
    with pytest.raises(Exception, match="incomplete chunked read"):
        streamed(sdk, Script(interruption=Interruption(after=1, how="cut")))


def test_wrong_requests_are_refused_and_the_key_is_not_judged(sdk: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.BadRequestError, match="temperature"):
        create(sdk, TALK, extra_body={"temperature": 5})
    assert create(sdk, Script(validates=False), extra_body={"temperature": 5}).stop_reason == "end_turn"
    assert create(sdk, "Count from 1 to 3.").content[0].text == "1, 2, 3"
    history: Any = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "I think.", "signature": "c2lnbmVk"}]},
        {"role": "user", "content": prompt(TALK)},
    ]
    assert sdk.messages.create(model="m", max_tokens=9, messages=history).stop_reason == "end_turn"
    assert sdk.messages.count_tokens(model="m", messages=history).input_tokens > 1
