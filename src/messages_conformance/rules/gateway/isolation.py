"""Rules about what must never cross a gateway: another client's words, and keys."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from messages_conformance.exchange import (
    KEY_PLACEHOLDER,
    UPSTREAM_ADDRESS_PLACEHOLDER,
    UPSTREAM_KEY_PLACEHOLDER,
    Exchange,
)
from messages_conformance.rules.accessors import body_of, message_of, shown
from messages_conformance.rules.catalogue import LEAKS, LOSES, RUN, rule
from messages_conformance.rules.gateway.accessors import GATEWAYS, SOURCE, behind, differs, got_message, reached
from messages_conformance.rules.recording_parts import IDS, RESPONSE_HEADERS
from messages_conformance.rules.verdict import MUST, SHOULD, Finding, Place, Unverified

NONCE: Final = re.compile(r"nonce-[0-9a-f]{12}")
"""A word that one client alone knows: it is in its request and in the answer that its upstream gives."""


def _has_nonce(exchange: Exchange) -> bool:
    return reached(exchange) and exchange.response is not None and bool(behind(exchange).nonce)


@rule("gateway.isolation.answers", MUST, harm=LEAKS, families=GATEWAYS, source=SOURCE, applies=_has_nonce)
def keeps_answers_apart(exchange: Exchange) -> Iterable[Finding]:
    """Nothing of another client's conversation is in an answer, 64 of them at the same time included."""
    assert exchange.response is not None
    foreign = set(NONCE.findall(exchange.response.text)) - {behind(exchange).nonce}
    if foreign:
        yield from differs("", f"{min(foreign)} of another client", behind(exchange).nonce)


@rule("gateway.isolation.requests", MUST, harm=LEAKS, families=GATEWAYS, source=SOURCE, applies=_has_nonce)
def keeps_requests_apart(exchange: Exchange) -> Iterable[Finding]:
    """Nothing of another client's conversation is in the request to the upstream."""
    texts = (call.request.body.decode("utf-8", "replace") for call in behind(exchange).calls)
    foreign = {nonce for text in texts for nonce in NONCE.findall(text)} - {behind(exchange).nonce}
    if foreign:
        yield from differs("", f"{min(foreign)} of another client", behind(exchange).nonce)


@rule("gateway.isolation.ids", MUST, harm=LOSES, families=GATEWAYS, source=SOURCE, over=RUN, reads={IDS})
def gives_every_message_an_id(exchanges: tuple[Exchange, ...]) -> Iterable[Finding | Unverified]:
    """No two messages have the same id."""
    seen: set[str] = set()
    found = [(one, (message_of(one) or {}).get("id")) for one in exchanges if got_message(one)]
    if not found:
        yield Unverified(reason="no answer through a gateway has a message")
    for exchange, id in found:
        if isinstance(id, str) and id in seen:
            yield Finding(
                exchange=exchange.number, place=Place(pointer="/id"), found=f"{shown(id)} again", wanted="a new id"
            )
            return
        seen.add(str(id))


# -- credentials ---------------------------------------------------------------------------------------------------


def _sends_a_key(exchange: Exchange) -> bool:
    return reached(exchange) and any(KEY_PLACEHOLDER in value for _, value in exchange.request.headers)


@rule("gateway.credentials.client-key", MUST, harm=LEAKS, families=GATEWAYS, source=SOURCE, applies=_sends_a_key)
def keeps_the_clients_key(exchange: Exchange) -> Iterable[Finding]:
    """The client's key does not reach the upstream, unless the gateway promises to pass it on."""
    if "forwards-key" in behind(exchange).promises:
        return
    for call in behind(exchange).calls:
        for name, value in call.request.headers:
            if KEY_PLACEHOLDER in value:
                yield Finding(place=Place(header=name), found="the client's key", wanted="the gateway's own key")
                return
        if KEY_PLACEHOLDER.encode() in call.request.body:
            yield from differs("", "the client's key in the body", "no key in the body")
            return


def _answers(exchange: Exchange) -> bool:
    return reached(exchange) and exchange.response is not None


def _leak(exchange: Exchange, secret: str, name: str) -> Iterable[Finding]:
    assert exchange.response is not None
    for header, value in exchange.response.headers:
        if secret in value:
            yield Finding(place=Place(header=header), found=f"{name} in {shown(value)}", wanted=f"no {name}")
            return
    if secret in exchange.response.text:
        at = exchange.response.text.index(secret)
        yield from differs("", f"{name} in {shown(exchange.response.text[max(at - 60, 0) : at + 40])}", f"no {name}")


@rule(
    "gateway.credentials.upstream-key",
    MUST,
    harm=LEAKS,
    families=GATEWAYS,
    source=SOURCE,
    reads={RESPONSE_HEADERS},
    applies=_answers,
)
def keeps_the_upstreams_key(exchange: Exchange) -> Iterable[Finding]:
    """The key for the upstream never reaches the client, not even in an error."""
    return _leak(exchange, UPSTREAM_KEY_PLACEHOLDER, "the key for the upstream")


@rule(
    "gateway.credentials.upstream-address",
    SHOULD,
    harm=LEAKS,
    families=GATEWAYS,
    source=SOURCE,
    reads={RESPONSE_HEADERS},
    applies=_answers,
)
def keeps_the_upstreams_address(exchange: Exchange) -> Iterable[Finding]:
    """The address of the upstream never reaches the client, not even in an error."""
    return _leak(exchange, UPSTREAM_ADDRESS_PLACEHOLDER, "the address of the upstream")


INTERNALS: Final = re.compile(
    r"Traceback \(most recent call last\)"  # Python
    r"|^\s+at [^\n]*[\w)]\(?[^\n()]*:\d+:\d+\)?"  # JavaScript
    r"|^goroutine \d+ \["  # Go
    r"|^\s+at [\w.$]+\([\w]+\.java:\d+\)"
    r"|thread '[^'\n]*' panicked at",  # Rust
    re.MULTILINE,
)
"""How stack traces begin, in the languages that gateways are written in (our own)."""


@rule(
    "gateway.credentials.internals",
    SHOULD,
    harm=LEAKS,
    families=GATEWAYS,
    source=SOURCE,
    applies=lambda exchange: _answers(exchange) and (exchange.response is not None and exchange.response.status >= 400),
)
def keeps_its_internals(exchange: Exchange) -> Iterable[Finding]:
    """An error has no stack trace of the gateway, which shows paths of its machine."""
    assert exchange.response is not None
    words = "\n".join((exchange.response.text, *_strings(body_of(exchange))))
    if found := INTERNALS.search(words):
        yield from differs("", shown(words[found.start() :][:160]), "the message alone")


def _strings(value: object) -> Iterator[str]:
    """Every string in a JSON value, decoded."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _strings(one)
    elif isinstance(value, list):
        for one in value:
            yield from _strings(one)
