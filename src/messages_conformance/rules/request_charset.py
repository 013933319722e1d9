"""The rule for a body that is not UTF-8, as its Content-Type says."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules.accessors import in_message, json_message, response_of, shown, text_of
from messages_conformance.rules.catalogue import ANTHROPIC, LOSES, rule
from messages_conformance.rules.claude_code import sent_for
from messages_conformance.rules.recording_parts import PROBES
from messages_conformance.rules.verdict import SHOULD, Finding, Unverified

CHARSET: Final = "transport.request.charset"
MISREAD: Final = ("\ufffd", "\u00c3\u00a9")
"""What a letter becomes when its bytes are read as UTF-8, or the other way round."""


@rule(
    CHARSET,
    SHOULD,
    harm=LOSES,
    families={ANTHROPIC},
    source="anthropic 2.14.0 (PyPI), error code unsupported_charset, read 2026-11-30; RFC 8259 (JSON), 8.1",
    applies=sent_for(CHARSET),
    model_dependent=True,
    reads={PROBES},
    provoked="At depth deep, a question in ISO-8859-1 asks to repeat a letter, with this charset in Content-Type.",
)
def reads_or_refuses_other_charsets(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """A body with another charset than UTF-8 is read as declared or refused; it is never misread."""
    if 400 <= response_of(exchange).status < 500:
        return
    text = text_of(exchange) if json_message(exchange) else ""
    if any(wrong in text for wrong in MISREAD):
        yield Finding(place=in_message(exchange, "/content"), found=shown(text), wanted="the letter, or a refusal")
    elif "\u00e9" not in text:
        yield Unverified(reason="the answer does not repeat the letter")
