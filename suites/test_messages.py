"""Whole and streamed messages: the questions that most rules judge."""

from dataclasses import replace

import pytest

from messages_conformance.generate import ask, assistant, user, whole_and_streamed

OK = "Reply with the single word: ok"
COUNT = "Count from 1 to 20, separated by commas. Reply with the numbers only."
SHORT_COUNT = "Count from 1 to 12, separated by commas. Reply with the numbers only."
LATER_COUNT = [user("Hello."), assistant("Hello! What can I do for you?"), user(SHORT_COUNT)]
ESSAY = "Write a detailed essay of about 150 words about the history of bread."
UNICODE = "Please say 'Grüße, 漢字, عربى, 😀👩‍🚀' and nothing else."
INSTRUCTIONS = (
    "You are a careful assistant for a small library. You answer in plain words, you never invent a book, "
    "and when a reader asks for one word you give exactly that word."
)
ALIKE = ["\t7", "9\t", "1[45]"]
NOTE = " This note only makes the question longer and asks for nothing: the library opens at nine and closes at five."

PLAIN = [
    # As pydantic-ai and the tool runner of the TypeScript SDK send it: "stream": false, and a charset.
    replace(
        ask("stated", OK),
        body={**ask("stated", OK).body, "stream": False},
        headers=(("content-type", "application/json; charset=utf-8"),),
    ),
    *whole_and_streamed("plain", OK),
    *whole_and_streamed("system", OK, system=INSTRUCTIONS, needs=["system"], probe="request.system.string"),
    # A control: request.system.blocks sends the same system prompt as a block.
    ask("system.short", OK, system="You are a concise assistant.", needs=["system"], probe="request.system.string"),
    *whole_and_streamed("longer", OK + NOTE),
    *whole_and_streamed("unicode", UNICODE, max_tokens=80, attempts=2, premise="transport.charset.utf8", depth="smoke"),
    *whole_and_streamed("long", ESSAY, max_tokens=600),
]

LIMITS = [
    *whole_and_streamed("count", COUNT, max_tokens=100),
    *whole_and_streamed(
        "limit.five", COUNT, max_tokens=5, depth="smoke", needs=["small-limits"], capability="small-limits"
    ),
    # suites/test_ignored_parts.py asks the same with a larger limit.
    *whole_and_streamed(
        "limit.one",
        LATER_COUNT,
        max_tokens=1,
        system="You follow each request exactly.",
        needs=["small-limits", "system"],
        capability="small-limits",
    ),
    *whole_and_streamed("stop", COUNT, max_tokens=100, stop_sequences=["13"], needs=["stop-sequences"]),
    *whole_and_streamed(
        "stop.last-of-four",
        COUNT,
        max_tokens=100,
        stop_sequences=["zebra", "\t5", "6\t", ", 9,"],
        needs=["stop-sequences"],
        streamed_depth="smoke",
    ),
    ask("stop.first-of-two", COUNT, max_tokens=100, stop_sequences=[", 7,", "zebra"], needs=["stop-sequences"]),
    # None of them is in the text: it has no tabs, and no sequence is a pattern.
    ask("stop.unreached", COUNT, max_tokens=100, stop_sequences=["zebra", *ALIKE], needs=["stop-sequences"]),
]

HISTORY = [
    *whole_and_streamed(
        "history",
        [
            user("My name is Ada and I live in Lisbon."),
            assistant("Nice to meet you, Ada."),
            user("What is my name? Reply with the name only."),
        ],
    ),
    ask("tier", OK, service_tier="auto", needs=["service-tier"]),
    ask(
        "history.alone", "What is my name? Reply with the name only."
    ),  # a control: the same question without the earlier turns
    ask(
        "history.blocks",
        [
            user([{"type": "text", "text": "My name is Ada."}]),
            assistant("Nice to meet you, Ada."),
            user([{"type": "text", "text": "What is my name?"}, {"type": "text", "text": "Reply with the name only."}]),
        ],
        probe="request.messages.content-blocks",
    ),
]


@pytest.mark.parametrize("exchange", PLAIN, indirect=True)
def test_answers(exchange, judge):
    judge(exchange)


@pytest.mark.parametrize("exchange", LIMITS, indirect=True)
def test_stops(exchange, judge):
    judge(exchange)


@pytest.mark.parametrize("exchange", HISTORY, indirect=True)
def test_reads_history(exchange, judge):
    judge(exchange)
