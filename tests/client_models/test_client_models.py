"""What the models of the official SDKs and of Claude Code make of recorded bytes.

Each row was seen with the client itself: both SDKs read the same bytes, and Claude Code ran against such an endpoint.
"""

import contextlib
import json

import pytest

from messages_conformance.client_models import MODELS, read, what_is_wrong
from messages_conformance.client_models.received import ClientFails
from messages_conformance.client_models.tool_input import beginning, completed
from messages_conformance.exchange import ACCEPTED, COMPLETE, REFUSED, STALLED, Chunk, Exchange, Request, Response

PY, TS, CODE = "py", "ts", "claude-code"
TOOL = {"name": "get_weather", "input_schema": {"type": "object", "required": ["city"]}}
USAGE = {"input_tokens": 11, "output_tokens": 1}
START = {"type": "message_start", "message": {"id": "msg_1", "role": "assistant", "content": [], "usage": USAGE}}
TEXT = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
HELLO = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}}
CALL = {"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "name": "get_weather"}}
CALL = {**CALL, "content_block": {**CALL["content_block"], "id": "toolu_1", "input": {}}}
PARIS = {"type": "content_block_delta", "index": 0}
PARIS = {**PARIS, "delta": {"type": "input_json_delta", "partial_json": '{"city": "Paris"}'}}
STOP = {"type": "content_block_stop", "index": 0}
END = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}}
USE = {**END, "delta": {"stop_reason": "tool_use"}}
LAST = {"type": "message_stop"}
WHOLE = (START, TEXT, HELLO, STOP, END, LAST)
CALLING = (START, CALL, PARIS, STOP, USE, LAST)
DOCUMENT = {"content": [{"type": "text", "text": "Hello"}], "stop_reason": "end_turn", "usage": USAGE}


def sent(*events, named=True, tail=b""):
    lines = ((f"event: {event['type']}\n" if named else "") + f"data: {json.dumps(event)}\n\n" for event in events)
    return "".join(lines).encode() + tail


def changed(events, number, **members):
    return tuple({**event, **members} if place == number else event for place, event in enumerate(events))


def exchange(body, *, stream=True, status=200, media_type="", expect=ACCEPTED, statuses=(), ending=COMPLETE, **fields):
    request = {"model": "m", "max_tokens": 400, "messages": [], "stream": stream, "tools": [TOOL], **fields}
    kind = media_type or ("text/event-stream" if stream else "application/json")
    return Exchange(
        number=1,
        request=Request(method="POST", path="/v1/messages", headers=(), body=json.dumps(request).encode()),
        response=Response(
            status=status,
            headers=(("content-type", kind),),
            chunks=(Chunk(at_s=0.1, data=body),),
            headers_at_s=0.1,
            ended_at_s=0.2,
            ending=ending,
        ),
        expect=expect,
        statuses=statuses,
    )


def outcome(client, made):
    wrong = what_is_wrong(client, read(MODELS[client], made), made)
    return "ok" if wrong is None else wrong.outcome


EMPTY_DELTA = {**HELLO, "delta": None}
UNKNOWN_DELTA = {**HELLO, "delta": {"type": "text", "text": "Hello"}}
FILLED = {**CALL, "content_block": {**CALL["content_block"], "input": {"city": "Paris"}}}
NO_INDEX = {"type": "content_block_delta", "delta": HELLO["delta"]}
EARLY = {"stop_reason": "max_tokens"}
UNTYPED = {"text": "Hello"}
NO_USAGE = {"content": []}
BROKEN = {**HELLO, "delta": {"type": "text_delta", "text": "\ufffd\ufffd"}}
AGAIN = "ok_nonstream_fallback"
STREAMS = {
    "whole": (sent(*WHOLE), "ok", "ok", "ok"),
    "a call": (sent(*CALLING), "ok", "ok", "ok"),
    "without event lines": (sent(*WHOLE, named=False), "crash", "error", AGAIN),
    "a byte order mark": (b"\xef\xbb\xbf" + sent(*WHOLE), "crash", "ok", "ok"),
    "CRLF": (sent(*WHOLE).replace(b"\n", b"\r\n"), "ok", "ok", "ok"),
    "one newline": (sent(*WHOLE).replace(b"\n\n", b"\n"), "crash", "error", AGAIN),
    "[DONE] with a name": (sent(*WHOLE, tail=b"event: done\ndata: [DONE]\n\n"), "crash", "error", "ok"),
    "[DONE] without a name": (sent(*WHOLE, tail=b"data: [DONE]\n\n"), "ok", "ok", "ok"),
    "no message_stop": (sent(*WHOLE[:-1]), "ok", "error", "ok"),
    "no message_start": (sent(*WHOLE[1:]), "crash", "error", AGAIN),
    "message_start twice": (sent(START, *WHOLE), "ok", "error", "ok"),
    "delta without a type": (sent(*changed(WHOLE, 2, delta=UNTYPED)), *["silent_text"] * 2, AGAIN),
    "delta of an unknown type": (sent(*WHOLE[:2], UNKNOWN_DELTA, *WHOLE[3:]), *["silent_text"] * 3),
    "no delta": (sent(*WHOLE[:2], EMPTY_DELTA, *WHOLE[3:]), "crash", "error", AGAIN),
    "no index": (sent(*WHOLE[:2], NO_INDEX, *WHOLE[3:]), "crash", "silent_text", AGAIN),
    "no usage at the start": (sent({**START, "message": NO_USAGE}, *WHOLE[1:]), "crash", "error", "silent_usage"),
    "no usage at the end": (sent(*changed(WHOLE, 4, usage=None)), "crash", "error", "ok"),
    "no arguments": (sent(*CALLING[:2], *CALLING[3:]), *["silent_tool"] * 3),
    "arguments at the start": (sent(START, FILLED, *CALLING[3:]), "ok", "ok", "silent_tool"),
    "arguments twice": (sent(*CALLING[:3], *CALLING[2:]), "ok", "error", "silent_tool"),
    "calls end with end_turn": (sent(*CALLING[:4], END, LAST), "silent_tool", "silent_tool", "ok"),
    "no stop reason": (sent(*changed(WHOLE, 4, delta={})), "silent_stop_reason", "silent_stop_reason", "ok"),
    "max_tokens early": (sent(*changed(WHOLE, 4, delta=EARLY)), "silent_stop_reason", "silent_stop_reason", "error"),
    "no end of the block": (sent(*WHOLE[:3], *WHOLE[4:]), "ok", "ok", "silent_text"),
    "no end of the block and no message_stop": (sent(*WHOLE[:3], WHOLE[4]), "ok", "error", AGAIN),
    "no end of a call": (sent(*CALLING[:3], *CALLING[4:]), "ok", "ok", "silent_tool"),
    "broken characters": (sent(*WHOLE[:2], BROKEN, *WHOLE[3:]), "silent_text", "silent_text", "silent_text"),
    "an error event": (sent(*WHOLE[:3], {"type": "error", "error": {}}), *["error"] * 3),
    "nothing": (b"", "crash", "error", AGAIN),
}  # fmt: skip


@pytest.mark.parametrize("name", STREAMS)
def test_streams(name):
    body, *wanted = STREAMS[name]
    assert [outcome(client, exchange(body)) for client in (PY, TS, CODE)] == wanted


DOCUMENTS = {
    "whole": (DOCUMENT, "", "ok", "ok"),
    "another media type": (DOCUMENT, "text/plain", "ok", "crash"),
    "no list": ({**DOCUMENT, "content": "Hello"}, "", "crash", "crash"),
    "no text": ({**DOCUMENT, "content": [{"type": "text", "text": None}]}, "", "crash", "ok"),
    "no usage": ({**DOCUMENT, "usage": None}, "", "crash", "crash"),
    "usage in a string": ({**DOCUMENT, "usage": {**USAGE, "input_tokens": "11"}}, "", "silent_usage", "silent_usage"),
    "no type": ({**DOCUMENT, "content": [{"text": "Hello"}]}, "", "silent_text", "silent_text"),
    "a lost call": ({**DOCUMENT, "content": [], "stop_reason": "tool_use"}, "", "silent_tool", "silent_tool"),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents(name):
    document, media_type, *wanted = DOCUMENTS[name]
    made = exchange(json.dumps(document).encode(), stream=False, media_type=media_type)
    assert [outcome(client, made) for client in (PY, TS)] == wanted


@pytest.mark.parametrize("client", MODELS)
def test_statuses_and_ends(client):
    assert outcome(client, exchange(b"{}", status=400)) == "error"
    assert outcome(client, exchange(sent(*WHOLE), ending=STALLED)) == "hang"
    assert outcome(client, exchange(b"{}", status=401, expect=REFUSED, statuses=(401,))) == "ok"
    assert outcome(client, exchange(b"{}", status=403, expect=REFUSED, statuses=(401,))) == "fails_some"
    assert outcome(client, exchange(sent(*WHOLE), expect=REFUSED)) == "ok"


@pytest.mark.parametrize("client", MODELS)
def test_a_wrong_key_that_is_accepted_raises_no_error(client):
    made = exchange(sent(*WHOLE), expect=REFUSED, statuses=(401,))
    assert outcome(client, made) == "fails_some"


@pytest.mark.parametrize(("format", "wanted"), [({"type": "json_schema", "schema": {}}, "error"), (None, "ok")])
def test_a_text_that_is_not_the_object_that_was_asked_for(format, wanted):
    made = exchange(json.dumps(DOCUMENT).encode(), stream=False, output_config={"format": format})
    assert [outcome(client, made) for client in (PY, TS, CODE)] == [wanted, wanted, "ok"]


@pytest.mark.parametrize("id", [None, "", 7])
def test_a_call_without_an_id_is_lost(id):
    call = {**CALL, "content_block": {**CALL["content_block"], "id": id}}
    made = exchange(sent(START, call, *CALLING[2:]))
    assert [outcome(client, made) for client in (PY, TS, CODE)] == ["silent_tool"] * 3


def test_a_whole_float_is_a_number_in_typescript():
    document = {**DOCUMENT, "usage": {"input_tokens": 11.0, "output_tokens": 2.0}}
    assert outcome(TS, exchange(json.dumps(document).encode(), stream=False)) == "ok"


@pytest.mark.parametrize("client", MODELS)
@pytest.mark.parametrize("value", [None, True, 1.5, "x", [], [1], {}, "[" * 3000])
def test_no_value_in_an_event_stops_a_model(client, value):
    model = MODELS[client]
    for place, event in enumerate(WHOLE + CALLING):
        for name in event:
            events = changed(WHOLE + CALLING, place, **{name: value})
            body = "".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in events).encode()
            with contextlib.suppress(ClientFails):
                assert isinstance(model.stream(body).text, str)


@pytest.mark.parametrize(
    ("text", "python", "typescript"),
    [
        ('{"a": 1}', {"a": 1}, {"a": 1}),
        ('{"a": "b', {}, {}),
        ('{"a": 1, "b": ', {"a": 1}, {"a": 1}),
        ('{"a": 1}{"a": 1}', {"a": 1}, None),
        ("{a: 1}", None, None),
    ],
)
def test_cut_arguments(text, python, typescript):
    for complete, wanted in ((beginning, python), (completed, typescript)):
        if wanted is None:
            with pytest.raises(ValueError, match="arguments"):
                complete(text)
        else:
            assert complete(text) == wanted
