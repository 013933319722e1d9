"""A command as `click` needs it, with our help page, and the group of all commands, which imports the one in use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Final, NoReturn

import click

from messages_conformance.cli.command_list import COMMANDS, NAME, Row
from messages_conformance.cli.parameters import ArgumentOfCommand, OptionOfCommand, Parsed
from messages_conformance.cli.parsing import near, remember_keys

HELP_NAMES: Final = ("-h", "--help")
OPTIONS_TITLE: Final = "options"
OTHERS: Final = "other options"
"""The title of options without a group, beside those with one."""

HELP_SENTENCE: Final = "show this message and exit"
WIDEST: Final = 100
"""Columns of a help page in a wide terminal (our own choice: longer lines are hard to read)."""

FIRST_COLUMN: Final = 30
"""The most columns of names in a help page; longer names have a line of their own."""

AFTER: Final = "--"
"""What follows it is a command of the user."""


class UsageProblem(click.UsageError):
    """Wrong usage with a whole sentence as its message."""


class Command(click.Command):
    """A command: a function of the parsed values that returns an exit code.

    With `before_command`, the words after `--` are a command of the user and become the field `after`; its text says
    for what.
    """

    def __init__(
        self,
        name: str,
        function: Callable[[Parsed], int],
        params: Sequence[click.Parameter],
        *,
        text: str = "",
        takes_command: bool = False,
    ) -> None:
        super().__init__(name, params=list(params), context_settings=_SETTINGS, help=row(name).summary)
        self.function = function
        self.text = text
        self.takes_command = takes_command
        self.allow_extra_args = True  # they are refused here, with our message

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parses the words; raises an error of click for wrong usage."""
        after: list[str] = []
        if self.takes_command and AFTER in args:
            place = args.index(AFTER)
            args, after = args[:place], args[place + 1 :]
        try:
            rest = super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx  # the message names what is valid for this command
            raise
        if rest and not ctx.resilient_parsing:
            raise UsageProblem(
                f"unexpected {rest[0]!r}; an option has one value, so repeat the option for more; "
                f"`{ctx.command_path} --help` shows what is valid",
                ctx,
            )
        ctx.params["after"] = after
        return rest

    def invoke(self, ctx: click.Context) -> int:
        """The exit code of the function."""
        remember_keys(ctx.params.get("api_key_env"))
        values = {name: list(value) if isinstance(value, tuple) else value for name, value in ctx.params.items()}
        return self.function(Parsed(**values))

    def get_short_help_str(self, limit: int = 45) -> str:
        """The whole sentence, in any terminal."""
        return self.help or ""

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """The words of the usage line."""
        words = [_metavar(param, ctx) for param in self.params if isinstance(param, click.Argument)]
        return ["[options]", *words, *(["[-- COMMAND...]"] if self.takes_command else [])]

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the page: usage, sentence, groups of options, what the command adds, its example."""
        formatter.write_usage(ctx.command_path, " ".join(self.collect_usage_pieces(ctx)), prefix="usage: ")
        formatter.write(f"\n{sentence_of(self)}\n")
        for title, rows in sections(self, ctx):
            with formatter.section(title):
                formatter.write_dl(rows, col_max=FIRST_COLUMN)
        if self.text:
            formatter.write("\n")
            formatter.write_text(self.text)
        formatter.write(f"\nexample:\n  {NAME} {row(self.name or '').example}\n")


class Commands(click.Group):
    """All commands. The module of a command is imported when its name is given."""

    def __init__(self, params: Sequence[click.Parameter]) -> None:
        super().__init__(
            NAME,
            params=list(params),
            context_settings=_SETTINGS,
            help="Judges Messages API endpoints.",
            no_args_is_help=False,
        )

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of `--help`."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> Command | None:
        """The command with a name; None if there is none."""
        return command(cmd_name) if cmd_name in COMMANDS else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the first word names, and the other words; raises UsageProblem for an unknown one."""
        if args[0] not in COMMANDS and not ctx.resilient_parsing:
            refuse_command(args[0], ctx)
        return super().resolve_command(ctx, args)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the page: usage, sentence, options, and a line for each command, without importing any."""
        formatter.write_usage(ctx.command_path, "[options] COMMAND ...", prefix="usage: ")
        formatter.write(f"\n{self.help}\n")
        for title, rows in sections(self, ctx):
            with formatter.section(title):
                formatter.write_dl(rows, col_max=FIRST_COLUMN)
        with formatter.section("commands"):
            formatter.write_dl([(name, each.summary) for name, each in COMMANDS.items()], col_max=FIRST_COLUMN)
        formatter.write(f"\n`{NAME} COMMAND --help` shows the options of a command.\n")


_SETTINGS: Final[dict[str, Any]] = {"help_option_names": list(HELP_NAMES), "max_content_width": WIDEST}


def row(name: str) -> Row:
    """The row of a command in the list of commands."""
    return COMMANDS[name]


def command(name: str) -> Command:
    """The command with a name, out of its module."""
    module = import_module(f"{__package__}.{row(name).module}")
    found: tuple[Command, ...] = module.commands()
    return next(each for each in found if each.name == name)


def refuse_command(given: str, ctx: click.Context) -> NoReturn:
    """Raises UsageProblem because there is no such command."""
    raise UsageProblem(f"unknown command {given!r}{near(given, COMMANDS)}; valid: {', '.join(COMMANDS)}", ctx)


def sentence_of(each: click.Command) -> str:
    """What a command does, as a sentence."""
    text = each.help or ""
    return f"{text[:1].upper()}{text[1:].removesuffix('.')}."


def sections(each: click.Command, ctx: click.Context) -> list[tuple[str, list[tuple[str, str]]]]:
    """The arguments and options of a command by group, as (names, sentence); hidden ones are left out."""
    words = [
        (_metavar(param, ctx) if param.required else _metavar(param, ctx)[1:-1], param.sentence)
        for param in each.params
        if isinstance(param, ArgumentOfCommand)
    ]
    found: dict[str, list[tuple[str, str]]] = {}
    for param in each.get_params(ctx):
        if isinstance(param, click.Option) and not param.hidden:
            is_help = HELP_NAMES[-1] in param.opts
            title = (param.group if isinstance(param, OptionOfCommand) else "") or OTHERS
            sentence = HELP_SENTENCE if is_help else param.help or ""
            found.setdefault(title, []).append((names_of(param, ctx), sentence))
    last = found.pop(OTHERS)
    arguments = [("arguments", words)] if words else []
    return [*arguments, *found.items(), (OTHERS if found else OPTIONS_TITLE, last)]


def names_of(option: click.Option, ctx: click.Context) -> str:
    """The names of an option, the short one first, and the word for its value."""
    names = ", ".join(sorted(option.opts, key=len))
    return names if option.is_flag else f"{names} {option.make_metavar(ctx)}"


def _metavar(param: click.Argument, ctx: click.Context) -> str:
    word = param.metavar or (param.name or "").upper()
    several = f"{word}..." if param.nargs == -1 else word
    return several if param.required else f"[{several}]"
