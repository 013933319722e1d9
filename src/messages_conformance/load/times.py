"""Times of a load test as percentiles, by size and form of the requests, in little memory."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

GROWTH: Final = 1.02
"""Each bucket is wider than the one before it by this factor: a percentile is exact to 2 % (our own)."""

LEAST: Final = 0.0001
"""Values below a tenth of a millisecond are one bucket (our own)."""

PARTS: Final = (50, 90, 95, 99)
FIGURES: Final[Mapping[str, str]] = {
    "ttfb": "first byte (s)",
    "ttft": "first content (s)",
    "gap": "longest gap between events (s)",
    "total": "whole answer (s)",
    "tps": "output tokens per second",
}
"""What is measured, and its name."""

HIGHER_IS_BETTER: Final = frozenset({"tps"})


@dataclass(kw_only=True)
class Histogram:
    """Counts of values in buckets that grow by GROWTH; about a thousand of them hold any number of values."""

    buckets: dict[int, int] = field(default_factory=dict)
    count: int = 0
    most: float = 0.0

    def add(self, value: float) -> None:
        """Counts a value."""
        at = 0 if value <= LEAST else 1 + int(math.log(value / LEAST) / math.log(GROWTH))
        self.buckets[at] = self.buckets.get(at, 0) + 1
        self.count += 1
        self.most = max(self.most, value)

    def percentile(self, part: float) -> float:
        """The value below which `part` percent are; 0 without values."""
        left = self.count * part / 100
        for at in sorted(self.buckets):
            left -= self.buckets[at]
            if left <= 0:
                return min(LEAST * GROWTH**at, self.most)
        return self.most

    def absorb(self, other: Histogram) -> None:
        """Adds the values of another one."""
        for at, count in other.buckets.items():
            self.buckets[at] = self.buckets.get(at, 0) + count
        self.count += other.count
        self.most = max(self.most, other.most)


class Times:
    """Histograms by (figure, group); a group is a size and a form, such as `small, streamed`."""

    def __init__(self) -> None:
        self.histograms: dict[tuple[str, str], Histogram] = {}

    def add(self, figure: str, group: str, value: float) -> None:
        """Counts a value of a figure."""
        self.histograms.setdefault((figure, group), Histogram()).add(value)

    def over_all(self, figure: str, *, streamed_only: bool = False) -> Histogram:
        """The values of a figure over all groups."""
        total = Histogram()
        for (name, group), histogram in self.histograms.items():
            if name == figure and (not streamed_only or group.endswith("streamed")):
                total.absorb(histogram)
        return total

    def rows(self) -> Iterator[tuple[str, str, Histogram]]:
        """Each figure and group with its histogram, in the order of FIGURES."""
        order = list(FIGURES)
        for figure, group in sorted(self.histograms, key=lambda key: (order.index(key[0]), key[1])):
            yield figure, group, self.histograms[figure, group]

    def to_json(self) -> list[dict[str, Any]]:
        """The percentiles of each row."""
        return [
            {
                "figure": figure,
                "group": group,
                "count": histogram.count,
                **{f"p{part}": round(at_percent(figure, histogram, part), 6) for part in PARTS},
                "max": round(histogram.most, 6),
            }
            for figure, group, histogram in self.rows()
        ]


def at_percent(figure: str, histogram: Histogram, part: int) -> float:
    """The percentile; where more is better, the value that `part` percent reach."""
    return histogram.percentile(100 - part if figure in HIGHER_IS_BETTER else part)


def over_limits(times: Times, limits: Mapping[str, float]) -> Iterator[tuple[str, str]]:
    """Each limit that is not kept, with a sentence."""
    for name, limit in limits.items():
        figure, _, part = name.partition("-p")
        histogram = times.over_all(figure, streamed_only=figure != "total")
        value = at_percent(figure, histogram, int(part))
        if not histogram.count:
            yield name, "no answer shows it"
        elif figure in HIGHER_IS_BETTER and value < limit:
            yield name, f"{value:.3g} tokens per second, and the limit is {limit:g}"
        elif figure not in HIGHER_IS_BETTER and value > limit:
            yield name, f"{value:.3g} s, and the limit is {limit:g} s"


def text_lines(times: Times) -> Iterable[str]:
    """A table for a terminal."""
    yield f"{'':<34}{'group':<18}{'count':>8}" + "".join(f"{f'p{part}':>9}" for part in PARTS) + f"{'max':>9}"
    for figure, group, histogram in times.rows():
        values = "".join(f"{at_percent(figure, histogram, part):>9.3g}" for part in PARTS)
        yield f"{FIGURES[figure]:<34}{group:<18}{histogram.count:>8,}{values}{histogram.most:>9.3g}"
