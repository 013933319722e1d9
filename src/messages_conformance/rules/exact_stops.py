"""The rule that a stop sequence matches exactly: its blanks, its capitals, and no pattern.

The same request without stop sequences shows what the model writes. If the target stops where this text resembles a
sequence and is not equal to it, the target has compared in a wrong way.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules.accessors import in_message, message_of, shown, stop_reason_of, text_of
from messages_conformance.rules.catalogue import LOSES, RUN, rule
from messages_conformance.rules.echoed_text import requested_text
from messages_conformance.rules.paired_requests import requests_without
from messages_conformance.rules.recording_parts import REQUEST
from messages_conformance.rules.stop import sequences_of
from messages_conformance.rules.verdict import MUST, Finding, Unverified

MIN_STOPPED: Final = 2
"""At least this many answers must end there: a model may write a word with a capital letter once (our own)."""


@rule(
    "stop.stop_sequence.exact",
    MUST,
    harm=LOSES,
    source="the meaning of stop_sequences; answers of the API in 0xPlaygrounds/rig#2329 (GitHub), read 2026-12-01",
    needs={"stop-sequences"},
    over=RUN,
    model_dependent=True,
    reads={REQUEST},
    provoked="Stop sequences resemble the text of an answer: with other blanks, in other letters, or as a pattern.",
)
def stops_at_exact_sequences_only(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """An answer stops only at exact stop sequences: their blanks and capitals count, and none is a pattern."""
    seen, found = False, []
    for stopped, control in requests_without("stop_sequences", exchanges):
        text, full, asked = text_of(stopped), text_of(control), requested_text(control)
        if asked is not None and asked not in full:
            continue  # a text that comes back changed is compared with what nobody wrote
        alike = [one for one in sequences_of(stopped) if one not in full and _first_alike(one, full) is not None]
        if not alike or not text:
            continue
        at = min(first for one in alike if (first := _first_alike(one, full)) is not None)
        seen = seen or len(text.rstrip()) > at
        wrong = next((one for one in alike if _ends_at(text, full, one) and _names(stopped, one)), None)
        if wrong is not None and full.startswith(text):
            found.append(_finding(stopped, control, wrong))
    if len({finding.exchange for finding in found}) >= MIN_STOPPED:
        yield found[0]
    elif not seen:
        yield Unverified(reason="no answer continued after a text that resembles a stop sequence")


def _patterns(sequence: str) -> Iterable[re.Pattern[str]]:
    """What a sequence may be taken for: in other letters and without its blanks, or as a regular expression."""
    yield re.compile(re.escape(sequence.strip()), re.IGNORECASE)
    try:
        yield re.compile(sequence)
    except re.error:
        return


def _first_alike(sequence: str, full: str) -> int | None:
    """Where a text first resembles a sequence; None if it does not."""
    places = [found.start() for pattern in _patterns(sequence) if (found := pattern.search(full)) and found.group()]
    return min(places, default=None)


def _ends_at(text: str, full: str, sequence: str) -> bool:
    """Whether a text ends where the full text goes on with something that resembles a sequence."""
    rest = full[len(text) :].lstrip()
    return any((found := pattern.match(rest)) is not None and bool(found.group()) for pattern in _patterns(sequence))


def _names(stopped: Exchange, sequence: str) -> bool:
    """Whether an answer says that it stopped at a sequence, or at what the target has made of it."""
    named = (message_of(stopped) or {}).get("stop_sequence")
    is_stopped = stop_reason_of(stopped) == "stop_sequence"
    return is_stopped and isinstance(named, str) and named.strip().lower() == sequence.strip().lower()


def _finding(stopped: Exchange, control: Exchange, sequence: str) -> Finding:
    ahead = text_of(control)[len(text_of(stopped)) :][: len(sequence) + 1]
    return Finding(
        exchange=stopped.number,
        place=in_message(stopped, "/stop_sequence"),
        found=f"stopped at {shown(sequence)} where exchange {control.number} goes on with {shown(ahead)}",
        wanted="no stop: the text has no such sequence",
    )
