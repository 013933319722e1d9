"""The command `targets`: the cells of the configuration file, for people and for schedulers."""

from __future__ import annotations

import json
import shlex
from typing import Final

import click

from messages_conformance.cli.all_targets import cells_of
from messages_conformance.cli.commands import Command
from messages_conformance.cli.parameters import FILE, Parsed, option
from messages_conformance.cli.parsing import wrong_usage
from messages_conformance.cli.settings import SOURCES, configured, run_options
from messages_conformance.configuration import ConfigurationError
from messages_conformance.fleet.cells import Cell
from messages_conformance.fleet.selection import row_of

FORMATS: Final = ("text", "json", "lines")


GROUP: Final = "several targets"
"""The group of these options in `--help`."""


def commands() -> tuple[Command, ...]:
    """Declares `targets`."""
    form = option(
        "--format", choices=FORMATS, default="text", metavar="FORM", help="text (default), json, or lines of JSON"
    )
    return (Command("targets", _targets, [form, *selection(), *run_options()], text=SOURCES),)


def selection() -> list[click.Parameter]:
    """The options that select cells."""
    return [
        option("--shard", metavar="I/N", group=GROUP, help="only this part; auto: by the index of a CI job"),
        option(
            "--cell",
            metavar="GLOB",
            multiple=True,
            group=GROUP,
            help="only the runs with this id, as `targets` lists them (a glob); may be repeated",
        ),
        option(
            "--cells",
            metavar="FILE",
            kind=FILE,
            group=GROUP,
            help="only the runs in this file, which `targets --format json` wrote",
        ),
    ]


def _targets(parsed: Parsed) -> int:
    try:
        cells = cells_of(parsed, configured(parsed))
    except ConfigurationError as error:
        return wrong_usage(error)
    from messages_conformance.report import StandardOutput
    from messages_conformance.report.text import encodable, inline

    rows = encodable([row_of(cell) for cell in cells])
    out = StandardOutput()
    if parsed.format == "json":
        out.write(json.dumps(rows, ensure_ascii=True, separators=(",", ":")) + "\n")
    elif parsed.format == "lines":
        out.write("".join(json.dumps(row, ensure_ascii=True) + "\n" for row in rows))
    else:
        out.write("".join(f"{inline(cell.id)}  {inline(_text(cell))}\n" for cell in cells))
    return 0


def _text(cell: Cell) -> str:
    if cell.problem:
        return f"CANNOT RUN: {cell.problem}"
    note = f"  ({cell.note})" if cell.note else ""
    return f"run {shlex.join(row_of(cell)['arguments'])}{note}"
