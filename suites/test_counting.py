"""Each part of a request costs input tokens: a long note in a part of it, and the same request without the note.

What a server does not count, it has lost, or it bills it wrongly. The notes are equal, so each costs the same.
"""

import base64
import json
import random
import struct
import zlib
from dataclasses import replace

import pytest

from messages_conformance.generate import EITHER, Dialogue, ask, assistant, count_tokens, input_tokens, pdf, user

OK = "Reply with the single word: ok"
# Twenty words; the rule knows this sentence.
SENTENCE = "The clerk of the west tower dusts the oldest maps every week and writes the date into a green book."
NOTE = " ".join([SENTENCE] * 8)
NOTHING = "Yes."
LONG = 40  # notes in the long prompt: 6,400 words, more tokens than a small default context has
RESULT_NOTES, SYSTEM_NOTES = 70, 30
LONG_RESULT = " ".join([NOTE] * RESULT_NOTES)  # 56,000 characters: gateways cut results of tools at 50,000 and less
LONG_SYSTEM = " ".join([NOTE] * SYSTEM_NOTES)  # 24,000 characters
MAX_TOKENS = 16
COUNTED = "request.parts.counted"
SHARE = 0.6  # of the tokens of a note: a larger difference is a missing note
LONG_SHARE = 0.85  # of the tokens of long texts: less is a text that was cut


def noise():
    """A PNG of 160 x 160 pixels of two shades at random: its base64 is long, but it costs few tokens as an image."""
    bits, size = random.Random(7), 160
    rows = b"".join(b"\0" + bits.randbytes(size // 4) for _ in range(size))
    head = struct.pack(">IIBBBBB", size, size, 2, 0, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")]
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )
    return base64.b64encode(data).decode()


def text(words):
    return {"type": "text", "text": words}


def result(identifier, content):
    return {"type": "tool_result", "tool_use_id": identifier, "content": content}


def called(*inputs):
    return assistant(
        [
            {"type": "tool_use", "id": f"toolu_part{at}", "name": "open_drawer", "input": one}
            for at, one in enumerate(inputs)
        ]
    )


def document(source, **more):
    return {"type": "document", "source": source, **more}


def plain(words):
    return {"type": "text", "media_type": "text/plain", "data": words}


def search_result(words):
    return {"type": "search_result", "source": "https://example.com/a", "title": "Maps", "content": [text(words)]}


IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": noise()}}
PAGE = base64.b64encode(pdf(" ".join([SENTENCE] * 30))).decode()  # more tokens than a notice in its place
PDF = document({"type": "base64", "media_type": "application/pdf", "data": PAGE})
DRAWER = {
    "name": "open_drawer",
    "description": NOTE,
    "input_schema": {"type": "object", "properties": {"label": {"type": "string", "description": NOTE}}},
}
SHELF = {"name": "open_shelf", "description": NOTE, "input_schema": {"type": "object", "properties": {}}}

# Keywords that gateways remove from the schemas of tools.
KEYWORDS = {
    "name": "open_box",
    "input_schema": {
        "type": "object",
        "properties": {
            "size": {"type": "string", "const": NOTE},
            "colour": {"type": "string", "enum": [NOTE]},
            "owner": {"type": "string", "pattern": NOTE},
            "label": {"type": "string", "default": NOTE},
            "place": {"$ref": "#/$defs/place"},
        },
        "$defs": {"place": {"type": "string", "description": NOTE}},
    },
}

TURNS = {
    "system": NOTE,
    "messages": [user(NOTE), assistant(NOTE), user([text(NOTE), text(NOTE)]), assistant("I see."), user(OK)],
}
TOOL_TURNS = {
    "system": [text(NOTE), text(NOTE)],
    "tools": [DRAWER, SHELF],
    "messages": [
        user("Open two drawers."),
        assistant([text(NOTE), *called({"label": NOTE}, {"label": "maps"})["content"]]),
        user([result("toolu_part0", NOTE), result("toolu_part1", [text(NOTE), text(NOTE)]), text(NOTE)]),
        assistant("Both are open."),
        user(OK),
    ],
}
OPENED = [user("Open a drawer."), called({"label": "maps"})]
PLAIN_DRAWER = {"name": "open_drawer", "input_schema": {"type": "object", "properties": {}}}


def in_result(*blocks):
    return {"tools": [PLAIN_DRAWER], "messages": [*OPENED, user([result("toolu_part0", list(blocks)), text(OK)])]}


def beside(*blocks):
    return {"messages": [user([*blocks, text(OK)])]}


def notes_in(value):
    """The number of notes in each text of a value that has some, in their order."""
    if isinstance(value, str):
        return [value.count(NOTE)] if NOTE in value else []
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [count for one in inner for count in notes_in(one)]


def least(counts, note):
    """The fewest tokens that texts with so many notes each cost, if none of them is lost or cut."""
    return (sum(counts) - SHARE if max(counts) == 1 else LONG_SHARE * sum(counts)) * note


def keeping(value, kept, seen=None):
    """The value with a word in place of every note but those whose numbers are kept, and of every picture."""
    seen = [] if seen is None else seen
    if isinstance(value, dict):
        return text(NOTHING) if value in (IMAGE, PDF) else {key: keeping(one, kept, seen) for key, one in value.items()}
    if isinstance(value, list):
        return [keeping(inner, kept, seen) for inner in value]
    if value not in (NOTE, LONG_RESULT, LONG_SYSTEM):
        return value
    seen.append(value)
    return value if len(seen) - 1 in kept else NOTHING


# Everything that a client sends at once: a part may be lost only beside other parts, or in streams.
DOT = "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAFklEQVR42mO4IydHEmIY1TCqYfhqAACaMxgQdrf9VwAAAABJRU5ErkJggg=="
SMALL_IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": DOT}}
TOGETHER = {
    "stream": True,
    "temperature": 1,
    "metadata": {"user_id": "reader-7"},
    "stop_sequences": ["not in any of the answers"],
    # Some gateways read a system prompt to its first breakpoint.
    "system": [{**text(NOTE), "cache_control": {"type": "ephemeral"}}, text(NOTE), text("You follow each request.")],
    "tools": [{**DRAWER, "input_schema": {"type": "object", "properties": {}}}],
    "tool_choice": {"type": "auto"},
    "messages": [
        user([text(NOTHING), text(NOTE)]),
        called({"label": NOTE}, {"label": "maps"}, {"label": "letters"}),
        user(
            [
                result("toolu_part0", NOTE),
                result("toolu_part1", [search_result(NOTE)]),
                {**result("toolu_part2", NOTE), "is_error": True},
                text(NOTE),
            ]
        ),
        assistant(NOTE),
        user([text(NOTE), document(plain(NOTE)), search_result(NOTE), SMALL_IMAGE, text(f"Zoë 漢. {OK}")]),
    ],
}
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}},
    "required": ["name"],
    "additionalProperties": False,
}


def with_document_in_result(turns):
    """The turns with a document in the first result of a tool."""
    first, *others = turns[2]["content"]
    results = [{**first, "content": [text(first["content"]), document(plain(NOTE))]}, *others]
    return [*turns[:2], user(results), *turns[3:]]


# Some gateways take another way for a request with thinking or with an output format, and lose parts on it.
WITH_THINKING = {
    **TOGETHER,
    "messages": with_document_in_result(TOGETHER["messages"]),
    "thinking": {"type": "adaptive"},
    "output_config": {"format": {"type": "json_schema", "schema": PERSON}},
}


def without_search_results(value):
    """The value without any search_result and cache_control."""
    if isinstance(value, dict):
        return {key: without_search_results(one) for key, one in value.items() if key != "cache_control"}
    if isinstance(value, list):
        return [without_search_results(one) for one in value if not _is_search_result(one)]
    return value


def _is_search_result(value):
    return isinstance(value, dict) and value.get("type") == "search_result"


# Many turns and a long last one: gateways keep the last turns or characters, and lose the others.
CROWDED = {
    "stream": True,
    "system": NOTE,
    "messages": [
        user(NOTE),
        assistant(NOTE),
        *[user("Go on."), assistant("And then?")] * 26,
        user(f"{'The reading room opens at nine, and the reading room closes at five. ' * 310}{OK}"),
    ],
}
PREFILLED = {**CROWDED, "messages": [*CROWDED["messages"], assistant([text("The word is")])]}


def with_image(fields):
    """The request without notes, and with the large image in its first turn."""
    bare = keeping(fields, ())
    first = {**bare["messages"][0], "content": [IMAGE, *bare["messages"][0]["content"][1:]]}
    return {**bare, "messages": [first, *bare["messages"][1:]]}


LISTED = {"type": "content", "content": [text(NOTE)]}
PARTS = {
    "turns": (TURNS, None, ["system"]),
    "tools": (TOOL_TURNS, None, ["tools", "system-blocks"]),
    "schema": ({"tools": [KEYWORDS], "messages": [user(OK)]}, None, ["tools"]),
    "documents": (beside(document(plain(NOTE), context=NOTE), document(LISTED)), "documents", ["documents"]),
    "result.document": (in_result(document(plain(NOTE))), "documents", ["documents", "tools"]),
    "search": (beside({**search_result(NOTE), "title": NOTE}), "search-results", ["search-results"]),
    "result.search": (in_result(search_result(NOTE)), "search-results", ["search-results", "tools"]),
    # Without their parts, these three are one request, which is sent once.
    "image": (beside(IMAGE, text(NOTHING)), "images", ["images"]),
    "image.two": (beside(IMAGE, IMAGE), "images", ["images"]),
    "pdf": (beside(PDF, text(NOTHING)), "documents", ["documents"]),
    "result.image": ({**in_result(IMAGE), "system": NOTHING}, "images", ["images", "tools", "system"]),
    # Without its notes it is equal to the request of result.image without its image, which is sent once.
    "result.long": ({**in_result(text(LONG_RESULT)), "system": LONG_SYSTEM}, None, ["tools", "system"]),
    "crowded.prefilled": (PREFILLED, None, ["system", "stream"]),
    "crowded": (CROWDED, None, ["system", "stream"]),
    # The second is for targets without such thinking or formats, the third for those that refuse the search results.
    "together.thinking": (WITH_THINKING, None, []),
    "together": (TOGETHER, "images", ["images", "documents", "tools", "system-blocks", "stream", "stop-sequences"]),
    "together.usual": (without_search_results(TOGETHER), "images", ["images", "documents", "tools", "system-blocks"]),
}
BESIDE_ALL = ("together.thinking", "together", "together.usual")
PARTS |= {f"{name}.image": (with_image(PARTS[name][0]), *PARTS[name][1:]) for name in BESIDE_ALL}
"""For each request: its fields, the capability that a target may lack, and what a profile has to promise."""

IF_REFUSED = {"together": "together.thinking", "together.usual": "together", "crowded": "crowded.prefilled"}
"""Requests that are sent only where another one was refused."""
IF_ACCEPTED = {f"{name}.image": name for name in BESIDE_ALL}
"""Requests that are sent only where another one was accepted."""

ROUTES = {
    "messages": lambda situation, fields, capability: ask(
        situation,
        fields["messages"],
        max_tokens=MAX_TOKENS,
        probe=COUNTED,
        capability=capability,
        # Each part alone must be accepted elsewhere.
        **({"expect": EITHER} if any(word in situation for word in ("together", "prefilled", "image.two")) else {}),
        **{name: value for name, value in fields.items() if name != "messages"},
    ),
    "counts": lambda situation, fields, capability: count_tokens(
        situation, fields["messages"], **{name: value for name, value in fields.items() if name != "messages"}
    ),
}


def steps_for(route, parts, *, long, singles):
    """The steps of one dialogue: a note alone, many of them, and each request with all its notes and without them."""
    build, known, left = ROUTES[route], {}, [singles]

    async def steps(send):
        async def cost(situation, fields, capability=None):
            key = json.dumps(fields)
            if key not in known:
                known[key] = input_tokens(await send(build(f"counting.{situation}", fields, capability)))
            return known[key]

        async def is_complete(name, numbers, note, without):
            """Whether these notes of a request all cost tokens; True if no more requests are allowed."""
            fields, capability, _ = PARTS[name]
            if left[0] <= 0:
                return True
            left[0] -= 1
            part = await cost(f"{name}.part", keeping(fields, numbers), capability)
            counts = notes_in(fields)
            return part - without > least([counts[number] for number in numbers], note)

        async def search(name, numbers, note, without):
            """Halves notes of which one costs nothing, until it is alone."""
            first, second = numbers[: len(numbers) // 2], numbers[len(numbers) // 2 :]
            complete = await is_complete(name, first, note, without)
            if not complete and len(first) > 1:
                await search(name, first, note, without)
            # If the first half is complete, the second one is not; a note alone is sent to show it.
            if len(second) == 1 or not complete:
                complete = await is_complete(name, second, note, without)
            else:
                complete = False
            if not complete and len(second) > 1:
                await search(name, second, note, without)

        known.clear()
        left[0], refused, accepted = singles, None, []
        base = await cost("base", {"messages": [user(OK)]})
        note = await cost("note", {"messages": [user(f"{NOTE}\n{OK}")]}) - base
        if long:
            await cost("long", {"messages": [user("\n".join([*[NOTE] * LONG, OK]))]})
        for name in parts:
            if refused != IF_REFUSED.get(name, refused) or not {IF_ACCEPTED.get(name, name)} <= {name, *accepted}:
                continue
            fields, capability, _ = PARTS[name]
            with_notes = await cost(name, fields, capability)
            if not with_notes:
                refused = name
                continue
            accepted.append(name)
            without = await cost(f"{name}.without", keeping(fields, ()), capability)
            counts = notes_in(fields)
            if len(counts) > 1 and with_notes - without < least(counts, note):
                await search(name, range(len(counts)), note, without)

    return steps


def dialogue(route, parts, needs, *, long=False, singles=3, depth="standard"):
    most = 2 + long + 2 * len(parts) + singles
    return Dialogue(
        name=f"counting.{route}.{parts[0]}",
        steps=steps_for(route, parts, long=long, singles=singles),
        max_requests=most,
        max_output_tokens=most * MAX_TOKENS if route == "messages" else 0,
        depth=depth,
        needs=frozenset(needs),
    )


RESULTS = [
    "tools",
    "schema",
    "documents",
    "search",
    "result.document",
    "image",
    "image.two",
    "pdf",
    "result.image",
    "result.long",
]
FREE = ["turns", "tools", "image", "result.image", "result.long"]
ALL = [*BESIDE_ALL, *IF_ACCEPTED]
FOUND = ["search", "result.search"]
SEARCHES = {"search-results", "tools"}
NEEDS = {need for name in (*RESULTS, *FREE) for need in PARTS[name][2]}
DIALOGUES = [
    dialogue("messages", ["turns", "crowded.prefilled", "crowded"], ["system"], long=True, singles=6),
    dialogue("messages", RESULTS, NEEDS, singles=6),
    dialogue("messages", ALL, {need for name in ALL for need in PARTS[name][2]}, singles=8),
    dialogue("counts", FREE, NEEDS | {"count-tokens"}, long=True, singles=6),
    dialogue("messages", FOUND, SEARCHES, depth="deep"),
    dialogue("counts", [*FOUND, "documents"], SEARCHES | {"documents", "count-tokens"}, depth="deep"),
]


EDITED = replace(
    count_tokens(
        "count_tokens.edited",
        "Reply with the single word: ok",
        context_management={"edits": [{"type": "clear_tool_uses_20250919"}]},
        depth="deep",
        needs=["beta-header"],
    ),
    headers=(("anthropic-beta", "context-management-2025-06-27"),),
    expect=EITHER,
)


@pytest.mark.parametrize("exchange", [EDITED], indirect=True)
def test_counts_edited_context(exchange, judge):
    judge(exchange)


@pytest.mark.parametrize("dialogue", DIALOGUES, indirect=True)
def test_counts_every_part(dialogue, judge):
    judge(*dialogue)
