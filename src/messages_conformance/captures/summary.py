"""What was read, in sentences for the reader of a report, and the sentence when nothing can be judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from messages_conformance.captures.conversion import FOREIGN
from messages_conformance.captures.formats import LINES
from messages_conformance.captures.reading import Reading
from messages_conformance.report.text import counted

NOT_STORED = "their times and chunk borders, and what their senders expected, are not known"


def notes(reading: Reading) -> Iterator[str]:
    """Sentences about what was read, what is missing in it, and what was left out."""
    kinds = ", ".join(f"{number:,} × {form}" for form, number in sorted(reading.files.items()))
    if kinds:
        yield f"{counted(reading.exchanges, 'exchange')} in {counted(sum(reading.files.values()), 'file')}: {kinds}"
    if reading.lacks:
        parts = ", ".join(sorted(part.replace("-", " ") for part in reading.lacks))
        yield f"some or all of the exchanges lack: {parts}; what needs these is not verified"
    if reading.skipped:
        yield f"not judged: {left_out(reading)}"
    if reading.ignored:
        yield f"{counted(reading.ignored, 'other file')} in the folders, no recordings"
    if reading.parts:
        yield "large files were judged in parts: rules over several exchanges hold within one part"


def left_out(reading: Reading) -> str:
    """The exchanges that are not judged, by reason, and the other APIs among them."""
    reasons = ", ".join(f"{number:,} {reason}" for reason, number in sorted(reading.skipped.items()))
    return f"{reasons} ({_shown(reading.apis)})" if reading.apis else reasons


def shortfall(reading: Reading) -> str:
    """Why nothing can be judged, in one sentence; empty when an exchange was read."""
    if reading.exchanges:
        return ""
    if reading.problems:
        return problems(reading)
    if reading.skipped:
        total = sum(reading.skipped.values())
        known = sum(reading.apis.values())
        if known == total and len(reading.apis) == 1:
            return (
                f"{'the only exchange is' if total == 1 else f'all {total:,} exchanges are'} of another API "
                f"({next(iter(reading.apis))}); only the Messages API is judged: record requests to /v1/messages"
            )
        if FOREIGN in reading.skipped and LINES in reading.files:
            return (
                f"no exchange can be judged: {left_out(reading)}; if the lines of a log have exchanges, "
                "name their parts: --map request='$.req.body' --map response='$.resp.body'"
            )
        return f"no exchange can be judged: {left_out(reading)}; record requests to /v1/messages with their responses"
    if reading.files:
        return "the recording has no exchange; record one and save it again"
    return f"no recording was found ({counted(reading.ignored, 'other file')}); name recordings, or a folder of them"


def problems(reading: Reading) -> str:
    """The problems of files in one sentence: the first one in words, the others counted; empty without any."""
    if not reading.problems:
        return ""
    more = len(reading.problems) - 1 + reading.more_problems
    return reading.problems[0] + (f"; and {counted(more, 'more problem')} of this kind" if more else "")


def _shown(apis: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} of {name}" for name, number in sorted(apis.items()))
