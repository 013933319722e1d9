"""Long prompts with cache_control: sent again where nothing is read, and with the marker at each place.

A cache may miss by chance, so a request without an effect is repeated.
"""

from dataclasses import replace
from secrets import token_hex

import pytest

from messages_conformance.generate import EITHER, Dialogue, answered_message, ask, assistant, count_tokens, user

TOPICS = ["trees", "rivers", "music", "bread", "stars", "ships", "clocks", "birds", "maps", "gardens"]
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"]


SENTENCES = 135  # some 2,300 tokens: more than most models need to cache a prefix


def shelves(count, verb="holds"):
    """A catalogue of this many sentences, each with some 18 tokens."""
    return " ".join(
        f"Shelf {number} {verb} books about {TOPICS[number % 10]}, and the librarian dusts it on {DAYS[number % 5]}."
        for number in range(1, count + 1)
    )


MARKED = {"cache_control": {"type": "ephemeral"}}
FOR_AN_HOUR = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
# A short block without a marker comes first, as in the requests of Claude Code.
CATALOGUE = [{"type": "text", "text": "You are a librarian."}, {"type": "text", "text": shelves(SENTENCES), **MARKED}]
SHELF = "On which day is shelf 7 dusted? Reply with the day only."
OK = "Reply with the single word: ok"


def cached(answer):
    """The tokens that an answer wrote to the cache and read from it; None without a valid answer."""
    message = answered_message(answer)
    if message is None:
        return None
    usage = message["usage"]
    names = ("cache_creation_input_tokens", "cache_read_input_tokens")
    return tuple(usage.get(name) or 0 for name in names)


def fresh(words):
    """A long prompt that begins with words that no other request has."""
    text = f"Edition {token_hex(12)}. {shelves(SENTENCES)}{words}"
    return [{"type": "text", "text": text, **MARKED}]


async def write_and_read_cache(send):
    """Sends a long system prompt with a cache breakpoint: counts it, writes it to the cache, and reads it."""

    async def again(name, *, stream=False, copy=0):
        asked = ask(f"cache.{name}", SHELF, system=CATALOGUE, stream=stream, copy=copy, probe="request.system.long")
        return cached(await send(asked))

    await send(count_tokens("cache.counted", SHELF, system=CATALOGUE))
    written, whole = await again("written"), await again("read")
    streamed = await again("read.streamed", stream=True)
    if not all((written, whole, streamed)) or not any((*written, *whole, *streamed)):
        return
    if not (whole[1] and streamed[1]):  # one form, or both, read nothing
        read = False
        for copy, stream in enumerate((False, True), start=1):
            found = await again("read.again", stream=stream, copy=copy)
            read = read or bool(found and found[1])
        # A cache may lose every second entry: only many misses in a row show that it never works.
        for copy in range(3, 6) if not (read or whole[1] or streamed[1]) else ():
            await again("read.again", copy=copy)
    # With another beginning, nothing of it is in the cache.
    await send(ask("cache.fresh", SHELF, system=fresh(""), probe="usage.cache.isolated"))


MAX_UNREAD = 8
"""This many more requests are sent while nothing is read: a cache may miss now and then."""

LOOK_UP = {"name": "look_up", "description": "Looks up the shelves.", "input_schema": {"type": "object"}}
DESCRIPTION_CHARS = 900
"""Long enough for a cache when ten tools have it. Servers with a limit for one description have 1,024 or more."""


def long_tools(marker):
    """Tools whose descriptions are long together; the last one has the marker."""
    text = shelves(SENTENCES, "has")
    pieces = [text[begin : begin + DESCRIPTION_CHARS] for begin in range(0, len(text), DESCRIPTION_CHARS)]
    tools = [{**LOOK_UP, "name": f"look_up_{number}", "description": piece} for number, piece in enumerate(pieces)]
    return [*tools[:-1], {**tools[-1], **marker}]


def with_marker(place, marker):
    """The messages and fields of a request whose only marker is at this place."""
    if place == "tools":
        return [user(OK)], {"tools": long_tools(marker)}
    if place == "results":
        call = {"type": "tool_use", "id": "toolu_shelf1", "name": "look_up", "input": {}}
        found = {"type": "tool_result", "tool_use_id": "toolu_shelf1", "content": shelves(SENTENCES, "gets"), **marker}
        turns = [user("Look up the shelves."), assistant([call]), user([found, {"type": "text", "text": OK}])]
        # Several tools: a gateway that changes their order, or the ids of calls, is never read from the cache.
        return turns, {"tools": [LOOK_UP, *({**LOOK_UP, "name": f"look_up_{topic}"} for topic in TOPICS[:7])]}
    long = {"type": "text", "text": shelves(SENTENCES, "keeps"), **marker}
    # After some turns, as in a session: a cache may end with the first ones.
    return [*[user("And now?"), assistant("Not yet.")] * 5, user([long, {"type": "text", "text": OK}])], {}


async def mark_every_place(send):
    """Sends long tools, messages and tool results with a marker, and again where nothing is cached."""
    for place, marker in (("tools", MARKED), ("messages", FOR_AN_HOUR), ("results", MARKED)):
        # Some servers have no ttl: then the marker is sent without one.
        for copy, kind in enumerate((marker, MARKED)):
            messages, fields = with_marker(place, kind)
            # A server may have a limit for tools or for texts; small requests show whether it knows cache_control.
            asked = ask(f"cache.in.{place}", messages, copy=copy, expect=EITHER, **fields)
            found = cached(await send(asked))
            if found is None or any(found):
                break
        if place == "results" and found is not None and found[0] and not found[1]:
            await read_again(send, asked)


async def read_again(send, asked):
    """Sends a request that was written to the cache again, until something is read."""
    for copy in range(1, 1 + MAX_UNREAD):
        found = cached(await send(replace(asked, copy=100 + copy)))
        if found is None or found[1]:
            return


async def count_first(send):
    """Counts a new prompt and sends it: counting must not have written it to the cache."""
    prompt = fresh(" This catalogue was counted before.")
    await send(count_tokens("cache.fresh.counted", SHELF, system=prompt))
    await send(ask("cache.fresh.written", SHELF, system=prompt, probe="usage.cache.isolated"))


DIALOGUES = [
    Dialogue(
        name="cache.fresh-counted",
        steps=count_first,
        max_requests=2,
        max_output_tokens=16,
        depth="deep",
        needs=frozenset({"prompt-caching", "system-blocks", "count-tokens"}),
    ),
    Dialogue(
        name="cache",
        steps=write_and_read_cache,
        max_requests=10,
        max_output_tokens=144,
        needs=frozenset({"prompt-caching", "count-tokens"}),
    ),
    Dialogue(
        name="cache.places",
        steps=mark_every_place,
        max_requests=6 + MAX_UNREAD,
        max_output_tokens=16 * (6 + MAX_UNREAD),
        needs=frozenset({"prompt-caching", "tools", "system-blocks"}),
    ),
]


@pytest.mark.parametrize("dialogue", DIALOGUES, indirect=True)
def test_caches_prompts(dialogue, judge):
    judge(*dialogue)
