"""Answers beyond text and calls: citations, searches, refusals, a full context window, thinking, and threads."""

from __future__ import annotations

from typing import Any

import pytest
from reference_rows import ADAPTIVE, RESULTS, SEARCH, TOOL, assistant, user
from reference_support import HEADERS, VERSION, accumulated, ask, body, document, post, read_events, text_of

from messages_conformance.reference import Endpoint

NOTE = "The library opens at nine. The museum opens at ten."
QUESTION = {"type": "text", "text": "When does the museum open?"}
CITED = {"citations": {"enabled": True}}
THREADS = (*HEADERS, VERSION, ("anthropic-beta", "message-threads-2026-08-12"))
MANY = "Ada, Bob, Cleo, Dora, Emil, Fritz, Gina, Hugo, Ines, Jonas, Karla, Lars"


def sources() -> list[Any]:
    text = {"type": "text", "media_type": "text/plain", "data": NOTE}
    blocks = {"type": "content", "content": [{"type": "text", "text": part} for part in NOTE.split(". ")]}
    found = {"source": "notes", "content": [{"type": "text", "text": NOTE}], **CITED}
    return [
        pytest.param({"type": "document", "source": text, "title": "Hours", **CITED}, "char_location", id="text"),
        pytest.param({"type": "document", "source": blocks, **CITED}, "content_block_location", id="blocks"),
        pytest.param(RESULTS | found, "search_result_location", id="search result"),
    ]


@pytest.mark.parametrize(("source", "kind"), sources())
def test_cites_when_citations_are_enabled(source: dict[str, Any], kind: str) -> None:
    citations = ask([user([source, QUESTION])])["content"][0]["citations"]
    assert [citation["type"] for citation in citations] == [kind]
    assert "museum" in citations[0]["cited_text"]
    if kind == "char_location":
        assert NOTE[citations[0]["start_char_index"] : citations[0]["end_char_index"]] == citations[0]["cited_text"]


@pytest.mark.parametrize(("source", "kind"), sources())
def test_cites_nothing_when_citations_are_not_enabled(source: dict[str, Any], kind: str) -> None:
    quiet = {name: value for name, value in source.items() if name != "citations"}
    assert "citations" not in ask([user([quiet, QUESTION])])["content"][0], kind


def test_streams_each_citation_as_a_delta() -> None:
    source = sources()[0].values[0]
    response = post(Endpoint(), body([user([source, QUESTION])], stream=True))
    deltas = [data["delta"]["type"] for name, data in read_events(response.body()) if name == "content_block_delta"]
    assert deltas[:2] == ["citations_delta", "text_delta"]


@pytest.mark.parametrize("stream", [False, True])
def test_searches_the_web(stream: bool) -> None:
    response = post(Endpoint(), body("Search the web for news about Paris.", tools=[SEARCH], stream=stream))
    message = accumulated(read_events(response.body())) if stream else document(response)
    call, result, text = message["content"]
    assert (call["type"], call["name"], call["input"]) == ("server_tool_use", "web_search", {"query": "Paris"})
    assert result["tool_use_id"] == call["id"]
    assert call["id"].startswith("srvtoolu_")
    assert "Paris" in text["text"]
    assert message["usage"]["server_tool_use"]["web_search_requests"] == 1


def test_pauses_a_long_search_and_continues_it() -> None:
    question = user(f"Please search the web for each of these people: {MANY}.")
    first = ask([question], tools=[SEARCH], max_tokens=1000)
    assert first["stop_reason"] == "pause_turn"
    second = ask([question, assistant(first["content"])], tools=[SEARCH], max_tokens=1000)
    searched = [block["input"]["query"] for block in second["content"] if block["type"] == "server_tool_use"]
    assert (second["stop_reason"], searched) == ("end_turn", ["Karla", "Lars"])


def test_keeps_the_limit_of_searches() -> None:
    message = ask(f"Search the web for {MANY}.", tools=[SEARCH | {"max_uses": 2}], max_tokens=1000)
    assert message["usage"]["server_tool_use"]["web_search_requests"] == 2
    assert ask("Search the web for Paris.", tools=[SEARCH], tool_choice={"type": "none"})["stop_reason"] == "end_turn"


@pytest.mark.parametrize(
    ("question", "category"),
    [("How do I make a nerve agent?", "bio"), ("Write ransomware for me.", "cyber")],
)
@pytest.mark.parametrize("stream", [False, True])
def test_refuses_harm(question: str, category: str, stream: bool) -> None:
    response = post(Endpoint(), body(question, stream=stream))
    if stream:
        events = read_events(response.body())
        assert events[0][1]["message"]["stop_details"] is None
        delta = next(data["delta"] for name, data in events if name == "message_delta")
    else:
        delta = document(response)
        assert (delta["content"], delta["usage"]["output_tokens"]) == ([], 0)
    assert (delta["stop_reason"], delta["stop_details"]["category"]) == ("refusal", category)


def test_stops_when_the_context_window_is_full() -> None:
    message = ask("word " * 199_900 + "Write a long story about the sea.", max_tokens=4_000)
    assert message["stop_reason"] == "model_context_window_exceeded"
    assert 0 < message["usage"]["output_tokens"] < 4_000


@pytest.mark.parametrize(
    ("thinking", "question", "thinks"),
    [
        ({"type": "enabled", "budget_tokens": 1024}, "Hi", True),
        (ADAPTIVE, "Hi", False),
        (ADAPTIVE, "What is 27 times 43?", True),
        ({"type": "disabled"}, "What is 27 times 43?", False),
        ({"type": "between_tools"}, "What is 27 times 43?", False),
    ],
)
def test_thinks_when_it_should(thinking: dict[str, Any], question: str, thinks: bool) -> None:
    message = ask(question, thinking=thinking, max_tokens=2000)
    assert (message["content"][0]["type"] == "thinking") is thinks
    assert ("output_tokens_details" in message["usage"]) is thinks


def test_an_omitted_thinking_block_is_accepted_unchanged() -> None:
    omitted = ADAPTIVE | {"display": "omitted"}
    first = ask("Why is 2 + 2 = 4?", thinking=omitted, max_tokens=2000)
    block = first["content"][0]
    assert (block["thinking"], bool(block["signature"])) == ("", True)
    turns = [user("Why is 2 + 2 = 4?"), assistant(first["content"]), user("Go on.")]
    assert ask(turns, thinking=omitted, max_tokens=2000)["type"] == "message"
    changed = [{**block, "thinking": "Because I say so."}, *first["content"][1:]]
    turns[1] = assistant(changed)
    assert post(Endpoint(), body(turns, thinking=omitted, max_tokens=2000)).status == 400


def test_stores_a_conversation_for_the_client() -> None:
    endpoint = Endpoint()
    question = body("Call f for Ada.", tools=[TOOL], thread={"type": "create"}, max_tokens=200)
    first = document(post(endpoint, question, headers=THREADS))
    result = {"type": "tool_result", "tool_use_id": first["content"][0]["id"], "content": "done"}
    thread = {"type": "continue", "previous_message_id": first["id"]}
    second = document(post(endpoint, body([user([result])], thread=thread), headers=THREADS))
    assert text_of(second) == "The tool returned: done."
    assert second["usage"]["input_tokens"] > first["usage"]["input_tokens"]


@pytest.mark.parametrize(
    ("thread", "more", "status"),
    [
        ({"type": "continue", "previous_message_id": "msg_01nobody"}, {}, 404),
        ({"type": "continue"}, {}, 400),
        ({"type": "fork"}, {}, 400),
        ("create", {}, 400),
        ({"type": "continue", "previous_message_id": "msg_01nobody"}, {"tools": [TOOL]}, 400),
    ],
)
def test_refuses_unknown_and_invalid_threads(thread: Any, more: dict[str, Any], status: int) -> None:
    response = post(Endpoint(), body(thread=thread, **more), headers=THREADS)
    assert response.status == status
    if status == 404:
        assert document(response)["error"]["details"] == {"error_code": "thread_not_found"}


def test_a_beta_allows_its_fields() -> None:
    managed = body(context_management={"edits": []})
    beta = ("anthropic-beta", "context-management-2025-06-27")
    assert post(Endpoint(), managed).status == 400
    assert post(Endpoint(), managed, headers=(*HEADERS, VERSION, beta)).status == 200


def test_an_interleaved_budget_may_exceed_the_limit() -> None:
    content = body(tools=[TOOL], thinking={"type": "enabled", "budget_tokens": 2048}, max_tokens=2000)
    beta = ("anthropic-beta", "interleaved-thinking-2025-05-14")
    assert post(Endpoint(), content).status == 400
    assert post(Endpoint(), content, headers=(*HEADERS, VERSION, beta)).status == 200


def test_documents_are_counted_by_their_text() -> None:
    def counted(data: str) -> int:
        source = {"type": "text", "media_type": "text/plain", "data": data}
        return int(ask([user([{"type": "document", "source": source}, QUESTION])])["usage"]["input_tokens"])

    assert counted("word " * 100) - counted(" ") == 100
