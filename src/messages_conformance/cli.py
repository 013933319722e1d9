"""The command line: builds one pytest command and runs it in a subprocess; `list` and `explain` read the catalogue."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from types import FrameType
from typing import Any, Final, NoReturn

from messages_conformance import __version__

USAGE: Final = 4
"""The exit code of wrong usage; 0 conformant, 1 violations, 2 could not be judged."""

INSISTENCE: Final = 3
"""So many times Ctrl-C end a run at once, without its report."""

TARGETS: Final = "an address (http://... or https://...), reference:, reference:FAULT, or replay:FILE"


class _Parser(argparse.ArgumentParser):
    """Ends wrong usage with our exit code and one message."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"ERROR: {self._cured(message)}\n")

    def _cured(self, message: str) -> str:
        """argparse's complaint, with what would have been valid."""
        if "required: TARGET" in message:
            what = f"no TARGET was given, and none is taken by default; it is {TARGETS}"
            return f"{what}; it stands before --only and --skip"
        if "required: COMMAND" in message:
            return f"no command was given; valid: {', '.join(self._commands())}"
        command = re.fullmatch(r"argument COMMAND: invalid choice: '(.*)' \(.*\)", message)
        if command is not None:
            valid = self._commands()
            return f"unknown command {command[1]!r}{_near(command[1], valid)}; valid: {', '.join(valid)}"
        kind = re.fullmatch(r"argument (.*): invalid (int|float) value: (.*)", message)
        if kind is not None:
            return f"{kind[1]} is {kind[3]}; it is a {'whole number' if kind[2] == 'int' else 'number'}"
        return message

    def _commands(self) -> list[str]:
        return [name for action in self._actions for name in action.choices or () if action.metavar == "COMMAND"]

    def unknown(self, arguments: Sequence[str]) -> NoReturn:
        """Ends wrong usage by arguments that no option takes."""
        first = arguments[0]
        if not first.startswith("-"):
            self.exit(USAGE, f"ERROR: unexpected {first!r}; `{self.prog} --help` shows what is valid\n")
        name = first.partition("=")[0]
        if name == "--target":
            self.exit(USAGE, f"ERROR: the target needs no option: write `{self.prog} TARGET`\n")
        valid = [text for action in self._actions for text in action.option_strings if text.startswith("--")]
        self.exit(USAGE, f"ERROR: unknown option {name}{_near(name, valid)}; valid: {', '.join(valid)}\n")


def _near(word: str, valid: Sequence[str]) -> str:
    near = get_close_matches(word, valid, n=1)
    return f"; did you mean {near[0]}?" if near else ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code."""
    try:
        parsed, unknown = _parser().parse_known_args(arguments)
        if unknown:
            parsed.parser.unknown(unknown)
        code: int = parsed.command(parsed)
    except KeyboardInterrupt:
        return 2
    except BrokenPipeError:
        # Whoever reads the list has seen enough of it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


def _parser() -> _Parser:
    from messages_conformance.plugin import OPTIONS, SYRUPY_OPTIONS

    parser = _Parser(prog="messages-conformance", description=__doc__, allow_abbrev=False)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)

    run = commands.add_parser("run", help="judge a target", allow_abbrev=False)
    run.set_defaults(command=_run, parser=run)
    run.add_argument("target", metavar="TARGET", help=TARGETS)
    run.add_argument(
        "--suite", action="extend", nargs="+", metavar="PATH", help="tests of your own, a file or a folder, to run too"
    )
    for name, settings in OPTIONS + SYRUPY_OPTIONS:
        if name == "--target":
            continue
        if settings.get("action") == "append":
            settings = {**settings, "action": "extend", "nargs": "+", "metavar": "GLOB"}
        run.add_argument(name, default=None, **settings)

    listing = commands.add_parser("list", help="every requirement, its level and source", allow_abbrev=False)
    listing.set_defaults(command=_list, parser=listing)
    listing.add_argument("--profile", help="only what this profile promises")
    listing.add_argument("--format", choices=("text", "json", "markdown"), default="text")

    explain = commands.add_parser("explain", help="one requirement in full", allow_abbrev=False)
    explain.set_defaults(command=_explain, parser=explain)
    explain.add_argument("requirement", metavar="REQUIREMENT")

    serve = commands.add_parser("serve", help="the reference endpoint on loopback", allow_abbrev=False)
    serve.set_defaults(command=_serve, parser=serve)
    serve.add_argument("--port", type=int, default=8787)
    serve.add_argument("--fault", help="misbehave in this one way")
    serve.add_argument("--variant", help="be correct in this other way")
    return parser


# -- run ------------------------------------------------------------------------------------------------------------


def _run(parsed: argparse.Namespace) -> int:
    from messages_conformance import resources

    own = parsed.suite or []
    missing = [path for path in own if not os.path.exists(path)]
    if missing:
        return _usage(FileNotFoundError(f"--suite: there is no file or folder {missing[0]!r}"))
    suites = resources.path("suites")
    command = [
        sys.executable,
        "-m",
        "pytest",
        str(suites),
        *own,
        "-c",
        str(suites / "pytest.ini"),
        "--rootdir",
        os.getcwd(),
    ]
    command += ["--confcutdir", str(suites), "-p", "messages_conformance.plugin", "-p", "no:cacheprovider"]
    command += ["-p", "no:terminal", "-s", f"--target={parsed.target}"]
    if parsed.snapshots is not None or parsed.update_snapshots:
        command += ["-p", "syrupy"]
    with _deaf():
        process = subprocess.Popen(command + _passed_on(parsed), env=_environment())
        _pass_on_signals(process)
    code = process.wait()
    return 2 if code < 0 or code in (3, 5) else code


def _passed_on(parsed: argparse.Namespace) -> list[str]:
    """The options that were given, one argument each."""
    from messages_conformance.plugin import OPTIONS, SYRUPY_OPTIONS

    passed = []
    for name, settings in OPTIONS + SYRUPY_OPTIONS:
        value: Any = getattr(parsed, settings.get("dest", name.removeprefix("--").replace("-", "_")), None)
        if name == "--target" or value is None or value is False:
            continue
        values = value if isinstance(value, list) else [value]
        passed += [name] if value is True else [f"{name}={one}" for one in values]
    return passed


def _environment() -> dict[str, str]:
    """Our environment without what would bend the run: other plugins and somebody's pytest options."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS")}
    paths = [package, *filter(None, [kept.get("PYTHONPATH")])]
    return {**kept, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": os.pathsep.join(paths)}


_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def _deaf() -> Iterator[None]:
    """Holds signals back: a process that is started meanwhile gets them once it can end with a report."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _pass_on_signals(process: subprocess.Popen[bytes]) -> None:
    """From now on Ctrl-C and SIGTERM are the process's affair, which ends with a report.

    It may have had the same signal already, as a whole terminal does; it heeds only the first.
    """
    heard = 0

    def pass_on(number: int, frame: FrameType | None) -> None:
        nonlocal heard
        heard += 1
        # Whoever insists does not want to wait for a report any longer.
        process.send_signal(number) if heard < INSISTENCE else process.kill()

    for number in _SIGNALS:
        signal.signal(number, pass_on)


# -- the catalogue --------------------------------------------------------------------------------------------------


def _rows(profile_name: str | None) -> list[Any]:
    from messages_conformance.rules.listing import listed
    from messages_conformance.run import checked_profile

    if profile_name is None:
        return list(listed())
    profile = checked_profile(profile_name)
    return [row for row in listed(profile) if profile.name in row.profiles]


def _list(parsed: argparse.Namespace) -> int:
    from messages_conformance.run import UsageError

    try:
        rows = _rows(parsed.profile)
    except UsageError as error:
        return _usage(error)
    if parsed.format == "json":
        print(json.dumps([_row(row) for row in rows], indent=2, ensure_ascii=False))
    elif parsed.format == "markdown":
        _print_markdown(rows)
    else:
        _print_text(rows)
    return 0


def _print_markdown(rows: Sequence[Any]) -> None:
    from messages_conformance import contract

    print("| requirement | level | kind | severity | profiles | sentence | source |\n|---|---|---|---|---|---|---|")
    for row in rows:
        profiles = ", ".join(row.profiles)
        cells = (f"`{row.id}`", row.level, row.kind, contract.severity(row.id), profiles, row.sentence, row.source)
        print(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")


def _print_text(rows: Sequence[Any]) -> None:
    from messages_conformance import contract
    from messages_conformance.rules.listing import KINDS

    width = max(len(row.id) for row in rows)
    for row in rows:
        print(f"{row.id:<{width}}  {row.level:<6}  {contract.severity(row.id):<10}  {row.kind:<9}  {row.sentence}")
        print(f"{'':<{width}}          {', '.join(row.profiles) or 'no profile'}; {row.source}")
    counted = (f"{sum(row.kind == kind for row in rows)} {kind}" for kind in KINDS)
    print(f"{len(rows)} requirements: {', '.join(counted)}")


def _row(row: Any) -> dict[str, Any]:
    from messages_conformance import contract

    return {
        "id": row.id,
        "level": row.level,
        "kind": row.kind,
        "sentence": row.sentence,
        "source": row.source,
        "severity": contract.severity(row.id),
        "profiles": list(row.profiles),
        "families": sorted(row.families),
        "api_version": row.api_version,
        "model_dependent": row.model_dependent,
        "needs": sorted(row.needs),
        "how": row.how,
    }


def _explain(parsed: argparse.Namespace) -> int:
    from messages_conformance import contract
    from messages_conformance.rules.listing import EXCLUDED_KIND, TOLERATED, listed
    from messages_conformance.run import UsageError, checked_requirements

    found = {row.id: row for row in listed()}
    try:
        if parsed.requirement not in found:
            checked_requirements([parsed.requirement])
        row = found[parsed.requirement]
    except UsageError as error:
        return _usage(error)
    except KeyError:
        return _usage(UsageError(f"{parsed.requirement!r} names several requirements; explain takes one id"))
    label = {TOLERATED: "tolerated", EXCLUDED_KIND: "excluded"}.get(row.kind, "provoked")
    print(f"{row.id}  {row.level}\n  {row.sentence}\n")
    print(f"source     {row.source}")
    print(f"profiles   {', '.join(row.profiles) or 'none'}")
    print(f"{label:<9}  {row.how}")
    print(f"severity   {contract.severity(row.id)}")
    for measurement in contract.impact(row.id):
        print(f"measured   {measurement.measured} ({measurement.source}), {measurement.severity}")
        for client, outcome in sorted(measurement.clients.items()):
            print(f"             {client}: {outcome}")
    return 0


def _usage(error: Exception) -> int:
    print(f"ERROR: {error}", file=sys.stderr)
    return USAGE


# -- the reference endpoint -----------------------------------------------------------------------------------------


def _serve(parsed: argparse.Namespace) -> int:
    from messages_conformance.reference import API_KEY, serve

    if not 0 <= parsed.port <= 65_535:
        return _usage(ValueError(f"--port is {parsed.port}; it is a number from 0 (any free one) to 65535"))
    try:
        with _deaf(), serve(port=parsed.port, fault=parsed.fault, variant=parsed.variant) as server:
            print(f"serving on {server.base_url}; key: {API_KEY}; Ctrl-C ends it", flush=True)
            _until_signal()
    except LookupError as error:
        return _usage(error)
    except OSError as error:
        return _usage(OSError(f"port {parsed.port} cannot be used ({_why(error)}); name another with --port"))
    return 0


def _until_signal() -> None:
    if hasattr(signal, "sigwait"):
        signal.sigwait(_SIGNALS)  # held back by the caller
        return
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            time.sleep(1)


def _why(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)


if __name__ == "__main__":
    sys.exit(main())
