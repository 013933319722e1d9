"""The counts of the prompt cache: what is written, what is read, and for how long."""

from __future__ import annotations

from typing import Any

import pytest
from reference_rows import assistant, user
from reference_support import ask, body

from messages_conformance.reference import Endpoint, caching
from messages_conformance.reference.language_model import Model

LONG = "All work and no play makes a dull day. " * 200
CACHED = {"cache_control": {"type": "ephemeral"}}
HOUR = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}


def text(words: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": words, **more}


def counts(usage: dict[str, Any]) -> tuple[int, int, int]:
    return usage["input_tokens"], usage["cache_creation_input_tokens"], usage["cache_read_input_tokens"]


def usage_of(endpoint: Endpoint, question: Any, **fields: Any) -> dict[str, Any]:
    usage: dict[str, Any] = ask(question, endpoint=endpoint, **fields)["usage"]
    parts = usage["cache_creation"]
    assert sum(parts.values()) == usage["cache_creation_input_tokens"]
    return usage


def test_a_prefix_is_written_once_and_then_read() -> None:
    endpoint, system = Endpoint(), [text(LONG, **CACHED)]
    total = ask("Hi", system=[text(LONG)])["usage"]["input_tokens"]
    rest, written, read = counts(usage_of(endpoint, "Hi", system=system))
    assert (written > 1000, read, rest + written) == (True, 0, total)
    assert counts(usage_of(endpoint, "Hi", system=system)) == (rest, 0, written)
    assert counts(usage_of(endpoint, "Hi", system=system, model="claude-opus-4-5")) == (rest, written, 0)


def test_an_agent_that_moves_its_breakpoint_reads_the_prefix_of_the_previous_turn() -> None:
    endpoint = Endpoint()
    first = [user([text(LONG, **CACHED)])]
    _, written, _ = counts(usage_of(endpoint, first))
    second = [user([text(LONG)]), assistant("Indeed."), user([text("And then? " + LONG, **CACHED)])]
    rest, more, read = counts(usage_of(endpoint, second))
    assert (read, rest) == (written, 0)
    assert more > 1000


def test_an_entry_too_far_before_the_breakpoint_is_not_read() -> None:
    endpoint = Endpoint()
    usage_of(endpoint, [user([text(LONG, **CACHED)])])
    far = [text("Word.") for _ in range(caching.LOOKBACK_BLOCKS)]
    assert counts(usage_of(endpoint, [user([text(LONG), *far, text("Hi", **CACHED)])]))[2] == 0
    assert counts(usage_of(endpoint, [user([text(LONG), *far[1:], text("Ho", **CACHED)])]))[2] > 1000


def test_lifetimes_are_counted_separately() -> None:
    usage = usage_of(Endpoint(), [user([text(LONG, **CACHED)])], system=[text(LONG, **HOUR)])
    parts = usage["cache_creation"]
    assert parts["ephemeral_1h_input_tokens"] > 1000
    assert parts["ephemeral_5m_input_tokens"] > 1000


@pytest.mark.parametrize("ttl", ["5m", "1h"])
def test_an_entry_expires_after_its_lifetime_which_reading_renews(ttl: str) -> None:
    content = body([user([text(LONG, cache_control={"type": "ephemeral", "ttl": ttl})])])
    memory: dict[str, Any] = {}
    answer = {"usage": {"input_tokens": 10_000}}
    lifetime_s = caching.LIFETIME_S[ttl]

    def read(now_s: float) -> int:
        billed = caching.billed(answer, content, Model(), memory, now_s=now_s)
        return int(billed["usage"]["cache_read_input_tokens"])

    assert [read(now_s) > 0 for now_s in (0.0, 0.9 * lifetime_s, 1.8 * lifetime_s, 3.0 * lifetime_s)] == [
        False,
        True,
        True,
        False,
    ]


def test_short_prefixes_are_not_cached() -> None:
    assert counts(usage_of(Endpoint(), "Hi", system=[text("Be kind.", **CACHED)]))[1:] == (0, 0)


def test_cache_control_changes_no_total() -> None:
    plain = ask("Hi", system=[text(LONG)], tools=[])["usage"]["input_tokens"]
    assert sum(counts(usage_of(Endpoint(), "Hi", system=[text(LONG, **CACHED)], **CACHED))) == plain


def test_prewarming_writes_the_prefix_that_is_read_later() -> None:
    endpoint, system = Endpoint(), [text(LONG, **CACHED)]
    assert counts(usage_of(endpoint, "Hi", system=system, max_tokens=0))[1] > 1000
    assert counts(usage_of(endpoint, "Hi", system=system))[2] > 1000
