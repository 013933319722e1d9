"""Options and arguments of commands: what `click` needs for each, with our kinds of values and our groups."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import click
from click.shell_completion import CompletionItem

from messages_conformance.options import OUTPUTS

Words: TypeAlias = Callable[[str], Iterable[str]]
"""Gives the words that can complete a text. It runs only while a shell completes, so it may import much."""


if TYPE_CHECKING:
    Kind: TypeAlias = click.ParamType[Any]
else:
    Kind = click.ParamType  # older releases of click have no type in brackets here


class Parsed(SimpleNamespace):
    """The values of one command by name of field. An option that was not given is None, False or an empty list."""


class WholeNumber(Kind):
    """A whole number, with our message."""

    name = "N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number; fails with a sentence without the name of the option."""
        try:
            return int(value)
        except ValueError:
            self.fail(f"is {value!r}; it is a whole number", param, ctx)


class Number(Kind):
    """A number, with our message. Not finite ones are refused where the limits of an option are checked."""

    name = "NUMBER"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number; fails with a sentence without the name of the option."""
        try:
            return float(value)
        except ValueError:
            self.fail(f"is {value!r}; it is a number", param, ctx)


class OneOf(Kind):
    """One of several words, with our message."""

    name = "WORD"

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The word; fails with a sentence without the name of the option."""
        from messages_conformance.cli.parsing import near

        if value not in self.words:
            self.fail(f"is {value!r}{near(value, self.words)}; valid: {', '.join(self.words)}", param, ctx)
        return str(value)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The words that begin with a text."""
        return [CompletionItem(word) for word in self.words if word.startswith(incomplete)]


WHOLE_NUMBER: Final = WholeNumber()
NUMBER: Final = Number()
FILE: Final = click.Path()
"""Any text, which a shell completes as a file or folder."""

FOLDER: Final = click.Path(file_okay=False)
"""Any text, which a shell completes as a folder. Nothing is checked here: messages differ by command."""


class NoValue(click.BadOptionUsage):
    """An option stands where the value of another one is expected."""


class OptionOfCommand(click.Option):
    """An option with the title of its group in `--help`. Its value is never the name of another option."""

    def __init__(self, *arguments: Any, group: str = "", **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.group = group

    @property
    def flag(self) -> str:
        """The longest name."""
        return max(self.opts, key=len)

    def type_cast_value(self, ctx: click.Context, value: Any) -> Any:
        """The value; raises NoValue when it is the name of an option."""
        if not self.is_flag:
            names = {name for each in ctx.command.params if isinstance(each, click.Option) for name in each.opts}
            given = value if isinstance(value, list | tuple) else (value,)
            if any(isinstance(text, str) and text in names for text in given):
                raise NoValue(self.flag, "", ctx)
        return super().type_cast_value(ctx, value)


class ArgumentOfCommand(click.Argument):
    """An argument with a sentence for `--help`."""

    def __init__(self, name: str, *, sentence: str, **settings: Any) -> None:
        super().__init__([name], **settings)
        self.sentence = sentence


def option(
    *flags: str,
    help: str,
    kind: Kind | None = None,
    choices: Sequence[str] = (),
    field: str = "",
    words: Words | None = None,
    group: str = "",
    **settings: Any,
) -> OptionOfCommand:
    """An option with one value; `multiple=True` lets it be repeated."""
    names = [*flags, field] if field else [*flags]
    typed = OneOf(choices) if choices else kind
    complete = _completed(words) if words else None
    return OptionOfCommand(names, help=help, type=typed, shell_complete=complete, group=group, **settings)


def output_option() -> OptionOfCommand:
    """`--output`, of commands that print more than a report."""
    words = "text (default), or json: standard output then has only the JSON"
    return option("--output", choices=OUTPUTS, default="text", metavar="FORM", help=words)


def flag(*flags: str, help: str, field: str = "", group: str = "", **settings: Any) -> OptionOfCommand:
    """An option without a value."""
    names = [*flags, field] if field else [*flags]
    return OptionOfCommand(names, help=help, is_flag=True, group=group, **settings)


def argument(
    name: str,
    *,
    help: str,
    metavar: str,
    required: bool = True,
    several: bool = False,
    kind: Kind | None = None,
    words: Words | None = None,
) -> ArgumentOfCommand:
    """A word that is no option, or several."""
    complete = _completed(words) if words else None
    return ArgumentOfCommand(
        name,
        sentence=help,
        metavar=metavar,
        required=required,
        nargs=-1 if several else 1,
        type=kind,
        shell_complete=complete,
    )


def _completed(words: Words) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
    def complete(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [CompletionItem(word) for word in words(incomplete) if word.startswith(incomplete)]

    return complete


def port_option(default: int) -> OptionOfCommand:
    """The option with the port of a server on loopback."""
    help = f"port on 127.0.0.1; 0: any free port (default: {default})"
    return option("--port", kind=WHOLE_NUMBER, default=default, help=help)
