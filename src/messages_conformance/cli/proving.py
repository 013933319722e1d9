"""The command `prove`: runs the suites against every fault and every correct variant of the reference endpoint."""

from __future__ import annotations

import argparse

from messages_conformance.cli.parsing import Commands, wrong_usage


def add(commands: Commands) -> None:
    """Declares `prove`."""
    prove = commands.add_parser(
        "prove", help="run the suites against every fault and every correct variant", allow_abbrev=False
    )
    prove.set_defaults(command=_prove, parser=prove)
    prove.add_argument("--jobs", type=int, help="number of processes (default: 2 more than there are cores)")
    prove.add_argument(
        "--depth", action="extend", nargs="+", help="smoke, standard, deep (default: smoke and standard)"
    )
    prove.add_argument("--only", action="extend", nargs="+", metavar="GLOB", help="faults, variants or categories")
    prove.add_argument("--profile", help="only the runs in this profile")
    prove.add_argument("--seed", type=int, default=0, help="seed of the generated requests (default: 0)")
    prove.add_argument(
        "--report", help="folder for the proof (default: reports/published/proof without --only and --profile)"
    )
    prove.add_argument(
        "--gateway", action="store_true", help="try the faults and variants of the reference gateway instead"
    )


def _prove(parsed: argparse.Namespace) -> int:
    if parsed.gateway:
        from messages_conformance.proof.gateways import prove_gateways

        return prove_gateways(tuple(parsed.only or ()), **({"jobs": parsed.jobs} if parsed.jobs else {}))
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
    try:
        return prove(options)
    except UsageError as error:
        return wrong_usage(error)
