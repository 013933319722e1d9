"""Recordings that somebody else made, as exchanges for a session.

Each format is one module with one function that yields pairs; `conversion` makes an exchange of each pair, which says
what its recording lacks. Rules that need a missing part are `not-verified`. `read_all` reads files of any format.
"""

from messages_conformance.captures.conversion import Skipped, exchange_of
from messages_conformance.captures.errors import CaptureError
from messages_conformance.captures.field_map import FieldMap, field_map
from messages_conformance.captures.pair import Damage, Pair
from messages_conformance.captures.reading import Reading, only_saved_run, read_all
from messages_conformance.captures.saved_runs import SavedRun
from messages_conformance.captures.scrubbing import lacks_of_headers
from messages_conformance.captures.summary import notes, problems, shortfall

__all__ = [
    "CaptureError",
    "Damage",
    "FieldMap",
    "Pair",
    "Reading",
    "SavedRun",
    "Skipped",
    "exchange_of",
    "field_map",
    "lacks_of_headers",
    "notes",
    "only_saved_run",
    "problems",
    "read_all",
    "shortfall",
]
