"""The manual page of the program, in the macros of man(7): one section for each command."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

import click

from messages_conformance import __version__
from messages_conformance.cli import all_commands
from messages_conformance.cli.command_list import COMMANDS, NAME
from messages_conformance.cli.commands import command, sections, sentence_of

CODES: Final = (
    ("0", "no violation, or only waived ones"),
    ("1", "violations"),
    ("2", "could not be judged: an outage, a wrong key, nothing verified, a run that is incomplete"),
    ("4", "wrong usage"),
)
VARIABLES: Final = (
    ("MESSAGES_API_KEY", "the key of the target; no option takes it"),
    ("MESSAGES_CONFORMANCE_OPTION", "the value of --option, such as MESSAGES_CONFORMANCE_MODEL for --model"),
)
FILES: Final = (("messages-conformance.toml", "options and targets, in the current folder or one above it"),)


def man_page() -> str:
    """The whole page."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield f'.TH {NAME.upper()} 1 "" "{NAME} {__version__}" "User Commands"'
    yield ".nh"  # a name that is cut at the end of a line cannot be copied
    yield ".SH NAME"
    yield f"{_text(NAME)} \\- check whether an endpoint speaks the Anthropic Messages API"
    yield ".SH SYNOPSIS"
    yield f".B {_text(NAME)}\n.I COMMAND\n[options] ..."
    yield ".SH DESCRIPTION"
    yield _text(
        "Sends requests to an endpoint, or reads recordings, and reports each requirement of the API that is violated, "
        "with its place, its effect on clients, and the smallest request that shows it."
    )
    group = all_commands()
    with group.make_context(NAME, []) as parent:
        for name in COMMANDS:
            yield from _command(name, parent)
    for title, rows in (("EXIT STATUS", CODES), ("ENVIRONMENT", VARIABLES), ("FILES", FILES)):
        yield f".SH {title}"
        yield from _rows(rows)


def _command(name: str, parent: click.Context) -> Iterator[str]:
    each = command(name)
    ctx = click.Context(each, info_name=name, parent=parent)
    yield f".SH {_text(name.upper())}"
    yield f".B {_text(f'{NAME} {name}')}\n{_text(' '.join(each.collect_usage_pieces(ctx)))}"
    yield f".PP\n{_text(sentence_of(each))}"
    for title, rows in sections(each, ctx):
        yield f".SS {_text(title)}"
        yield from _rows(rows)
    if each.text:
        yield f".PP\n{_text(each.text)}"
    yield f".PP\nExample:\n.PP\n.RS 4\n.nf\n{_text(f'{NAME} {COMMANDS[name].example}')}\n.fi\n.RE"


def _rows(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    for names, sentence in rows:
        yield f".TP\n.B {_text(names)}\n{_text(sentence)}"


def _text(text: str) -> str:
    """A text without commands of the formatter: backslashes, dashes, and dots and quotes that begin a line."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^(?=[.'])", r"\\&", escaped, flags=re.MULTILINE)
