"""Parts of a request that gateways accept and then ignore: large limits, later stop sequences and tools, system turns.

Each part has an effect that the answer or its input tokens show, whatever the model is.
"""

import pytest

from messages_conformance.generate import (
    EITHER,
    Dialogue,
    answered_message,
    ask,
    assistant,
    count_tokens,
    user,
)

OK = "Reply with the single word: ok"
COUNT = "Count from 1 to 12, separated by commas. Reply with the numbers only."
SHORT = 48


# -- max_tokens: an answer that is longer than the limits that gateways put in its place

LIMIT, HIGHER_LIMIT = 1_300, 4_400
"""Above the limits 1,024 and 4,096, so that an answer at one of them is clearly short."""
NEAR = 0.9  # of the limit: an answer that ends there is not cut too early (usage.output.eq-max-on-max_tokens)
TASKS = (
    "Count from 1 to {last}, separated by commas. Reply with all the numbers, and with nothing else.",
    "Count from 301 to {more}, one number per line. Reply with all the numbers, and with nothing else.",
)


def counting(task, limit, *, stream):
    question = TASKS[task].format(last=limit, more=limit + 400)  # each number is a token or more
    name = f"limit.large.{limit}{'.again' if task else ''}{'.streamed' if stream else ''}"
    return ask(name, question, stream=stream, max_tokens=limit, needs=["text"])


def uncut(limit):
    """The steps that ask for a long answer, and for another one where the first one is short."""

    async def steps(send):
        for stream in (False, True):
            for task in range(len(TASKS)):
                answer = await send(counting(task, limit, stream=stream))
                message = answered_message(answer)
                used = message["usage"]["output_tokens"] if message is not None else limit
                if used >= NEAR * limit:
                    break

    return steps


def long_answers(limit, depth):
    most = 2 * len(TASKS)
    name = f"limit.large.{limit}"
    return Dialogue(name=name, steps=uncut(limit), max_requests=most, max_output_tokens=most * limit, depth=depth)


LONG_ANSWERS = [long_answers(LIMIT, "standard"), long_answers(HIGHER_LIMIT, "deep")]


# -- stop sequences at every place of the list

UNUSED = [f"##{number}##" for number in range(12)]
AT_PLACES = {
    "second-of-three": [UNUSED[0], ", 9", UNUSED[1]],
    "ninth-of-twelve": [*UNUSED[:8], ", 7", *UNUSED[8:11]],
}
# suites/test_messages.py sends the same question without a stop sequence.
LONGER_COUNT = "Count from 1 to 20, separated by commas. Reply with the numbers only."
STOPS = [
    ask(f"stop.{name}", LONGER_COUNT, max_tokens=100, expect=EITHER, stop_sequences=sequences, needs=["stop-sequences"])
    for name, sequences in AT_PLACES.items()
]


# -- the last of many tools, and a system turn in the middle, with the note of suites/test_counting.py

SENTENCE = "The clerk of the west tower dusts the oldest maps every week and writes the date into a green book."
NOTE = " ".join([SENTENCE] * 8)
NOTHING = "Yes."
TOOL_COUNT = 129  # as in request.tools.count: one more than the largest limit of other APIs
COUNTED = {"max_tokens": 16, "expect": EITHER, "probe": "request.parts.counted"}


def many_tools(last):
    """Many tools; the last one has this description and an input that is required."""
    tools = [
        {"name": f"tool_{n}", "description": f"Opens box {n}.", "input_schema": {"type": "object"}}
        for n in range(TOOL_COUNT)
    ]
    schema = {"type": "object", "properties": {"label": {"type": "string"}}, "required": ["label"]}
    return [*tools[:-1], {**tools[-1], "description": last, "input_schema": schema}]


def middle(words):
    """A conversation with a system message before its last turn."""
    return [user("Hello."), {"role": "system", "content": words}, assistant("Hello."), user(OK)]


async def late_tools(send):
    """Asks with and without a note in the last tool, counts the tokens, and then forces a call of this tool."""
    for name, last in (("note", NOTE), ("plain", NOTHING)):
        answer = await send(ask(f"tools.many.{name}", OK, tools=many_tools(last), needs=["tools"], **COUNTED))
        if not answer.succeeded:
            return
    await send(count_tokens("tools.many.counted", OK, tools=many_tools(NOTHING)))
    last = many_tools(NOTHING)[-1]["name"]
    question = f"Call the tool {last} with the label: maps"
    for copy in range(2):
        forced = ask(
            "tools.many.forced",
            question,
            copy=copy,
            max_tokens=100,
            expect=EITHER,
            tools=many_tools(NOTHING),
            tool_choice={"type": "tool", "name": last},
            capability="forced-tools",
        )
        if not (await send(forced)).succeeded:
            return


async def system_turns(send):
    """Asks with and without a note in a system turn."""
    for name, words in (("note", NOTE), ("plain", NOTHING)):
        asked = ask(f"turns.system.{name}", middle(words), capability="system-role", **COUNTED)
        if not (await send(asked)).succeeded:
            return


READ_WHOLE = [
    Dialogue(
        name="tools.many",
        steps=late_tools,
        max_requests=5,
        max_output_tokens=232,
        needs=frozenset({"tools", "tool-choice", "forced-tools", "count-tokens"}),
    ),
    Dialogue(
        name="turns.system",
        steps=system_turns,
        max_requests=2,
        max_output_tokens=32,
        needs=frozenset({"system-role"}),
    ),
]


# -- an output format, in as many requests as have no period in common with "every second" or "every third"

PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
# A model that is not held to the format answers with a sentence.
POEM = "Ada is 36 years old. Write a poem of two lines about her birthday."
FORMATTED = [
    ask(
        f"format.poem{'.streamed' if copy % 2 else ''}",
        POEM,
        copy=copy,
        stream=bool(copy % 2),
        max_tokens=100,
        output_config={"format": {"type": "json_schema", "schema": PERSON}},
        needs=["structured-outputs"],
        capability="structured-outputs",
    )
    for copy in range(5)
]


@pytest.mark.parametrize("exchange", [*STOPS, *FORMATTED], indirect=True)
def test_obeys_every_field(exchange, judge):
    judge(exchange)


@pytest.mark.parametrize("dialogue", [*LONG_ANSWERS, *READ_WHOLE], indirect=True)
def test_reads_every_part(dialogue, judge):
    judge(*dialogue)
