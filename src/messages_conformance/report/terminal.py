"""The console of reports, and what is printed before a run: its target and its options.

Foreign text is escaped and never read as markup. Commands are never wrapped, so that they can be copied.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from typing import Any, Final, TextIO, cast

from rich.cells import cell_len, chop_cells, set_cell_size
from rich.console import Console
from rich.text import Text

from messages_conformance.ci_commands import disarmed
from messages_conformance.masking import masked
from messages_conformance.report.failure_text import VALUE_CHARACTERS
from messages_conformance.report.run_info import RunInfo
from messages_conformance.report.text import inline, sentence, visible

MIN_COLUMNS: Final = 60
MAX_COLUMNS: Final = 120
"""Longer lines are hard to read."""

PLAIN_COLUMNS: Final = 100
"""Width of the output when it is not a terminal."""

_LABEL: Final = 9
_PLAINER: Final = str.maketrans({"·": "-", "…": "...", "█": "#"})


class StandardOutput:
    """The current sys.stdout. After a write error (a closed pipe, a full disk) further output is dropped.

    A run then still writes its report and returns its exit code.
    """

    def __init__(self) -> None:
        self._closed = False

    def write(self, text: str) -> int:
        """Writes the text with secrets masked and no command of a CI system, or drops it after an earlier error.

        Returns its length in characters.
        """
        self._try(lambda: sys.stdout.write(disarmed(masked(text))))
        return len(text)

    def flush(self) -> None:
        """Flushes the stream, or does nothing after an earlier error."""
        self._try(sys.stdout.flush)

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.stdout, name)

    def _try(self, action: Callable[[], object]) -> None:
        if self._closed:
            return
        try:
            action()
        except OSError:
            self._closed = True
            # The rest of the buffer must not raise another error when the process ends.
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def console(file: TextIO | None = None, *, columns: int | None = None) -> Console:
    """A console. It is plain when the output is no terminal or CI is true, and without colour when NO_COLOR is set."""
    in_ci = os.environ.get("CI", "").lower() in ("true", "1")
    found = Console(
        file=file or cast(TextIO, StandardOutput()),
        width=columns,
        markup=False,
        highlight=False,
        emoji=False,
        force_terminal=False if in_ci else None,
        legacy_windows=False,
    )
    if columns is None:
        width = found.width if found.is_terminal else PLAIN_COLUMNS
        found.width = max(MIN_COLUMNS, min(width, MAX_COLUMNS))
    return found


def header(out: Console, run: RunInfo) -> None:
    """Prints the target, the options and the limits of a run."""
    block = Block(out)
    block.line(f"messages-conformance {inline(run.version)}", style="bold")
    block.fact("target", inline(run.target, VALUE_CHARACTERS))
    if run.model or not run.judged_by:
        block.fact("model", inline(run.model, VALUE_CHARACTERS) or "(none yet)")
    options = [] if run.judged_by else [f"depth {run.depth}"]  # recordings were not asked for at a depth
    options += [f"seed {run.seed}"] if run.seed or not run.judged_by else []
    options += [f"only {', '.join(run.only)}"] if run.only else []
    options += [f"skip {', '.join(run.skip)}"] if run.skip else []
    options += [f"edition {run.edition}"] if run.edition else []
    options += ["fails on SHOULD"] if run.fail_on == "should" else []
    options += [f"fails on regressions from {run.baseline}"] if run.fail_on == "regression" else []
    options += [f"waivers {run.waivers}"] if run.waivers else []
    block.fact("profile", " · ".join(inline(text) for text in (run.profile, *options)))
    if run.budget:
        block.fact("budget", inline(run.budget))
    if run.warning:
        block.fact("WARNING", sentence(run.warning))
    for note in run.notes:
        block.fact("note", sentence(note))
    block.line()
    block.print()


def note(out: Console, text: str) -> None:
    """Prints a note, such as a hint about the target."""
    block = Block(out)
    block.fact("note", sentence(text))
    block.print()


class Block:
    """Lines for a console, which are collected first, so that their number is known before they are printed."""

    def __init__(self, out: Console) -> None:
        self._out = out
        self._texts: list[Text] = []

    @property
    def height(self) -> int:
        """The number of lines of the console that it takes."""
        width = max(self._out.width, 1)
        return sum(max(1, -(-cell_len(line) // width)) for text in self._texts for line in text.plain.split("\n"))

    def print(self) -> None:
        """Prints the lines."""
        for text in self._texts:
            self._out.print(text, soft_wrap=True)

    def line(self, text: str = "", *, style: str = "") -> None:
        """Adds one line that is not wrapped."""
        self._texts.append(Text(encoded_for(self._out, visible(text)), style=style))

    def title(self, name: str, number: int, colour: str) -> None:
        """Adds the title of a section with a number."""
        self.line(f"{name} ({number:,})", style=f"bold {colour}")

    def short(self, text: str, *, indent: int = 2, style: str = "") -> None:
        """Adds one line, cut to the width of the console."""
        line = " " * indent + text
        width = self._out.width
        self.line(line if cell_len(line) <= width else set_cell_size(line, width - 2).rstrip() + " …", style=style)

    def fact(self, label: str, text: str, *, most: int | None = None) -> None:
        """Adds a text with a label before it; `most` is its greatest number of lines."""
        self.wrapped(text, indent=2, hang=_LABEL + 2, label=label, most=most)

    def fact_of_command(self, label: str, command: str) -> None:
        """Adds a command with a label before it; it is never wrapped, so that it can be copied."""
        shown = Text(encoded_for(self._out, visible(f"  {label.ljust(_LABEL)}{command}")))
        shown.stylize("dim", 0, _LABEL + 2)
        self._texts.append(shown)

    def add(self, other: Block) -> None:
        """Adds all lines of another block."""
        self._texts += other._texts

    def restyle(self, style: str) -> None:
        """Gives a style to all lines so far."""
        for text in self._texts:
            text.stylize(style)

    def keep(self, most: int, note: str) -> None:
        """Removes the lines beyond `most`, and says in `note` how many they are."""
        removed = len(self._texts) - most
        if removed > 1:
            del self._texts[most:]
            self.line(note.format(number=removed))

    def wrapped(
        self, text: str, *, indent: int = 0, hang: int | None = None, label: str = "", most: int | None = None
    ) -> None:
        """Adds text in lines of the width of the console; all lines but the first begin at column `hang`."""
        rest = indent if hang is None else hang
        start = " " * indent + (label.ljust(rest - indent) if label else "")
        width = self._out.width
        lines = _lines(text, width - cell_len(start), width - rest)
        if most is not None and len(lines) > most:
            lines = [*lines[: most - 1], set_cell_size(lines[most - 1], width - rest - 2).rstrip() + " …"]
        for number, line in enumerate(lines):
            shown = Text(encoded_for(self._out, (" " * rest if number else start) + line))
            if label and not number:
                shown.stylize("dim", 0, rest)
            self._texts.append(shown)


def _lines(text: str, first_width: int, width: int) -> list[str]:
    """The text in lines of at most `width` terminal cells; a word that is longer than a line is broken."""
    lines, line, left = [], "", first_width
    for word in text.split(" "):
        candidate = f"{line} {word}" if line else word
        if cell_len(candidate) <= left:
            line = candidate
            continue
        if line and cell_len(word) <= width:
            lines.append(line)
            line, left = word, width
            continue
        pieces = _broken(candidate, left, width)
        lines += pieces[:-1]
        line, left = pieces[-1], width
    return [*lines, line]


def _broken(text: str, left: int, width: int) -> list[str]:
    first = chop_cells(text, max(left, 2))[0]
    return [first, *(chop_cells(text[len(first) :], width) or [""])]


def encoded_for(out: Console, text: str) -> str:
    """The text, with characters escaped that the encoding of the console does not have."""
    try:
        text.encode(out.encoding)
    except UnicodeEncodeError:
        return text.translate(_PLAINER).encode(out.encoding, "backslashreplace").decode(out.encoding)
    return text
