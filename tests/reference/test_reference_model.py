"""The small model follows plain requests, stops at its limits, and counts its tokens."""

from __future__ import annotations

import pytest
from reference_support import ask, text_of

from messages_conformance.reference.language_model import Model, first_stop, tokens

REQUESTS = [
    ("Count from 1 to 5.", "1, 2, 3, 4, 5"),
    ("Please count from 3 to 6, separated by spaces, and write nothing else.", "3 4 5 6"),
    ("Count slowly from one to four", "1, 2, 3, 4"),
    ("List the numbers from 1 to 3, one per line.", "1\n2\n3"),
    ("Count down from 3 to 1.", "3, 2, 1"),
    ("Count to 3", "1, 2, 3"),
    ("Say 'hello there'", "hello there"),
    ('Say "it\'s fine" and nothing else.', "it's fine"),
    ("Repeat exactly: é漢😀  two  spaces", "é漢😀  two  spaces"),
    ("Repeat the following text exactly, and nothing else:\n\n a\tb\n\nc ", " a\tb\n\nc "),
    ("Repeat the following text exactly:\n<text>\nx < y\n</text>", "x < y"),
    ("Reply with the single word: BANANA", "BANANA"),
    ("Reply with only the word pear.", "pear"),
    ("Reply with exactly: ok", "ok"),
    ("What is 6 times 7?", "6 times 7 = 42"),
    ("What is the capital of France?", "The capital of France is Paris."),
]


@pytest.mark.parametrize(("question", "answer"), REQUESTS)
def test_follows_plain_requests(question: str, answer: str) -> None:
    message = ask(question)
    assert text_of(message) == answer
    assert message["stop_reason"] == "end_turn"


def test_short_answer_mentions_the_main_words() -> None:
    assert "volcanoes" in text_of(ask("Do volcanoes sleep?"))


@pytest.mark.parametrize(
    "question", ["Write a long story about cats.", "Explain in detail how tides work.", "Write 500 words on tea."]
)
def test_writes_at_length(question: str) -> None:
    words = text_of(ask(question, max_tokens=4000)).split()
    assert len(words) >= (500 if "500" in question else 300)


def test_remembers_earlier_turns() -> None:
    turns = [
        {"role": "user", "content": "My name is Ada. Remember the number 42."},
        {"role": "assistant", "content": [{"type": "text", "text": "Gladly."}]},
    ]
    assert "Ada" in text_of(ask([*turns, {"role": "user", "content": "What is my name?"}]))
    assert "42" in text_of(ask([*turns, {"role": "user", "content": "What number did I ask you to remember?"}]))


def test_reads_the_system_prompt() -> None:
    assert "XYLO" in text_of(ask("What is the secret word?", system="The secret word is XYLO."))
    blocks = [{"type": "text", "text": "The code is 7731."}]
    assert "7731" in text_of(ask("What is the code?", system=blocks))
    assert text_of(ask("Count from 1 to 2.", system="End every answer with DONE.")).endswith("DONE")


def test_continues_a_prefill() -> None:
    turns = [{"role": "user", "content": "Count from 1 to 5."}, {"role": "assistant", "content": "1, 2, 3,"}]
    assert text_of(ask(turns)) == " 4, 5"


def test_reads_every_text_block() -> None:
    blocks = [{"type": "text", "text": "Here is a riddle."}, {"type": "text", "text": "Why do rivers bend?"}]
    assert "rivers" in text_of(ask([{"role": "user", "content": blocks}]))


@pytest.mark.parametrize("limit", [1, 2, 5, 17])
def test_stops_after_max_tokens(limit: int) -> None:
    message = ask("Write a long story about the sea.", max_tokens=limit)
    assert message["stop_reason"] == "max_tokens"
    assert message["usage"]["output_tokens"] == limit
    assert text_of(message) == "".join(
        tokens(text_of(ask("Write a long story about the sea.", max_tokens=4000)))[:limit]
    )


@pytest.mark.parametrize(
    ("sequences", "text", "hit"),
    [
        ([", 5"], "1, 2, 3, 4", ", 5"),
        (["7", "3"], "1, 2, ", "3"),
        (["3, 4", "4"], "1, 2, ", "3, 4"),
        (["1"], "", "1"),
        (["99"], "1, 2, 3, 4, 5, 6, 7, 8, 9", None),
    ],
)
def test_stops_at_the_first_stop_sequence(sequences: list[str], text: str, hit: str | None) -> None:
    message = ask("Count from 1 to 9.", stop_sequences=sequences)
    assert text_of(message) == text
    assert message["stop_sequence"] == hit
    assert message["stop_reason"] == ("stop_sequence" if hit else "end_turn")
    assert message["usage"]["output_tokens"] > 0


def test_stop_sequence_beyond_the_limit_does_not_count() -> None:
    message = ask("Count from 1 to 9.", stop_sequences=["8"], max_tokens=5)
    assert (message["stop_reason"], message["stop_sequence"]) == ("max_tokens", None)


def test_first_stop_prefers_the_longer_of_two_that_end_together() -> None:
    assert first_stop("abcd", ["c", "bc"]) == (1, "bc")
    assert first_stop("abcd", ["x", ""]) is None


@pytest.mark.parametrize("text", ["a", " ", "\n\n", "abcdefghijk", "é漢😀 x", "a_b-c  d "])
def test_tokens_join_to_their_text(text: str) -> None:
    assert "".join(tokens(text)) == text
    assert len(tokens(text)) >= 1


def test_input_tokens_grow_with_the_prompt() -> None:
    def size(question: str = "Hi", **fields: object) -> int:
        return int(ask(question, **fields)["usage"]["input_tokens"])

    tool = {"name": "f", "input_schema": {"type": "object"}}
    assert (
        size()
        < size("Hi there")
        < size("Hi there", system="Be kind.")
        < size("Hi there", system="Be kind.", tools=[tool])
    )
    assert size() == size()


WEATHER = {
    "name": "get_weather",
    "description": "The weather in a city",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
CLOCK = {"name": "get_time", "input_schema": {"type": "object", "properties": {"zone": {"enum": ["utc", "cet"]}}}}


def calls(message: dict[str, list[dict[str, object]]]) -> list[tuple[object, object]]:
    return [(block["name"], block["input"]) for block in message["content"] if block["type"] == "tool_use"]


def test_calls_the_tool_that_the_question_is_about() -> None:
    message = ask("What is the weather in Paris?", tools=[WEATHER, CLOCK])
    assert calls(message) == [("get_weather", {"city": "Paris"})]
    assert message["stop_reason"] == "tool_use"
    assert calls(ask("Count from 1 to 3.", tools=[WEATHER])) == []


def test_calls_once_for_each_subject_unless_parallel_calls_are_disabled() -> None:
    question = "What is the weather in Paris and Tokyo?"
    assert len(calls(ask(question, tools=[WEATHER]))) == 2
    one = {"type": "auto", "disable_parallel_tool_use": True}
    assert len(calls(ask(question, tools=[WEATHER], tool_choice=one))) == 1


def test_obeys_the_tool_choice() -> None:
    question = "What is the weather in Paris?"
    assert calls(ask(question, tools=[WEATHER], tool_choice={"type": "none"})) == []
    forced = ask(question, tools=[WEATHER, CLOCK], tool_choice={"type": "tool", "name": "get_time"})
    assert calls(forced) == [("get_time", {"zone": "utc"})]
    assert calls(ask("Hello!", tools=[WEATHER], tool_choice={"type": "any"}))


def test_uses_a_tool_result() -> None:
    first = ask("What is the weather in Paris?", tools=[WEATHER])
    result = {"type": "tool_result", "tool_use_id": first["content"][0]["id"], "content": "21 degrees"}
    turns = [
        {"role": "user", "content": "What is the weather in Paris?"},
        {"role": "assistant", "content": first["content"]},
        {"role": "user", "content": [result]},
    ]
    assert "21 degrees" in text_of(ask(turns, tools=[WEATHER]))


def test_thinks_before_it_answers() -> None:
    message = ask("Hi", thinking={"type": "enabled", "budget_tokens": 1024}, max_tokens=2000)
    assert [block["type"] for block in message["content"]] == ["thinking", "text"]
    assert message["content"][0]["signature"]


def test_answers_in_the_required_schema() -> None:
    fields = {"n": {"type": "integer"}, "ok": {"type": "boolean"}}
    schema = {"type": "object", "properties": fields, "additionalProperties": False}
    message = ask("Give me 7", output_config={"format": {"type": "json_schema", "schema": schema}})
    assert text_of(message) == '{"n": 7, "ok": true}'


def test_counts_alike_with_any_tokenizer() -> None:
    assert Model().count("hello world") == 2
