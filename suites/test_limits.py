"""Limits that are derived from an answer, so that they cut it in its middle. No model has to cooperate."""

import pytest

from messages_conformance.generate import Dialogue, answer_text, answer_tokens, whole_and_streamed, word_to_stop_at

RAIN = "Describe a rainy day in a city in two sentences."
MAX_TOKENS = 96


async def cut_in_the_middle(send):
    """Asks once, then again with a word of the answer as a stop sequence, and with half of its tokens as the limit."""
    whole = await send(whole_and_streamed("middle", RAIN, max_tokens=MAX_TOKENS)[0])
    word, half = word_to_stop_at(answer_text(whole)), answer_tokens(whole) // 2
    if word is not None:
        for cut in whole_and_streamed(
            "middle.stop", RAIN, max_tokens=MAX_TOKENS, stop_sequences=[word], needs=["stop-sequences"]
        ):
            await send(cut)
    if half >= 1:
        for cut in whole_and_streamed(
            "middle.limit", RAIN, max_tokens=half, needs=["small-limits"], capability="small-limits"
        ):
            await send(cut)


DIALOGUES = [Dialogue(name="middle", steps=cut_in_the_middle, max_requests=5, max_output_tokens=4 * MAX_TOKENS)]


@pytest.mark.parametrize("dialogue", DIALOGUES, indirect=True)
def test_cuts_answers(dialogue, judge):
    judge(*dialogue)
