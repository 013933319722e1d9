"""Conversations: the second request depends on the first answer."""

import pytest

from messages_conformance.generate import Dialogue, ask, assistant, content_to_echo, user

CITY = "Name one large city in Japan. Reply with the name only."


async def echo(send):
    """The answer's own content comes back to the target as the assistant's turn."""
    first = await send(ask("echo.first", CITY, max_tokens=24))
    content = content_to_echo(first)
    if content is None:
        return
    turns = [user(CITY), assistant(content), user("Reply with the single word: ok")]
    await send(ask("echo.second", turns, probe="response.content.echoable"))
    await send(ask("echo.second.streamed", turns, stream=True, probe="response.content.echoable"))


DIALOGUES = [Dialogue(name="echo", steps=echo, max_requests=3, max_output_tokens=56)]


@pytest.mark.parametrize("dialogue", DIALOGUES, indirect=True)
def test_goes_on(dialogue, judge):
    judge(*dialogue)
