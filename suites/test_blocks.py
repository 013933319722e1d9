"""Messages of several blocks: tool calls and thinking, where the order of a stream shows."""

import pytest

from messages_conformance.generate import EITHER, ask, both_ways

WEATHER = {
    "name": "get_weather",
    "description": "Gives the weather in one city.",
    "input_schema": {
        "type": "object",
        "properties": {"location": {"type": "string", "description": "The city"}},
        "required": ["location"],
    },
}
TIME = {
    "name": "get_time",
    "description": "Gives the local time in one city.",
    "input_schema": {
        "type": "object",
        "properties": {"location": {"type": "string", "description": "The city"}},
        "required": ["location"],
    },
}

TOOLS = [
    *both_ways(
        "tool",
        "What is the weather in Paris? Call the tool get_weather.",
        max_tokens=200,
        tools=[WEATHER],
        tool_choice={"type": "tool", "name": "get_weather"},
        needs=["tools"],
        attempts=2,
        premise="response.content.tool_use-fields",
    ),
    *both_ways(
        "tools.parallel",
        "Call both tools in parallel: get_weather for Paris and get_time for Paris.",
        max_tokens=300,
        tools=[WEATHER, TIME],
        tool_choice={"type": "any"},
        needs=["tools"],
        attempts=2,
        premise="response.content.tool_use-fields",
    ),
]

THINKING = [
    ask(
        "thinking.streamed",
        "What is 27 times 43?",
        stream=True,
        max_tokens=1100,
        thinking={"type": "enabled", "budget_tokens": 1024},
        expect=EITHER,  # which kinds of thinking a model takes depends on the model
        needs=["thinking"],
    ),
]


@pytest.mark.parametrize("exchange", TOOLS, indirect=True)
def test_calls_tools(exchange, judge):
    judge(exchange)


@pytest.mark.parametrize("exchange", THINKING, indirect=True)
def test_thinks(exchange, judge):
    judge(exchange)
