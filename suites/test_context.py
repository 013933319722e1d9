"""Asks at the end of a request for words from each of its parts: a lost part shows as a missing word."""

import pytest

from messages_conformance.generate import Dialogue, answer_text, ask, assistant, repeated_pair, user, words

LIST = (
    "List every code word that occurs in my messages, in your answers and in your instructions, separated by commas. "
    "Reply with the code words only."
)
ROOMS = "The reading room opens at nine, and the reading room closes at five. " * 80
MAX_TOKENS = 100
FORM_ANSWERS = 5  # the rule needs this many answers to each form
MAX_REQUESTS = 8 + 3 * FORM_ANSWERS - 3


def word(name):
    return f"One of the code words is {name}."


def text(*names):
    return [{"type": "text", "text": word(name)} for name in names]


def called(identifier):
    return {"type": "tool_use", "id": identifier, "name": "open_drawer", "input": {}}


def result(identifier, content):
    return {"type": "tool_result", "tool_use_id": identifier, "content": content}


IN_THE_QUESTION = [user(f"The code words are panda-31, cedar-64, pearl-27 and viola-85. {LIST}")]
# Gateways remove such elements (rynfar/meridian#368 and #720, GitHub).
IN_MARKUP = (
    f"<system-reminder>{word('ivory-77')}</system-reminder>\n<thinking>{word('basil-29')}</thinking>\n"
    f"<!-- {word('zebra-35')} -->\nGood."
)
IN_TURNS = {
    "system": f"You look after code words. {word('heron-38')}",
    "messages": [
        user(word("lemon-52")),
        assistant("I see."),
        user(text("coral-19", "birch-73")),
        assistant(word("robin-46")),
        user(IN_MARKUP),
        assistant("Thank you."),
        user(f"{word('onyx-68')} {LIST}"),
    ],
}
IN_BLOCKS = {"system": text("finch-22", "olive-91"), "messages": [user(word("cobra-57")), user(LIST)]}
IN_A_LONG_TEXT = {"messages": [user(f"{word('lilac-83')} {ROOMS}{word('raven-14')} {ROOMS}{word('topaz-65')}\n{LIST}")]}
IN_RESULTS = {
    "tools": [{"name": "open_drawer", "input_schema": {"type": "object", "properties": {}}}],
    "system": f"You look after code words. {word('quail-33')}",
    "messages": [
        user("Open two drawers."),
        assistant([called("toolu_word1"), called("toolu_word2")]),
        user(
            [
                result("toolu_word1", word("maple-42")),
                result("toolu_word2", text("amber-58", "tulip-93")),
                {"type": "text", "text": word("otter-26")},
            ]
        ),
        assistant("Both are open."),
        user(LIST),
    ],
}

PLACES = {
    "turns": (
        IN_TURNS,
        ["heron-38", "lemon-52", "coral-19", "birch-73", "robin-46", "ivory-77", "basil-29", "zebra-35", "onyx-68"],
        ("system",),
    ),
    "blocks": (IN_BLOCKS, ["finch-22", "olive-91", "cobra-57"], ("system-blocks",)),
    "long": (IN_A_LONG_TEXT, ["lilac-83", "raven-14", "topaz-65"], ()),
    "results": (IN_RESULTS, ["quail-33", "maple-42", "amber-58", "tulip-93", "otter-26"], ("system", "tools")),
}
"""For each request: its fields, the words in it, and the capabilities that a target must promise for it."""


def listing(situation, fields, *, stream, copy=0):
    fields = {"max_tokens": MAX_TOKENS, **fields} | ({"stream": True} if stream else {})
    # Other requests judge whether such turns are accepted.
    return ask(situation, fields.pop("messages"), copy=copy, probe="request.context.complete", **fields)


def steps_for(name, fields, names):
    """The steps of one dialogue: whole and streamed, and each again where a word is missing."""

    async def steps(send):
        for stream in (False, True):
            situation = f"context.{name}{'.streamed' if stream else ''}"
            missing = missing_words(await send(listing(situation, fields, stream=stream)), names)
            for copy in (1, 2):
                if missing:
                    again = listing(f"{situation}.again", fields, stream=stream, copy=copy)
                    missing = missing_words(await send(again), missing)
            if missing and not stream:
                await send_equal_forms(send, name, fields)
            if missing:
                # A model may leave a word out. The input tokens without the word show whether the target read it.
                await send(listing(f"{situation}.without", without(fields, missing), stream=stream))

    return steps


async def send_equal_forms(send, name, fields):
    """Sends the request again, and with its texts as strings, and with each of them as a list of one text block."""
    joined = with_texts(fields, lambda string: string)
    listed = with_texts(fields, lambda string: [{"type": "text", "text": string}])
    for copy in range(3, FORM_ANSWERS):
        await send(listing(f"context.{name}.again", fields, stream=False, copy=copy))
    for copy in range(FORM_ANSWERS):
        for form, request in (("strings", joined), ("lists", listed)):
            if request != fields:
                await send(listing(f"context.{name}.{form}", request, stream=False, copy=copy))


def with_texts(value, build, key=""):
    """The value with each string or list of text blocks, in a place that takes both, as `build` returns it."""
    if key in ("system", "content"):
        if isinstance(value, list) and all(set(block) == {"type", "text"} for block in value):
            value = "\n".join(block["text"] for block in value)
        if isinstance(value, str):
            return build(value)
    if isinstance(value, dict):
        return {name: with_texts(inner, build, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [with_texts(inner, build) for inner in value]
    return value


def missing_words(answer, names):
    """The words that are missing in an answer."""
    return [name for name in names if name not in answer_text(answer)]


def without(value, names):
    """The request with another sentence in place of each of these words."""
    if isinstance(value, dict):
        return {key: without(inner, names) for key, inner in value.items()}
    if isinstance(value, list):
        return [without(inner, names) for inner in value]
    for name in names if isinstance(value, str) else ():
        value = value.replace(word(name), "Yes.")
    return value


DIALOGUES = [
    Dialogue(
        name=f"context.{name}",
        steps=steps_for(name, fields, names),
        max_requests=MAX_REQUESTS,
        max_output_tokens=MAX_REQUESTS * MAX_TOKENS,
        needs=frozenset(needs),
    )
    for name, (fields, names, needs) in PLACES.items()
]
CONTROLS = [
    listing("context.question", {"messages": IN_THE_QUESTION}, stream=False),
    listing("context.question.streamed", {"messages": IN_THE_QUESTION}, stream=True),
]


CONTROL = repeated_pair("context.question", CONTROLS, words, times=3)


@pytest.mark.parametrize("dialogue", [CONTROL, *DIALOGUES], indirect=True)
def test_keeps_all_parts(dialogue, judge):
    judge(*dialogue)
