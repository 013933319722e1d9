"""The error of an engine: ours, and never the target's."""

from __future__ import annotations


class EngineError(RuntimeError):
    """Our own error, never the target's: wrong use of the engine, or an exception in a conversation or a callback."""


def own_error(error: BaseException) -> EngineError:
    """The error that a waiting thread raises for an error of our own."""
    text = str(error) if isinstance(error, EngineError) else f"{type(error).__name__}: {error}"
    raised = EngineError(f"our own error, not the target's: {text}")
    raised.__cause__ = error
    return raised
