"""The official OpenAI SDK reads every form of the two OpenAI dialects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import openai
import pytest
from misbehaving import PATIENCE_S
from upstream_support import CALLS, EVERYTHING, PARALLEL, TALK, WORDS, prompt

from messages_conformance.upstream import Failure, Interruption, Refusal, Script, Text, Upstream

ERRORS = [
    (400, openai.BadRequestError),
    (401, openai.AuthenticationError),
    (403, openai.PermissionDeniedError),
    (404, openai.NotFoundError),
    (429, openai.RateLimitError),
    (500, openai.InternalServerError),
    (503, openai.InternalServerError),
    (529, openai.InternalServerError),
]
TOOLS: Any = [{"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in ("a", "b")]


def client(upstream: Upstream) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{upstream.base_url}/v1", api_key="k", max_retries=0, timeout=PATIENCE_S)


@pytest.fixture(scope="module")
def chat() -> Iterator[openai.OpenAI]:
    with Upstream("openai-chat") as upstream, client(upstream) as made:
        yield made


@pytest.fixture(scope="module")
def responses() -> Iterator[openai.OpenAI]:
    with Upstream("openai-responses") as upstream, client(upstream) as made:
        yield made


def complete(chat: openai.OpenAI, script: Script | str, **fields: Any) -> Any:
    text = script if isinstance(script, str) else prompt(script)
    return chat.chat.completions.create(model="m", messages=[{"role": "user", "content": text}], **fields)


def respond(responses: openai.OpenAI, script: Script | str, **fields: Any) -> Any:
    text = script if isinstance(script, str) else prompt(script)
    return responses.responses.create(model="m", input=text, **fields)


def joined(chunks: list[Any], field: str) -> str:
    deltas = [choice.delta for chunk in chunks for choice in chunk.choices]
    return "".join(getattr(delta, field, None) or "" for delta in deltas)


# -- chat completions -------------------------------------------------------------------------------------------------


def test_chat_text_and_usage(chat: openai.OpenAI) -> None:
    answer = complete(chat, TALK)
    assert answer.choices[0].message.content == WORDS
    assert answer.choices[0].message.tool_calls is None
    assert answer.choices[0].finish_reason == "stop"
    assert (answer.id[:9], answer.object, answer.model) == ("chatcmpl-", "chat.completion", "m")
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (30, 9, 39)
    assert answer.usage.prompt_tokens_details.cached_tokens == 4


@pytest.mark.parametrize("asked", [True, False])
def test_chat_stream_has_usage_only_on_request(chat: openai.OpenAI, asked: bool) -> None:
    options = {"stream_options": {"include_usage": True}} if asked else {}
    chunks = list(complete(chat, TALK, stream=True, **options))
    assert joined(chunks, "content") == WORDS
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    counted = [chunk for chunk in chunks if chunk.usage is not None]
    assert [(chunk.choices, chunk.usage.total_tokens) for chunk in counted] == ([([], 39)] if asked else [])
    assert len({chunk.id for chunk in chunks}) == 1


def test_chat_parallel_calls(chat: openai.OpenAI) -> None:
    message = complete(chat, PARALLEL, tools=TOOLS).choices[0].message
    assert message.content is None
    assert [(one.id, one.function.name, one.function.arguments) for one in message.tool_calls] == [
        (call.id, call.name, call.arguments) for call in CALLS
    ]


@pytest.mark.parametrize("script", [PARALLEL, EVERYTHING])
def test_chat_streams_arguments_of_parallel_calls_in_pieces(chat: openai.OpenAI, script: Script) -> None:
    chunks = list(complete(chat, script, tools=TOOLS, stream=True))
    deltas = [one for chunk in chunks for one in chunk.choices[0].delta.tool_calls or ()]
    assert [(one.index, one.id, one.function.name) for one in deltas if one.id] == [
        (0, "call_one", "get_weather"),
        (1, "call_two", "get_time"),
    ]
    for index, call in enumerate(CALLS):
        pieces = [one.function.arguments for one in deltas if one.index == index]
        assert "".join(pieces) == call.arguments
        assert max(map(len, pieces)) == script.chunking.sizes[0]
    order = [one.index for one in deltas]
    assert (order == sorted(order)) is not script.chunking.interleaved
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


def test_chat_reasoning(chat: openai.OpenAI) -> None:
    assert complete(chat, EVERYTHING).choices[0].message.reasoning_content == "I think."
    assert joined(list(complete(chat, EVERYTHING, stream=True)), "reasoning_content") == "I think."
    other = Script(blocks=EVERYTHING.blocks, reasoning_field="reasoning")
    assert joined(list(complete(chat, other, stream=True)), "reasoning") == "I think."


def test_chat_refusal(chat: openai.OpenAI) -> None:
    script = Script(blocks=(Refusal("I cannot."),))
    message = complete(chat, script).choices[0].message
    assert (message.refusal, message.content) == ("I cannot.", None)
    assert joined(list(complete(chat, script, stream=True)), "refusal") == "I cannot."


@pytest.mark.parametrize("finish", ["length", "content_filter", "something_new"])
def test_chat_finish_reasons(chat: openai.OpenAI, finish: str) -> None:
    script = Script(blocks=(Text("cut of"),), finish=finish)
    assert complete(chat, script).choices[0].finish_reason == finish
    assert list(complete(chat, script, stream=True))[-1].choices[0].finish_reason == finish


@pytest.mark.parametrize(("status", "kind"), ERRORS)
def test_errors_have_the_class_of_their_status(
    chat: openai.OpenAI, status: int, kind: type[openai.APIStatusError]
) -> None:
    script = Script(failure=Failure(status=status, message="It fails."), headers=(("retry-after", "7"),))
    with pytest.raises(openai.APIStatusError) as raised:
        complete(chat, script, stream=True)
    assert type(raised.value) is kind
    assert "It fails." in str(raised.value)
    assert raised.value.response.headers["retry-after"] == "7"
    assert raised.value.request_id


def test_chat_stream_with_an_error(chat: openai.OpenAI) -> None:
    failure = Failure(status=500, message="The model is gone.")
    stream = complete(chat, Script(interruption=Interruption(after=2, how="error", failure=failure)), stream=True)
    read: list[Any] = []
    with pytest.raises(openai.APIError, match=r"The model is gone\."):
        read.extend(stream)


@pytest.mark.parametrize("how", ["cut", "reset"])
def test_a_stream_that_is_cut_is_a_connection_error(chat: openai.OpenAI, how: Any) -> None:
    stream = complete(chat, Script(interruption=Interruption(after=2, how=how)), stream=True)
    with pytest.raises(openai.APIConnectionError):
        list(stream)


def test_a_whole_answer_that_is_cut_is_a_connection_error(chat: openai.OpenAI) -> None:
    with pytest.raises(openai.APIConnectionError):
        complete(chat, Script(interruption=Interruption(after=2, how="cut")))


def test_a_stream_that_ends_early_has_no_finish_reason(chat: openai.OpenAI) -> None:
    chunks = list(complete(chat, Script(interruption=Interruption(after=2, how="end")), stream=True))
    assert len(chunks) == 3
    assert {chunk.choices[0].finish_reason for chunk in chunks} == {None}


def test_a_request_without_a_script_gets_a_plausible_answer(chat: openai.OpenAI, responses: openai.OpenAI) -> None:
    assert complete(chat, "Count from 1 to 5.").choices[0].message.content == "1, 2, 3, 4, 5"
    stopped = complete(chat, "Count from 1 to 5.", stop=["3"]).choices[0]
    assert (stopped.message.content, stopped.finish_reason) == ("1, 2, ", "stop")
    assert complete(chat, "Count from 1 to 90.", max_tokens=4).choices[0].finish_reason == "length"
    called = complete(chat, "Hello", tools=TOOLS, tool_choice={"type": "function", "function": {"name": "b"}})
    assert called.choices[0].message.tool_calls[0].function.name == "b"
    answer = respond(responses, "Count from 1 to 5.", instructions="Be kind.")
    assert (answer.output_text, answer.usage.output_tokens) == ("1, 2, 3, 4, 5", 10)


def test_models_are_listed(chat: openai.OpenAI, responses: openai.OpenAI) -> None:
    assert [model.id for model in chat.models.list()] == [model.id for model in responses.models.list()]
    assert chat.models.retrieve("any-name").id == "any-name"


# -- responses --------------------------------------------------------------------------------------------------------


def test_responses_text_and_usage(responses: openai.OpenAI) -> None:
    answer = respond(responses, TALK, temperature=0.5)
    assert (answer.output_text, answer.status, answer.temperature) == (WORDS, "completed", 0.5)
    assert (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.total_tokens) == (30, 9, 39)
    assert answer.usage.input_tokens_details.cached_tokens == 4


@pytest.mark.parametrize("script", [TALK, PARALLEL, EVERYTHING])
def test_responses_stream_adds_up_to_the_whole_response(responses: openai.OpenAI, script: Script) -> None:
    include: Any = ["reasoning.encrypted_content"]
    whole = respond(responses, script, include=include)
    with responses.responses.stream(model="m", input=prompt(script), include=include) as stream:
        events = list(stream)
        final = stream.get_final_response()
    unlike = {"id", "parsed", "parsed_arguments"}
    outputs = [[item.model_dump(exclude=unlike) for item in one.output] for one in (whole, final)]
    for item in outputs[1]:
        for part in item.get("content") or ():
            part.pop("parsed", None)
    assert outputs[0] == outputs[1]
    assert final.usage == whole.usage
    assert [event.sequence_number for event in events if hasattr(event, "sequence_number")] == sorted(
        {event.sequence_number for event in events if hasattr(event, "sequence_number")}
    )
    assert events[0].type == "response.created"
    assert events[-1].type == "response.completed"


def test_responses_items(responses: openai.OpenAI) -> None:
    answer = respond(responses, EVERYTHING, include=["reasoning.encrypted_content"])
    assert [item.type for item in answer.output] == ["reasoning", "message", "function_call", "function_call"]
    assert answer.output[0].summary[0].text == "I think."
    assert answer.output[0].encrypted_content == "c2lnbmVk"
    assert [(item.call_id, item.name, item.arguments) for item in answer.output[2:]] == [
        (call.id, call.name, call.arguments) for call in CALLS
    ]
    assert respond(responses, EVERYTHING).output[0].encrypted_content is None


@pytest.mark.parametrize(("finish", "reason"), [("length", "max_output_tokens"), ("content_filter", "content_filter")])
def test_responses_that_are_incomplete(responses: openai.OpenAI, finish: str, reason: str) -> None:
    script = Script(blocks=(Text("cut of"),), finish=finish)
    answer = respond(responses, script)
    assert (answer.status, answer.incomplete_details.reason) == ("incomplete", reason)
    last = list(respond(responses, script, stream=True))[-1]
    assert (last.type, last.response.incomplete_details.reason) == ("response.incomplete", reason)


def test_responses_refusal(responses: openai.OpenAI) -> None:
    script = Script(blocks=(Refusal("I cannot."),))
    assert respond(responses, script).output[0].content[0].refusal == "I cannot."
    events = list(respond(responses, script, stream=True))
    assert "".join(event.delta for event in events if event.type == "response.refusal.delta") == "I cannot."


def test_responses_stream_with_an_error(responses: openai.OpenAI) -> None:
    failure = Failure(status=500, message="The model is gone.")
    script = Script(interruption=Interruption(after=2, how="error", failure=failure))
    *_, error, failed = respond(responses, script, stream=True)
    assert (error.type, error.message, error.code) == ("error", "The model is gone.", "server_error")
    assert (failed.type, failed.response.error.message) == ("response.failed", "The model is gone.")


def test_responses_errors_and_cuts(responses: openai.OpenAI) -> None:
    with pytest.raises(openai.RateLimitError):
        respond(responses, Script(failure=Failure(status=429)))
    with pytest.raises(openai.APIConnectionError):
        list(respond(responses, Script(interruption=Interruption(after=1, how="cut")), stream=True))
