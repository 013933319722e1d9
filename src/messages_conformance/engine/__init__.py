"""The engine plans requests, sends them concurrently within limits, and returns the recorded exchanges.

It composes each Ask into a Request, and sends equal requests once. After refusals it sends more slowly. Each thread
waits for its own exchanges only.
"""

from messages_conformance.engine.budget import Limits
from messages_conformance.engine.composition import compose
from messages_conformance.engine.conversation import AskFunction, Conversation
from messages_conformance.engine.engine import (
    DEFAULT_CONCURRENCY,
    Engine,
)
from messages_conformance.engine.engine_error import EngineError
from messages_conformance.engine.exchange_log import Spent
from messages_conformance.engine.finishing import NOT_ANSWERED
from messages_conformance.engine.outage import is_web_page
from messages_conformance.engine.planning import Plan, Question, question_of, sharing_key
from messages_conformance.engine.shared_limits import VARIABLE as SHARED_LIMITS
from messages_conformance.engine.shared_limits import SharedFile, can_share, shared_file
from messages_conformance.engine.state import State
from messages_conformance.engine.token_counts import ADDED_TOKENS, BYTES_PER_TOKEN, most_input_tokens

__all__ = [
    "ADDED_TOKENS",
    "BYTES_PER_TOKEN",
    "DEFAULT_CONCURRENCY",
    "NOT_ANSWERED",
    "SHARED_LIMITS",
    "AskFunction",
    "Conversation",
    "Engine",
    "EngineError",
    "Limits",
    "Plan",
    "Question",
    "SharedFile",
    "Spent",
    "State",
    "can_share",
    "compose",
    "is_web_page",
    "most_input_tokens",
    "question_of",
    "shared_file",
    "sharing_key",
]
