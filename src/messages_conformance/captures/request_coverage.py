"""`python -m messages_conformance.captures.request_coverage FILE... --sent RUN`: which recorded features a run sends.

A feature is a member of a request at its place, such as `messages/content:tool_result/is_error`, or the name of a beta.
Each line has the number of recorded requests with a feature, and whether the run sends it. FILE and RUN are what the
command `check` reads. Exit code: 0, or 4 for wrong usage or a damaged file.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from messages_conformance.captures.errors import CaptureError
from messages_conformance.captures.reading import Reading, read_all
from messages_conformance.captures.summary import problems, shortfall
from messages_conformance.exchange import Exchange
from messages_conformance.report import StandardOutput
from messages_conformance.report.text import counted, inline

MODULE: Final = "messages_conformance.captures.request_coverage"

OWN_NAMES: Final = frozenset({"properties", "$defs", "definitions", "patternProperties"})
"""Members of a schema whose own members have names that the user chose."""

FREE: Final = frozenset({"input", "metadata", "default", "const", "enum", "examples", "example"})
"""Members with any JSON value inside."""


def features(exchange: Exchange) -> frozenset[str]:
    """The features of a request: the places of its members, with the types of blocks and tools, and its beta names."""
    betas = (value for name, value in exchange.request.headers if name.lower() == "anthropic-beta")
    names = {f"beta {one.strip()}" for value in betas for one in value.split(",") if one.strip()}
    return frozenset({*names, *_places(exchange.request.fields, "")})


def _places(value: Any, place: str) -> Iterator[str]:
    if isinstance(value, list):
        for one in value:
            yield from _places(one, place)
    elif isinstance(value, Mapping):
        kind = value.get("type")
        here = f"{place}:{kind}" if isinstance(kind, str) and place and "schema" not in place else place
        if here != place:
            yield here
        for name, inner in value.items():
            at = f"{here}/{name}" if here else name
            yield at
            if name in OWN_NAMES and isinstance(inner, Mapping):
                yield from (found for one in inner.values() for found in _places(one, f"{at}/*"))
            elif name not in FREE:
                yield from _places(inner, at)


def coverage(recorded: Iterable[Exchange], sent: Iterable[Exchange]) -> tuple[int, list[tuple[str, int, bool]]]:
    """The number of recorded requests, and each feature with how many have it and whether one was sent with it."""
    known = frozenset(name for one in sent for name in features(one))
    total, counts = 0, Counter[str]()
    for one in recorded:
        if one.request.fields:
            total += 1
            counts.update(features(one))
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return total, [(name, number, name in known) for name, number in ordered]


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m messages_conformance.captures.request_coverage", allow_abbrev=False
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="recordings of any format that `check` reads")
    parser.add_argument("--sent", required=True, metavar="RUN", help="the folder of a run, or another recording")
    parser.add_argument("--missing", action="store_true", help="list only what the run does not send")
    parsed = parser.parse_args(arguments)
    try:
        total, found = coverage(_exchanges(parsed.files), _exchanges([parsed.sent]))
    except CaptureError as error:
        print(inline(str(error)), file=sys.stderr)
        return 4
    out = StandardOutput()  # a closed pipe must not change the exit code
    out.write("".join(f"{line}\n" for line in _lines(total, found, missing=parsed.missing)))
    out.flush()
    return 0


def _exchanges(files: list[str]) -> list[Exchange]:
    reading = Reading()
    exchanges = list(read_all(files, reading=reading))
    if reason := problems(reading) or shortfall(reading):
        raise CaptureError(f"{', '.join(files)}: {reason}")
    return exchanges


def _lines(total: int, found: list[tuple[str, int, bool]], *, missing: bool) -> Iterator[str]:
    uses, sent = sum(number for _, number, _ in found), sum(number for _, number, known in found if known)
    share = 100 * sent / uses if uses else 100
    known = sum(known for *_, known in found)
    of_all = f"{known:,} of {counted(len(found), 'feature')} are sent ({share:.1f} % of their uses)"
    yield f"{counted(total, 'recorded request')}: {of_all}"
    for name, number, is_sent in found:
        if not (missing and is_sent):
            yield f"{number:6,}  {'sent    ' if is_sent else 'not sent'}  {inline(name)}"


if __name__ == "__main__":
    sys.exit(main())
