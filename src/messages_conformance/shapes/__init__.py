"""What answers are made of, kept in a folder of the user's, so that a later run can say what appeared or vanished.

A shape holds keys, types, discriminators and the order of events, never values: it changes when an endpoint changes,
though both answers conform. `snapshots`, which pytest needs, is imported where a run was asked to keep shapes.
"""

from messages_conformance.shapes.drift import Drift, drifts
from messages_conformance.shapes.folder import unreadable
from messages_conformance.shapes.shape import shape

__all__ = ["Drift", "drifts", "shape", "unreadable"]
