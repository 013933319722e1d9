"""Shapes of answers, kept in a folder of the user, so that a later run can report what appeared or disappeared.

A shape has keys, types, discriminators and the order of events, but no values. It shows changes of an endpoint that
conforms before and after. Only runs that keep shapes import `snapshots`, which needs syrupy.
"""

from messages_conformance.shapes.drift import Drift, drifts
from messages_conformance.shapes.folder import unreadable
from messages_conformance.shapes.shape import shape

__all__ = ["Drift", "drifts", "shape", "unreadable"]
