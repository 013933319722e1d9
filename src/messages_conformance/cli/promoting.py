"""The command `promote`: makes recorded exchanges rows of a suite, which each run asks again."""

from __future__ import annotations

from typing import Final

from messages_conformance.cli.checking import fields_of, map_option
from messages_conformance.cli.commands import Command
from messages_conformance.cli.json_output import print_json
from messages_conformance.cli.parameters import (
    FILE,
    FOLDER,
    WHOLE_NUMBER,
    Parsed,
    argument,
    flag,
    option,
    output_option,
)
from messages_conformance.cli.parsing import wrong_usage

SUITE: Final = "conformance"
EXPECTATIONS: Final = ("accepted", "refused", "either")


def commands() -> tuple[Command, ...]:
    """Declares `promote`."""
    params = [
        argument("files", metavar="FILE", several=True, kind=FILE, help="a recording, as for check"),
        option(
            "--exchange",
            metavar="N",
            kind=WHOLE_NUMBER,
            multiple=True,
            help="the number of an exchange as in report.json; may be repeated (default: the only one)",
        ),
        map_option(),
        option("--to", metavar="FOLDER", kind=FOLDER, default=SUITE, help=f"folder of your suite (default: {SUITE})"),
        option("--name", metavar="NAME", help="the name of the situation (default: from the name of the file)"),
        option("--expect", choices=EXPECTATIONS, metavar="WORD", help="what the target must do (default: as recorded)"),
        flag("--without-text", help="replace what people wrote by letters that mean nothing"),
        output_option(),
    ]
    return (Command("promote", _promote, params),)


def _promote(parsed: Parsed) -> int:
    from messages_conformance.captures import CaptureError
    from messages_conformance.promotion import PromotionError, add_rows, chosen, name_of, promoted

    try:
        exchanges = chosen(parsed.files, parsed.exchange, fields_of(parsed.map, {}))
        rows = [
            promoted(
                exchange,
                parsed.name or name_of(parsed.files[0], exchange),
                expect=parsed.expect,
                is_textless=parsed.without_text,
            )
            for exchange in exchanges
        ]
        new, path = add_rows(parsed.to, rows)
    except (CaptureError, PromotionError) as error:
        return wrong_usage(error)
    if parsed.output == "text":
        print(f"{new} of {len(rows)} new in {path}; ask it with: messages-conformance run TARGET --suite {parsed.to}")
    print_json(parsed, {"suite": parsed.to, "file": str(path), "requests": len(rows), "new": new})
    return 0
