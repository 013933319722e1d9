"""The schema files are valid, their references resolve, their annotations are known, and responses are open."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from known_requirements import CONTRACT

from messages_conformance import contract, resources
from messages_conformance.contract import documents, problems
from messages_conformance.rules import CATALOGUE

FILES = [
    name
    for name in resources.names("schemas", ".json")
    if name
    not in (
        "client_predictions.json",
        "client_trials.json",
        "clients.json",
        "fleet.json",
        "matrix.json",
        "proof.json",
        "report.json",
        "tables.json",
    )
]
BLOCKS = [name for name in FILES if name.startswith("blocks/")]


def _read(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(resources.text(f"schemas/{name}"))
    return data


def _nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for inner in node.values():
            yield from _nodes(inner)
    if isinstance(node, list):
        for inner in node:
            yield from _nodes(inner)


def _reachable(reference: str, seen: set[str]) -> Iterator[dict[str, Any]]:
    """Every schema that applies to a value, through references; a definition only if a reference leads to it."""
    if reference in seen:
        return
    seen.add(reference)
    used = {key: inner for key, inner in documents.lookup(reference).items() if key != "$defs"}
    for node in _nodes(used):
        yield node
        if isinstance(node.get("$ref"), str):
            yield from _reachable(node["$ref"], seen)


@pytest.mark.parametrize("name", FILES)
def test_is_valid_2020_12_under_its_own_id(name: str) -> None:
    data = _read(name)
    Draft202012Validator.check_schema(data)
    assert data["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert data["$id"] == documents.BASE_URI + name


@pytest.mark.parametrize("location", documents.documents())
def test_every_assembled_document_is_valid_and_its_references_resolve(location: str) -> None:
    Draft202012Validator.check_schema(documents.documents()[location])
    for node in _nodes(documents.documents()[location]):
        if isinstance(node.get("$ref"), str):
            assert isinstance(documents.lookup(node["$ref"]), dict)


@pytest.mark.parametrize("name", FILES)
def test_has_no_keyword_on_which_validators_differ(name: str) -> None:
    text = resources.text(f"schemas/{name}")
    assert '"format":' not in text.replace('"format": {', "")  # a request member has that name
    assert "\\\\p{" not in text
    for node in _nodes(_read(name)):
        if "oneOf" in node:
            assert "discriminator" in node
        assert "anyOf" not in node


@pytest.mark.parametrize("name", BLOCKS)
def test_a_block_file_has_only_known_members(name: str) -> None:
    data = _read(name)
    vocabulary = Draft202012Validator(_read("annotations.json"))
    assert [error.message for error in vocabulary.iter_errors(data)] == []
    assert name == f"blocks/{data['title']}.json"


def test_a_block_file_with_unknown_members_is_invalid() -> None:
    vocabulary = Draft202012Validator(_read("annotations.json"))
    text = _read("blocks/text.json")
    delta = {"field": "text", "into": "text", "how": "append"}
    for wrong in (
        {**text, "streams": {}},
        {**text, "stream": {"deltas": {}}},
        {**text, "stream": {"deltas": {"text_delta": {**delta, "how": "prepend"}}}},
        {**text, "stream": {"deltas": {"text_delta": {"field": "text", "how": "append"}}}},
        {**text, "$comment": "SDK"},
        {**text, "$defs": {"response": {}}},
        {**text, "$defs": {"reply": {}}},
    ):
        assert not vocabulary.is_valid(wrong)


@pytest.mark.parametrize("name", BLOCKS)
def test_a_block_has_the_members_that_its_deltas_change(name: str) -> None:
    data = _read(name)
    for kind, effect in data.get("stream", {}).get("deltas", {}).items():
        assert effect["field"] in documents.documents()[f"{documents.BASE_URI}deltas/{kind}.json"]["properties"]
        assert effect["into"] in data["$defs"]["response"]["properties"]


def test_every_annotation_names_a_known_requirement() -> None:
    assert contract.annotated_requirements() - CATALOGUE.keys() - CONTRACT.keys() == set()
    assert len(contract.annotated_requirements()) > 70


@pytest.mark.parametrize("name", [name for name in contract.schema_names() if "request" not in name])
def test_the_schemas_of_responses_allow_unknown_members(name: str) -> None:
    nodes = list(_reachable(documents.uri(name, "2023-06-01"), set()))
    assert nodes
    assert [node for node in nodes if node.get("additionalProperties") is False] == []


@pytest.mark.parametrize("name", [name for name in contract.schema_names() if "request" not in name])
def test_null_is_valid_for_every_optional_member_of_a_response(name: str) -> None:
    refusing = [
        key
        for node in _reachable(documents.uri(name, "2023-06-01"), set())
        for key, inner in node.get("properties", {}).items()
        if key not in node.get("required", ()) and not problems._walker()(inner).is_valid(None)
    ]
    assert refusing == []


@pytest.mark.parametrize("name", FILES)
def test_every_file_has_its_source(name: str) -> None:
    stated = _read(name).get("$comment", "")
    assert stated.startswith("Source: "), f'schemas/{name}: add the line "$comment": "Source: ..." after "title"'
