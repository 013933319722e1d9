"""The sentence for each kind of wrong usage that the parser finds: what is wrong, its cure, and what is valid."""

from __future__ import annotations

import click

from messages_conformance.cli.command_list import COMMANDS
from messages_conformance.cli.parameters import ArgumentOfCommand, NoValue, OptionOfCommand
from messages_conformance.cli.parsing import near


def sentence_for(error: click.ClickException) -> str:
    """The message of an error of the parser, in our words."""
    ctx = error.ctx if isinstance(error, click.UsageError) else None
    match error:
        case click.NoSuchOption() if ctx is not None:
            return _unknown(error.option_name, ctx)
        case click.BadOptionUsage() if ctx is not None:
            return _wrong_value(error, ctx)
        case click.MissingParameter() if error.param is not None:
            return _missing(error.param)
        case click.BadParameter() if isinstance(error.param, click.Option):
            return f"{max(error.param.opts, key=len)} {error.message}"
        case click.BadParameter() if error.param is not None:
            return f"{error.param.metavar} {error.message}"
    return error.format_message()


def _unknown(name: str, ctx: click.Context) -> str:
    if isinstance(ctx.command, click.Group):
        return f"{name!r} is no command; the command comes first; valid: {', '.join(COMMANDS)}"
    if name == "--target":
        return f"the target is not an option: write `{ctx.command_path} TARGET`"
    valid = [
        text
        for param in ctx.command.get_params(ctx)
        if isinstance(param, click.Option) and not param.hidden
        for text in param.opts
        if text.startswith("--")
    ]
    return f"unknown option {name}{near(name, valid)}; valid: {', '.join(valid)}"


def _wrong_value(error: click.BadOptionUsage, ctx: click.Context) -> str:
    """An option without its value, or a value of an option that has none."""
    name = error.option_name
    option = next((each for each in ctx.command.get_params(ctx) if name in each.opts), None)
    if isinstance(option, click.Option) and option.is_flag:
        return f"{name} has no value: write {name} alone"
    metavar = option.make_metavar(ctx) if isinstance(option, OptionOfCommand) else "VALUE"
    follows = ", but another option follows" if isinstance(error, NoValue) else ""
    return f"{name} needs a value{follows}: write {name} {metavar}"


def _missing(param: click.Parameter) -> str:
    if isinstance(param, ArgumentOfCommand):
        return f"no {param.metavar} was given: {param.sentence}"
    text = param.help if isinstance(param, click.Option) else ""
    return f"no {max(param.opts, key=len)} was given: {text}" if text else f"no {param.name} was given"
