"""Which exchanges of a recording become rows, and under which name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from messages_conformance.captures import FieldMap, Reading, problems, read_all
from messages_conformance.exchange import Exchange, RecordingPart
from messages_conformance.masking import masked, masked_exchange
from messages_conformance.promotion.free_text import without_text
from messages_conformance.promotion.row_files import PromotionError
from messages_conformance.promotion.rows import Expectation, RecordedRequest, recorded
from messages_conformance.report.request_features import describe_request

LISTED: Final = 20
"""Number of exchanges that a message lists (our own choice)."""


def chosen(files: Sequence[str], numbers: Sequence[int], fields: FieldMap | None = None) -> list[Exchange]:
    """The exchanges with these numbers, or the only one; raises PromotionError when it is not clear which.

    Raises CaptureError for a path that is no file or folder.
    """
    reading = Reading()
    exchanges = map(masked_exchange, read_all(files, fields=fields, reading=reading))
    found = {one.number: one for one in exchanges if RecordingPart.REQUEST not in one.lacks}
    if not found:
        why = problems(reading) or "it has no request to /v1/messages"
        raise PromotionError(f"{files[0]!r} cannot be promoted: {why}; name a recording that `check` can judge")
    unknown = [number for number in numbers if number not in found]
    if unknown or (not numbers and len(found) > 1):
        what = f"there is no exchange {unknown[0]}" if unknown else f"there are {len(found):,} exchanges"
        raise PromotionError(f"{what}; name one with --exchange: {_listed(found[key] for key in sorted(found))}")
    return [found[number] for number in dict.fromkeys(numbers)] or list(found.values())


def promoted(exchange: Exchange, name: str, *, expect: Expectation | None, is_textless: bool) -> RecordedRequest:
    """The row of an exchange. Its situation is `name` as a slug; `is_textless` replaces what people wrote."""
    row = recorded(exchange, re.sub(r"[^a-z0-9.-]+", "-", masked(name).lower()).strip("-."), expect=expect)
    return replace(row, body=without_text(row.body)) if is_textless and row.body is not None else row


def name_of(file: str, exchange: Exchange) -> str:
    """The name of a row without one: the file and the number of the exchange."""
    return f"recorded.{Path(file).stem}-{exchange.number}"


def _listed(exchanges: Iterable[Exchange]) -> str:
    shown = [f"{one.number} ({describe_request(one)})" for one in exchanges]
    more = f" and {len(shown) - LISTED:,} more" if len(shown) > LISTED else ""
    return ", ".join(shown[:LISTED]) + more
