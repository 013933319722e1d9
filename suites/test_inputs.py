"""Images, documents, search results and output formats, and inputs that a target may refuse."""

import pytest

from messages_conformance.generate import EITHER, REFUSED, ask, assistant, user, whole_and_streamed
from messages_conformance.generate.sample_inputs import (
    CITED,
    HOURS,
    MIXED,
    NOTE,
    OTHER_NOTE,
    OTHER_RESULT,
    PERSON,
    PICTURE,
    SEARCH_RESULT,
    question_about,
)
from messages_conformance.generate.sample_tools import CAMERA

OK = "Reply with the single word: ok"

INPUTS = [
    ask(
        "image",
        [
            user(
                [
                    PICTURE,
                    {"type": "text", "text": "Which colour is this picture? Reply with one word."},
                ]
            )
        ],
        needs=["images"],
        capability="images",
    ),
    ask(
        "search-result",
        [user([SEARCH_RESULT, HOURS])],
        needs=["search-results"],
        capability="search-results",
    ),
    ask("document", question_about(title="Opening hours"), max_tokens=40, needs=["documents"], capability="documents"),
    *whole_and_streamed(
        "format",
        "Ada is 36 years old. Give her name and her age.",
        max_tokens=100,
        output_config={"format": {"type": "json_schema", "schema": PERSON}},
        needs=["structured-outputs"],
        capability="structured-outputs",
    ),
]

INPUTS += [
    ask(
        "documents.cited",
        [user([{"type": "document", "source": source, **CITED} for source in (OTHER_NOTE, NOTE)] + [HOURS])],
        max_tokens=60,
        depth="deep",
        needs=["citations"],
        capability="citations",
    ),
    ask(
        "search-results.cited",
        [
            user([{**OTHER_RESULT, **CITED}, HOURS]),
            assistant("It is closed."),
            user([{**SEARCH_RESULT, **CITED}, HOURS]),
        ],
        max_tokens=60,
        depth="deep",
        needs=["citations", "search-results"],
        capability="citations",
    ),
    ask(
        "format.order",
        "Ada is 36 years old and lives in Elm Street, London. Give her name, age, street and city.",
        max_tokens=120,
        output_config={"format": {"type": "json_schema", "schema": MIXED}},
        depth="deep",
        needs=["structured-outputs"],
        capability="structured-outputs",
    ),
]

# A made-up redacted thought is not genuine: a target may refuse it, but must not fail on it.
REDACTED = [
    ask(
        "thought.redacted",
        [
            user("Hello."),
            assistant(
                [{"type": "redacted_thinking", "data": "bm90IGEgdGhvdWdodA=="}, {"type": "text", "text": "Hello."}]
            ),
            user(OK),
        ],
        expect=EITHER,
        probe="errors.no-5xx-on-bad-input",
        needs=["thinking"],
    )
]

# A target may have no such tool. If it has, an earlier search is accepted, too (request.tool_search.history).
TOOL_SEARCH = [
    ask(
        "tool-search",
        "Reply with the single word: ok",
        tools=[
            {"type": "tool_search_tool_regex_20251119", "name": "tool_search_tool_regex"},
            CAMERA,
            {**CAMERA, "name": "get_weather", "description": "Gives the weather.", "defer_loading": True},
        ],
        expect=EITHER,
        probe="errors.no-5xx-on-bad-input",
        depth="deep",
        needs=["server-tools", "tools"],
    )
]

OVERSIZED = [
    ask(
        "size",
        "x" * 33 * 1024 * 1024,
        expect=REFUSED,
        probe="transport.request.size-limit",
        depth="deep",
    ),
]


@pytest.mark.parametrize("exchange", [*INPUTS, *REDACTED, *TOOL_SEARCH, *OVERSIZED], indirect=True)
def test_other_inputs_and_outputs(exchange, judge):
    judge(exchange)
