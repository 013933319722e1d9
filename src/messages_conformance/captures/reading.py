"""Reads any number of recordings of any format: exchanges come out, one by one, in bounded memory.

Exchanges of one file were recorded together. A file that is too large to keep in memory is judged in parts, and rules
over several exchanges hold within one part.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Final

from messages_conformance.captures import bare, cassettes, curl_dumps, formats, har, json_lines, saved_runs
from messages_conformance.captures.conversion import Skipped, exchange_of
from messages_conformance.captures.field_map import FieldMap
from messages_conformance.captures.files import UNREADABLE, Opened, Place, opened, places
from messages_conformance.captures.json_items import JsonCut, JsonReader
from messages_conformance.captures.pair import Damage, Pair
from messages_conformance.captures.saved_runs import SavedRun
from messages_conformance.exchange import Exchange, RecordingPart

MAX_BODY_BYTES: Final = 256 * 1024 * 1024
"""Largest dump or bare body that is read (our own: a file of one answer has a few megabytes)."""

PART_BYTES: Final = 64 * 1024 * 1024
"""Size of the bodies after which the next part of a capture begins (our own: as `session.judging.KEPT_BYTES`)."""

NAMED_PROBLEMS: Final = 20
"""At most this many problems of files are kept in words. The others are counted (our own)."""


@dataclass
class Reading:
    """What was read so far. `problems` are sentences about files that could not be read, or not to their end.

    `files` counts by format; `ignored` are files in folders that are no recordings. `skipped` counts exchanges that are
    not judged by reason, and `apis` those of known other APIs by name. `run` is what the report of the only saved run
    says.
    """

    files: Counter[str] = field(default_factory=Counter)
    ignored: int = 0
    exchanges: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    apis: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    more_problems: int = 0
    lacks: set[RecordingPart] = field(default_factory=set)
    models: Counter[str] = field(default_factory=Counter)
    parts: int = 0

    def problem(self, text: str) -> None:
        """Keeps the sentence, or counts it when there are many."""
        if len(self.problems) < NAMED_PROBLEMS:
            self.problems.append(text)
        else:
            self.more_problems += 1


def only_saved_run(names: Iterable[str]) -> SavedRun | None:
    """What the report says if exactly one saved run is named; None for anything else."""
    named = tuple(names)
    found = list(places(named)) if len(named) == 1 else []
    if len(found) != 1 or found[0].path is None or found[0].path.name != saved_runs.RECORDING:
        return None
    return saved_runs.about(found[0].path.parent)


def read_all(names: Iterable[str], *, fields: FieldMap | None = None, reading: Reading) -> Iterator[Exchange]:
    """Yields the exchanges of all files and folders, numbered from 1; raises CaptureError for a path that is none.

    A single saved run keeps its numbers. `reading` is filled in on the way.
    """
    names = tuple(names)
    alone = only_saved_run(names) is not None
    for place in places(names):
        yield from _read_place(place, fields, reading, alone=alone)


def _read_place(place: Place, fields: FieldMap | None, reading: Reading, *, alone: bool) -> Iterator[Exchange]:
    try:
        with opened(place) as file:
            try:
                form = formats.recognised(file.head, mapped=fields is not None)
            except formats.Unrecognised as error:
                _not_a_recording(place, f"{place.name!r} {error}", reading)
                return
            reading.files[form] += 1
            yield from _numbered(place, _items(form, file, place, fields), reading, alone=alone)
    except UNREADABLE as error:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        _not_a_recording(place, f"{place.name!r} cannot be read: {why}; is it whole, and yours to read?", reading)


def _not_a_recording(place: Place, text: str, reading: Reading) -> None:
    if place.named:
        reading.problem(text)
    else:
        reading.ignored += 1


def _items(form: str, file: Opened, place: Place, fields: FieldMap | None) -> Iterator[Pair | Exchange | Damage]:
    """What a file of this format yields."""
    folder = None if place.path is None else place.path.parent
    if form == formats.SAVED_RUN:
        return saved_runs.read_records(file.file, saved_runs.about(folder))
    return _pairs(form, file, folder, fields)


def _pairs(form: str, file: Opened, folder: Path | None, fields: FieldMap | None) -> Iterator[Pair | Damage]:
    match form:
        case formats.HAR:
            return har.read_har(file.file, folder)
        case formats.CASSETTE_YAML:
            return cassettes.read_yaml_cassette(file.file)
        case formats.CASSETTE_JSON:
            return cassettes.read_json_cassette(file.file, formats.list_key(file.head))
        case formats.LINES:
            return json_lines.read_json_lines(file.file, fields)
        case formats.ARRAY:
            return _array(file.file)
    return _whole(form, file)


def _array(file: IO[bytes]) -> Iterator[Pair | Damage]:
    try:
        yield from bare.read_values(JsonReader(file).elements())
    except JsonCut as cut:
        yield Damage(
            message=f"the array cannot be read after byte {cut.offset:,} ({cut}); was it cut off? save it again"
        )


def _whole(form: str, file: Opened) -> Iterator[Pair | Damage]:
    data = file.file.read(MAX_BODY_BYTES + 1)
    if len(data) > MAX_BODY_BYTES:
        yield Damage(message=f"{form} of more than {MAX_BODY_BYTES:,} bytes is not read; split it")
        return
    match form:
        case formats.CURL:
            for pair in curl_dumps.read_dump(data):
                yield pair if file.exact else replace(pair, exact_body=False)
        case formats.STREAM:
            yield from bare.read_stream(data)
        case _:
            yield from bare.read_document(data)


def _numbered(
    place: Place, items: Iterator[Pair | Exchange | Damage], reading: Reading, *, alone: bool
) -> Iterator[Exchange]:
    """The exchanges of one file, with their numbers and with the name of the capture that they belong to."""
    together, size_bytes, part = "", 0, 1
    for item in items:
        if isinstance(item, Damage):
            reading.problem(f"{place.name}: {item.message}")
            continue
        made = _made(item, place, reading.exchanges + 1, alone=alone)
        if isinstance(made, Skipped):
            reading.skipped[made.reason] += 1
            reading.apis.update([made.api] if made.api else [])
            continue
        if made.capture != together:
            together, size_bytes, part = made.capture, 0, 1
        size_bytes += made.size_bytes
        if size_bytes > PART_BYTES and made.capture:
            size_bytes, part = 0, part + 1
            reading.parts += 1
        reading.exchanges += 1
        reading.lacks |= made.lacks
        reading.models.update([made.requested_model] if made.requested_model else [])
        yield made if part == 1 else replace(made, capture=f"{made.capture} (part {part})")


def _made(item: Pair | Exchange, place: Place, number: int, *, alone: bool) -> Exchange | Skipped:
    if isinstance(item, Pair):
        capture = f"{place.name}: {item.together}" if item.together else place.name
        return exchange_of(item, number=number, capture=capture)
    if alone:
        return item
    situations = item.situations or (f"exchange {item.number}",)  # its number in the run that recorded it
    return replace(item, number=number, situations=situations, capture=item.capture or place.name)
