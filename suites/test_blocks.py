"""Messages of several blocks: tool calls and their results, and thinking."""

import pytest

from messages_conformance.generate import (
    EITHER,
    REFUSED,
    Dialogue,
    answered_message,
    ask,
    assistant,
    content_to_echo,
    kinds,
    repeated_pair,
    user,
    whole_and_streamed,
)
from messages_conformance.generate.sample_inputs import (
    question_about,
)
from messages_conformance.generate.sample_tools import (
    CHOICES,
    CHOOSY,
    LONG_NAME,
    SEARCH,
    STRICT,
    TIME,
    USER,
    WEATHER,
)

PARIS = "What is the weather in Paris? Call the tool get_weather."
BOTH = "Call both tools in parallel: get_weather for Paris and get_time for New York."
# A thought, a text and two calls: an answer of several blocks shows the order of a stream.
TURN = f"In one short sentence, say what you are about to do. Then do it. {BOTH}"
TWO_CITIES = "What is the weather in Paris and in New York? Call the tool get_weather for each of them, in parallel."
WHO = "Who is logged in? Call the tool Get-Current-User."
CONTACT = "Zoë is 36 years old and lives in Paris. Call the tool save_contact."
OK = "Reply with the single word: ok"

LATER_PARIS = [user("Hello."), assistant("Hello! What can I do for you?"), user(PARIS)]

CALLED = {"attempts": 2, "premise": "response.content.tool_use-fields"}

TOOLS = [
    *whole_and_streamed(
        "tool",
        PARIS,
        max_tokens=200,
        tools=[WEATHER, LONG_NAME],
        needs=["tools"],
        depth="smoke",
        streamed_depth="standard",
        **CALLED,
    ),
    *whole_and_streamed(
        "tools.parallel",
        TURN,
        max_tokens=300,
        tools=[WEATHER, TIME],
        needs=["tools"],
        streamed_depth="smoke",
        **CALLED,
    ),
    *whole_and_streamed(
        "tools.twice",
        TWO_CITIES,
        max_tokens=300,
        # Other requests judge whether tools, and a system prompt, are accepted.
        expect=EITHER,
        system="You look up the weather.",
        tools=[WEATHER],
        needs=["tools", "system"],
        attempts=2,
        premise="response.content.tool_use-ids-unique",
    ),
    *whole_and_streamed("tool.no-input", WHO, max_tokens=200, tools=[USER], needs=["tools"], **CALLED),
    *whole_and_streamed(
        "tool.none",
        LATER_PARIS,
        max_tokens=60,
        tools=[WEATHER],
        tool_choice={"type": "none"},
        needs=["tools", "tool-choice"],
    ),
    ask(
        "tools.one-at-most",
        BOTH,
        max_tokens=300,
        tools=[WEATHER, TIME],
        tool_choice={"type": "auto", "disable_parallel_tool_use": True},
        needs=["tools", "tool-choice"],
        attempts=2,
        premise="request.tool_choice.disable-parallel-auto",
    ),
    *whole_and_streamed(
        "tool.strict",
        CONTACT,
        max_tokens=600,
        tools=[STRICT],
        needs=["tools", "strict-tools"],
        capability="strict-tools",
        attempts=2,
        premise="response.content.tool_use-input-schema",
    ),
    *whole_and_streamed(
        "tool.server",
        "Search the web for the weather in Paris today. Answer in one short sentence.",
        max_tokens=300,
        tools=[SEARCH],
        needs=["tools", "server-tools"],
        capability="server-tools",
        depth="deep",  # a search is billed
    ),
]

SERVER_TOOL_OFFERED = [
    # Offered only, and the question needs no search: it shows whether the target knows the tool.
    ask(
        "tool.server.offered",
        OK,
        tools=[SEARCH],
        expect=EITHER,
        needs=["tools", "server-tools"],
        capability="server-tools",
    )
]

GREETED = [user("Hello."), assistant("Hello! What can I do for you?")]
# A gateway may pass tool_choice on in the first turn only.
FORCED = [
    ask(
        f"tools.any{'.streamed' if stream else ''}",
        question,
        stream=stream,
        max_tokens=200,
        tools=[WEATHER],
        tool_choice={"type": "any"},
        needs=["tools", "tool-choice", "forced-tools"],
        capability="forced-tools",
    )
    for stream, question in ((False, "Good morning!"), (True, [*GREETED, user("Good morning!")]))
]
FORCED += [
    ask(
        f"tools.named{'.streamed' if stream else ''}",
        question,
        stream=stream,
        max_tokens=200,
        tools=[WEATHER, TIME],
        tool_choice={"type": "tool", "name": "get_time"},
        needs=["tools", "tool-choice", "forced-tools"],
        capability="forced-tools",
    )
    for stream, question in (
        (False, [*GREETED, user("What is the weather in Paris?")]),
        (True, "What is the weather in Paris?"),
    )
]
FORCED += [
    ask(
        "tools.exactly-one",
        BOTH,
        stream=True,
        max_tokens=300,
        tools=[WEATHER, TIME],
        tool_choice={"type": "any", "disable_parallel_tool_use": True},
        needs=["tools", "tool-choice", "forced-tools"],
        capability="forced-tools",
        attempts=2,
        premise="request.tool_choice.disable-parallel-any",
    ),
]

CHOICE_TIMES = 3  # pairs of calls; the rule needs four calls


def choosy_pair(copy):
    """A forced call of a tool with a long name and with enums, whole and streamed."""
    return whole_and_streamed(
        "tools.long-name",
        "What is the weather in Paris?",
        copy=copy,
        max_tokens=150,
        expect=EITHER,  # a server may have the limit of 64 characters that a page documents
        tools=[CHOOSY],
        tool_choice={"type": "tool", "name": CHOOSY["name"]},
        capability="forced-tools",
    )


def is_chosen(answer):
    """Whether all values of all calls are in their enums; True if there is no call."""
    message = answered_message(answer)
    calls = [block for block in message["content"] if block["type"] == "tool_use"] if message is not None else []
    values = [(name, call["input"].get(name)) for call in calls for name in CHOICES]
    return all(value in CHOICES[name]["enum"] for name, value in values)


async def choose(send):
    """Forces calls of a tool with enums, and more of them where a value is outside its enum."""
    for copy in range(CHOICE_TIMES):
        if all([is_chosen(await send(asked)) for asked in choosy_pair(copy)]):
            return


THINKING_TOKENS = 1024  # the smallest valid budget
ENABLED = {"type": "enabled", "budget_tokens": THINKING_TOKENS}
# The kinds of thinking depend on the model: one model refuses what another one requires.
THOUGHTFUL = {"max_tokens": THINKING_TOKENS + 300, "needs": ["thinking"], "capability": "thinking"}
ADAPTIVE_TOKENS = 400
SUM = "What is 27 times 43? Reply with the number only."
LATER = [user("Hello."), assistant("Hello! What can I do for you?"), user(SUM)]

THINKING = [
    *whole_and_streamed("thinking", SUM, thinking=ENABLED, depth="smoke", streamed_depth="standard", **THOUGHTFUL),
    # suites/test_answers.py asks the same without streaming.
    ask(
        "thinking.adaptive.streamed",
        SUM,
        stream=True,
        # Newer models show no thinking unless they are asked to.
        thinking={"type": "adaptive", "display": "summarized"},
        **{**THOUGHTFUL, "max_tokens": ADAPTIVE_TOKENS},
    ),
    # A server may think in the first turn only, or only where the request has no tools.
    *whole_and_streamed(
        "thinking.later",
        LATER,
        thinking=ENABLED,
        tools=[WEATHER, TIME],
        **{**THOUGHTFUL, "needs": ["thinking", "tools"]},
    ),
    ask(
        "thinking.tools.streamed",
        TURN,
        stream=True,
        thinking=ENABLED,
        tools=[WEATHER, TIME],
        depth="smoke",
        **{**THOUGHTFUL, "needs": ["thinking", "tools"]},
    ),
]

# Long enough that its tokens show in the input count, as the result is.
RULES = (
    "You are the assistant of a small weather station. You look up the weather of each city that a reader asks for, "
    "you never guess it, and you answer in one short sentence in plain words. If a tool fails, you say so, and you "
    "name the city. You never mention the names of your tools, and you never repeat a question. Readers come from many "
    "countries, so you give temperatures in degrees Celsius and you do not use abbreviations."
)
SUNNY = "Sunny, 21 degrees, with a light wind from the west and no rain until the evening."


async def results(send):
    """Sends the model's own call back with its result, in every form of a result, and asks for another call."""
    question = user(PARIS)
    first = await send(ask("result.call", [question], max_tokens=200, tools=[WEATHER], system=RULES))
    content = content_to_echo(first, calls=True) or []
    calls = [block["id"] for block in content if block["type"] == "tool_use"]
    if not calls:
        return
    for name, result in {
        "string": {"content": SUNNY},
        "blocks": {"content": [{"type": "text", "text": SUNNY}]},
        "nothing": {},
        "error": {"content": "The weather service is down.", "is_error": True},
    }.items():
        given = [{"type": "tool_result", "tool_use_id": identifier, **result} for identifier in calls]
        turns = [question, assistant(content), user(given)]
        await send(
            ask(f"result.{name}", turns, max_tokens=60, tools=[WEATHER], probe="request.tool_result.content-optional")
        )
    given = [{"type": "tool_result", "tool_use_id": identifier, "content": SUNNY} for identifier in calls]
    more = {"type": "text", "text": "And in New York? Call the tool get_weather again."}
    again = [question, assistant(content), user([*given, more])]
    await send(
        ask(
            "result.call-again",
            again,
            max_tokens=200,
            tools=[WEATHER],
            probe="request.tool_result.content-optional",
            premise="response.content.tool_use-ids-unique",
        )
    )


async def replay(send):
    """Sends a thought and a call back unchanged with the result, and then with one letter of the signature changed.

    Streams deliver a thought in another way, so the thought of a stream is sent back, too. A model that calls no tool
    gets a further question in place of the result.
    """
    question = user(PARIS)
    # Without thinking, result.call asks the same.
    asked = {"thinking": ENABLED, "max_tokens": THINKING_TOKENS + 300, "tools": [WEATHER], "system": RULES}
    for stream in (True, False):
        name = f"thought{'.streamed' if stream else ''}"
        first = await send(ask(name, [question], stream=stream, capability="thinking", **asked))
        content = content_to_echo(first, calls=True)
        if not content or content[0]["type"] != "thinking" or len(content[0]["signature"]) < 2:
            return
        if stream and signatures_in(first) != 1:
            continue  # other rules judge such a stream
        calls = [block["id"] for block in content if block["type"] == "tool_use"]
        given = [{"type": "tool_result", "tool_use_id": identifier, "content": SUNNY} for identifier in calls]
        follow = user(given or OK)
        replayed = [question, assistant(content), follow]
        for one in whole_and_streamed(f"{name}.replayed", replayed, probe="response.content.echoable", **asked):
            if not (stream and one.body.get("stream")):
                await send(one)
    changed = [{**content[0], "signature": other_letter(content[0]["signature"])}, *content[1:]]
    await send(
        ask(
            "thought.changed",
            [question, assistant(changed), follow],
            expect=REFUSED,
            probe="request.thinking.unmodified-blocks",
            capability="thinking",
            **asked,
        )
    )


def signatures_in(exchange):
    """The number of signatures in the deltas of a stream."""
    deltas = [event.fields.get("delta") for event in exchange.response.events]
    return sum(isinstance(delta, dict) and delta.get("type") == "signature_delta" for delta in deltas)


def other_letter(signature):
    """The signature with a different letter in the middle."""
    middle = len(signature) // 2
    return signature[:middle] + ("B" if signature[middle] == "A" else "A") + signature[middle + 1 :]


def has_citations(exchange):
    """Whether an answer cites a document; None if there is no answer."""
    message = answered_message(exchange)
    return None if message is None else any(block.get("citations") for block in message["content"])


PAIRS = [
    repeated_pair(
        "document.cited",
        whole_and_streamed(
            "document.cited",
            question_about(citations={"enabled": True}),
            max_tokens=60,
            needs=["citations"],
            capability="citations",
        ),
        has_citations,
        needs=["citations"],
    ),
    repeated_pair(
        "tools.both",
        whole_and_streamed("tools.both", BOTH, max_tokens=200, tools=[WEATHER, TIME], needs=["tools"]),
        kinds,
        needs=["tools"],
    ),
]


OMITTED_TIMES = 5  # the rule needs this many answers of each kind


async def omit(send):
    """Asks with display omitted, and where a thinking block is missing, again, and with thinking that is shown."""

    async def thinks(name, copy=0, *, stream=False, **display):
        name = f"thinking.{name}{'.streamed' if stream else ''}"
        asked = ask(name, LATER, copy=copy, stream=stream, thinking={**ENABLED, **display}, **THOUGHTFUL)
        found = kinds(await send(asked))
        return found is None or "thinking" in str(found)  # a refusal says nothing

    first = [await thinks("omitted", stream=stream, display="omitted") for stream in (False, True)]
    if all(first):
        return
    again = [await thinks("omitted", copy, display="omitted") for copy in range(1, OMITTED_TIMES)]
    if not any((*first, *again)):
        for copy in range(OMITTED_TIMES):
            await thinks("shown", copy)


DIALOGUES = [
    *PAIRS,
    Dialogue(
        name="tools.long-name",
        steps=choose,
        max_requests=2 * CHOICE_TIMES,
        max_output_tokens=2 * CHOICE_TIMES * 150,
        needs=frozenset({"tools", "tool-choice", "forced-tools"}),
    ),
    Dialogue(
        name="thinking.omitted",
        steps=omit,
        max_requests=1 + 2 * OMITTED_TIMES,
        max_output_tokens=(1 + 2 * OMITTED_TIMES) * (THINKING_TOKENS + 300),
        needs=frozenset({"thinking"}),
    ),
    Dialogue(name="result", steps=results, max_requests=6, max_output_tokens=640, needs=frozenset({"tools", "system"})),
    Dialogue(
        name="thought",
        steps=replay,
        max_requests=6,
        max_output_tokens=5 * (THINKING_TOKENS + 300),
        needs=frozenset({"thinking", "tools", "system"}),
    ),
]


@pytest.mark.parametrize("exchange", [*TOOLS, *SERVER_TOOL_OFFERED, *FORCED], indirect=True)
def test_calls_tools(exchange, judge):
    judge(exchange)


@pytest.mark.parametrize("exchange", THINKING, indirect=True)
def test_thinks(exchange, judge):
    judge(exchange)


@pytest.mark.parametrize("dialogue", DIALOGUES, indirect=True)
def test_continues_after_calls_and_thoughts(dialogue, judge):
    judge(*dialogue)
