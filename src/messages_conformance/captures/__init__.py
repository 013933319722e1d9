"""Recordings that somebody else made, as exchanges for a session.

Each format is one module with one function that yields captures. A capture says what its recording lacks; rules that
need a missing part are `not-verified`.
"""

from messages_conformance.captures.capture import Capture, CaptureError
from messages_conformance.captures.recorded_pairs import read_pairs
from messages_conformance.captures.scrubbing import lacks_of_headers

__all__ = ["Capture", "CaptureError", "lacks_of_headers", "read_pairs"]
