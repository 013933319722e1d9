"""What suites ask with: builders of requests by hand, and the table of probes as requests."""

from messages_conformance.generate.asks import Dialogue, Message, Send, ask, assistant, both_ways, probe_asks, user

__all__ = ["Dialogue", "Message", "Send", "ask", "assistant", "both_ways", "probe_asks", "user"]
