"""Builders of the requests that suites send: by hand, from the probe table, and generated from the schemas."""

from messages_conformance.contract import recovery
from messages_conformance.exchange import EITHER, REFUSED, Ask
from messages_conformance.generate.answers import (
    answer_text,
    answer_tokens,
    answered_message,
    input_tokens,
    later_change,
    was_left,
    word_in_other_letters,
    word_to_stop_at,
)
from messages_conformance.generate.asks import (
    Dialogue,
    Message,
    Send,
    ask,
    assistant,
    content_to_echo,
    count_tokens,
    get,
    other_route,
    probe_asks,
    user,
    whole_and_streamed,
)
from messages_conformance.generate.generated_sets import GENERATED_SETS, GeneratedSet, generate_again, parse_origin
from messages_conformance.generate.pairs import kinds, repeated_pair, words
from messages_conformance.generate.pdf_file import pdf

__all__ = [
    "EITHER",
    "GENERATED_SETS",
    "REFUSED",
    "Ask",
    "Dialogue",
    "GeneratedSet",
    "Message",
    "Send",
    "answer_text",
    "answer_tokens",
    "answered_message",
    "ask",
    "assistant",
    "content_to_echo",
    "count_tokens",
    "generate_again",
    "get",
    "input_tokens",
    "kinds",
    "later_change",
    "other_route",
    "parse_origin",
    "pdf",
    "probe_asks",
    "recovery",
    "repeated_pair",
    "user",
    "was_left",
    "whole_and_streamed",
    "word_in_other_letters",
    "word_to_stop_at",
    "words",
]
