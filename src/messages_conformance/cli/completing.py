"""The commands `completion` and `man`: scripts for shells and the manual page, out of the definitions of commands."""

from __future__ import annotations

import sys
from typing import Final

from messages_conformance.cli.command_list import NAME
from messages_conformance.cli.commands import Command
from messages_conformance.cli.parameters import OneOf, Parsed, argument

SHELLS: Final = ("bash", "zsh", "fish")
PLACES: Final = {
    "bash": f"~/.local/share/bash-completion/completions/{NAME}",
    "zsh": f"a folder of $fpath, as _{NAME}",
    "fish": f"~/.config/fish/completions/{NAME}.fish",
}


def commands() -> tuple[Command, ...]:
    """Declares `completion` and `man`."""
    shell = argument(
        "shell", metavar="SHELL", kind=OneOf(SHELLS), words=lambda incomplete: SHELLS, help="bash, zsh or fish"
    )
    places = "; ".join(f"{shell}: {place}" for shell, place in PLACES.items())
    text = f"The script completes commands, options, profiles, requirements, faults and files. Save it ({places})."
    man = "View it with `man -l FILE`, or save it as messages-conformance.1 in ~/.local/share/man/man1."
    return (Command("completion", _completion, [shell], text=text), Command("man", _man, [], text=man))


def _completion(parsed: Parsed) -> int:
    from click.shell_completion import get_completion_class

    from messages_conformance.cli import COMPLETION, all_commands

    writer = get_completion_class(parsed.shell)
    assert writer is not None
    print(writer(all_commands(), {}, NAME, COMPLETION).source())
    return 0


def _man(parsed: Parsed) -> int:
    from messages_conformance.cli.man_page import man_page

    sys.stdout.write(man_page())
    return 0
