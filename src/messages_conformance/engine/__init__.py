"""The engine plans exchanges, sends them concurrently within budget, and hands them out.

An Ask is composed into a Request; equal requests are sent once; one loop sends them all, slower after refusals; threads
wait for their own exchanges only.
"""

from messages_conformance.engine.budget import Limits
from messages_conformance.engine.composition import compose
from messages_conformance.engine.conversation import AskFunction, Conversation
from messages_conformance.engine.engine import (
    DEFAULT_CONCURRENCY,
    DEFAULT_RETRY_BUDGET_S,
    STOPPED,
    Engine,
    EngineError,
    State,
)
from messages_conformance.engine.exchange_log import Spent
from messages_conformance.engine.planning import Plan, Question, question_of, sharing_key

__all__ = [
    "DEFAULT_CONCURRENCY",
    "DEFAULT_RETRY_BUDGET_S",
    "STOPPED",
    "AskFunction",
    "Conversation",
    "Engine",
    "EngineError",
    "Limits",
    "Plan",
    "Question",
    "Spent",
    "State",
    "compose",
    "question_of",
    "sharing_key",
]
