"""The file of recorded requests beside a suite, and the suite that asks them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from messages_conformance.exchange import Ask
from messages_conformance.input_files import MAX_WRITTEN_BYTES, InputError, parsed_json, read_bytes, typed
from messages_conformance.promotion.rows import RecordedRequest

ROWS_NAME: Final = "recorded_requests.json"
SUITE_NAME: Final = "test_recorded_requests.py"

SUITE: Final = '''"""Requests that were recorded once, and that each run asks again: recorded_requests.json."""

from pathlib import Path

import pytest

from messages_conformance.promotion import recorded_requests

ROWS = recorded_requests(Path(__file__).with_name("recorded_requests.json"))


@pytest.mark.parametrize("exchange", ROWS, indirect=True)
def test_a_recorded_request_is_answered_as_the_contract_says(exchange, judge):
    judge(exchange)
'''


class PromotionError(ValueError):
    """The file of recorded requests cannot be read or written; the text has the name of the file and the cure."""


def recorded_requests(path: Path | str) -> list[Ask]:
    """The rows of a file as Asks, in their order; raises PromotionError."""
    rows = _read(Path(path))
    try:
        return [row.ask() for row in rows]
    except ValueError as error:
        raise PromotionError(f"{str(path)!r} has a raw_body that is not base64: {error}; write it again") from error


def add_rows(folder: Path | str, rows: Iterable[RecordedRequest]) -> tuple[int, Path]:
    """Adds the rows that the folder does not have, and writes the suite if it is missing.

    Returns how many were new, and the file. A row whose name is taken by another request gets a number at its end.
    Raises PromotionError.
    """
    place = Path(folder) / ROWS_NAME
    kept = list(_read(place)) if place.exists() else []
    before = len(kept)
    for row in rows:
        if any(_is_same(row, other) for other in kept):
            continue
        kept.append(msgspec.structs.replace(row, situation=_free(row.situation, [other.situation for other in kept])))
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps([msgspec.to_builtins(row) for row in kept], ensure_ascii=False, indent=1)
        place.write_text(text + "\n", encoding="utf-8")
        suite = place.with_name(SUITE_NAME)
        if not suite.exists():
            suite.write_text(SUITE, encoding="utf-8")
    except (OSError, UnicodeEncodeError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise PromotionError(f"{str(place)!r} could not be written: {why}; name another folder with --to") from error
    return len(kept) - before, place


def _read(path: Path) -> Sequence[RecordedRequest]:
    try:
        return typed(parsed_json(read_bytes(path, limit_bytes=MAX_WRITTEN_BYTES)), list[RecordedRequest])
    except (InputError, OSError) as error:
        raise PromotionError(
            f"{str(path)!r} is no file of recorded requests: {error}; mend it, or remove it and promote again"
        ) from error


def _is_same(row: RecordedRequest, other: RecordedRequest) -> bool:
    """Whether two rows are the same request, whatever their names."""
    return msgspec.structs.replace(row, situation=other.situation) == other


def _free(name: str, taken: Sequence[str]) -> str:
    number, found = 1, name
    while found in taken:
        number += 1
        found = f"{name}-{number}"
    return found
