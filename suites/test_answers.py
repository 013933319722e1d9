"""What thinking, stop sequences and tool calls must not mix up, and inputs that the question states."""

import json

import pytest

from messages_conformance.generate import (
    EITHER,
    Dialogue,
    answered_message,
    ask,
    assistant,
    user,
    whole_and_streamed,
    word_to_stop_at,
)

SUM = "What is 27 times 43? Reply with the number only."
ADAPTIVE = {"type": "adaptive", "display": "summarized"}
THOUGHTFUL = {"needs": ["thinking"], "capability": "thinking"}
OPTIONAL = {**THOUGHTFUL, "expect": EITHER}
MAX_TOKENS = 400

# Models that always think refuse to think less; that is no fault.
DISABLED = [
    ask(f"thinking.disabled{name}", turns, stream=bool(name), max_tokens=40, thinking={"type": "disabled"}, **OPTIONAL)
    for name, turns in (("", SUM), (".streamed", [user("Hello."), assistant("Hello!"), user(SUM)]))
]
CUT = [
    ask(
        "thinking.cut",
        SUM,
        max_tokens=8,
        copy=copy,
        thinking=ADAPTIVE,
        needs=["thinking", "small-limits"],
        capability="thinking",
    )
    for copy in range(3)
]


async def stop_in_thinking(send):
    """Asks with thinking, and twice again with a word of the thinking as a stop sequence."""
    asked = {"max_tokens": MAX_TOKENS, "thinking": ADAPTIVE, **THOUGHTFUL}
    first = answered_message(await send(ask("thinking.words", SUM, **asked)))
    content = first["content"] if first is not None else []
    thought = " ".join(block["thinking"] for block in content if block["type"] == "thinking")
    text = " ".join(block["text"] for block in content if block["type"] == "text")
    if not thought:  # a summary may be empty now and then
        for copy in (1, 2):
            await send(ask("thinking.words", SUM, copy=copy, **asked))
    word = word_to_stop_at(thought)
    if word is None or word in text:
        return
    for copy in range(2):
        await send(ask("thinking.stop", SUM, copy=copy, stop_sequences=[word], **asked))


WEATHER = {
    "name": "get_weather",
    "description": "Gives the weather in one city.",
    "input_schema": {
        "type": "object",
        "properties": {"location": {"type": "string", "description": "The city"}},
        "required": ["location"],
    },
}
FORCED = {"max_tokens": 100, "needs": ["tools", "tool-choice", "forced-tools"], "capability": "forced-tools"}
NEW_YORK = "What is the weather in New York?"
CALL = {"tools": [WEATHER], "tool_choice": {"type": "tool", "name": "get_weather"}}
STOPPED = [
    ask("tools.unstopped", NEW_YORK, **CALL, **FORCED),
    ask(
        "tools.stopped",
        NEW_YORK,
        stream=True,
        stop_sequences=["York"],
        **CALL,
        **{**FORCED, "needs": [*FORCED["needs"], "stop-sequences"]},
    ),
]

# Above 2^53, a double holds only every second integer. The note is long, and has what a program must escape.
ENTRY = {
    "id": 9007199254740993,
    "parent": 9223372036854775783,
    "pages": 36,
    "kind": "atlas",
    "weight": 2.5,
    "lent": False,
    "note": (
        'The "old" atlas in C:\\maps\\new has 36 pages.\n'
        'Zoë said: "It\'s 10 € — not {12}", and 張偉 wrote a second note about its colours. '
        "Shelf <R&D>, label &amp;lt;7&gt;"
    ),
    "settings": '{"scale": 5, "sides": ["n", "s"]}',
    # Values that a program drops when it asks whether a value is there by `if value`.
    "memo": "",
    "copies": 0,
    "links": [],
    "sizes": {},
    "place": {"room": "east", "shelves": ["upper", "lower"], "owner": {"name": "Zoë"}},
    # Values that parsers of markup, of YAML and of templates take for others.
    "shelf_code": "00712",
    "approved": "yes",
    "checked": "true",
    "floor": -3,
    "authors": ["Zoë Petit"],
    "rooms": ["east", "west"],
    "greeting": "Dear ${reader}, {{title}} is ready",
    "row": "left\tright\r\ncafe\u0301",
    "text": (
        "The first map shows the harbour and the northern coast with its lighthouses. The second map shows the rivers, "
        "the bridges and the mills between the lakes. The third map shows the mountains, the passes and the old roads "
        "that merchants used in winter. The fourth map shows the forests, the farms and the villages around the "
        "monastery. The fifth map shows the islands, the ferries and the depth of the water near the cliffs. The sixth "
        "map shows the streets, the markets and the gardens of the capital."
    ),
}
SAVE = {
    "name": "save_entry",
    "description": "Saves one entry of the catalogue.",
    "input_schema": {
        "type": "object",
        "properties": {
            "id": {"type": "integer"},
            "parent": {"type": "integer"},
            "pages": {"type": "integer"},
            "kind": {"type": "string", "enum": ["globe", "atlas", "chart"]},
            "weight": {"type": "number"},
            "lent": {"type": "boolean"},
            "note": {"type": "string"},
            "settings": {"type": "string", "description": "The settings as JSON text"},
            "memo": {"type": "string"},
            "copies": {"type": "integer"},
            "links": {"type": "array", "items": {"type": "string"}},
            "sizes": {"type": "object"},
            "place": {
                "type": "object",
                "properties": {
                    "room": {"type": "string"},
                    "shelves": {"type": "array", "items": {"type": "string"}},
                    "owner": {"type": "object", "properties": {"name": {"type": "string"}}},
                },
            },
            "shelf_code": {"type": "string"},
            "approved": {"type": "string"},
            "checked": {"type": "string"},
            "floor": {"type": "integer"},
            "authors": {"type": "array", "items": {"type": "string"}},
            "rooms": {"type": "array", "items": {"type": "string"}},
            "greeting": {"type": "string"},
            "row": {"type": "string"},
            "text": {"type": "string"},
            # Left out of the stated input.
            "shelfmark": {"type": "string"},
            "year": {"type": "integer"},
            "tags": {"type": "array", "items": {"type": "string"}},
        },
        "required": list(ENTRY),
    },
}
# The same without the duty to give three of the members, which the question states all the same.
LESS_REQUIRED = [name for name in ENTRY if name not in ("weight", "note", "place")]
LOOSE = {**SAVE, "input_schema": {**SAVE["input_schema"], "required": LESS_REQUIRED}}
STATED = f"Call the tool save_entry with exactly this input: {json.dumps(ENTRY, ensure_ascii=False)}"
STATED_CALL = {**FORCED, "tool_choice": {"type": "tool", "name": "save_entry"}}
ENTRIES = [
    entry
    for copy, tools in enumerate(([SAVE], [LOOSE], [SAVE]))
    for entry in whole_and_streamed(
        "tools.stated", STATED, copy=copy, tools=tools, **{**STATED_CALL, "max_tokens": 600}
    )
]
"""Six calls in a row, so that inputs that every second or third call loses are seen twice."""
# A third of the tokens of the call, so that the call is cut.
CUT_CALLS = whole_and_streamed(
    "tools.cut", STATED, tools=[SAVE], **{**STATED_CALL, "max_tokens": 40, "needs": [*FORCED["needs"], "small-limits"]}
)
DIALOGUES = [
    Dialogue(
        name="thinking.stop",
        steps=stop_in_thinking,
        max_requests=3,  # three questions, or one and two with a stop sequence
        max_output_tokens=3 * MAX_TOKENS,
        needs=frozenset({"thinking", "stop-sequences"}),
    )
]


@pytest.mark.parametrize("exchange", [*DISABLED, *CUT], indirect=True)
def test_thinks_when_asked_for(exchange, judge):
    judge(exchange)


@pytest.mark.parametrize("exchange", [*STOPPED, *ENTRIES, *CUT_CALLS], indirect=True)
def test_calls_with_whole_inputs(exchange, judge):
    judge(exchange)


@pytest.mark.parametrize("dialogue", DIALOGUES, indirect=True)
def test_stops_in_the_text_only(dialogue, judge):
    judge(*dialogue)
