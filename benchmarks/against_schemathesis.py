"""This project beside schemathesis, on one description of one server: drawing, sending, judging, finding.

    python benchmarks/against_schemathesis.py [--quick] [--python PATH]

schemathesis (the newest on the registry) is installed into an environment of its own in a temporary folder, unless
--python names an interpreter that has it. It is given openapi_description.py, which is made of the schemas of this
project. The server is the reference endpoint in a process of its own, which counts what it is sent. Commands are
compared as their users start them, interpreters and all; what is measured is CPU time of those processes, in turns.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from openapi_description import description
from own_worker import MODEL, PROFILE

from messages_conformance import contract
from messages_conformance.proof import Subject, subjects
from messages_conformance.proof.subjects import CONDITIONAL, FAULT, PLAIN
from messages_conformance.proof.trial import try_subject
from messages_conformance.reference import API_KEY, Settings, endpoint, serve_endpoint
from messages_conformance.reference.changes import Rewrite, Stage

HERE: Final = Path(__file__).parent
VERSION: Final = "2023-06-01"
SEED: Final = 20_251_125
"""Which faults are taken; another seed takes others."""

JUDGES: Final = ("by_schema", "by_endpoint")

OWN, OWN_MORE = "this project, a standard run", "this project, with more drawn requests"
CHEAP, CHEAP_MORE = "schemathesis at its cheapest (see run)", "schemathesis at its cheapest, twice as many"
AS_IS = "schemathesis as it is started by default"
MORE_DRAWN: Final = 300

LATENCY_S: Final = 0.3
WALL_REQUESTS: Final = 200
NOT_SAMPLED: Final = frozenset({"adjacent", "claude-code", CONDITIONAL})
"""Other endpoints than the described one, one client's habits, and faults that are in the register already."""


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How much of each is measured. `seconds` caps what schemathesis may spend on one draw."""

    repeats: int
    own_draws: int
    peer_draws: int
    seconds: float
    peer_exchanges: int
    peer_wall_exchanges: int
    faults: int
    depths: tuple[str, ...]


FULL: Final = Scale(
    repeats=3,
    own_draws=200,
    peer_draws=60,
    seconds=40,
    peer_exchanges=180,
    peer_wall_exchanges=40,
    faults=30,
    depths=("smoke", "standard"),
)
QUICK: Final = Scale(
    repeats=1,
    own_draws=100,
    peer_draws=40,
    seconds=15,
    peer_exchanges=40,
    peer_wall_exchanges=20,
    faults=10,
    depths=("smoke",),
)


# -- servers and processes ------------------------------------------------------------------------------------------


class Latency:
    """Every answer takes as long, refusals too: the endpoint's own latency is that of answers only."""

    name = "latency"
    at = Stage.RESPONSE
    also: Mapping[Stage, Rewrite] = MappingProxyType({})
    needs_socket = False

    def __init__(self, latency_s: float) -> None:
        self.rewrite: Rewrite = lambda response, context: replace(response, delay_s=response.delay_s + latency_s)


def _serve(orders: Any) -> None:
    """Serves one endpoint after another; says at which times requests were complete."""
    while (order := orders.recv()) is not None:
        fault, latency_s = order
        served = endpoint(fault=fault, settings=Settings(version_required=True))
        with serve_endpoint(replace(served, changes=(*served.changes, Latency(latency_s)))) as server:
            orders.send(server.base_url)
            orders.recv()
            orders.send([one.at_s for one in server.requests])


@dataclass(frozen=True)
class Servers:
    """A process that serves what it is told to."""

    orders: Any

    @contextmanager
    def one(self, *, fault: str | None = None, latency_s: float = 0.0) -> Iterator[tuple[str, list[float]]]:
        """(address, times of the requests; filled when the block has ended)."""
        times: list[float] = []
        self.orders.send((fault, latency_s))
        try:
            yield self.orders.recv(), times
        finally:
            self.orders.send("end")
            times += self.orders.recv()


@contextmanager
def servers() -> Iterator[Servers]:
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,))
    process.start()
    try:
        yield Servers(ours)
    finally:
        ours.send(None)
        process.join()


@dataclass(frozen=True, kw_only=True)
class Command:
    """What a command cost: its own CPU and that of its children, and the requests that reached the server."""

    cpu_s: float
    wall_s: float
    requests: int
    from_first_to_last_s: float

    @property
    def cpu_ms_each(self) -> float:
        return self.cpu_s * 1e3 / self.requests


def command(arguments: Sequence[str], times: list[float], ended: Any) -> Command:
    """Runs a command to its end; `ended` closes the server, after which its times are there."""
    # Both are installed for good, so both may keep what they compiled.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    began_s = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            arguments,
            env={**environment, "MESSAGES_API_KEY": API_KEY},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
        )
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall_s = time.perf_counter() - began_s
    ended()
    return Command(
        cpu_s=usage.ru_utime + usage.ru_stime,
        wall_s=wall_s,
        requests=len(times),
        from_first_to_last_s=max(times) - min(times) if times else 0.0,
    )


class Peer:
    """schemathesis, its interpreter and the description that it reads."""

    def __init__(self, python: Path, folder: Path) -> None:
        self.python = python
        self.description = folder / "openapi.json"
        self.description.write_text(json.dumps(description(MODEL)), encoding="utf-8")
        self._worker = [str(python), str(HERE / "schemathesis_worker.py"), str(self.description)]

    @property
    def version(self) -> str:
        asked = "import schemathesis; print(schemathesis.__version__)"
        return subprocess.run([self.python, "-c", asked], capture_output=True, text=True, check=True).stdout.strip()

    def draw(self, mode: str, count: int, seconds: float) -> Json:
        return drawn([*self._worker, "draw", mode, str(count), str(seconds)], self.description.parent)

    def run(self, address: str, count: int, *, cheap: bool = True) -> list[str]:
        """The command line of a run. A cheap one does not stop at a failure, and does not shrink it."""
        arguments = ["run", str(self.description), "--url", address, "-n", str(count), "--seed", "0"]
        arguments += ["-H", f"x-api-key: {API_KEY}", "-H", f"anthropic-version: {VERSION}"]
        arguments += ["--suppress-health-check", "all", "--generation-database", "none"]
        if cheap:
            arguments += ["--phases", "fuzzing", "--continue-on-failure", "--no-shrink"]
            arguments += ["--generation-with-security-parameters", "false"]
        return [str(self.python.with_name("schemathesis")), *arguments]

    @contextmanager
    def trying(self, count: int, seconds: float) -> Iterator[subprocess.Popen[str]]:
        process = subprocess.Popen(
            [*self._worker, "try", str(count), str(seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=self.description.parent,
        )
        try:
            yield process
        finally:
            process.communicate()


Json = dict[str, Any]


def drawn(arguments: Sequence[str], folder: Path) -> Json:
    done = subprocess.run(arguments, capture_output=True, text=True, check=True, cwd=folder)
    found: Json = json.loads(done.stdout)
    return found


@contextmanager
def installed(python: Path | None) -> Iterator[Peer]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if python is None:
            subprocess.run([sys.executable, "-m", "venv", folder / "peer"], check=True)
            python = folder / "peer" / "bin" / "python"
            subprocess.run([python, "-m", "pip", "install", "-q", "schemathesis"], check=True, capture_output=True)
        yield Peer(python.absolute(), folder)


# -- 1: drawing -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """Examples of one kind: how many, how many of them are what they should be, and what they cost."""

    count: int
    distinct: int
    by_schema: int
    by_endpoint: int
    cpu_s: float

    def a_second(self, judge: str) -> float:
        """Different examples that are what they should be by the schema or by the endpoint, in a CPU second."""
        return float(getattr(self, judge)) / self.cpu_s


def status(address: str, body: bytes) -> int:
    headers = {"x-api-key": API_KEY, "anthropic-version": VERSION, "content-type": "application/json"}
    request = urllib.request.Request(f"{address}/v1/messages", data=body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def is_valid(body: bytes) -> bool:
    try:
        return contract.valid("request", json.loads(body))
    except ValueError:
        return False


def weighed(found: Json, address: str, *, valid: bool) -> Drawn:
    bodies = [base64.b64decode(body) for body in found["drawn"]]
    different = set(bodies)
    wanted = range(200, 300) if valid else range(400, 500)
    return Drawn(
        count=len(bodies),
        distinct=len(different),
        by_schema=sum(is_valid(body) is valid for body in different),
        by_endpoint=sum(status(address, body) in wanted for body in different),
        cpu_s=found["cpu_s"],
    )


def drawing(peer: Peer, server: Servers, scale: Scale) -> None:
    heading("1. Different examples that are valid, and that are not, in a CPU second")
    print(f"{'':22} {'':6} {'':10} {'by our schema':>20} {'by the endpoint':>20}")
    print(f"{'':22} {'drawn':>6} {'different':>10} {'':>9} {'a second':>10} {'':>9} {'a second':>10}")
    for word, own_kind, mode in (("valid", "requests", "positive"), ("invalid", "near-misses", "negative")):
        own = [sys.executable, str(HERE / "own_worker.py"), own_kind, str(scale.own_draws)]
        ours, theirs = [], []
        with server.one() as (address, _):
            for _ in range(scale.repeats):
                ours.append(weighed(drawn(own, HERE), address, valid=word == "valid"))
                other = peer.draw(mode, scale.peer_draws, scale.seconds)
                theirs.append(weighed(other, address, valid=word == "valid"))
        drawn_row(f"{word}, this project", ours)
        drawn_row(f"{word}, schemathesis", theirs)
        over = min(
            median(mine.a_second(judge) / max(other.a_second(judge), 1e-9) for mine, other in pairs(ours, theirs))
            for judge in JUDGES
        )
        verdict(f"times as many {word} ones, at least, by either judge", over, "5 or more", over >= 5)


def drawn_row(name: str, rows: Sequence[Drawn]) -> None:
    first = rows[0]
    counts = ((getattr(first, judge), median(one.a_second(judge) for one in rows)) for judge in JUDGES)
    cells = " ".join(f"{count:9} {a_second:10.1f}" for count, a_second in counts)
    print(f"{name:22} {first.count:6} {first.distinct:10} {cells}")


# -- 2 and 3: whole runs --------------------------------------------------------------------------------------------


def own_run(address: str, *more: str) -> list[str]:
    return [sys.executable, "-m", "messages_conformance", "run", address, "--profile", PROFILE, "--model", MODEL, *more]


def ran(server: Servers, arguments: Any, *, latency_s: float = 0.0) -> Command:
    """A command against a server of its own; `arguments` is made of the address."""
    opened = server.one(latency_s=latency_s)
    address, times = opened.__enter__()
    return command(arguments(address), times, lambda: opened.__exit__(None, None, None))


def whole_runs(peer: Peer, server: Servers, scale: Scale) -> None:
    heading("2. CPU of an exchange, all in: start, draw, send, judge, report")
    count = scale.peer_exchanges
    commands = {
        OWN: own_run,
        OWN_MORE: lambda address: own_run(address, "--generated", str(MORE_DRAWN)),
        CHEAP: lambda address: peer.run(address, count),
        CHEAP_MORE: lambda address: peer.run(address, 2 * count),
        AS_IS: lambda address: peer.run(address, count, cheap=False),
    }
    runs: dict[str, list[Command]] = {name: [] for name in commands}
    for _ in range(scale.repeats):
        for name, arguments in commands.items():
            runs[name].append(ran(server, arguments))
    for name, of_one in runs.items():
        cpu_s, each_ms = median(one.cpu_s for one in of_one), median(one.cpu_ms_each for one in of_one)
        print(f"{name:46} {of_one[0].requests:4} requests {cpu_s:6.2f} s of CPU {each_ms:6.1f} ms each")
    part = median(mine.cpu_ms_each / other.cpu_ms_each for mine, other in pairs(runs[OWN], runs[CHEAP_MORE]))
    verdict("of what schemathesis takes at its cheapest", part, "0.10 or less", part <= 0.10)
    part = median(mine.cpu_ms_each / other.cpu_ms_each for mine, other in pairs(runs[OWN], runs[AS_IS]))
    verdict("of what it takes as it is started by default", part, "0.10 or less", part <= 0.10)
    own_ms, other_ms = more_ms(runs[OWN], runs[OWN_MORE]), more_ms(runs[CHEAP], runs[CHEAP_MORE])
    print(f"one drawn request more costs {own_ms:.1f} ms here and {other_ms:.1f} ms there: {own_ms / other_ms:.2f}")


def more_ms(few: Sequence[Command], many: Sequence[Command]) -> float:
    """CPU milliseconds of each request that the longer runs send more: what starting costs is in neither."""
    return median((b.cpu_s - a.cpu_s) * 1e3 / (b.requests - a.requests) for a, b in pairs(few, many))


def patience(peer: Peer, server: Servers, scale: Scale) -> None:
    heading(f"3. Seconds for {WALL_REQUESTS} requests to a server that takes {LATENCY_S:g} s to answer")
    mine = ran(server, lambda address: own_run(address, "--max-requests", str(WALL_REQUESTS)), latency_s=LATENCY_S)
    other = ran(server, lambda address: peer.run(address, scale.peer_wall_exchanges), latency_s=LATENCY_S)
    for name, run in (("this project", mine), ("schemathesis", other)):
        print(
            f"{name:30} {run.requests:5} requests {run.wall_s:7.1f} s in all"
            f" {run.from_first_to_last_s:7.1f} s from the first to the last"
        )
    all_s = other.from_first_to_last_s / (other.requests - 1) * WALL_REQUESTS
    own_s = mine.from_first_to_last_s / (mine.requests - 1) * WALL_REQUESTS
    print(f"schemathesis was stopped at {other.requests}; {WALL_REQUESTS} would take {all_s:.0f} s at that pace, and")
    print(
        f"{WALL_REQUESTS * LATENCY_S:.0f} s if it took no time of its own: it sends one after another to one operation."
    )
    verdict("of what schemathesis takes (at that pace)", own_s / all_s, "0.13 or less", own_s / all_s <= 1 / 8)


# -- 4: faults ------------------------------------------------------------------------------------------------------


def sample(count: int) -> list[Subject]:
    """So many faults, over all categories in turn, always the same ones."""
    by_category: dict[str, list[Subject]] = defaultdict(list)
    for subject in subjects():
        possible = subject.kind == FAULT and subject.profile == PROFILE and not subject.statement
        if possible and subject.category not in NOT_SAMPLED:
            by_category[subject.category].append(subject)
    chance = random.Random(SEED)
    queues = [chance.sample(of_one, len(of_one)) for _, of_one in sorted(by_category.items())]
    chance.shuffle(queues)
    rounds = [queue[number] for number in range(max(map(len, queues))) for queue in queues if number < len(queue)]
    return rounds[:count]


def control() -> Subject:
    return next(one for one in subjects() if one.name == PLAIN and one.profile == PROFILE)


def by_peer(peer: Peer, server: Servers, chosen: Sequence[Subject], count: int, seconds: float) -> tuple[int, Json]:
    """(requests to each server, what was found at each that the plain endpoint does not show for the same request)."""

    def asked(process: subprocess.Popen[str], fault: str | None) -> set[str]:
        assert process.stdin is not None
        assert process.stdout is not None
        with server.one(fault=fault) as (address, _):
            process.stdin.write(f"{address} {API_KEY}\n")
            process.stdin.flush()
            return set(json.loads(process.stdout.readline()))

    with peer.trying(count, seconds) as process:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        plain = asked(process, None)
        found = {subject.name: asked(process, subject.name) - plain for subject in chosen}
    print(
        f"schemathesis: {said['requests']} requests to each, {said['streamed']} of them streamed; {len(plain)} failures"
    )
    print("on the plain endpoint, which count for nothing where the same request shows them on a faulty one")
    return said["requests"], found


def finding(peer: Peer, server: Servers, scale: Scale) -> None:
    chosen = sample(scale.faults)
    heading(f"4. Faults that are found: {len(chosen)} of all categories, drawn by seed {SEED}")
    for depth in scale.depths:
        clean = try_subject(control(), depth)
        assert not clean.tripped, clean.tripped
        trials = {subject.name: try_subject(subject, depth) for subject in chosen}
        count = int(median(trial.requests for trial in trials.values()))
        own = {name for name, trial in trials.items() if trial.tripped}
        requests, others = by_peer(peer, server, chosen, count, scale.seconds)
        theirs = {name for name, found in others.items() if found}
        print(f"this project: {count} requests to each (median); nothing on the plain endpoint")
        for name, found, each in (("this project", own, count), ("schemathesis", theirs, requests)):
            print(
                f"{depth + ', ' + name:30} {len(found):3} of {len(chosen)} found"
                f" {1e3 * len(found) / (each * len(chosen)):7.2f} for a thousand requests"
            )
        over = len(own) / max(len(theirs), 1)
        verdict("times as many as schemathesis", over, "more than 1", over > 1)
        print(f"  only this project: {', '.join(sorted(own - theirs)) or 'none'}")
        print(f"  only schemathesis: {', '.join(sorted(theirs - own)) or 'none'}")
        print(f"  neither:           {', '.join(sorted({one.name for one in chosen} - own - theirs)) or 'none'}")


# -- the table ------------------------------------------------------------------------------------------------------


def pairs(ours: Sequence[Any], theirs: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    """What was measured in turns, side by side."""
    return zip(ours, theirs, strict=True)


def median(values: Any) -> float:
    return float(statistics.median(values))


def heading(text: str) -> None:
    print(f"\n{text}\n")


def verdict(text: str, value: float, aim: str, reached: bool) -> None:
    print(f"  -> {value:.2f} {text}; the aim is {aim}: {'reached' if reached else 'MISSED'}", flush=True)


PARTS: Final = {"drawing": drawing, "runs": whole_runs, "patience": patience, "faults": finding}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer examples, faults and repetitions")
    parser.add_argument("--python", type=Path, help="an interpreter that has schemathesis already")
    parser.add_argument("--part", action="append", choices=PARTS, help="only this; may be repeated")
    options = parser.parse_args()
    scale = QUICK if options.quick else FULL
    with installed(options.python) as peer, servers() as server:
        print(f"schemathesis {peer.version}; medians of {scale.repeats}, in turns, where nothing else is said")
        for name in options.part or PARTS:
            PARTS[name](peer, server, scale)


if __name__ == "__main__":
    main()
