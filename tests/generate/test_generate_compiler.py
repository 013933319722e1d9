"""`from_schema`: the generated values are valid, for the whole dialect that schemas/ uses."""

import jsonschema
import pytest
from hypothesis import strategies as st

from messages_conformance import contract
from messages_conformance.contract import ContractError
from messages_conformance.contract.documents import BASE_URI, documents, lookup, uri
from messages_conformance.generate.compiler import from_schema
from messages_conformance.generate.seeds import seeded
from messages_conformance.generate.shapes import Located, check

VALUES = 40


def generated(schema, count=VALUES, **options):
    generate = seeded(from_schema(schema, **options))
    return [generate(f"{number}") for number in range(count)]


@pytest.mark.parametrize("name", contract.schema_names())
def test_every_document_is_valid(name):
    for document in generated(uri(name, "2023-06-01")):
        assert contract.valid(name, document), contract.explain(name, document)


def test_a_later_api_version_is_generated_too():
    documents = generated(uri("request", "2026-10-21"))
    assert all(contract.valid("request", document, api_version="2026-10-21") for document in documents)
    assert not any({"temperature", "top_p", "top_k"} & document.keys() for document in documents)


@pytest.mark.parametrize("document", sorted(documents()))
def test_every_keyword_of_the_schemas_is_known(document):
    check(Located(place=document, schema=documents()[document]), lookup)


def test_every_kind_of_block_is_generated():
    kinds = {block["type"] for block in generated("unions/request-blocks.json", 300)}
    assert kinds == set(lookup(f"{BASE_URI}unions/request-blocks.json")["discriminator"]["mapping"])


TREE = {
    "$defs": {
        "tree": {
            "type": "object",
            "required": ["leaf"],
            "properties": {
                "leaf": {"type": "integer", "minimum": 1, "maximum": 3},
                "left": {"$ref": "#/$defs/tree"},
                "right": {"$ref": "#/$defs/tree"},
            },
            "additionalProperties": False,
        }
    },
    "$ref": "#/$defs/tree",
}

DIALECT = {
    "bounds": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
    "whole": {"type": "integer", "exclusiveMinimum": 4, "maximum": 6},
    "negative": {"type": "integer", "maximum": -3},
    "lengths": {"type": "string", "minLength": 2, "maxLength": 3},
    "pattern": {"type": "string", "pattern": "^[a-z]{2,3}-\\d$"},
    "pattern inside": {"type": "string", "pattern": "ab"},
    "items": {"type": "array", "items": {"enum": [1, "a", None]}, "minItems": 2, "maxItems": 4},
    "a sum of all": {
        "allOf": [
            {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer", "minimum": 3}}},
            {"properties": {"a": {"maximum": 4}, "b": {"not": {}}}},
        ]
    },
    "any of": {"anyOf": [{"const": 1}, {"type": "string", "maxLength": 2}]},
    "not one of": {"type": ["string", "boolean"], "not": {"enum": [True, "a"]}},
    "if and else": {
        "type": "object",
        "required": ["kind"],
        "properties": {"kind": {"enum": ["x", "y", "z"]}, "size": {"type": "integer"}},
        "if": {"required": ["kind"], "properties": {"kind": {"const": "x"}}},
        "then": {"required": ["size"]},
        "else": {"properties": {"size": {"not": {}}}},
    },
    "if absent": {
        "type": "object",
        "properties": {"kind": {"enum": ["x", None]}},
        "if": {"required": ["kind"], "properties": {"kind": {"not": {"enum": [None]}}}},
        "then": {"required": ["deep"], "properties": {"deep": {"const": 1}}},
    },
    "dependent": {
        "type": "object",
        "properties": {"a": {"type": "null"}, "b": {"type": "null"}},
        "dependentRequired": {"a": ["b"], "b": ["a"]},
        "additionalProperties": False,
    },
    "counted": {"type": "object", "minProperties": 1, "maxProperties": 2, "additionalProperties": {"type": "null"}},
    "empty": {"type": "object", "maxProperties": 0},
    "true is not 1": {"enum": [1, True, "a"], "type": ["boolean", "string"]},
    "anything": True,
    "recursive": TREE,
}


def resolve(reference):
    return TREE["$defs"]["tree"] if reference == "#/$defs/tree" else lookup(reference)


@pytest.mark.parametrize("schema", DIALECT.values(), ids=DIALECT)
def test_the_dialect(schema):
    validator = jsonschema.Draft202012Validator(schema)
    values = generated(schema, resolver=resolve)
    for value in values:
        assert validator.is_valid(value), value
    if schema not in (DIALECT["empty"], DIALECT["true is not 1"]):
        assert len({repr(value) for value in values}) > 1


def test_a_recursive_schema_is_generated_in_depth():
    assert any("left" in tree.get("left", tree.get("right", {})) for tree in generated(TREE, 200, resolver=resolve))


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "object", "properties": {"a/b": {"uniqueItems": True}}}, "#/properties/a~1b: .*'uniqueItems'"),
        ({"items": {"oneOf": [{"$ref": f"{BASE_URI}no.json"}]}}, "no.json"),
        ({"type": "string", "enum": [1]}, "#: no document satisfies this"),
        ({"not": {"minimum": 3}}, "opposite"),
        ({"items": 3}, "a schema is an object or a boolean"),
    ],
)
def test_what_cannot_be_generated_is_an_error_with_its_place(schema, said):
    with pytest.raises((ContractError, KeyError), match=said):
        generated(schema, 1)


def test_an_override_stands_for_its_place_wherever_that_is_reached():
    pictures = {"sources.json#/$defs/image_base64": st.just({"type": "base64", "it": "is replaced"})}
    blocks = generated("unions/request-blocks.json", 300, overrides=pictures)
    sources = [block["source"] for block in blocks if block["type"] == "image"]
    assert {"type": "base64", "it": "is replaced"} in sources


def test_an_override_of_nothing_is_an_error():
    with pytest.raises(ContractError, match=r"no schema at .*sources\.json#/nowhere"):
        from_schema("request.json", overrides={"sources.json#/nowhere": st.none()})


def test_the_same_seed_draws_the_same():
    generate = seeded(from_schema("request.json"))
    forwards = [generate(f"{number}") for number in range(5)]
    assert [generate(f"{number}") for number in reversed(range(5))] == forwards[::-1]
    assert len({repr(document) for document in forwards}) == 5
