"""The request that an Ask becomes."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from fake_target import PROFILE

from messages_conformance.engine import compose
from messages_conformance.exchange import CUT_BODY, KEY_PLACEHOLDER, WRONG_KEY, Ask, Request

BEARER = replace(PROFILE, auth="bearer", api_version=None)


def composed(ask: Ask, **others: object) -> Request:
    return compose(ask, profile=others.get("profile", PROFILE), model="some-model")  # type: ignore[arg-type]


def test_a_profile_gives_the_headers() -> None:
    assert composed(Ask(situation="s", body={})).headers == (
        ("x-api-key", KEY_PLACEHOLDER),
        ("anthropic-version", "2023-06-01"),
        ("content-type", "application/json"),
        ("accept", "application/json"),
    )
    assert composed(Ask(situation="s", method="GET"), profile=BEARER).headers == (
        ("authorization", f"Bearer {KEY_PLACEHOLDER}"),
        ("accept", "application/json"),
    )


@pytest.mark.parametrize(
    ("auth", "header"),
    [
        ("none", None),
        ("wrong", ("x-api-key", WRONG_KEY)),
        ("bearer", ("authorization", f"Bearer {KEY_PLACEHOLDER}")),
        ("x-api-key", ("x-api-key", KEY_PLACEHOLDER)),
    ],
)
def test_auth_of_the_ask(auth: str, header: tuple[str, str] | None) -> None:
    sent = composed(Ask(situation="s", body={}, auth=auth)).headers
    assert [pair for pair in sent if pair[0] in ("x-api-key", "authorization")] == ([header] if header else [])


def test_an_unknown_auth_is_our_own_error() -> None:
    with pytest.raises(ValueError, match="valid: profile"):
        composed(Ask(situation="s", auth="basic"))


def test_header_changes_replace_remove_and_add_whatever_their_case() -> None:
    changes = (("Anthropic-Version", "1999-01-01"), ("ACCEPT", None), ("anthropic-beta", "a"), ("absent", None))
    assert composed(Ask(situation="s", body={}, headers=changes)).headers == (
        ("x-api-key", KEY_PLACEHOLDER),
        ("Anthropic-Version", "1999-01-01"),
        ("content-type", "application/json"),
        ("anthropic-beta", "a"),
    )


def test_the_model_comes_first_unless_it_is_given_or_left_out() -> None:
    assert composed(Ask(situation="s", body={"a": 1})).body == b'{"model":"some-model","a":1}'
    assert composed(Ask(situation="s", body={"a": 1, "model": "mine"})).body == b'{"a":1,"model":"mine"}'
    assert composed(Ask(situation="s", body={"a": 1}, fill_model=False)).body == b'{"a":1}'


def test_bodies_are_compact_utf8_and_raw_bytes_stay() -> None:
    assert composed(Ask(situation="s", body={"t": "ä→😀"}, fill_model=False)).body == '{"t":"ä→😀"}'.encode()
    assert composed(Ask(situation="s", body=b"\xff{")).body == b"\xff{"
    assert composed(Ask(situation="s", method="GET")).body == b""


def test_a_lone_surrogate_is_written_as_its_escape() -> None:
    body = composed(Ask(situation="s", body={"t": "a\ud800ß"}, fill_model=False)).body
    assert body == '{"t":"a\\ud800ß"}'.encode()
    assert json.loads(body) == {"t": "a\ud800ß"}


def test_a_header_named_twice_is_sent_twice() -> None:
    changes = (("anthropic-beta", "a"), ("accept", "x"), ("Anthropic-Beta", "b"))
    sent = composed(Ask(situation="s", body={}, headers=changes)).headers
    assert [pair for pair in sent if pair[0].lower() == "anthropic-beta"] == [
        ("anthropic-beta", "a"),
        ("Anthropic-Beta", "b"),
    ]
    assert [value for name, value in sent if name == "accept"] == ["x"]


def test_raw_bytes_have_the_model_in_its_place() -> None:
    assert composed(Ask(situation="s", body=b'{"model": "$MODEL"}')).body == b'{"model": "some-model"}'


def test_a_cut_body_announces_more_than_it_has() -> None:
    sent = composed(Ask(situation="s", body=b"{}", wire=CUT_BODY))
    assert (sent.header("content-length"), sent.wire, sent.body) == ("102", CUT_BODY, b"{}")
