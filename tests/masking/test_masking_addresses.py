"""The secrets in an address are found, and its ordinary parts are not."""

from __future__ import annotations

import pytest

from messages_conformance.masking.addresses import address_secrets

FOUND: dict[str, set[str]] = {
    "http://user:hunter-22@host": {"user", "hunter-22"},
    "see http://hunter%2D22@host/x": {"hunter%2D22", "hunter-22"},
    "https://host/?api_key=abc&beta=true": {"abc"},
    "https://host/#access_token=abc": {"abc"},
    "https://host/?k=0123456789abcdef": {"0123456789abcdef"},
    "https://host/v1?beta=true&version=2023-06-01": set(),
    "https://host/@user/x": set(),
    "reference:drop_message_stop": set(),
}


@pytest.mark.parametrize("text", FOUND)
def test_the_secrets_of_an_address(text: str) -> None:
    assert set(address_secrets(text)) == FOUND[text]
