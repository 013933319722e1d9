"""Features of requests that are rarely used: all of them in one request, and each alone where that is refused."""

import pytest

from messages_conformance.generate import EITHER, Dialogue, ask, assistant, user

OK = "Reply with the single word: ok"
DOT = "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAFklEQVR42mO4IydHEmIY1TCqYfhqAACaMxgQdrf9VwAAAABJRU5ErkJggg=="
DOT_IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": DOT}}
SEARCH = {"name": "find_tools", "description": "Finds tools.", "input_schema": {"type": "object", "properties": {}}}
LONG_NAME = "mcp__plugin_of_a_library__" + "look_up_the_opening_hours_" * 3 + "of_one_day"  # 114 characters
SHORT_NAME = "look_up_hours"
MARKED = {"cache_control": {"type": "ephemeral"}}


def text(words):
    return {"type": "text", "text": words}


def referring(name):
    """The fields and turns of a request in which a result of a tool names another tool, which is loaded by it."""
    call = {"type": "tool_use", "id": "toolu_find1", "name": SEARCH["name"], "input": {}}
    found = {"type": "tool_result", "tool_use_id": "toolu_find1", "content": [reference(name)]}
    tools = [SEARCH, {**SEARCH, "name": name, "description": "Gives the hours.", "defer_loading": True}]
    return {"tools": tools}, [user("Which tool gives the hours?"), assistant([call]), user([found])]


def reference(name):
    return {"type": "tool_reference", "tool_name": name}


def with_images(count):
    return {}, [user([*[DOT_IMAGE] * count, text(OK)])]


FEATURES = {
    "cache.top-level": (MARKED, [user(OK)]),
    "images.two": with_images(2),
    "reference.long": referring(LONG_NAME),
}
CONTROLS = {
    "cache.top-level": ({}, [user([{**text(OK), **MARKED}])]),
    "images.two": with_images(1),
    "reference.long": referring(SHORT_NAME),
}


def together():
    """One request with all features."""
    fields, turns = referring(LONG_NAME)
    *before, last = turns
    images = [*[DOT_IMAGE] * 2, text(OK)]
    return {**fields, **MARKED}, [*before, last, assistant("It is look_up."), user(images)]


async def use_rare_features(send):
    """Sends all features together; where that is refused, each alone, and a usual request beside each refused one."""

    async def is_accepted(name, fields, turns):
        return (await send(ask(f"rare.{name}", turns, expect=EITHER, **fields))).succeeded

    if await is_accepted("together", *together()):
        return
    for name, (fields, turns) in FEATURES.items():
        if not await is_accepted(name, fields, turns):
            await is_accepted(f"{name}.control", *CONTROLS[name])


async def use_no_temperature(send):
    """Sends the commonest temperature of all, and another one where it is refused."""
    for temperature in (0, 0.7):
        if (await send(ask("rare.temperature", OK, temperature=temperature, expect=EITHER))).succeeded:
            return


DIALOGUES = [
    Dialogue(
        name="rare.temperature",
        steps=use_no_temperature,
        max_requests=2,
        max_output_tokens=32,
        needs=frozenset({"temperature"}),
    ),
    Dialogue(
        name="rare",
        steps=use_rare_features,
        max_requests=1 + 2 * len(FEATURES),
        max_output_tokens=16 * (1 + 2 * len(FEATURES)),
        needs=frozenset({"images", "tools", "prompt-caching"}),
    ),
]


@pytest.mark.parametrize("dialogue", DIALOGUES, indirect=True)
def test_accepts_rare_features(dialogue, judge):
    judge(*dialogue)
