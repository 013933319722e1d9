"""Conversations: requests that depend on one another, and requests at the same time."""

import pytest

from messages_conformance.generate import Dialogue, ask, assistant, content_to_echo, user

CITY = "Name one large city in Japan. Reply with the name only."

# Words of different kinds, so that no two answers have a part in common.
WORDS = ["zebra-17", "maple-42", "amber-58", "tulip-93", "otter-26"]
CROWD = [ask(f"concurrent.{word}", f"Reply with only this word: {word}", stream=True, max_tokens=24) for word in WORDS]

PREFILL = [
    ask(
        "prefill",
        [user("What is the capital of France? Answer in one short sentence."), assistant("The capital of France")],
        max_tokens=24,
        needs=["prefill"],
        capability="prefill",
        probe="request.prefill.continue",
    )
]


async def echo(send):
    """Sends the content of an answer back to the target as the assistant's turn."""
    first = await send(ask("echo.first", CITY, max_tokens=24))
    content = content_to_echo(first)
    if content is None:
        return
    turns = [user(CITY), assistant(content), user("Reply with the single word: ok")]
    await send(ask("echo.second", turns, probe="response.content.echoable"))
    await send(ask("echo.second.streamed", turns, stream=True, probe="response.content.echoable"))


DIALOGUES = [
    Dialogue(name="echo", steps=echo, max_requests=3, max_output_tokens=56),
]


@pytest.mark.parametrize("exchange", CROWD, indirect=True)
def test_isolates_concurrent_requests(exchange, judge):
    judge(exchange)


@pytest.mark.parametrize("exchange", PREFILL, indirect=True)
def test_continues_prefill(exchange, judge):
    judge(exchange)


@pytest.mark.parametrize("dialogue", DIALOGUES, indirect=True)
def test_continues_conversations(dialogue, judge):
    judge(*dialogue)
