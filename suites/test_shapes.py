"""Compares the shapes of answers with those of an earlier run, which --snapshots names. Skipped without it.

Other suites contain the same requests, so that each is sent once and costs nothing more.
"""

import pytest

from messages_conformance.generate import count_tokens, get, probe_asks, whole_and_streamed

OK = "Reply with the single word: ok"
COUNT = "Count from 1 to 20, separated by commas. Reply with the numbers only."


def tool(name, description):
    """A tool whose input is a city."""
    location = {"type": "string", "description": "The city"}
    schema = {
        "type": "object",
        "properties": {"location": location},
        "required": ["location"],
        "additionalProperties": False,
    }
    return {"name": name, "description": description, "input_schema": schema}


TOOLS = [tool("get_weather", "Gives the weather in one city."), tool("get_time", "Gives the local time in one city.")]

ANSWERS = [
    *whole_and_streamed("plain", OK, depth="smoke"),
    *whole_and_streamed("limit.five", COUNT, max_tokens=5, needs=["small-limits"], capability="small-limits"),
    *whole_and_streamed("stop", COUNT, max_tokens=100, stop_sequences=["13"], needs=["stop-sequences"]),
    *whole_and_streamed(
        "tools.named",
        "What is the weather in Paris?",
        max_tokens=200,
        tools=TOOLS,
        tool_choice={"type": "tool", "name": "get_time"},
        needs=["tools", "tool-choice", "forced-tools"],
        capability="forced-tools",
    ),
]

OTHER_ROUTES = [count_tokens("count_tokens.plain", OK), get("models.list", "/v1/models", needs=["models"])]

REFUSED = ("request.messages.required:omitted", "auth.invalid.401:wrong-key")
REFUSALS = [asked for asked in probe_asks() if asked.situation in REFUSED]


@pytest.mark.parametrize("exchange", [*ANSWERS, *OTHER_ROUTES, *REFUSALS], indirect=True)
def test_shape_is_unchanged(exchange, judge, same_shape):
    judge(exchange)
    same_shape(exchange)
