"""Limits that are derived from an answer, so that they cut it in its middle, and large bodies. No model has to
cooperate.
"""

from dataclasses import replace

import pytest

from messages_conformance.generate import (
    REFUSED,
    Dialogue,
    answer_text,
    answer_tokens,
    ask,
    whole_and_streamed,
    word_in_other_letters,
    word_to_stop_at,
)

RAIN = "Describe a rainy day in a city in two sentences."
MAX_TOKENS = 96


async def cut_in_the_middle(send):
    """Asks once, then again with a word of the answer as a stop sequence, and with half of its tokens as the limit."""
    whole = await send(whole_and_streamed("middle", RAIN, max_tokens=MAX_TOKENS)[0])
    text = answer_text(whole)
    word, half = word_to_stop_at(text), answer_tokens(whole) // 2
    if word is not None:
        # The blanks of a sequence count, and so do its capitals: the first ends the answer, and the second does not.
        spaced = next((one for one in (f" {word} ", f" {word}") if one in text), word)
        sequences = [spaced, *word_in_other_letters(text, before=word)]
        for cut in whole_and_streamed(
            "middle.stop", RAIN, max_tokens=MAX_TOKENS, stop_sequences=sequences, needs=["stop-sequences"]
        ):
            await send(cut)
    if half >= 1:
        for cut in whole_and_streamed(
            "middle.limit", RAIN, max_tokens=half, needs=["small-limits"], capability="small-limits"
        ):
            await send(cut)


UNKNOWN_MODEL = "no-such/model-xyz"  # nothing is inferred for it, so a large prompt costs nothing
SIZE = "transport.request.size-below-limit"
WORD = "ok "
BYTES = (1_100_000, 11_000_000)
MORE_BYTES = (19_000_000,)  # some clouds have a limit of 20 MB


def for_unknown_model(size):
    """A request for an unknown model with a prompt of a number of bytes."""
    text = WORD * (size // len(WORD) + 1)
    asked = ask(f"size.{size}", text, expect=REFUSED, probe=SIZE, model=UNKNOWN_MODEL)
    return replace(asked, statuses=(400, 403, 404))


def of_sizes(sizes):
    """Steps that send a short request and, if it is refused, large ones."""

    async def steps(send):
        refused = await send(for_unknown_model(0))
        if refused.response is not None and 400 <= refused.response.status < 500:
            for size in sizes:
                await send(for_unknown_model(size))

    return steps


SIZES = [
    Dialogue(name="size", steps=of_sizes(BYTES), max_requests=1 + len(BYTES), max_output_tokens=16),
    Dialogue(name="size.more", steps=of_sizes(MORE_BYTES), max_requests=2, max_output_tokens=16, depth="deep"),
]
DIALOGUES = [Dialogue(name="middle", steps=cut_in_the_middle, max_requests=5, max_output_tokens=4 * MAX_TOKENS)]


@pytest.mark.parametrize("dialogue", SIZES, indirect=True)
def test_reads_large_bodies(dialogue, judge):
    judge(*dialogue)


@pytest.mark.parametrize("dialogue", DIALOGUES, indirect=True)
def test_cuts_answers(dialogue, judge):
    judge(*dialogue)
