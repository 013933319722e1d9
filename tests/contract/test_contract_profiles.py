"""Profiles: the built-in ones, the user's own, and the message for every mistake in a file."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from contract_corpus import message, requests

from messages_conformance import contract, resources
from messages_conformance.contract import Profile
from messages_conformance.exchange import COMPLETE, Chunk, Exchange, Request, Response
from messages_conformance.rules import FAIL, NOT_APPLICABLE, PASS, WARN, Judge

WHOLE = 'title = "x"\nfamily = "tokmodel"\nauth = "bearer"\nneeds_key = true\npromises = ["text"]\n'

Write = Callable[[str], Profile]


@pytest.fixture
def own(tmp_path: Path) -> Write:
    """Writes a profile file of the user's, and reads it."""

    def write(text: str) -> Profile:
        path = tmp_path / "own.toml"
        path.write_text(text, encoding="utf-8")
        contract.profile.cache_clear()
        return contract.profile(str(path))

    return write


def test_profiles() -> None:
    assert contract.profile_names() == ("anthropic-2023-06-01", "anthropic-2026-10-21", "claude-code", "tokmodel")
    tokmodel = contract.profile("tokmodel")
    assert (tokmodel.family, tokmodel.auth, tokmodel.api_version, tokmodel.id_prefix) == (
        "tokmodel",
        "bearer",
        None,
        "msg_",
    )
    assert tokmodel.body_version == "2023-06-01"
    assert {"stream", "stop-sequences", "temperature"} <= tokmodel.promises
    assert not {"tools", "images", "thinking", "count-tokens", "system-blocks"} & tokmodel.promises


@pytest.mark.parametrize("version", contract.API_VERSIONS)
def test_anthropic_profiles(version: str) -> None:
    found = contract.profile(f"anthropic-{version}")
    assert (found.family, found.auth, found.api_version) == ("anthropic", "x-api-key", version)
    assert found.default_model is None
    assert {"tools", "images", "thinking", "count-tokens", "models", "system-blocks"} <= found.offers
    assert ("temperature" in found.promises) == (version == "2023-06-01")


def test_every_promise_of_tokmodel_names_its_statement() -> None:
    promises = re.search(r"^promises = \[\n(.*?)^\]", resources.text("profiles/tokmodel.toml"), re.M | re.S)
    assert promises is not None
    lines = promises[1].splitlines()
    assert len(lines) == len(contract.profile("tokmodel").promises)
    assert [line for line in lines if not re.search(r'^  "[a-z-]+", +# TOK-\d', line)] == []


def test_an_unknown_profile_names_the_valid_ones() -> None:
    with pytest.raises(contract.ContractError) as caught:
        contract.profile("tokmodl")
    assert str(caught.value) == (
        "unknown profile 'tokmodl'. Did you mean 'tokmodel'?"
        " Valid: anthropic-2023-06-01, anthropic-2026-10-21, claude-code, tokmodel."
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('extends = "tokmodel"\ndefault_model = 5', "default_model is 5; valid: a string of printable characters"),
        ('extends = "tokmodel"\nneeds_key = "no"', "needs_key is 'no'; valid: true or false"),
        ('extends = "tokmodel"\nauth = "basic"', "auth is 'basic'; valid: bearer, x-api-key"),
        ('extends = "tokmodel"\nfamily = ["tokmodel"]', "family is ['tokmodel']; valid: tokmodel, anthropic"),
        (
            'extends = "tokmodel"\napi_version = "2023-06-01\\r\\nx: y"',
            "api_version is '2023-06-01\\r\\nx: y'; valid: 2023-06-01, 2026-10-21",
        ),
        (
            'extends = "tokmodel"\nid_prefix = "msg\\n"',
            "id_prefix is 'msg\\n'; valid: a string of",
        ),
        ('extends = "tokmodel"\ntitle = ""', "title is ''; valid: a string of printable characters"),
        ('extends = "tokmodel"\nwarns = [1]', "warns is [1]; valid: an array of strings"),
        ('extends = "tokmodel"\njudges = "stream.*"', "judges is 'stream.*'; valid: an array of strings"),
        (
            'extends = "tokmodel"\nverdict_names = "yes"',
            "verdict_names is 'yes'; valid: a table",
        ),
        (
            'extends = "tokmodel"\nwarnz = []',
            "{path}: unknown key 'warnz'. Did you mean 'warns'? Valid: api_",
        ),
        ('extends = "tokmodl"', "unknown profile in extends 'tokmodl'. Did you mean 'tokmodel'?"),
        ("extends = 5", "unknown profile in extends '5'. Valid: anthropic-2023-06-01"),
        (
            'extends = "tokmodel"\npromises = ["sytem"]',
            "{path}: unknown capability 'sytem'. Did you mean 'system'? Valid: batches, bearer-auth, ",
        ),
        (
            'extends = "tokmodel"\npromises = ["tools"]\ndepends_on_model = ["tools"]',
            "tools is in promises and in depends_on_model; remove it from one of them",
        ),
        (WHOLE.replace('"text"', '"id-prefix"'), "id-prefix needs the key id_prefix"),
        ('title = "x"', "family is missing; write it, or name a profile that has it: extends = ..."),
        ("x = ", "it is not TOML"),
    ],
)
def test_a_mistake_is_reported_with_the_valid_values(own: Write, tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(contract.ContractError) as caught:
        own(text)
    assert message.format(path=tmp_path / "own.toml") in str(caught.value)


def test_an_own_profile_can_be_complete(own: Write) -> None:
    found = own(WHOLE + 'verdict_names = { conforms = "yes", deviates = "no" }\n')
    assert (found.name, found.promises, found.verdict_names) == ("own", {"text"}, ("yes", "no"))
    assert (found.api_version, found.default_model, found.id_prefix) == (None, None, None)


def test_a_capability_is_in_the_list_of_the_extending_file(own: Write) -> None:
    firm = own('extends = "anthropic-2023-06-01"\npromises = ["images"]')
    assert (firm.promises, "images" in firm.depends_on_model) == ({"images"}, False)
    lenient = own('extends = "anthropic-2023-06-01"\ndepends_on_model = ["temperature"]')
    assert (lenient.depends_on_model, "temperature" in lenient.promises) == ({"temperature"}, False)


@pytest.mark.parametrize(
    ("text", "id_prefix"),
    [
        ('extends = "tokmodel"', "msg_"),
        ('extends = "tokmodel"\nid_prefix = "chatcmpl-"', "chatcmpl-"),
        ('extends = "tokmodel"\nid_prefix = ""', None),
        ('extends = "tokmodel"\npromises = ["text"]', None),
        ('extends = "anthropic-2023-06-01"', None),
        ('extends = "anthropic-2023-06-01"\nid_prefix = "acme-"', "acme-"),
        (WHOLE + 'id_prefix = "acme-"', "acme-"),
    ],
)
def test_an_id_prefix_is_a_promise(own: Write, text: str, id_prefix: str | None) -> None:
    found = own(text)
    assert found.id_prefix == id_prefix
    assert ("id-prefix" in found.promises) == (id_prefix is not None)


@pytest.mark.parametrize("base", ["tokmodel", "anthropic-2023-06-01"])
@pytest.mark.parametrize(("id_prefix", "outcome"), [("chatcmpl-", PASS), ("zzz_", FAIL), ("", NOT_APPLICABLE)])
def test_ids_are_compared_with_the_prefix_of_the_profile(own: Write, base: str, id_prefix: str, outcome: str) -> None:
    judge = Judge(own(f'extends = "{base}"\nid_prefix = "{id_prefix}"'))
    judge.add(_answer(message([], id="chatcmpl-1")))
    found = {verdict.requirement: verdict.outcome for verdict in judge.verdicts()}
    assert found["response.id.msg-prefix"] == outcome
    # The recommendation of the API applies only if the profile has no prefix of its own.
    recommended = WARN if base.startswith("anthropic") and not id_prefix else NOT_APPLICABLE
    assert found["response.id.msg-prefix-anthropic"] == recommended


def _answer(body: dict[str, Any]) -> Exchange:
    response = Response(
        status=200,
        headers=(("content-type", "application/json"),),
        chunks=(Chunk(at_s=0.1, data=json.dumps(body).encode()),),
        headers_at_s=0.1,
        ended_at_s=0.1,
        ending=COMPLETE,
    )
    request = Request(method="POST", path="/v1/messages", headers=(), body=json.dumps(requests()[0]).encode())
    return Exchange(number=1, request=request, response=response)


def test_a_glob_without_wildcards_matches_all_ids_below_it(own: Write) -> None:
    found = own('extends = "tokmodel"\njudges = ["stream", "usage.present"]\nwarns = ["stream.order"]')
    assert found.includes("stream.order.message-start-first")
    assert found.includes("usage.present")
    assert not found.includes("usage.output.le-max")
    assert found.only_warns("stream.order.message-start-first")
    assert not found.only_warns("stream.frame.no-bom")
