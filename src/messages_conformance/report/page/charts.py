"""Times of answers as inline SVG charts; each number in a chart is also given as text."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from messages_conformance.report.model import Report
from messages_conformance.report.page.document import Section, paragraph
from messages_conformance.report.page.html import Markup, element, joined
from messages_conformance.report.text import counted
from messages_conformance.report.timing import AT_ONCE, LIVE, TOO_SHORT, Streamed, Timing, quantile, timing

BINS_PER_DECADE: Final = 16
STREAMS: Final = 12
"""Number of streams that are shown, the longest ones (our own choice)."""

TICKS: Final = 400
"""Number of events of one stream that are shown; more would only make a black bar."""

SHORTEST_S: Final = 0.0001
LONGEST_S: Final = 1000.0
"""The limits of the time axis; shorter and longer times are counted at its ends."""


def times(report: Report) -> Section | None:
    """Latency and streaming; None when no times were recorded."""
    found = timing(report)
    if not (found.whole_answers or found.first_events or found.refusals):
        return None
    return Section(
        name="times", title="Times", body=joined((_deliveries(found), *_distributions(found), *_streams(found)))
    )


def _deliveries(found: Timing) -> Markup:
    by = Counter(stream.delivery for stream in found.streams)
    short = counted(by[TOO_SHORT], "stream is", "streams are")
    disturbed = counted(found.disturbed, "exchange is", "exchanges are")
    parts = [
        by[LIVE] and f"{counted(by[LIVE], 'stream')} arrived live, while the answer was made",
        by[AT_ONCE] and f"{counted(by[AT_ONCE], 'stream')} arrived at once at the end, as from a buffer",
        by[TOO_SHORT] and f"{short} too short to distinguish live from buffered",
        found.disturbed and f"{disturbed} left out, because our own process was paused during them",
    ]
    text = "; ".join(part for part in parts if part)
    return paragraph(
        f"{text}. Times are measured on this side and include the network. They decide no verdict." if text else ""
    )


def _distributions(found: Timing) -> Iterable[Markup]:
    rows = (
        ("First event of a stream", found.first_events),
        ("Gap between events", found.event_gaps),
        ("Whole answer without a stream", found.whole_answers),
        ("Refusal", found.refusals),
    )
    shown = [(name, values) for name, values in rows if values]
    low, high = _decades([value for _, values in shown for value in values])
    figures = (_distribution(name, values, low, high) for name, values in shown)
    yield element("div", *figures, _axis(low, high), class_="distributions")


def _decades(values: Sequence[float]) -> tuple[int, int]:
    """(low, high): the powers of ten, in seconds, between which all values are."""
    low = math.floor(math.log10(_clamped(min(values))))
    high = math.ceil(math.log10(_clamped(max(values))))
    return low, max(high, low + 1)


def _clamped(value: float) -> float:
    return min(max(value, SHORTEST_S), LONGEST_S)


def _distribution(name: str, values: Sequence[float], low: int, high: int) -> Markup:
    half, most = quantile(values, 0.5), quantile(values, 0.95)
    numbers = (
        f"median {duration(half)}, 95 % within {duration(most)}, longest {duration(max(values))}, n = {len(values):,}"
    )
    caption = element("figcaption", element("strong", name), " ", element("span", numbers))
    return element("figure", caption, _histogram(values, low, high, label=f"{name}: {numbers}"))


def _histogram(values: Sequence[float], low: int, high: int, *, label: str) -> Markup:
    bins = (high - low) * BINS_PER_DECADE
    by = Counter(min(int((math.log10(_clamped(v)) - low) * BINS_PER_DECADE), bins - 1) for v in values)
    tallest = max(by.values())
    bars = (_bar(place, math.sqrt(count / tallest)) for place, count in sorted(by.items()))
    return _drawing(f"0 0 {bins} 1", joined(bars), label=label, class_="histogram")


def _bar(place: int, height: float) -> Markup:
    # The square root keeps a single outlier visible among a hundred ordinary answers.
    return element("rect", x=f"{place + 0.1:.1f}", y=f"{1 - height:.3f}", width="0.8", height=f"{height:.3f}")


def _axis(low: int, high: int) -> Markup:
    labels = (element("span", duration(10.0**power)) for power in range(low, high + 1))
    return element("p", *labels, class_="axis", aria_hidden="true")


def _streams(found: Timing) -> Iterable[Markup]:
    if not found.streams:
        return
    longest = sorted(found.streams, key=lambda stream: -stream.ended_at_s)[:STREAMS]
    left = len(found.streams) - len(longest)
    note = f"The {len(longest)} longest of {len(found.streams):,}. " if left else ""
    yield element("h3", "Streams, event by event")
    yield paragraph(
        f"{note}Each mark is an event; the line begins with the headers of the response and ends with its body. "
        "Each stream has its own scale.",
        class_="note",
    )
    yield element("div", *map(_stream, longest), class_="streams")


def _stream(stream: Streamed) -> Markup:
    numbers = (
        f"{counted(len(stream.events_at_s), 'event')}, first after {duration(stream.events_at_s[0])}, longest gap "
        f"{duration(stream.longest_gap_s)}, end after {duration(stream.ended_at_s)}, {stream.delivery}"
    )
    name = stream.request
    caption = element("figcaption", element("strong", name), " ", element("span", numbers))
    whole = max(stream.ended_at_s, SHORTEST_S)
    step = max(1, len(stream.events_at_s) // TICKS)
    ticks = (_tick(1000 * at_s / whole) for at_s in stream.events_at_s[::step])
    begin = 1000 * stream.headers_at_s / whole
    base = element("line", x1=f"{begin:.1f}", x2="1000", y1="12", y2="12", class_="base")
    return element(
        "figure", caption, _drawing("0 0 1000 24", base, *ticks, label=f"{name}: {numbers}", class_="stream")
    )


def _tick(place: float) -> Markup:
    shown = f"{place:.1f}"
    return element("line", x1=shown, x2=shown, y1="3", y2="21")


def _drawing(box: str, *shapes: Markup, label: str, class_: str) -> Markup:
    return element(
        "svg",
        *shapes,
        viewBox=box,
        preserveAspectRatio="none",
        role="img",
        aria_label=label,
        class_=class_,
        focusable="false",
    )


def duration(seconds: float) -> str:
    """A time as text: `under 0.1 ms`, `12 ms`, `1.2 s`."""
    if seconds >= 1:
        return f"{seconds:,.3g} s"
    if seconds < SHORTEST_S:
        return f"under {duration(SHORTEST_S)}"
    return f"{seconds * 1000:.3g} ms"
