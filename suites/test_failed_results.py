"""Whether a model learns that a tool call failed, which only is_error of its result says."""

import pytest

from messages_conformance.generate import EITHER, Dialogue, answered_message, ask, assistant, user

TOOL = {
    "name": "read_meter",
    "description": "Reads the water meter of a house.",
    "input_schema": {"type": "object", "properties": {"house": {"type": "string"}}, "required": ["house"]},
}
QUESTION = "Did the tool call fail? Reply with the single word yes or no."
TRIES = 3


def asked(name, content, **flag):
    call = {"type": "tool_use", "id": "toolu_meter1", "name": "read_meter", "input": {"house": "12"}}
    result = {"type": "tool_result", "tool_use_id": "toolu_meter1", "content": content, **flag}
    turns = [user("Read the meter of house 12."), assistant([call]), user([result, {"type": "text", "text": QUESTION}])]
    return ask(
        f"failed-result.{name}",
        turns,
        expect=EITHER,
        probe="request.tool_result.is-error",
        tools=[TOOL],
    )


def texts(exchange):
    """The texts of an answer; None without a message."""
    message = answered_message(exchange)
    return None if message is None else [block.get("text") for block in message["content"]]


async def ask_whether_the_call_failed(send):
    """A result that tells of the failure shows that the model can answer; then pairs that differ in is_error alone."""
    told = await send(asked("told", "Error: the call failed, the meter could not be read."))
    if not told.succeeded:
        return
    for number in range(1, TRIES + 1):
        marked = await send(asked(f"marked.{number}", "42", is_error=True))
        unmarked = await send(asked(f"unmarked.{number}", "42", is_error=False))
        if texts(marked) != texts(unmarked):
            return


DIALOGUES = [
    Dialogue(
        name="failed-result",
        steps=ask_whether_the_call_failed,
        max_requests=1 + 2 * TRIES,
        max_output_tokens=16 * (1 + 2 * TRIES),
        needs=frozenset({"tools"}),
    )
]


@pytest.mark.parametrize("dialogue", DIALOGUES, indirect=True)
def test_the_model_learns_of_a_failed_call(dialogue, judge):
    judge(*dialogue)
