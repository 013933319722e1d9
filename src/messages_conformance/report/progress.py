"""The progress of a run: live lines in a terminal, one plain line for each completed quarter elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Final

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.live import Live
from rich.text import Text

from messages_conformance.report.terminal import encoded_for
from messages_conformance.report.text import counted, inline

REFRESHES_PER_SECOND: Final = 4
BAR_CELLS: Final = 20
NARROW_COLUMNS: Final = 80
"""In a narrower terminal the bars have half the length."""

SEPARATOR: Final = " · "
NAME_CELLS: Final = 18
FIRST_GUESS: Final = 5
"""Number of completed exchanges from which the remaining time can be estimated."""


@dataclass(frozen=True, kw_only=True)
class SuiteProgress:
    """The progress of one suite, in exchanges: planned, done, in flight, and waiting for a rate limit."""

    name: str
    planned: int
    done: int
    in_flight: int = 0
    waiting: int = 0


@dataclass(frozen=True, kw_only=True)
class RunProgress:
    """The progress of a run, in exchanges. `tokens` are output tokens; `tokens_most` is their limit, 0 for none."""

    planned: int
    done: int
    in_flight: int = 0
    waiting: int = 0
    failed: int = 0
    tokens: int = 0
    tokens_most: int = 0
    elapsed_s: float = 0.0
    suites: tuple[SuiteProgress, ...] = ()


class Progress:
    """Shows the progress that `read` returns: continuously in a terminal, elsewhere after each call of `update`.

    Use it as a context manager; at its end the live lines are removed.
    """

    def __init__(self, out: Console, read: Callable[[], RunProgress]) -> None:
        self._out = out
        self._read = read
        self._live = self._lines_of(out) if out.is_terminal else None
        self._quarter = 0

    def _lines_of(self, out: Console) -> Live:
        # pytest captures the standard streams: they must not be redirected here.
        return Live(
            console=out,
            get_renderable=self._shown,
            refresh_per_second=REFRESHES_PER_SECOND,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> Progress:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def update(self) -> None:
        """Prints a line when another quarter is done; does nothing in a terminal."""
        if self._live is not None:
            return
        progress = self._read()
        if progress.planned and progress.done * 4 // progress.planned > self._quarter:
            self._quarter = progress.done * 4 // progress.planned
            self._out.print(Text(encoded_for(self._out, SEPARATOR.join(_parts(progress)))), soft_wrap=True)

    def _shown(self) -> Text:
        text = "\n".join(lines(self._read(), self._out.width))
        return Text(encoded_for(self._out, text), no_wrap=True, overflow="ellipsis")


def lines(progress: RunProgress, columns: int) -> tuple[str, ...]:
    """The live lines, none wider than `columns` cells: the unfinished suites, then the whole run."""
    cells = BAR_CELLS if columns >= NARROW_COLUMNS else BAR_CELLS // 2
    unfinished = [suite for suite in progress.suites if suite.done < suite.planned]
    width = min(max((cell_len(suite.name) for suite in unfinished), default=0), NAME_CELLS)
    shown = [f"{set_cell_size(inline(suite.name), width)} {_bar(suite, cells)} {_suite(suite)}" for suite in unfinished]
    return tuple(_fitted(line, columns) for line in (*shown, *_broken(_parts(progress), columns)))


def _broken(parts: list[str], columns: int) -> list[str]:
    """The parts in as few lines as possible; no part is cut as long as it fits."""
    found = [parts[0]]
    for part in parts[1:]:
        if cell_len(found[-1]) + cell_len(SEPARATOR) + cell_len(part) <= columns:
            found[-1] += SEPARATOR + part
        else:
            found.append(part)
    return found


def _fitted(line: str, columns: int) -> str:
    return line if cell_len(line) <= columns else set_cell_size(line, columns - 1).rstrip() + "…"


def _bar(suite: SuiteProgress, cells: int) -> str:
    return f"{'█' * (suite.done * cells // max(suite.planned, 1)):·<{cells}}"


def _suite(suite: SuiteProgress) -> str:
    return SEPARATOR.join([f"{suite.done:,} of {suite.planned:,}", *_in_progress(suite.in_flight, suite.waiting)])


def _in_progress(in_flight: int, waiting: int) -> list[str]:
    found = [f"{in_flight:,} in flight"] if in_flight else []
    return found + ([f"{waiting:,} waiting for a rate limit"] if waiting else [])


def _parts(progress: RunProgress) -> list[str]:
    """The parts of the line about the whole run."""
    parts = [f"{progress.done:,} of {counted(progress.planned, 'planned request')}"]
    parts += _in_progress(progress.in_flight, progress.waiting)
    if progress.tokens or progress.tokens_most:
        parts.append(_tokens(progress))
    left_s = _left_s(progress)
    parts += [f"about {_duration(left_s)} left"] if left_s is not None else []
    parts += [f"{counted(progress.failed, 'requirement')} failed so far"] if progress.failed else []
    return parts


def _tokens(progress: RunProgress) -> str:
    """The spent tokens and their limit. A target that writes more than max_tokens can exceed it."""
    spent, most = progress.tokens, progress.tokens_most
    if not most:
        return f"{spent:,} tokens"
    return f"{spent:,} of {most:,} tokens" if spent <= most else f"{spent:,} tokens, over the limit of {most:,}"


def _left_s(progress: RunProgress) -> float | None:
    """An estimate of the remaining time; None at the beginning and at the end."""
    if progress.done < FIRST_GUESS or progress.done >= progress.planned or not progress.elapsed_s:
        return None
    return progress.elapsed_s / progress.done * (progress.planned - progress.done)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{max(rest, 1)} s"
