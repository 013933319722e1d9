"""The command `prove`: runs the suites against every fault and every correct variant of the reference endpoint."""

from __future__ import annotations

from messages_conformance.cli.commands import Command
from messages_conformance.cli.completion_words import changes, depths, profiles
from messages_conformance.cli.json_output import console_of, print_json
from messages_conformance.cli.parameters import FOLDER, WHOLE_NUMBER, Parsed, flag, option, output_option
from messages_conformance.cli.parsing import wrong_usage


def commands() -> tuple[Command, ...]:
    """Declares `prove`."""
    params = [
        option("--jobs", kind=WHOLE_NUMBER, help="number of processes (default: 2 more than there are cores)"),
        option(
            "--depth",
            multiple=True,
            metavar="DEPTH",
            words=depths,
            help="smoke, standard or deep; may be repeated (default: smoke and standard)",
        ),
        option(
            "--only",
            multiple=True,
            metavar="GLOB",
            words=changes,
            help="faults, variants or categories that match this glob; may be repeated",
        ),
        option("--profile", metavar="NAME", words=profiles, help="only the runs in this profile"),
        option("--seed", kind=WHOLE_NUMBER, default=0, help="seed of the generated requests (default: 0)"),
        option(
            "--report",
            metavar="FOLDER",
            kind=FOLDER,
            help="folder for the proof (default: reports/published/proof without --only and --profile)",
        ),
        output_option(),
        flag("--gateway", help="try the faults and variants of the reference gateway instead"),
        flag("--load", help="try the faults and variants that only many users at once show instead"),
    ]
    return (Command("prove", _prove, params),)


def _prove(parsed: Parsed) -> int:
    if parsed.output == "json" and (parsed.gateway or parsed.load):
        return wrong_usage(ValueError("--output json is for the faults of endpoints: leave --gateway and --load out"))
    if parsed.gateway:
        from messages_conformance.proof.gateways import prove_gateways

        return prove_gateways(tuple(parsed.only or ()), **({"jobs": parsed.jobs} if parsed.jobs else {}))
    if parsed.load:
        from messages_conformance.load.proving import prove_load

        return prove_load(tuple(parsed.only or ()))
    from messages_conformance.proof import ProofOptions, prove
    from messages_conformance.run import UsageError

    options = ProofOptions(
        jobs=parsed.jobs,
        depths=tuple(parsed.depth or ()),
        only=tuple(parsed.only or ()),
        profile=parsed.profile,
        report=parsed.report,
        seed=parsed.seed,
    )
    out = console_of(parsed)
    try:
        return prove(options, out=out, give=lambda document: print_json(parsed, document))
    except UsageError as error:
        return wrong_usage(error)
