"""The endpoint without a socket: routes, credentials, versions, validation, and the two forms of an answer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from reference_rows import ACCEPTED, CITED, DOCUMENT, REFUSED, STREAMED, TOOL, assistant, user
from reference_support import HEADERS, VERSION, accumulated, ask, body, document, get, post, read_events

from messages_conformance.reference import API_KEY, Endpoint, Settings


@pytest.mark.parametrize("content", [row[1] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_refuses_invalid_bodies(content: Any) -> None:
    response = post(Endpoint(), content)
    error = document(response)
    assert response.status == 400
    assert error["type"] == "error"
    assert error["error"]["type"] == "invalid_request_error"
    assert error["error"]["message"]
    assert error["request_id"] == response.header("request-id")


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"a": NaN}', b'{"a":"\\ud800"}', b'{"a":"\x01"}', b"[" * 9000],
)
def test_refuses_bodies_that_are_not_an_object(content: bytes) -> None:
    response = post(Endpoint(), content)
    assert response.status == 400
    assert document(response)["error"]["type"] == "invalid_request_error"


def test_refused_stream_is_a_plain_error() -> None:
    response = post(Endpoint(), body(stream=True, max_tokens="x"))
    assert (response.status, response.media_type) == (400, "application/json")


@pytest.mark.parametrize("content", [row[1] for row in ACCEPTED], ids=[row[0] for row in ACCEPTED])
def test_serves_valid_bodies(content: Any) -> None:
    response = post(Endpoint(), content)
    assert response.status == 200, response.body()
    assert document(response)["usage"]["input_tokens"] > 0


def test_string_and_text_block_cost_the_same() -> None:
    one = ask("Hello")["usage"]["input_tokens"]
    assert ask([user([{"type": "text", "text": "Hello"}])])["usage"]["input_tokens"] == one


def test_prewarming_generates_nothing() -> None:
    message = ask(max_tokens=0)
    assert (message["content"], message["stop_reason"], message["usage"]["output_tokens"]) == ([], "max_tokens", 0)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([("x-api-key", API_KEY)], 200),
        ([("X-API-KEY", API_KEY)], 200),
        ([("Authorization", f"Bearer {API_KEY}")], 200),
        ([("authorization", f"bearer {API_KEY}")], 200),
        ([("x-api-key", API_KEY), ("authorization", "Bearer other")], 200),
        ([], 401),
        ([("x-api-key", "other")], 401),
        ([("authorization", f"Basic {API_KEY}")], 401),
    ],
)
def test_credentials(headers: list[tuple[str, str]], status: int) -> None:
    response = post(Endpoint(), body(), headers=(VERSION, *headers))
    assert response.status == status
    if status == 401:
        assert document(response)["error"]["type"] == "authentication_error"
        assert API_KEY.encode() not in response.body()


@pytest.mark.parametrize(
    ("versions", "required", "status"),
    [
        ([], False, 200),
        ([], True, 400),
        (["2023-06-01"], True, 200),
        (["2026-10-21"], True, 200),
        (["1999-01-01"], False, 400),
        (["2023-06-01, 2023-06-01"], False, 400),
        (["2023-06-01", "2023-06-01"], False, 400),
    ],
)
def test_versions(versions: list[str], required: bool, status: int) -> None:
    headers = (*HEADERS, *(("anthropic-version", version) for version in versions))
    endpoint = Endpoint(settings=Settings(version_required=required))
    assert post(endpoint, body(), headers=headers).status == status


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens"])
@pytest.mark.parametrize(
    "content",
    [
        body([user("hi"), assistant([DOCUMENT]), user("ho")]),
        body([user([{"type": "text", "text": "x", "citations": CITED}])]),
        body(temperature=1),
    ],
    ids=["assistant document", "user citations", "temperature"],
)
def test_newest_version_refuses_more(path: str, content: Any) -> None:
    if path.endswith("count_tokens"):
        content = {key: value for key, value in content.items() if key != "max_tokens"}
    newest = (*HEADERS, ("anthropic-version", "2026-10-21"))
    assert post(Endpoint(), content, path=path, headers=newest).status == 400
    if "temperature" not in content:
        assert post(Endpoint(), content, path=path).status == 200


def test_betas() -> None:
    def status(*values: str) -> int:
        betas = tuple(("anthropic-beta", value) for value in values)
        return post(Endpoint(), body(), headers=(*HEADERS, VERSION, *betas)).status

    assert status("context-1m-2025-08-07, effort-2025-11-24") == 200
    assert status("context-1m-2025-08-07", "effort-2025-11-24") == 200
    assert status("invalid-beta-name") == 400


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("POST", "/v1/nope", 404, "not_found_error"),
        ("POST", "/v1/messages/batches", 400, "invalid_request_error"),
        ("GET", "/v1/messages", 405, "invalid_request_error"),
        ("POST", "/v1/models", 405, "invalid_request_error"),
        ("GET", "/v1/models/nope", 404, "not_found_error"),
        ("GET", "/", 404, "not_found_error"),
    ],
)
def test_wrong_addresses(method: str, path: str, status: int, kind: str) -> None:
    response = post(Endpoint(), b"", path=path, method=method)
    assert response.status == status
    assert document(response)["error"]["type"] == kind


def test_unknown_model_is_not_found() -> None:
    response = post(Endpoint(), body(model="no-such-model"))
    assert (response.status, document(response)["error"]["type"]) == (404, "not_found_error")


def test_refuses_a_body_that_is_too_large() -> None:
    response = post(Endpoint(), b" " * (32 * 1024 * 1024 + 1))
    assert (response.status, document(response)["error"]["type"]) == (413, "request_too_large")


def test_refuses_a_prompt_that_is_too_long() -> None:
    assert post(Endpoint(), body("word " * 200_001)).status == 400


def test_query_strings_are_tolerated() -> None:
    assert post(Endpoint(), body(), path="/v1/messages?beta=true").status == 200


def test_count_tokens_equals_the_reported_input_tokens() -> None:
    content = {"model": "reference-1", "messages": [user("Hello")], "system": "Be kind.", "tools": [TOOL]}
    counted = document(post(Endpoint(), content, path="/v1/messages/count_tokens"))
    created = document(post(Endpoint(), {**content, "max_tokens": 5}))
    assert counted == {"input_tokens": created["usage"]["input_tokens"]}


def test_models_are_listed_in_pages() -> None:
    endpoint, seen, cursor = Endpoint(), [], ""
    while True:
        page = document(get(endpoint, f"/v1/models?limit=2{cursor}"))
        seen += [item["id"] for item in page["data"]]
        assert (page["first_id"], page["last_id"]) == (page["data"][0]["id"], page["data"][-1]["id"])
        if not page["has_more"]:
            break
        cursor = f"&after_id={page['last_id']}"
    everything = document(get(endpoint, "/v1/models"))
    assert seen == [item["id"] for item in everything["data"]]
    back = document(get(endpoint, f"/v1/models?limit=2&before_id={seen[3]}"))
    assert [item["id"] for item in back["data"]] == seen[1:3]
    assert document(get(endpoint, "/v1/models?lifecycle=active,deprecated")) == everything
    assert document(get(endpoint, "/v1/models?lifecycle=retired"))["data"] == []
    assert get(endpoint, "/v1/models?lifecycle=unborn").status == 400
    for limit in ("0", "1001", "x", "²"):
        assert get(endpoint, f"/v1/models?limit={limit}").status in (400,)


def test_models_are_retrieved_by_escaped_names() -> None:
    endpoint = Endpoint()
    listed = {item["id"]: item for item in document(get(endpoint, "/v1/models"))["data"]}
    assert document(get(endpoint, "/v1/models/anthropic%2Fclaude-opus-4-5")) == listed["anthropic/claude-opus-4-5"]
    assert document(get(endpoint, "/v1/models/reference-1")) == listed["reference-1"]


def test_identifiers_are_unique() -> None:
    endpoint = Endpoint()
    responses = [post(endpoint, body("Hi")) for _ in range(50)]
    assert len({response.header("request-id") for response in responses}) == 50
    assert len({document(response)["id"] for response in responses}) == 50


@pytest.mark.parametrize("content", STREAMED, ids=range(len(STREAMED)))
def test_stream_accumulates_to_the_document(content: dict[str, Any]) -> None:
    endpoint = Endpoint()
    response = post(endpoint, {**content, "stream": True})
    assert response.media_type == "text/event-stream"
    events = read_events(response.body())
    assert [events[0][0], events[-1][0]] == ["message_start", "message_stop"]
    assert all(name == data["type"] for name, data in events)
    start = events[0][1]["message"]
    assert (start["content"], start["stop_reason"], start["usage"]["output_tokens"]) == ([], None, 1)
    assert plain(accumulated(events)) == plain(document(post(endpoint, content)))


def plain(message: dict[str, Any]) -> dict[str, Any]:
    """The message without the parts that differ between two answers."""
    blocks = [{key: value for key, value in block.items() if key != "id"} for block in message["content"]]
    return {**message, "id": "", "content": blocks}


def test_ping_follows_the_first_block_start() -> None:
    names = [name for name, _ in read_events(post(Endpoint(), body(stream=True)).body())]
    assert names[:3] == ["message_start", "content_block_start", "ping"]


def test_body_is_utf8_without_escapes() -> None:
    assert "é漢😀".encode() in post(Endpoint(), body("Repeat exactly: é漢😀")).body()
    assert json.loads(post(Endpoint(), body("Repeat exactly: é漢😀")).body())
