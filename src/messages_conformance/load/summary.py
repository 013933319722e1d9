"""What a load test says besides its verdicts: counts, times as percentiles, and a page with bars."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from messages_conformance.load.times import FIGURES, PARTS, Times, at_percent, text_lines
from messages_conformance.masking import masked
from messages_conformance.report.files import replace

JSON_NAME: Final = "load.json"
PAGE_NAME: Final = "load.html"

STYLE: Final = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem}"
    "body{color:#1b1b1b;background:#fff}"
    "table{border-collapse:collapse;width:100%}th,td{text-align:right;padding:.2rem .5rem;white-space:nowrap}"
    "th:first-child,td:first-child{text-align:left}td.bar{width:40%;text-align:left}"
    "td.bar span{display:inline-block;height:.8rem;background:#3b6fb6}tr{border-bottom:1px solid #ddd}"
    "@media(prefers-color-scheme:dark){body{color:#eee;background:#181818}tr{border-color:#444}}"
)


@dataclass(frozen=True, kw_only=True)
class LoadResult:
    """The counts and times of a load test; `equal` answers equal an earlier one, `peak` were in progress at once."""

    url: str
    model: str
    sent: int
    answered: int
    busy: int
    judged: int
    equal: int
    peak: int
    input_tokens: int
    output_tokens: int
    stop_reason: str
    times: Times


def notes(test: LoadResult) -> Iterator[str]:
    """The counts in sentences."""
    yield (
        f"{test.sent:,} requests were sent, up to {test.peak} at the same time: {test.answered:,} were answered "
        f"with success under load, {test.busy:,} refused with 429, 503 or 529"
    )
    yield (
        f"{test.judged:,} answers were judged; {test.equal:,} of them equal an earlier one but for ids, nonce and time"
    )
    tokens = f"{test.input_tokens:,} of input, {test.output_tokens:,} of output"
    yield f"tokens under load, as the target states them: {tokens}"


def write(test: LoadResult, folder: Path) -> None:
    """Writes load.json and load.html into the folder of a report."""
    replace(folder / JSON_NAME, json.dumps(to_json(test), indent=2) + "\n", cure="free space")
    replace(folder / PAGE_NAME, page(test), cure="free space")


def text(test: LoadResult) -> str:
    """The times as a table for a terminal."""
    return "\n".join(text_lines(test.times))


def to_json(test: LoadResult) -> dict[str, object]:
    """The counts and times as JSON."""
    return {
        "target": masked(test.url),
        "model": test.model,
        "sent": test.sent,
        "answered": test.answered,
        "busy": test.busy,
        "judged": test.judged,
        "equal_to_an_earlier_one": test.equal,
        "most_at_the_same_time": test.peak,
        "input_tokens": test.input_tokens,
        "output_tokens": test.output_tokens,
        "ended_early": test.stop_reason,
        "times": test.times.to_json(),
    }


def page(test: LoadResult) -> str:
    """A page without script: for each figure a table with a bar of its 95th percentile."""
    title = html.escape(f"Times under load: {masked(test.url)}")
    tables = "".join(_table(test, figure) for figure in FIGURES)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
        f"<h1>{title}</h1><p>{html.escape(' · '.join(notes(test)))}</p>{tables}</html>\n"
    )


def _table(test: LoadResult, figure: str) -> str:
    rows = [(group, histogram) for name, group, histogram in test.times.rows() if name == figure]
    if not rows:
        return ""
    most = max(at_percent(figure, histogram, 95) for _, histogram in rows) or 1.0
    head = "".join(f"<th>p{part}" for part in PARTS)
    body = "".join(
        f"<tr><td>{html.escape(group)}<td>{histogram.count:,}"
        + "".join(f"<td>{at_percent(figure, histogram, part):.3g}" for part in PARTS)
        + f'<td>{histogram.most:.3g}<td class="bar">'
        + f'<span style="width:{at_percent(figure, histogram, 95) / most:.0%}"></span>'
        for group, histogram in rows
    )
    return f"<h2>{html.escape(FIGURES[figure])}</h2><table><tr><th>group<th>count{head}<th>max<th>p95{body}</table>"
