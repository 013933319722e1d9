"""Generated requests: valid by construction, near misses with one mistake, and smaller ones of the same kind."""

import asyncio
import json
from functools import cache

import pytest

from messages_conformance import contract
from messages_conformance.contract import ContractError
from messages_conformance.contract.documents import schema
from messages_conformance.exchange import (
    ACCEPTED,
    COMPLETE,
    EITHER,
    REFUSED,
    Ask,
    Chunk,
    Exchange,
    Origin,
    Request,
    Response,
)
from messages_conformance.generate import GENERATED_SETS, parse_origin
from messages_conformance.generate.changes import changed
from messages_conformance.generate.conversations import Program, Turn, _Client
from messages_conformance.generate.features import capabilities, doubts, features
from messages_conformance.generate.generated_sets import COUNTS, conversation, generate_again, generated_request_of
from messages_conformance.generate.near_misses import breaks, near_misses
from messages_conformance.generate.requests import FIELD_NEEDS, LARGE, NOT_GENERATED, SMALL, requests
from messages_conformance.generate.rule_changes import rule_changes
from messages_conformance.generate.seeds import seeded
from messages_conformance.generate.semantics import breaches, is_valid
from messages_conformance.reference.validation import failures

PROFILES = ("tokmodel", "anthropic-2023-06-01", "anthropic-2026-10-21")
REQUESTS_EACH = 120


@cache
def valid_bodies(profile, size):
    generate = seeded(requests(contract.profile(profile), size=size))
    return [generate(f"{number}") for number in range(REQUESTS_EACH)]


@cache
def misses(profile):
    generate = seeded(near_misses(contract.profile(profile)))
    return [generate(f"{number}") for number in range(REQUESTS_EACH)]


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("name", PROFILES)
def test_every_request_is_valid(name, size):
    profile = contract.profile(name)
    for body in valid_bodies(name, size):
        whole = {"model": "m", **body}
        assert contract.valid("request", whole, api_version=profile.body_version), body
        assert list(breaches(body)) == []
        # The validation of the reference endpoint shares no code with either.
        assert [failure.message for failure in failures(whole, version=profile.api_version)] == [], body


@pytest.mark.parametrize("name", PROFILES)
def test_only_what_a_profile_offers_is_generated(name):
    offered = contract.profile(name).offers
    for body in valid_bodies(name, LARGE):
        assert all(FIELD_NEEDS[field] in offered for field in body)
        assert capabilities(body) <= offered
    generated = {feature for body in valid_bodies(name, LARGE) for feature in features(body)}
    assert ("system.blocks" in generated) == ("system-blocks" in offered)
    assert ("tools" in generated) == ("tools" in offered)


def test_every_field_is_generated_or_has_a_reason():
    fields = schema("request")["properties"]
    beta = {name for name, part in fields.items() if part.get("beta")}
    assert {*FIELD_NEEDS, *NOT_GENERATED, *beta} == set(fields)
    generated = {field for body in valid_bodies(PROFILES[1], SMALL) for field in body}
    assert generated == set(FIELD_NEEDS) - {"model"}


@pytest.mark.parametrize("name", PROFILES)
def test_a_near_miss_has_one_mistake(name):
    profile = contract.profile(name)
    for miss in misses(name):
        assert is_valid(miss.base, api_version=profile.body_version)
        assert breaks(miss.change, miss.base, api_version=profile.body_version)
        assert miss.change.reason
        assert miss.change.at.startswith("/")
        lacks_model = (miss.change.kind, miss.change.pointer) == ("delete", ("model",))
        body = miss.body if lacks_model else {"model": "m", **miss.body}
        found = list(failures(body, version=profile.api_version))
        assert found or miss.row is None, (miss.change.at, miss.change.reason)


def test_both_kinds_of_near_misses_are_generated():
    rows = {miss.row.requirement for miss in misses(PROFILES[1]) if miss.row is not None}
    assert len(rows) > 20
    assert any(miss.row is None for miss in misses(PROFILES[1]))
    assert {miss.change.kind for miss in misses(PROFILES[1])} >= {"delete", "type", "null", "rule", "extra", "range"}


def test_a_broken_rule_is_named():
    """The check finds the requirement that the change names."""
    named = set()
    for body in valid_bodies(PROFILES[1], SMALL):
        for change in rule_changes(body):
            copied = changed(body, change)
            named_by_check = {breach.requirement for breach in breaches(copied)}
            if named_by_check - {""} and contract.valid("request", {"model": "m", **copied}):
                expected = {change.requirement, "request.tool_use.needs-result", "request.tool_result.orphan", ""}
                assert named_by_check & expected, (change.reason, named_by_check)
                named.add(change.requirement)
    assert len(named) >= 10


@pytest.mark.parametrize("one_set", GENERATED_SETS, ids=lambda one_set: one_set.name)
def test_a_name_is_enough_to_generate_it_again(one_set):
    profile = contract.profile(PROFILES[1])
    generated = one_set.generate(profile, seed=7, depth="standard")
    assert len(generated) == COUNTS[one_set.name]["standard"]
    deep = one_set.generate(profile, seed=7, depth="deep", count=len(generated) + 1)
    for number, asked in enumerate(generated):
        again = generate_again(parse_origin(f"{one_set.name}/7/{number}"), profile)
        if isinstance(asked, Ask):
            assert (again.body, again.expect, again.probe) == (asked.body, asked.expect, asked.probe)
            assert deep[number].body == asked.body
            assert asked.origin.name == f"{one_set.name}/7/{number}"
        else:
            assert again is asked
    assert one_set.generate(profile, seed=7, depth="smoke") == ()


@pytest.mark.parametrize("name", ["requests", "requests/x/1", "songs/0/1", "requests/0/-1"])
def test_an_unknown_name_is_an_error(name):
    with pytest.raises(ContractError, match="such as requests/0/12"):
        parse_origin(name)


def test_what_is_expected_of_a_request():
    profile = contract.profile(PROFILES[1])
    asks = GENERATED_SETS[0].generate(profile, seed=0, depth="deep")
    for asked in asks:
        sure = not capabilities(asked.body) & profile.depends_on_model and not doubts(asked.body, profile)
        assert asked.expect == (ACCEPTED if sure else EITHER)
    assert {asked.expect for asked in asks} == {ACCEPTED, EITHER}
    misses = GENERATED_SETS[1].generate(profile, seed=0, depth="standard")
    assert {asked.expect for asked in misses} == {REFUSED, EITHER}


@pytest.mark.parametrize("one_set", ["requests", "near-misses"])
def test_smaller_requests_are_of_the_same_kind(one_set):
    profile = contract.profile(PROFILES[1])
    for number in range(8):
        asked = generate_again(Origin(set_name=one_set, seed=1, number=number), profile)
        held = generated_request_of(asked.origin, profile, asked.body)
        for smaller in held.smaller():
            other = smaller.ask()
            assert other.origin.shrunk
            assert (other.origin.reason, other.probe) == (asked.origin.reason, asked.probe)
            assert is_valid(smaller.base, api_version=profile.body_version)
            assert len(str(smaller.base)) != len(str(held.base)) or smaller.base != held.base


def test_a_conversation_has_limits():
    profile = contract.profile("tokmodel")
    talk = conversation(profile, 0, 0)
    assert 2 <= talk.max_requests <= 6
    assert talk.max_output_tokens > 0


def answer_of(body, *blocks):
    """An exchange whose answer has these blocks before a text."""
    usage = {"input_tokens": 9, "output_tokens": 9}
    fixed = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "usage": usage}
    content = [*blocks, {"type": "text", "text": "Yes."}]
    message = {**fixed, "content": content, "stop_reason": "end_turn", "stop_sequence": None}
    return Exchange(
        number=1,
        request=Request(method="POST", path="/v1/messages", headers=(), body=json.dumps(body).encode()),
        response=Response(
            status=200,
            headers=(("content-type", "application/json"),),
            chunks=(Chunk(at_s=0.1, data=json.dumps(message).encode()),),
            headers_at_s=0.1,
            ended_at_s=0.1,
            ending=COMPLETE,
        ),
    )


@pytest.mark.parametrize(
    ("blocks", "systems"),
    [
        ([], ["one", "two", "three"]),
        ([{"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}], ["one", "one", "one"]),
    ],
)
def test_a_conversation_with_thinking_keeps_its_system_prompt(blocks, systems):
    form = {"in_blocks": False, "streamed": False, "marked": False, "reversed_results": False, "says_more": False}
    turns = [Turn(says="Hello.", system=name, results=("text",), **form) for name in ("one", "two", "three")]
    program = Program(turns=tuple(turns), tools=False, thinking=False, pictures=False)
    sent = []

    async def send(ask):
        sent.append(ask.body["system"])
        return answer_of(ask.body, *blocks)

    profile = contract.profile("anthropic-2023-06-01")
    asyncio.run(_Client(program, Origin(set_name="conversations", seed=0, number=0), profile).run(send))
    assert sent == systems
