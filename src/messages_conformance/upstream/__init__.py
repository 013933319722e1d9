"""A scripted model server to put behind a gateway: it answers what the script in a request says, and records both."""

from messages_conformance.upstream.record import SentChunk, UpstreamExchange
from messages_conformance.upstream.script import (
    DIALECTS,
    Chunking,
    Failure,
    Interruption,
    Other,
    Pause,
    Reasoning,
    Refusal,
    Script,
    Text,
    ToolCall,
    Usage,
    script_in,
)
from messages_conformance.upstream.server import Upstream
from messages_conformance.upstream.service import Service
from messages_conformance.upstream.tokens import UnreadableToken

__all__ = [
    "DIALECTS",
    "Chunking",
    "Failure",
    "Interruption",
    "Other",
    "Pause",
    "Reasoning",
    "Refusal",
    "Script",
    "SentChunk",
    "Service",
    "Text",
    "ToolCall",
    "UnreadableToken",
    "Upstream",
    "UpstreamExchange",
    "Usage",
    "script_in",
]
