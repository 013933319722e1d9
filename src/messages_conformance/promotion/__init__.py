"""Recorded requests that a suite asks again: an exchange of a recording becomes a row of a file beside the suite.

`chosen` reads a recording, `promoted` makes a row of an exchange, `add_rows` writes it, `recorded_requests` reads the
file as Asks.
"""

from messages_conformance.promotion.choosing import chosen, name_of, promoted
from messages_conformance.promotion.free_text import without_text
from messages_conformance.promotion.row_files import ROWS_NAME, SUITE_NAME, PromotionError, add_rows, recorded_requests
from messages_conformance.promotion.rows import RecordedRequest, recorded

__all__ = [
    "ROWS_NAME",
    "SUITE_NAME",
    "PromotionError",
    "RecordedRequest",
    "add_rows",
    "chosen",
    "name_of",
    "promoted",
    "recorded",
    "recorded_requests",
    "without_text",
]
