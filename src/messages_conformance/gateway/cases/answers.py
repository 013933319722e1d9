"""Cases about the way back: what the upstream says must reach the client."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from messages_conformance.gateway.cases.case import PASSTHROUGH, STREAM, TRANSLATES, Case, case
from messages_conformance.gateway.cases.requests import HARD_TEXT, TOOLS
from messages_conformance.upstream import Chunking, Pause, Reasoning, Refusal, Script, Text, ToolCall, Usage

WEATHER: Final = ToolCall("get_weather", arguments='{"city": "Zürich", "unit": "celsius"}')
ORDER: Final = ToolCall(
    "place_order",
    arguments='{"items": [{"id": 9007199254740993}, {"id": -1}], "price": 0.1, '
    '"note": "\\u00e9 \\ud83d\\udc69 \\"x\\" \\\\ \\n"}',
)
NOW: Final = ToolCall("now", arguments="{}")
WIDE: Final = "Grüße aus Zürich: 東京 👩‍👩‍👧 e\u0301 – und „Ende“. "


def _said(*blocks: Any, **more: Any) -> Script:
    return Script(blocks=blocks, **more)


def texts() -> Iterator[Case]:
    """Texts, and all the ways in which a stream can be cut into pieces."""
    yield case("text")
    yield case("hard-answer", _said(Text(HARD_TEXT)))
    yield case("long-answer", _said(Text("Line of a long answer.\n" * 800), chunking=Chunking(sizes=(400,))))
    yield case("empty-answer", _said())
    for writes in ("inside-characters", "bytes", "joined"):
        yield case(f"writes-{writes}", _said(Text(WIDE), chunking=Chunking(writes=writes)), forms=(STREAM,))
    yield case("single-characters", _said(Text(WIDE), chunking=Chunking(sizes=(1,))), forms=(STREAM,))
    yield case("empty-chunks", _said(Text(WIDE), chunking=Chunking(sizes=(0, 5, 0))), forms=(STREAM,))


def calls() -> Iterator[Case]:
    """Calls of tools: one, several, with and without text, arguments of every kind."""
    yield case("call", _said(WEATHER), tools=TOOLS)
    yield case("text-and-call", _said(Text("I look it up."), WEATHER), tools=TOOLS)
    yield case("two-calls", _said(WEATHER, ORDER), tools=TOOLS)
    yield case("three-calls", _said(Text("At once."), WEATHER, NOW, WEATHER), tools=TOOLS)
    yield case("call-without-arguments", _said(NOW), tools=TOOLS)
    one_by_one = Chunking(sizes=(1,))
    yield case("arguments-by-character", _said(ORDER, WEATHER, chunking=one_by_one), tools=TOOLS, forms=(STREAM,))
    in_bytes = Chunking(sizes=(3,), writes="inside-characters")
    yield case("arguments-by-byte", _said(WEATHER, chunking=in_bytes), tools=TOOLS, forms=(STREAM,))
    many = ToolCall("place_order", arguments='{"items": [' + ", ".join(f'{{"id": {n}}}' for n in range(400)) + "]}")
    yield case("long-arguments", _said(many, chunking=Chunking(sizes=(50,))), tools=TOOLS)


def thoughts() -> Iterator[Case]:
    """Reasoning, signed or not."""
    asks = {"thinking": {"type": "enabled", "budget_tokens": 2000}, "max_tokens": 4000}
    yield case("reasoning", _said(Reasoning("First the sum.\nThen the answer."), Text("It is 6.")), **asks)
    yield case("reasoning-and-call", _said(Reasoning("It needs a tool."), WEATHER), tools=TOOLS, **asks)
    other = Script(blocks=(Reasoning("In another field."), Text("Yes.")), reasoning_field="reasoning")
    yield case("reasoning-field", other, promises=(TRANSLATES,), **asks)
    hidden = Reasoning("", redacted="b3BhcXVlIGRhdGE=")
    yield case("redacted", _said(Reasoning("Open."), hidden, Text("Done.")), promises=(PASSTHROUGH,), **asks)


def ends() -> Iterator[Case]:
    """Finish reasons and counts."""
    yield case("length", _said(Text("It goes on and"), finish="length"), max_tokens=5)
    yield case("length-in-call", _said(Text("Cut."), finish="length"), tools=TOOLS, max_tokens=5)
    yield case("filtered", _said(Text("I will not say"), finish="content_filter"))
    yield case("filtered-at-once", _said(finish="content_filter"))
    yield case("refusal", _said(Refusal("I cannot help with that.")))
    stopped = _said(Text("Up to"), finish="stop_sequence", stop_sequence="END")
    yield case("stop-sequence", stopped, stop_sequences=["END", "STOP"], promises=(PASSTHROUGH,))
    limits = (("anthropic-ratelimit-requests-remaining", "41"), ("anthropic-new-answer-header", "on"))
    yield case("answer-headers", Script(headers=limits), promises=(PASSTHROUGH,))
    yield case("usage", _said(Text("Counted."), usage=Usage(input=123_456, output=7_890)))
    yield case("cached", _said(Text("Cached."), usage=Usage(input=5000, output=40, cached=4100)))
    yield case("reasoning-tokens", _said(Text("Thought."), usage=Usage(input=30, output=900, reasoning=850)))
    written = Usage(input=5000, output=40, cached=1000, cache_written=3000)
    yield case("cache-written", _said(Text("Written."), usage=written), promises=(PASSTHROUGH,))
    for place in ("finish", "every"):
        yield case(f"usage-{place}", Script(usage_place=place), forms=(STREAM,), promises=(TRANSLATES,))
    yield case("no-usage", Script(usage_place="absent"), promises=(TRANSLATES,))


PAUSE_S: Final = 1.5
"""How long the upstream waits for what it has sent to arrive. When that fails, the case is sent again with LONGER."""

SILENCE_S: Final = 22.0
"""In a silence of this length, the gateway must send something. Claude Code shows a note after 20 s without a byte; two
seconds are for the network (code.claude.com/docs/en/llm-gateway-protocol#streaming)."""

LONGER: Final = 4.0
"""The pauses of the second try are longer by this factor, so that a busy machine causes no failure (our own)."""


def pauses() -> Iterator[Case]:
    """Streams with silences, in which everything that was sent must have arrived."""
    words = "One two three four five six seven eight nine ten. "
    twice = (Pause(after=2, seconds=PAUSE_S), Pause(after=4, seconds=PAUSE_S))
    yield case("pause", _said(Text(words), pauses=twice), forms=(STREAM,), pauses=(16, 32))
    once = (Pause(after=3, seconds=PAUSE_S),)
    yield case("pause-in-call", _said(ORDER, pauses=once), tools=TOOLS, forms=(STREAM,), pauses=(24,))
    thinking = {"thinking": {"type": "enabled", "budget_tokens": 2000}, "max_tokens": 4000}
    yield case(
        "pause-in-thinking",
        _said(Reasoning(words), Text("Done."), pauses=once),
        forms=(STREAM,),
        pauses=(24,),
        promises=(PASSTHROUGH,),
        **thinking,
    )
    long = (Pause(after=2, seconds=SILENCE_S),)
    script = _said(Text(words), pauses=long)
    yield case("long-silence", script, forms=(STREAM,), promises=(TRANSLATES,), observes=("silence",))
    alive = (Pause(after=1, seconds=PAUSE_S, keep_alive_s=0.5),)
    yield case("pings", _said(Text(words), pauses=alive), forms=(STREAM,), keeps_alive=True)


def cases() -> Iterator[Case]:
    """All cases about the way back."""
    for topic in (texts, calls, thoughts, ends, pauses):
        yield from topic()
