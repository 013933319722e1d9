"""What suites ask with: builders of requests by hand, and the table of probes as requests."""

from messages_conformance.contract import recovery
from messages_conformance.exchange import EITHER, REFUSED, Ask
from messages_conformance.generate.answers import answer_text, answer_tokens, was_left, word_to_stop_at
from messages_conformance.generate.asks import (
    Dialogue,
    Message,
    Send,
    ask,
    assistant,
    both_ways,
    content_to_echo,
    count_tokens,
    get,
    probe_asks,
    user,
)
from messages_conformance.generate.generated_sets import GENERATED_SETS, GeneratedSet, generate_again, named
from messages_conformance.generate.pairs import kinds, settled_pair, words

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
    "ask",
    "assistant",
    "both_ways",
    "content_to_echo",
    "count_tokens",
    "generate_again",
    "get",
    "kinds",
    "named",
    "probe_asks",
    "recovery",
    "settled_pair",
    "user",
    "was_left",
    "word_to_stop_at",
    "words",
]
