"""A new block type needs one new file: the validators, the unions and the block table then have it."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from contract_corpus import message, requests

from messages_conformance import contract, resources
from messages_conformance.contract import block_definitions, documents, validity

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
HOLOGRAM = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": documents.BASE_URI + "blocks/hologram.json",
    "title": "hologram",
    "$defs": {
        "response": {
            "type": "object",
            "required": ["z"],
            "properties": {"type": {"const": "hologram"}, "z": {"const": 1}},
        },
        "start": {"$ref": "#/$defs/response"},
        "request": {"$ref": "#/$defs/response"},
    },
    "stream": {"deltas": {"text_delta": {"field": "text", "into": "z", "how": "append"}}},
}


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


def test_one_new_file_is_a_new_block_type(schemas: Path) -> None:
    wrong = message([{"type": "hologram", "z": 2}])
    asked = requests()[0] | {"messages": [{"role": "user", "content": [{"type": "hologram", "z": 1}]}]}
    assert contract.valid("response", wrong)
    assert not contract.valid("request", asked)
    (schemas / "blocks" / "hologram.json").write_text(json.dumps(HOLOGRAM), encoding="utf-8")
    _forget()
    assert not contract.valid("response", wrong)
    assert [problem.pointer for problem in contract.explain("response", wrong)] == ["/content/0/z"]
    assert contract.valid("request", asked)
    assert contract.block_types()["hologram"].deltas["text_delta"].into == "z"
