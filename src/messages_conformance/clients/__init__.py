"""Real clients: somebody's own client against faults of the reference endpoint, and known clients against a target."""

from messages_conformance.clients.client_trials import (
    BROKEN,
    DETECTED,
    HANGS,
    NOT_EXERCISED,
    SURVIVED,
    SWALLOWED,
    WORKS,
    ClientTrial,
    ClientTrials,
    ControlFailed,
    TrialOptions,
    try_client,
)

__all__ = [
    "BROKEN",
    "DETECTED",
    "HANGS",
    "NOT_EXERCISED",
    "SURVIVED",
    "SWALLOWED",
    "WORKS",
    "ClientTrial",
    "ClientTrials",
    "ControlFailed",
    "TrialOptions",
    "try_client",
]
