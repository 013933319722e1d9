"""A session of Claude Code 2.1.332: every kind of turn that it sends, in the size, headers and members of a real one.

The turns are streamed, as Claude Code streams all of them. Code words show whether their parts reach the model, and a
call shows whether the schemas of the tools do. The texts are our own.
"""

from dataclasses import replace

import pytest

from messages_conformance.generate import (
    EITHER,
    Dialogue,
    answer_text,
    answered_message,
    ask,
    assistant,
    recovery,
    user,
)
from messages_conformance.generate.claude_code_requests import (
    BETAS,
    CACHED,
    DISPLAY,
    DISPLAY_BETA,
    GLOB,
    STREAM_HEADERS,
    TOOLS,
    body,
    first_turn,
    later_turn,
    system,
    without,
)

NEEDS = frozenset({"claude-code"})
SESSION = "claude-code.session"
CALL = "claude-code.session.call"
QUESTION_READ = "claude-code.session.question-read"
RESULT_READ = "claude-code.session.result-read"
PATH = "/v1/messages?beta=true"
TRIES = 3
"""So often a question is asked again whose answer lacks a word or a call: a model may forget one now and then."""

CALL_TRIES = 5
"""The same for a call without its arguments, which careless models forget every second time."""

MAX_TOKENS = 32_000
"""That of Claude Code; the other turns have a lower one, since nothing depends on it."""

FEW_TOKENS = 1500

LIST = (
    "List every code word that occurs in my messages, in your answers and in your instructions, separated by commas. "
    "Reply with the code words only."
)


def word(name):
    return f"One of the code words is {name}."


def turn(situation, messages, *, probe=SESSION, max_tokens=FEW_TOKENS, copy=0, betas=BETAS, **changes):
    """A request of a session. `changes` replace members of its body."""
    asked = ask(f"{SESSION}.{situation}", [], probe=probe, max_tokens=max_tokens, copy=copy, stream=True)
    fields = {**body(messages, **changes), "max_tokens": max_tokens}
    headers = (*STREAM_HEADERS, ("anthropic-beta", ",".join(betas)))
    return replace(asked, path=PATH, headers=headers, expect=EITHER, body=fields)


class Session:
    """Sends turns as Claude Code does: a part that was refused in words that it knows is left out from then on."""

    def __init__(self, send):
        self.send = send
        self.refused = []

    async def ask(self, asked):
        """The exchange of a turn, after its refusals."""
        for part in self.refused:
            asked = without(part, asked)
        exchange = await self.send(asked)
        for _ in range(5):
            response = exchange.response
            part = refused_part(response, asked) if response is not None else None
            if part is None or part in self.refused:
                break
            self.refused.append(part)
            asked = without(part, asked)
            exchange = await self.send(asked)
        return exchange


def refused_part(response, asked):
    """What Claude Code leaves out after this response; None if it gives up."""
    part = recovery(response.status, response.body)
    shows = "display" in asked.body.get("thinking", {})
    hidden = response.is_event_stream and any(event.type == "error" for event in response.events)
    return DISPLAY if part is None and shows and (hidden or response.status in (400, 422)) else part


# -- the first turn, and the result of its call ---------------------------------------------------------------------

QUESTION = "Find the files whose name has the word Paris in it. Call the tool glob once."
RENAMED = {
    **GLOB,
    "input_schema": {
        "type": "object",
        "properties": {"wanted": {"type": "string"}, "folder": {"type": "string"}},
        "required": ["wanted"],
        "additionalProperties": False,
    },
}
"""The same tool with other members, for a model that writes no arguments whatever the schema says."""


def calls_of(exchange):
    """The calls of an answer, and its content as it can be sent back; None if the answer is unusable."""
    message = answered_message(exchange)
    if message is None:
        return [], None
    content = [block for block in message["content"] if block.get("text") != ""]
    calls = [block for block in content if block.get("type") == "tool_use"]
    known = {tool["name"] for tool in TOOLS}
    return (calls, content) if all(call.get("name") in known for call in calls) else ([], None)


def is_whole(call):
    return isinstance(call.get("input"), dict) and "pattern" in call["input"]


async def call_and_result(send):
    """A turn with a call, asked again if there is none; then the turn with its result, which is an error."""
    session = Session(send)
    display = {"type": "adaptive", "display": "updates"}
    asked = turn(
        "call", first_turn(QUESTION), probe=CALL, max_tokens=MAX_TOKENS, betas=(*BETAS, DISPLAY_BETA), thinking=display
    )
    calls, content = calls_of(await session.ask(asked))
    for copy in range(1, CALL_TRIES):
        if not any(map(is_whole, calls)):
            calls, content = calls_of(await session.ask(replace(asked, copy=copy)))
    if not any(map(is_whole, calls)):
        await compared(send, session)
    if calls:
        await send_results(session, content, calls)


async def compared(send, session):
    """The same question without thinking, and in a small request with other names of the members."""
    for copy in range(CALL_TRIES):
        small = ask(f"{CALL}.small", QUESTION, probe=CALL, max_tokens=300, copy=copy, stream=True, tools=[RENAMED])
        await send(replace(small, expect=EITHER))
    await session.ask(turn("call.without-thinking", first_turn(QUESTION), probe=CALL, thinking=None))


async def send_results(session, content, calls):
    """The results of all calls; the last one failed, as when a folder does not exist."""
    results = [
        {"type": "tool_result", "tool_use_id": call["id"], "content": "The folder does not exist.", "is_error": True}
        for call in calls
    ]
    results[-1] |= CACHED
    asked = turn("failed-result", later_turn(QUESTION, assistant(content), user(results)), probe=RESULT_READ)
    again, _ = calls_of(await session.ask(asked))
    for copy in range(1, TRIES):
        if any(is_same(call, other) for call in calls for other in again):
            again, _ = calls_of(await session.ask(replace(asked, copy=copy)))
    if any(is_same(call, other) for call in calls for other in again):
        await session.ask(turn("without-result", later_turn(QUESTION), probe=RESULT_READ))


def is_same(call, other):
    return (call.get("name"), call.get("input")) == (other.get("name"), other.get("input"))


# -- results of several calls ---------------------------------------------------------------------------------------

IDS = ("toolu_01A09q90qw90lq917835lq9", "toolu_01B17q20er55lq204419lx2")
TWO_CALLS = assistant(
    [
        {"type": "text", "text": "I look for both."},
        {"type": "tool_use", "id": IDS[0], "name": "Glob", "input": {"pattern": "*.md"}},
        {"type": "tool_use", "id": IDS[1], "name": "Read", "input": {"file_path": "/home/user/work/a.md"}},
    ]
)


def two_results():
    """Two results in one message: a string, and a list of text blocks. The second is the end of the cached part."""
    text = {"type": "text", "text": word("maple-42")}
    return user(
        [
            {"type": "tool_result", "tool_use_id": IDS[0], "content": word("cider-71"), "is_error": False},
            {"type": "tool_result", "tool_use_id": IDS[1], "content": [text], **CACHED},
        ]
    )


SHOW = [{"type": "text", "text": "Show me the notes."}]
BOTH = assistant([{"type": "text", "text": "I read both."}])
WORDS = {
    "results": (
        later_turn(
            [{"type": "text", "text": "Show me the notes."}],
            TWO_CALLS,
            two_results(),
            BOTH,
            user(LIST),
            about=word("birch-73"),
        ),
        system(word("heron-38"), word("finch-22")),
        ["cider-71", "maple-42", "birch-73", "heron-38", "finch-22"],
    ),
    "later": (
        later_turn(
            [{"type": "text", "text": "Hello."}, {"type": "text", "text": word("lemon-52")}],
            assistant([{"type": "text", "text": f"I see. {word('robin-46')}"}]),
            user("Good."),
            assistant([{"type": "text", "text": "Thank you."}]),
            user([{"type": "text", "text": f"{word('onyx-68')} {LIST}", **CACHED}]),
        ),
        system(last=word("quail-33")),
        ["lemon-52", "robin-46", "onyx-68", "quail-33"],
    ),
}
"""For each turn with code words: its messages, its system prompt, and the words."""


def words_of(name):
    messages, prompt, names = WORDS[name]

    async def steps(send):
        session = Session(send)
        asked = turn(name, messages, system=prompt)
        missing = missing_words(await session.ask(asked), names)
        for copy in range(1, TRIES):
            if missing:
                missing = missing_words(await session.ask(replace(asked, copy=copy)), missing)
        if missing:
            fields = without_words(asked.body, missing)
            await session.ask(replace(asked, situation=f"{asked.situation}.without", body=fields))

    return steps


def missing_words(exchange, names):
    text = answer_text(exchange) if exchange.succeeded else ""
    return [name for name in names if name not in text]


def without_words(value, names):
    """The request with another sentence in place of each of these words."""
    if isinstance(value, dict):
        return {key: without_words(inner, names) for key, inner in value.items()}
    if isinstance(value, list):
        return [without_words(inner, names) for inner in value]
    for name in names if isinstance(value, str) else ():
        value = value.replace(word(name), "Yes.")
    return value


# -- other turns ----------------------------------------------------------------------------------------------------

TWO_QUESTIONS = "Call the tool glob for Paris and for Berlin, in parallel."
SHORT_NOTE = {"role": "system", "content": "The working folder is /home/user/work."}
READ = f"The code words are panda-31, cedar-64, pearl-27 and viola-85. {LIST}"


async def other_turns(send):
    """A question before a short message with the role system; a turn with two calls; the turn of a subagent."""
    session = Session(send)
    question = ask(QUESTION_READ, [user(READ), SHORT_NOTE], probe=QUESTION_READ, max_tokens=100, stream=True)
    question = replace(question, expect=EITHER)
    exchange = await session.ask(question)
    for copy in range(1, CALL_TRIES):
        if exchange.succeeded and "panda-31" not in answer_text(exchange):
            exchange = await session.ask(replace(question, copy=copy))
    if exchange.succeeded and "panda-31" not in answer_text(exchange):
        for copy in range(CALL_TRIES):
            alone = ask(f"{QUESTION_READ}.alone", [user(READ)], copy=copy, max_tokens=100, stream=True)
            if "panda-31" not in answer_text(await session.ask(alone)):
                break  # the model itself leaves the words out
    await session.ask(turn("two-calls", first_turn(TWO_QUESTIONS)))
    await session.ask(turn("subagent", first_turn("Reply with the single word: ok"), thinking={"type": "disabled"}))


DIALOGUES = [
    Dialogue(
        name="claude-code.session.call",
        steps=call_and_result,
        max_requests=20,
        max_output_tokens=MAX_TOKENS + 8 * FEW_TOKENS,
        needs=NEEDS,
    ),
    *(
        Dialogue(
            name=f"claude-code.session.{name}",
            steps=words_of(name),
            max_requests=8,
            max_output_tokens=8 * FEW_TOKENS,
            needs=NEEDS,
        )
        for name in WORDS
    ),
    Dialogue(
        name="claude-code.session.others",
        steps=other_turns,
        max_requests=4 + 2 * CALL_TRIES,
        max_output_tokens=(4 + CALL_TRIES) * FEW_TOKENS,
        needs=NEEDS,
    ),
]


@pytest.mark.parametrize("dialogue", DIALOGUES, indirect=True)
def test_session(dialogue, judge):
    judge(*dialogue)
