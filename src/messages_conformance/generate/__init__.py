"""What suites ask with: builders of requests by hand, and the table of probes as requests."""

from messages_conformance.exchange import EITHER
from messages_conformance.generate.asks import (
    Dialogue,
    Message,
    Send,
    ask,
    assistant,
    both_ways,
    content_to_echo,
    probe_asks,
    user,
)

__all__ = [
    "EITHER",
    "Dialogue",
    "Message",
    "Send",
    "ask",
    "assistant",
    "both_ways",
    "content_to_echo",
    "probe_asks",
    "user",
]
