"""Recorded requests become rows of a suite, and the suite asks them."""

import json

import pytest

from messages_conformance.cli import main
from messages_conformance.exchange import Chunk, Exchange, Request, Response
from messages_conformance.promotion import (
    ROWS_NAME,
    SUITE_NAME,
    PromotionError,
    add_rows,
    recorded,
    recorded_requests,
    without_text,
)

BODY = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hello, Ann!"}]}


def exchange(body=BODY, *, status=200, headers=(("x-api-key", "$KEY"), ("anthropic-version", "2023-06-01"))):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    response = Response(status=status, headers=(), chunks=(Chunk(at_s=0, data=b"{}"),), headers_at_s=0, ended_at_s=0)
    request = Request(method="POST", path="/v1/messages", headers=tuple(headers), body=data)
    return Exchange(number=1, request=request, response=response, situations=())


def test_a_row_has_the_request_without_its_model_and_key():
    row = recorded(exchange(headers=(("X-Api-Key", "sk-1"), ("Anthropic-Beta", "a-1"))), "x.y")
    assert row.headers == {"anthropic-beta": "a-1"}
    assert row.body == {key: value for key, value in BODY.items() if key != "model"}
    assert row.ask().situation == "x.y"


@pytest.mark.parametrize(("status", "expect"), [(200, "accepted"), (500, "accepted"), (400, "either"), (429, "either")])
def test_what_is_expected_follows_from_the_answer(status, expect):
    assert recorded(exchange(status=status), "x").ask().expect == expect
    assert recorded(exchange(status=status), "x", expect="refused").ask().expect == "refused"


@pytest.mark.parametrize("body", [b"\xff\x00", b'{"a":', b"[1]"])
def test_a_body_that_is_no_object_is_kept_byte_for_byte(body, tmp_path):
    add_rows(tmp_path, [recorded(exchange(body), "x")])
    assert [ask.body for ask in recorded_requests(tmp_path / ROWS_NAME)] == [body]


def test_rows_are_added_once_and_names_stay_different(tmp_path):
    other = recorded(exchange({**BODY, "max_tokens": 5}), "x")
    assert add_rows(tmp_path, [recorded(exchange(), "x")])[0] == 1
    assert add_rows(tmp_path, [recorded(exchange(), "x"), other])[0] == 1
    assert [ask.situation for ask in recorded_requests(tmp_path / ROWS_NAME)] == ["x", "x-2"]
    assert (tmp_path / SUITE_NAME).exists()


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "{}",
        '[{"situation": 5}]',
        '[{"situation": "x", "boody": 1}]',
        "[" * 5000,
        '[{"situation":"x","raw_body":"*"}]',
    ],
)
def test_a_file_that_is_none_is_one_message(text, tmp_path):
    path = tmp_path / ROWS_NAME
    path.write_text(text)
    with pytest.raises(PromotionError, match=ROWS_NAME):
        recorded_requests(path)


def turn(role, **block):
    return {"role": role, "content": [block]}


def test_text_is_replaced_and_the_shape_stays():
    text = {"type": "text", "media_type": "text/plain", "data": "Ann"}
    image = {"type": "base64", "media_type": "image/png", "data": "Ann0"}
    body = {
        "system": [{"type": "text", "text": "Ann is 42."}],
        "tools": [{"name": "ask_ann", "input_schema": {"type": "object"}}],
        "messages": [
            {"role": "user", "content": "Grüß Ann, 安娜!"},
            turn("assistant", type="tool_use", id="toolu_1", name="ask_ann", input={"q": ["Ann"]}),
            turn("user", type="tool_result", tool_use_id="toolu_1", content="Ann"),
            turn("user", type="document", title="Ann", source=text),
            turn("user", type="image", source=image),
        ],
        "metadata": {"user_id": "ann"},
    }
    changed = without_text(body)
    written = json.dumps(changed, ensure_ascii=False)
    assert written.count("Ann") == 1, "the image stays"
    assert changed["system"][0]["text"] == "Xxx xx 00."
    assert changed["messages"][0]["content"] == "Xxéé Xxx, 語語!"
    assert changed["tools"] == body["tools"]
    assert changed["messages"][1] == turn(
        "assistant", type="tool_use", id="toolu_1", name="ask_ann", input={"q": ["Xxx"]}
    )
    assert len(written.encode()) == len(json.dumps(body, ensure_ascii=False).encode())


MESSAGE = {"type": "message", "role": "assistant", "content": []}
MAP = ("--map", "request=$.request", "--map", "response=$.response")


@pytest.fixture
def recording(tmp_path):
    path = tmp_path / "two calls.jsonl"
    rows = [{"request": {**BODY, "max_tokens": number}, "response": MESSAGE} for number in (5, 6)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_the_command_writes_the_row_of_the_exchange_that_is_named(recording, tmp_path, capsys):
    folder = tmp_path / "own"
    assert main(["promote", str(recording), *MAP, "--exchange", "2", "--to", str(folder), "--without-text"]) == 0
    assert "1 of 1 new" in capsys.readouterr().out
    (ask,) = recorded_requests(folder / ROWS_NAME)
    assert ask.situation == "recorded.two-calls-2"
    assert ask.body == {"max_tokens": 6, "messages": [{"role": "user", "content": "Xxxxx, Xxx!"}]}
    assert ask.depth == "smoke"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ([], "there are 2 exchanges; name one with --exchange: 1 (POST /v1/messages), 2 (POST"),
        (["--exchange", "7"], "there is no exchange 7; name one with --exchange: 1 ("),
        (["--exchange", "1", "--to", "/dev/null/x"], "could not be written"),
    ],
)
def test_what_cannot_be_promoted_is_one_message(recording, more, message, capsys):
    assert main(["promote", str(recording), *MAP, *more]) == 4
    assert message in capsys.readouterr().err
