"""Every fault is visible to a client, every variant still answers, and a wrong name gets a suggestion."""

from __future__ import annotations

import itertools
import json
import random
import re
import runpy
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from reference_rows import (
    ACCEPTED,
    CALL,
    CITED,
    DOCUMENT,
    REFUSED,
    RESULT,
    STREAMED,
    STRICT_TOOL,
    TOOL,
    assistant,
    user,
)
from reference_support import HEADERS, VERSION, accumulated, body, decoded, document, post, read_events, text_of

from messages_conformance.contract.probes import probes as probe_rows
from messages_conformance.reference import (
    API_KEY,
    Endpoint,
    HttpRequest,
    HttpResponse,
    Settings,
    endpoint,
    faults,
    find_fault,
    find_variant,
    variants,
)
from messages_conformance.reference.request_blocks import signature

MAX_PIECES = 3_000
BYTES_PER_BODY = 200_000
BESIDE = ("request.messages.consecutive-same-role",)
SHORT_BODY = 3_000
LONG_BODY = 100_000
"""Longer bodies of the probe table are not sent: they cost too much time for each of many faults."""
VOLATILE = re.compile(rb"(?:req_|msg_|toolu_)01\w{22}|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ|\d\d:\d\d:\d\d GMT")
KEY_HEADER = ("x-api-key", API_KEY)
NEWEST = (*HEADERS, ("anthropic-version", "2026-10-21"))


def request(
    content: Any,
    path: str = "/v1/messages",
    headers: Iterable[tuple[str, str]] = (*HEADERS, VERSION),
    method: str = "POST",
) -> HttpRequest:
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    return HttpRequest(method=method, target=path, headers=tuple(headers), body=data)


NUMBER = {"type": "object", "properties": {"age": {"type": "integer"}}}


SUITE_OF_TEXTS = runpy.run_path(str(Path(__file__).parents[2] / "suites" / "test_text.py"))


def texts() -> list[dict[str, Any]]:
    """The texts that a suite asks the model to repeat, whole, streamed, and with a part of them as stop sequence."""
    questions = [SUITE_OF_TEXTS["SAY"] + text for text in SUITE_OF_TEXTS["TEXTS"].values()]
    more = ({}, {"stream": True}, {"stream": True, "stop_sequences": ["three", "end-63"]})
    return [body(question, max_tokens=180, **fields) for question in questions for fields in more]


def probes() -> list[HttpRequest]:
    """Requests that together make every fault visible."""
    long = "Write a long story about the sea."
    thinking = {"type": "enabled", "budget_tokens": 1024}
    bodies = [
        body(),
        body([user("Hi"), {"role": "system", "content": "Be kind."}]),
        body("Hi", tools=[{"name": "f", "input_schema": {"type": "object", "anyOf": [{"required": ["a"]}]}}]),
        body("Repeat exactly: é漢😀", system="Be kind."),
        body(system=[{"type": "text", "text": "Be kind."}, {"type": "text", "text": "Be brief."}]),
        body("The library is open. " * 500),
        body(long, max_tokens=5),
        body(stop_sequences=["4"]),
        body(stop_sequences=["4", "zebra"]),
        body("Call the tool Get-User.", tools=[{"name": "Get-User", "input_schema": {"type": "object"}}]),
        body(stop_sequences=["zebra", "4"]),
        body("Hi", thinking=thinking, max_tokens=2000),
        body("Hello there", temperature=0.5, top_p=0.9),
        body([user("Count from 1 to 5."), assistant([{"type": "text", "text": "1, 2"}])]),
        body([user("Hi"), assistant([{"type": "text", "text": "Ho"}]), user([{"type": "text", "text": "Again?"}])]),
        body(model="anthropic/claude-opus-4-5"),
        body(model="no-such-model"),
        body(
            "What is the f for Ada and Bob?",
            tools=[TOOL],
            tool_choice={"type": "any", "disable_parallel_tool_use": True},
        ),
        body("What is the f for Ada and Bob?", tools=[TOOL], tool_choice={"type": "none"}),
        body(
            "Say what you are about to do, then use f for Ada Lovelace and Bob.",
            tools=[TOOL | {"input_schema": {"type": "object", "properties": {"name": {"type": "string"}}}}],
            thinking=thinking,
            max_tokens=2000,
        ),
        body("Use f for Ada and Bob.", tools=[TOOL], tool_choice={"type": "auto", "disable_parallel_tool_use": True}),
        body("Use f.", tools=[TOOL, TOOL | {"name": "g"}], tool_choice={"type": "tool", "name": "g"}),
        body("Hello!", tools=[TOOL], tool_choice={"type": "any"}),
        body([user([DOCUMENT | {"citations": {"enabled": True}}])], output_config=output_format()),
        body(
            [
                user("Hi"),
                assistant([{"type": "thinking", "thinking": "a", "signature": signature("b")}]),
                user("Go on"),
            ],
            thinking=thinking,
            max_tokens=2000,
        ),
        body(
            [
                user("Hi"),
                assistant([{"type": "thinking", "thinking": "a", "signature": "x", "cache_control": {}}]),
                user("Go"),
            ]
        ),
        body([user("hi"), assistant([CALL | {"id": "a b"}]), user([RESULT | {"tool_use_id": "a b"}])]),
        body([user("hi"), assistant([CALL, CALL]), user([RESULT])]),
        *(
            body([user("hi"), assistant(calls), user(results)], tools=[TOOL])
            for calls, results in (
                ([CALL], [RESULT | {"is_error": True}]),
                ([CALL], [RESULT, {"type": "text", "text": "Go on."}]),
                ([CALL, CALL | {"id": "toolu_2"}], [RESULT, RESULT | {"tool_use_id": "toolu_2"}]),
                ([CALL | {"id": "t" * 80}], [RESULT | {"tool_use_id": "t" * 80}]),
            )
        ),
        {"messages": [user("Hi")], "model": "reference-1", "max_tokens": 9},
        body(system=[{"type": "text", "text": "Be kind. " * 400, "cache_control": {"type": "ephemeral"}}]),
        body(stop_sequences=[], system="Be kind."),
        body([*[user("Hi"), assistant("Ho")] * 5, user("Hi")]),
        body("Hi", tools=[TOOL | {"description": "Größe"}]),
        body("Use f for 36.", tools=[TOOL | {"input_schema": NUMBER}]),
        body("Hi", tools={}),
        body("Hi", system=17),
        *STREAMED,
        *(content for _, content in ACCEPTED),
        *(content for _, content in REFUSED),
        body(long, max_tokens=3000),
        *texts(),
    ]
    streamed = [content | {"stream": True} for content in bodies[:23] if isinstance(content, dict)]
    count = {key: value for key, value in body(system="Be kind.", tools=[TOOL]).items() if key != "max_tokens"}
    plain_headers = (*HEADERS, VERSION)
    return [
        *(request(content) for content in [*bodies, *streamed]),
        *(request(content) for content in (b"", b"{", b"[]")),
        *near_misses(),
        *of_table(),
        request(b" " * (32 * 1024 * 1024 + 1)),
        request(count, "/v1/messages/count_tokens"),
        request(count | {"messages": []}, "/v1/messages/count_tokens"),
        request(count | {"temperature": 1}, "/v1/messages/count_tokens", NEWEST),
        request(body(temperature=1), headers=NEWEST),
        request(body([user("hi"), assistant([DOCUMENT]), user("ho")]), headers=NEWEST),
        request(body([user([{"type": "text", "text": "x", "citations": CITED}])]), headers=NEWEST),
        request(body(), headers=NEWEST),
        request(body(), headers=(VERSION, ("authorization", "Bearer not-a-key"))),
        request(body(), "/v1/messages?beta=true"),
        request(body(), "/v1/nope"),
        request(b"", "/v1/messages", plain_headers, "GET"),
        *(
            request(b"", path, plain_headers, "GET")
            for path in (
                "/v1/models",
                "/v1/models?limit=2",
                "/v1/models/reference-1",
                "/v1/models?limit=0",
                "/v1/models/openai%2Fgpt-5-mini",
            )
        ),
        request(body(), headers=HEADERS),
        request(body(), headers=(VERSION,)),
        request(body(), headers=(VERSION, ("x-api-key", "another-key"))),
        request({}, headers=(VERSION, ("x-api-key", "another-key"))),
        request(body(), headers=(VERSION, ("authorization", f"Bearer {API_KEY}"))),
        request(body(), headers=(VERSION, KEY_HEADER, ("authorization", f"Bearer {API_KEY}"))),
        request(body(), headers=(VERSION, ("X-API-key", API_KEY))),
        request(body(), headers=(*HEADERS, ("anthropic-version", "1999-01-01"))),
        request(body(), headers=(*plain_headers, ("x-stainless-lang", "python"))),
        request(body(), headers=(*plain_headers, ("anthropic-beta", "unknown-beta"))),
        request(body(), headers=(*plain_headers, ("anthropic-beta", "a-2025-01-01,b-2025-01-01"))),
        request(body([{"role": "system", "content": "Be kind."}, user("hi")])),
        request(body(output_config=output_format())),
        request(body("Call the tool", tools=[STRICT_TOOL], tool_choice={"type": "any"}, max_tokens=200)),
        *(
            request(body("What is 27 times 43?", thinking=hidden, max_tokens=2000, stream=stream))
            for hidden in ({"type": "enabled", "budget_tokens": 1024, "display": "omitted"},)
            for stream in (False, True)
        ),
    ]


SOURCES = [{"type": "url", "url": "https://papers.invalid/a"}, {"type": "file", "file_id": "file_1"}]


def of_table() -> list[HttpRequest]:
    """The requests of the probe table that only some servers refuse, and a call of a tool with a long name."""
    listed = [row for name, row in probe_rows().items() if row.controlled or name in BESIDE]
    cases = [case for row in listed for case in row.cases]
    changes = [{name: value for name, value in case.headers if value is not None} for case in cases]
    heads = [dict((*HEADERS, VERSION)) | change for change in changes]
    called = TOOL | {"name": "f" * 80}
    return [
        request(body("Use it.", tools=[called], tool_choice={"type": "any"})),
        *(
            request(body([user([{"type": kind, "source": source}])]))
            for kind in ("image", "document")
            for source in SOURCES
        ),
        request(body("a\0b")),
        request(body([None])),
        request(body(top_p=0.1)),
        request(b"\x1f\x8b", headers=(*HEADERS, VERSION, ("content-encoding", "gzip"))),
        *(
            request({"model": "reference-1", **case.body}, case.path, head.items())
            for case, head in zip(cases, heads, strict=True)
            if isinstance(case.body, Mapping) and len(str(case.body)) < LONG_BODY
        ),
    ]


def near_misses() -> list[HttpRequest]:
    """Requests with unusual JSON, media types or HTTP."""
    plain, headers = json.dumps(body()).encode(), (*HEADERS, VERSION)
    typed = [pair for pair in headers if pair[0] != "content-type"]
    return [
        request(b"\xef\xbb\xbf" + plain),
        request(plain.replace(b'{"model"', b'{"max_tokens": 8, "model"', 1)),
        request(plain.replace(b"Count", b"\\ud83d Count")),
        request(plain.replace(b"100", b"1e400", 1)),
        request(plain.replace(b"100", b"1" + b"0" * 400, 1)),
        request(plain[:-1] + b', "metadata": ' + b"[" * 9_000 + b"]" * 9_000 + b"}"),
        request(plain, headers=typed),
        request(plain, headers=(*typed, ("content-type", "text/plain"))),
        request(plain, headers=(*typed, ("content-type", "application/json; charset=utf-8"))),
        request(plain, headers=(*headers, ("expect", "100-continue"))),
        request(plain, headers=(*headers, ("anthropic-beta", "a-2025-01-01"), ("anthropic-beta", "b-2025-01-01"))),
        replace(request(plain), http_version="1.0"),
    ]


def output_format() -> dict[str, Any]:
    return {"format": {"type": "json_schema", "schema": {"type": "object", "additionalProperties": False}}}


def shuffled(requests: list[HttpRequest]) -> list[HttpRequest]:
    """Short requests first, in an order at random that is always the same: most faults are visible soon."""
    return sorted(random.Random(1).sample(requests, len(requests)), key=lambda one: len(one.body) > SHORT_BODY)


PROBES = [*shuffled(probes()), *(request(body("x" * megabytes * 1_000_000)) for megabytes in (2, 3, 17))]
"""The large bodies are last: most faults are visible before, and they take long."""


def visible(response: HttpResponse) -> Any:
    """What a client sees, without the parts that differ between two answers of a correct server."""
    pieces = tuple(itertools.islice(response.pieces, MAX_PIECES))
    data = VOLATILE.sub(b"*", b"".join(data for _, data in pieces)[:BYTES_PER_BODY])
    headers = [(name, VOLATILE.sub(b"*", value.encode())) for name, value in response.headers]
    return response.status, sorted(headers), response.framing, response.ending, data, any(delay for delay, _ in pieces)


STRICT = Settings(version_required=True)


@pytest.fixture(scope="module")
def plain() -> list[Any]:
    correct = Endpoint(settings=STRICT)
    return [visible(correct.handle(probe)) for probe in PROBES]


# These refuse requests of one client only; tests/proof sends those requests.
AGAINST_ONE_CLIENT = {name for name, fault in faults().items() if fault.category == "claude-code"}

# These are visible only in a sequence of requests, or in identifiers; each has its own test below.
IN_SEQUENCE = {
    "demand_version_header",
    "repeat_message_id",
    "repeat_request_id",
    "mix_streams",
    "disagree_on_request_id",
}

# Only requests of the suites show these, such as several notes, routes of batches, or one limit: tests/proof
# sends them.
IN_SUITES = set((Path(__file__).parent / "shown_in_suites.txt").read_text("utf-8").split())

# These need a connection that the client cuts or leaves; tests/proof does that.
BELOW_REQUESTS = {"crash_on_cut_body", "stay_broken_after_cut_body"}


VISIBLE = sorted(faults().keys() - IN_SEQUENCE - IN_SUITES - AGAINST_ONE_CLIENT - BELOW_REQUESTS)


def some(names: Iterable[str], every: int) -> list[Any]:
    """One name of so many is in the default run, and the others are in the slow one."""
    return [
        pytest.param(name, marks=() if number % every == 0 else pytest.mark.slow) for number, name in enumerate(names)
    ]


@pytest.mark.parametrize("name", some(VISIBLE, 4))
def test_fault_is_visible(name: str, plain: list[Any]) -> None:
    faulty = endpoint(fault=name, settings=STRICT)
    for probe, correct in zip(PROBES, plain, strict=True):
        if visible(faulty.handle(probe)) != correct:
            return
    pytest.fail(
        f"no request shows a difference between a server with {name} and a correct one; if `prove --only {name}` does, "
        "add the name to tests/reference/shown_in_suites.txt"
    )


def test_the_list_of_what_only_suites_show_has_faults_alone() -> None:
    assert sorted(IN_SUITES - faults().keys()) == []


def test_a_fault_requires_a_version_header_that_is_optional() -> None:
    assert post(Endpoint(), body(), headers=HEADERS).status == 200
    assert post(endpoint(fault="demand_version_header"), body(), headers=HEADERS).status == 400


@pytest.mark.parametrize("name", ["repeat_message_id", "repeat_request_id"])
def test_constant_ids_repeat(name: str) -> None:
    faulty = endpoint(fault=name)
    responses = [post(faulty, body()) for _ in range(2)]
    ids = {document(r)["id"] if name == "repeat_message_id" else r.header("request-id") for r in responses}
    assert len(ids) == 1


def test_request_ids_disagree() -> None:
    response = post(endpoint(fault="disagree_on_request_id"), {})
    assert document(response)["request_id"] != response.header("request-id")


def test_a_client_that_left_breaks_the_next_request() -> None:
    faulty = endpoint(fault="suffer_from_disconnects")
    assert post(faulty, body("Are you here?")).status == 200
    faulty.left()
    assert [post(faulty, body("Are you here?")).status, post(faulty, body()).status] == [500, 200]


def test_mixed_streams_share_their_deltas() -> None:
    faulty = endpoint(fault="mix_streams")
    post(faulty, body("Say 'alpha'", stream=True))
    assert "alpha" in text_of(accumulated(read_events(post(faulty, body("Say 'gamma'", stream=True)).body())))


def test_there_are_many_faults_with_summaries() -> None:
    known = faults()
    assert len(known) >= 300
    assert all(fault.summary.endswith(".") and fault.category for fault in known.values())
    assert all(isinstance(fault.trips, frozenset) for fault in known.values())


STREAMS_DIFFER = {"careless_model", "cut_thoughts", "cut_tool_calls", "overloaded_streams"}
"""Their streams are cut or fail and their documents do not, or every second answer differs."""

UNSTEADY = {"careless_model", "moody_model", "moody_service", "whimsical_model"}
"""They answer the same question differently each time, or not at all."""

HIGH_MIN_LIMIT = {"least_limit"}
"""It refuses the small max_tokens of these requests."""

LACKS = {
    "thinking": {"adaptive_thinking_only", "thoughtless_model"},
    "tool_choice": {"no_forced_tools", "no_tools"},
    "tools": {"no_tools"},
}
"""The fields that some variants refuse."""

UNREPEATABLE = {"empty_text_block", "silent_after_thought", "silent_model"} | UNSTEADY
"""Their answers are empty or have an empty text block, which no request may contain; clients leave it out."""


@pytest.mark.parametrize("name", sorted(variants().keys() - STREAMS_DIFFER - UNSTEADY - HIGH_MIN_LIMIT))
def test_variant_still_answers(name: str) -> None:
    varied = endpoint(variant=name)
    for content in STREAMED:
        if any(name in variants_without and key in content for key, variants_without in LACKS.items()):
            continue
        message = document(answer_of(varied, content))
        assert message["type"] == "message"
        response = answer_of(varied, {**content, "stream": True})
        assert "event-stream" in response.media_type
        events = read_events(decoded(response))
        known = [name for name, _ in events if name not in ("ping", "weather_report")]
        assert (known[0], known[-1]) == ("message_start", "message_stop")
        assert comparable(accumulated(events)) == comparable(message)


def answer_of(varied: Endpoint, content: dict[str, Any]) -> HttpResponse:
    """The answer; if the server is busy, the answer to a second try."""
    response = post(varied, content)
    return post(varied, content) if response.status in (429, 529) else response


def comparable(message: dict[str, Any]) -> Any:
    """The parts of a Message that a stream and a document share."""
    kinds = [(block["type"], block.get("text"), block.get("input")) for block in message["content"]]
    usage = {key: message["usage"][key] for key in ("input_tokens", "output_tokens")}
    return kinds, message["stop_reason"], message.get("stop_sequence"), usage, message["model"]


@pytest.mark.parametrize("name", sorted(variants().keys() - UNREPEATABLE))
def test_variant_accepts_its_own_answers(name: str) -> None:
    varied = endpoint(variant=name)
    content = document(answer_of(varied, body("Say 'a b'")))["content"]
    turns = [user("Say 'a b'"), assistant(content), user("Again")]
    assert answer_of(varied, body(turns)).status == 200


@pytest.mark.parametrize("name", some(variants(), 4))
def test_variant_differs(name: str, plain: list[Any]) -> None:
    varied = endpoint(variant=name, settings=STRICT)
    assert find_variant(name).conforms
    if timing(varied) == timing(Endpoint()):
        # A busy server is busy only sometimes, so the same requests are sent twice.
        answers = (
            visible(varied.handle(probe)) != correct for probe, correct in [*zip(PROBES, plain, strict=True)] * 2
        )
        assert any(answers)


def timing(one: Endpoint) -> Any:
    response = post(one, body(stream=True))
    return response.delay_s, [len(data) for _, data in response.pieces]


@pytest.mark.parametrize(
    ("find", "name", "near"),
    [(find_fault, "drop_mesage_stop", "drop_message_stop"), (find_variant, "single_byte", "single_bytes")],
)
def test_a_wrong_name_gets_a_suggestion(find: Any, name: str, near: str) -> None:
    with pytest.raises(LookupError, match=near) as caught:
        find(name)
    assert "shows all" in str(caught.value)


def test_a_name_without_a_similar_one_gets_the_command_for_all() -> None:
    with pytest.raises(LookupError, match="shows all"):
        find_fault("qqqqq")
