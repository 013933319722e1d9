"""The compiled validator, plain jsonschema without discriminators, and `explain` agree on every mutant."""

from functools import cache
from typing import Any

import pytest
from contract_corpus import Mutant, corpora, mutants
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from messages_conformance import contract
from messages_conformance.contract import documents

MUTANTS = 2_100
# A changed `type` can make the value a block of another type, which then lacks the members of that type.
EXACT_SHARE = 0.98


@cache
def _oracle(location: str) -> Draft202012Validator:
    resources = ((uri, DRAFT202012.create_resource(dict(found))) for uri, found in documents.documents().items())
    registry: Registry[Any] = Registry().with_resources(resources)
    return Draft202012Validator({"$ref": location}, registry=registry)


@pytest.fixture(scope="module")
def sample() -> tuple[Mutant, ...]:
    return tuple(mutants(MUTANTS, seed=20261122))


@pytest.mark.parametrize("api_version", contract.API_VERSIONS)
def test_the_two_validators_agree_on_every_mutant(sample: tuple[Mutant, ...], api_version: str) -> None:
    def differs(mutant: Mutant) -> bool:
        location = documents.uri(mutant.schema, api_version)
        compiled = contract.valid(mutant.schema, mutant.value, api_version=api_version)
        return compiled != _oracle(location).is_valid(mutant.value)

    mutants = sample if api_version == "2023-06-01" else [mutant for mutant in sample if mutant.schema == "request"]
    assert [mutant for mutant in mutants if differs(mutant)] == []


def test_explain_agrees_with_the_verdict(sample: tuple[Mutant, ...]) -> None:
    wrong = [
        mutant
        for mutant in sample
        if contract.valid(mutant.schema, mutant.value) == bool(contract.explain(mutant.schema, mutant.value))
    ]
    assert wrong == []


def test_the_sample_has_valid_and_invalid_values_of_every_kind(sample: tuple[Mutant, ...]) -> None:
    verdicts = {(mutant.schema, contract.valid(mutant.schema, mutant.value)) for mutant in sample}
    assert {(name, False) for name in corpora()} <= verdicts
    assert {(name, True) for name in ("response", "event", "request", "error")} <= verdicts


def test_the_pointer_is_the_place_of_the_single_fault(sample: tuple[Mutant, ...]) -> None:
    judged = [_exact(mutant) for mutant in sample if not contract.valid(mutant.schema, mutant.value)]
    assert len(judged) > 700
    assert sum(judged) / len(judged) >= EXACT_SHARE


def _exact(mutant: Mutant) -> bool:
    pointer = "".join(f"/{step}" for step in mutant.path)
    found = [problem.pointer for problem in contract.explain(mutant.schema, mutant.value)]
    return all(here == pointer or (mutant.container and here.startswith(f"{pointer}/")) for here in found)


@pytest.mark.parametrize("name", corpora())
def test_the_corpus_itself_is_valid(name: str) -> None:
    for value in corpora()[name]:
        assert contract.explain(name, value) == ()
        assert contract.valid(name, value)
