"""A new block type needs one new file; a test names the file and the line for everything else that it needs."""

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from contract_corpus import message, requests

from messages_conformance import contract, resources
from messages_conformance.contract import block_definitions, documents, validity
from messages_conformance.exchange import COMPLETE, Chunk, Exchange, Request, Response
from messages_conformance.generate.compiler import from_schema
from messages_conformance.generate.seeds import seeded
from messages_conformance.reference import events, request_blocks
from messages_conformance.rules import CATALOGUE, Finding
from messages_conformance.stream import walk

CACHED = (
    documents.documents,
    documents.schema_names,
    documents.uri,
    documents.lookup,
    block_definitions.block_types,
    block_definitions.delta_types,
    block_definitions.event_types,
    validity._compiled,
    validity._registry,
)
SHAPE = {
    "type": "object",
    "required": ["type", "transcript"],
    "properties": {
        "type": {"const": "audio"},
        "transcript": {"type": "string"},
        "words": {"type": "array", "items": {"type": "object", "required": ["at_ms"]}},
    },
}
AUDIO = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": documents.BASE_URI + "blocks/audio.json",
    "title": "audio",
    "$comment": "Source: this test",
    "$defs": {"response": SHAPE, "start": {"$ref": "#/$defs/response"}, "request": SHAPE},
    "stream": {
        "deltas": {
            "transcript_delta": {"field": "transcript", "into": "transcript", "how": "append"},
            "word_delta": {"field": "word", "into": "words", "how": "collect"},
        }
    },
}
BETA = "Beta"
"""How the description of a block begins that needs a beta header; the reference endpoint has no betas."""

REFERENCE = "src/messages_conformance/reference"


def _forget() -> None:
    for function in CACHED:
        function.cache_clear()


@pytest.fixture
def schemas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of schemas/ that takes the place of the real one."""
    copied = tmp_path / "schemas"
    shutil.copytree(resources.path("schemas"), copied)
    real = resources._home
    monkeypatch.setattr(resources, "_home", lambda top: tmp_path if top == "schemas" else real(top))
    _forget()
    yield copied
    _forget()


@pytest.fixture
def audio(schemas: Path) -> None:
    """Adds the block type audio."""
    (schemas / "blocks" / "audio.json").write_text(json.dumps(AUDIO), encoding="utf-8")
    _forget()


def _user(block: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = requests()[0] | {"messages": [{"role": "user", "content": [block]}]}
    return body


def test_an_unknown_block_is_valid_in_a_response_only() -> None:
    assert contract.valid("response", message([{"type": "audio", "transcript": 2}]))
    assert not contract.valid("request", _user({"type": "audio", "transcript": "Hello"}))


@pytest.mark.usefixtures("audio")
def test_one_new_file_is_a_new_block_type() -> None:
    wrong = message([{"type": "audio", "transcript": 2}])
    assert not contract.valid("response", wrong)
    assert [problem.pointer for problem in contract.explain("response", wrong)] == ["/content/0/transcript"]
    assert contract.valid("request", _user({"type": "audio", "transcript": "Hello"}))
    assert contract.block_types()["audio"].deltas["transcript_delta"].into == "transcript"
    assert {"transcript_delta", "word_delta"} <= contract.delta_types()


@pytest.mark.usefixtures("audio")
def test_a_new_block_can_be_generated() -> None:
    block = seeded(from_schema("blocks/audio.json#/$defs/request"))("0")
    assert contract.valid("request", _user(block))


def _stream(*deltas: dict[str, Any]) -> Exchange:
    """A streamed answer with one audio block."""
    answer = message([], usage={"input_tokens": 3, "output_tokens": 1})
    block = {"type": "audio", "transcript": ""}
    data = [
        {"type": "message_start", "message": {**answer, "stop_reason": None}},
        {"type": "content_block_start", "index": 0, "content_block": block},
        *({"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"output_tokens": 2},
        },
        {"type": "message_stop"},
    ]
    frames = b"".join(events.frame((str(event["type"]), event)) for event in data)
    response = Response(
        status=200,
        headers=(("content-type", "text/event-stream"),),
        chunks=(Chunk(at_s=0.1, data=frames),),
        headers_at_s=0.1,
        ended_at_s=0.1,
        ending=COMPLETE,
    )
    body = json.dumps({**requests()[0], "stream": True}).encode()
    request = Request(method="POST", path="/v1/messages", headers=(), body=body)
    return Exchange(number=1, request=request, response=response)


def _findings(exchange: Exchange) -> dict[str, str]:
    """Requirement -> the pointer of its first finding, of all rules on streams."""
    found = {}
    for name, row in CATALOGUE.items():
        if name.startswith("stream.") and row.over == "exchange" and row.applies(exchange):
            places = [outcome.place.pointer for outcome in row.judge(exchange) if isinstance(outcome, Finding)]
            if places:
                found[name] = str(places[0])
    return found


@pytest.mark.usefixtures("audio")
def test_the_deltas_of_a_new_block_accumulate() -> None:
    exchange = _stream(
        {"type": "transcript_delta", "transcript": "Hel"},
        {"type": "word_delta", "word": {"at_ms": 0}},
        {"type": "transcript_delta", "transcript": "lo"},
    )
    assert exchange.response is not None
    assert [block.content for block in walk(exchange.response).blocks] == [
        {"type": "audio", "transcript": "Hello", "words": [{"at_ms": 0}]}
    ]
    assert _findings(exchange) == {}


@pytest.mark.usefixtures("audio")
@pytest.mark.parametrize(
    ("delta", "pointer"),
    [
        ({"type": "transcript_delta", "transcript": 5}, "/delta/transcript"),
        ({"type": "transcript_delta"}, "/delta/transcript"),
        ({"type": "word_delta", "word": {}}, "/delta/word/at_ms"),
    ],
)
def test_a_wrong_value_in_a_delta_is_a_finding_at_its_field(delta: dict[str, Any], pointer: str) -> None:
    assert _findings(_stream(delta)) == {documents.ACCUMULATED: pointer}


# -- what the reference endpoint needs ------------------------------------------------------------------------------


def _fields(shape: Mapping[str, Any]) -> tuple[str, str]:
    """The required and the optional fields of a block, as FIELDS of the reference endpoint has them."""
    required = [name for name in shape["required"] if name != "type"]
    optional = [name for name in shape["properties"] if name not in (*required, "type", "cache_control")]
    return " ".join(required), " ".join(optional)


def _blocks() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(type, file) of every block without a beta header."""
    for location, found in documents.documents().items():
        if location.startswith(f"{documents.BASE_URI}blocks/") and not found.get("description", "").startswith(BETA):
            yield found["title"], found


def _resolved(shape: Mapping[str, Any]) -> Mapping[str, Any]:
    return documents.lookup(shape["$ref"]) if "$ref" in shape else shape


def _missing_fields() -> list[str]:
    """The lines that FIELDS of the reference endpoint needs for the blocks of requests."""
    lines = []
    for kind, found in _blocks():
        shape = found["$defs"].get("request") or found["$defs"].get("tool_result")
        if shape is not None and kind not in request_blocks.FIELDS:
            required, optional = _fields(_resolved(shape))
            lines.append(f'{REFERENCE}/request_blocks.py, FIELDS: add the line "{kind}": ("{required}", "{optional}"),')
    return lines


def _missing_deltas() -> list[str]:
    """The cases that the stream of the reference endpoint needs for the blocks of answers."""
    lines = []
    for kind, found in _blocks():
        deltas = found.get("stream", {}).get("deltas", {})
        shape = found["$defs"].get("response", {})
        sample: dict[str, Any] = dict.fromkeys(shape.get("required", ()), "abc")
        sample |= {effect["into"]: {"a": 1} for effect in deltas.values() if effect["how"] == "json"}
        if deltas and not events.start_and_deltas({**sample, "type": kind})[1]:
            lines.append(f'{REFERENCE}/events.py, start_and_deltas: add case "{kind}" with {", ".join(deltas)}')
    return lines


def test_the_reference_endpoint_knows_every_block_of_a_request() -> None:
    assert _missing_fields() == []


def test_the_reference_endpoint_streams_every_block_with_deltas() -> None:
    assert _missing_deltas() == []


@pytest.mark.parametrize("kind", request_blocks.FIELDS)
def test_the_reference_endpoint_and_the_schema_have_the_same_fields(kind: str) -> None:
    shapes = documents.documents()[f"{documents.BASE_URI}blocks/{kind}.json"]["$defs"]
    required, optional = _fields(_resolved(shapes.get("request") or shapes["tool_result"]))
    assert request_blocks.FIELDS[kind] == (frozenset(required.split()), frozenset(optional.split()))


@pytest.mark.usefixtures("audio")
def test_a_new_block_is_reported_with_the_line_to_add() -> None:
    assert _missing_fields() == [
        f'{REFERENCE}/request_blocks.py, FIELDS: add the line "audio": ("transcript", "words"),'
    ]
    assert _missing_deltas() == [
        f'{REFERENCE}/events.py, start_and_deltas: add case "audio" with transcript_delta, word_delta'
    ]
