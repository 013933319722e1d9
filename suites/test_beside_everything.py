"""Fields whose effect an answer shows, in requests that have every other part, too.

Gateways have several ways for a request: one for images, one for tools, one for cached prompts. A field may be lost on
one of them. A request with all parts takes each of these ways, or the longest one.
"""

import pytest

from messages_conformance.generate import EITHER, Dialogue, answer_text, answered_message, ask, assistant, user

COUNT = "Count from 1 to 12, separated by commas. Reply with the numbers only."
OK = "Reply with the single word: ok"
SUM = "What is 27 times 43? Reply with the number only."
POEM = "Ada is 36 years old. Write a poem of two lines about her birthday."
STOP = ", 9"
SHORT, LONG, THOUGHT = 48, 400, 1_600
TIMES = 4  # the rules need this many answers without the effect

DOT = "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAFklEQVR42mO4IydHEmIY1TCqYfhqAACaMxgQdrf9VwAAAABJRU5ErkJggg=="
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": DOT}}
ROOMS = "The reading room of the Café Zoë opens at nine, and it closes at five. " * 30
DOCUMENT = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": ROOMS}}
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
UNUSED = {"stop_sequences": ["not in any of the answers"]}
FORMAT = {"output_config": {"format": {"type": "json_schema", "schema": PERSON}}}
CLOCK = {"name": "get_time", "description": "Gives the local time in one city.", "input_schema": {"type": "object"}}
TIME_CALL = {"type": "tool_use", "id": "toolu_clock1", "name": "get_time", "input": {}}
ADVICE = [{"type": "text", "text": "You follow each request exactly.", "cache_control": {"type": "ephemeral"}}]


def crowded(question, *parts):
    """The fields of a request with a system prompt, a tool, earlier turns with a result, and these parts."""
    return {
        "question": [
            user([*parts, {"type": "text", "text": "What time is it in Paris?"}]),
            assistant([TIME_CALL]),
            user([{"type": "tool_result", "tool_use_id": "toolu_clock1", "content": "10:15"}]),
            assistant("It is 10:15 in Paris."),
            user(question),
        ],
        "system": ADVICE,
        "tools": [CLOCK],
    }


# Thinking takes a way of its own in many gateways; the limit and the format are asked for beside it alone, too.
THINKING = {"thinking": {"type": "adaptive"}, "capability": "thinking", "needs": ["thinking"], "expect": EITHER}


async def formats(send, name, everything):
    """Asks for a format beside everything, and beside tools and a system prompt alone where the answer has none."""
    # Proxies that know one of two fields only drop the format.
    for situation, fields in (
        (name, everything),
        ("beside-tools", {"question": POEM, "tools": [CLOCK]}),
        ("beside-system", {"question": POEM, "system": ADVICE[0]["text"]}),
    ):
        lost = 0
        for copy in range(TIMES):
            asked = {"max_tokens": 100, "copy": copy, "expect": EITHER, "capability": "structured-outputs"}
            answer = await send(ask(f"{situation}.format", **asked, **fields, **FORMAT, **UNUSED))
            if answered_message(answer) is None or "{" in answer_text(answer):
                break
            lost += 1
        if situation == name and not lost:
            return


async def thoughtful_formats(send):
    """Asks for a format beside thinking, and again where the answer has none."""
    for copy in range(TIMES):
        answer = await send(ask("beside-thinking.format", POEM, copy=copy, max_tokens=LONG, **THINKING, **FORMAT))
        if answered_message(answer) is None or "{" in answer_text(answer):
            break


async def effects(send):
    """Asks for each effect beside everything, and without pictures and documents where a target refuses them."""
    parts, name = (IMAGE, DOCUMENT), "beside-all"

    async def answer(situation, question, **fields):
        asked = {"max_tokens": SHORT, "expect": EITHER, **crowded(question, *parts), **fields}
        return await send(ask(f"{name}.{situation}", **asked))

    if not (await answer("control", COUNT)).succeeded:
        parts, name = (), "beside-most"
        if not (await answer("control", COUNT)).succeeded:
            return
    await answer("stop.streamed", COUNT, stream=True, stop_sequences=[STOP])
    await answer("forced", OK, max_tokens=100, tool_choice={"type": "any"}, capability="forced-tools", **UNUSED)
    await formats(send, name, crowded(POEM, *parts))
    for stream in (False, True):
        await answer(f"limit{'.streamed' if stream else ''}", COUNT, stream=stream, max_tokens=8)
    for copy in range(TIMES):
        budget = {"type": "enabled", "budget_tokens": 1_024}
        thoughtful = await answer(
            "thinking", SUM, max_tokens=THOUGHT, copy=copy, capability="thinking", thinking=budget
        )
        message = answered_message(thoughtful)
        if message is None or any(block.get("type") == "thinking" for block in message["content"]):
            break


BESIDE_THINKING = [
    ask("beside-thinking.control", COUNT, max_tokens=LONG, **THINKING),
    ask("beside-thinking.stop", COUNT, max_tokens=LONG, stop_sequences=[STOP], **THINKING),
]

DIALOGUES = [
    Dialogue(
        name="beside-thinking",
        steps=thoughtful_formats,
        max_requests=TIMES,
        max_output_tokens=TIMES * LONG,
        needs=frozenset({"thinking", "structured-outputs"}),
    ),
    Dialogue(
        name="beside-all",
        steps=effects,
        max_requests=6 + 4 * TIMES,
        max_output_tokens=6 * 100 + TIMES * (300 + THOUGHT),
        needs=frozenset({"tools", "system-blocks", "stop-sequences", "small-limits"}),
    ),
]


@pytest.mark.parametrize("dialogue", DIALOGUES, indirect=True)
def test_has_each_effect_beside_everything(dialogue, judge):
    judge(*dialogue)


@pytest.mark.parametrize("exchange", BESIDE_THINKING, indirect=True)
def test_has_each_effect_beside_thinking(exchange, judge):
    judge(exchange)
