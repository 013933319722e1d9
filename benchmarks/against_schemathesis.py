"""Compares this project with schemathesis: generating, sending, judging, and finding faults of one server.

    python benchmarks/against_schemathesis.py [--quick] [--python PATH]

The newest schemathesis is installed into a temporary environment, unless --python names an interpreter that has it. It
gets openapi_description.py, which is made from the schemas of this project. The server is the reference endpoint in
another process, which counts the requests. The commands are compared as users start them, with the start of their
interpreters. The CPU time of these processes is measured, in turns.
"""

from __future__ import annotations

import argparse
import base64
import json
import random
import statistics
import subprocess
import sys
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from own_worker import MODEL, PROFILE
from processes import Command, Servers, command, servers
from schemathesis_peer import HERE, VERSION, Json, Peer, installed, output_of

from messages_conformance import contract
from messages_conformance.proof import Subject, subjects
from messages_conformance.proof.subjects import CONDITIONAL, FAULT, PLAIN
from messages_conformance.proof.trial import try_subject
from messages_conformance.reference import API_KEY

SEED: Final = 20_251_125
"""The seed of the sample of faults (our own choice)."""

JUDGES: Final = ("by_schema", "by_endpoint")

OWN, OWN_MORE = "this project, a standard run", "this project, with more generated requests"
CHEAP, CHEAP_MORE = "schemathesis at its cheapest (see run)", "schemathesis at its cheapest, twice as many"
AS_IS = "schemathesis with its defaults"
MORE_GENERATED: Final = 300

LATENCY_S: Final = 0.3
WALL_REQUESTS: Final = 200
NOT_SAMPLED: Final = frozenset({"adjacent", "claude-code", CONDITIONAL})
"""Categories that are left out: other endpoints, faults of one client only, and faults that repeat another one."""


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How much is measured. `seconds` limits the time of schemathesis for one set of examples."""

    repeats: int
    own_examples: int
    peer_examples: int
    seconds: float
    peer_exchanges: int
    peer_wall_exchanges: int
    faults: int
    depths: tuple[str, ...]


FULL: Final = Scale(
    repeats=3,
    own_examples=200,
    peer_examples=60,
    seconds=40,
    peer_exchanges=180,
    peer_wall_exchanges=40,
    faults=30,
    depths=("smoke", "standard"),
)
QUICK: Final = Scale(
    repeats=1,
    own_examples=100,
    peer_examples=40,
    seconds=15,
    peer_exchanges=40,
    peer_wall_exchanges=20,
    faults=10,
    depths=("smoke",),
)


# -- 1: generation -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Examples:
    """Examples of one kind: the count, how many are as intended, and their cost."""

    count: int
    distinct: int
    by_schema: int
    by_endpoint: int
    cpu_s: float

    def a_second(self, judge: str) -> float:
        """Different examples in a CPU second that are as intended, according to the schema or to the endpoint."""
        return float(getattr(self, judge)) / self.cpu_s


def status(address: str, body: bytes) -> int:
    """The HTTP status of a request with this body."""
    headers = {"x-api-key": API_KEY, "anthropic-version": VERSION, "content-type": "application/json"}
    request = urllib.request.Request(f"{address}/v1/messages", data=body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def is_valid(body: bytes) -> bool:
    """Whether the request schema accepts the body."""
    try:
        return contract.valid("request", json.loads(body))
    except ValueError:
        return False


def counted(found: Json, address: str, *, valid: bool) -> Examples:
    bodies = [base64.b64decode(body) for body in found["drawn"]]
    different = set(bodies)
    expected = range(200, 300) if valid else range(400, 500)
    return Examples(
        count=len(bodies),
        distinct=len(different),
        by_schema=sum(is_valid(body) is valid for body in different),
        by_endpoint=sum(status(address, body) in expected for body in different),
        cpu_s=found["cpu_s"],
    )


def generation(peer: Peer, server: Servers, scale: Scale) -> None:
    heading("1. Different examples that are valid, and that are not, in a CPU second")
    print(f"{'':22} {'':6} {'':10} {'by our schema':>20} {'by the endpoint':>20}")
    print(f"{'':22} {'count':>6} {'different':>10} {'':>9} {'a second':>10} {'':>9} {'a second':>10}")
    for word, own_kind, mode in (("valid", "requests", "positive"), ("invalid", "near-misses", "negative")):
        own_command = [sys.executable, str(HERE / "own_worker.py"), own_kind, str(scale.own_examples)]
        own, others = [], []
        with server.one() as (address, _):
            for _ in range(scale.repeats):
                own.append(counted(output_of(own_command, HERE), address, valid=word == "valid"))
                other = peer.generate(mode, scale.peer_examples, scale.seconds)
                others.append(counted(other, address, valid=word == "valid"))
        print_examples(f"{word}, this project", own)
        print_examples(f"{word}, schemathesis", others)
        over = min(
            median(one.a_second(judge) / max(other.a_second(judge), 1e-9) for one, other in pairs(own, others))
            for judge in JUDGES
        )
        verdict(f"times as many {word} examples, the smaller of both ratios", over, "5 or more", over >= 5)


def print_examples(name: str, rows: Sequence[Examples]) -> None:
    first = rows[0]
    counts = ((getattr(first, judge), median(one.a_second(judge) for one in rows)) for judge in JUDGES)
    cells = " ".join(f"{count:9} {a_second:10.1f}" for count, a_second in counts)
    print(f"{name:22} {first.count:6} {first.distinct:10} {cells}")


# -- 2 and 3: whole runs --------------------------------------------------------------------------------------------


def own_run(address: str, *more: str) -> list[str]:
    """The command line of a run of this project."""
    return [sys.executable, "-m", "messages_conformance", "run", address, "--profile", PROFILE, "--model", MODEL, *more]


def measured(server: Servers, arguments: Any, *, latency_s: float = 0.0) -> Command:
    """Runs a command against a new server; `arguments` makes the command line from the address."""
    opened = server.one(latency_s=latency_s)
    address, times = opened.__enter__()
    return command(arguments(address), times, lambda: opened.__exit__(None, None, None))


def whole_runs(peer: Peer, server: Servers, scale: Scale) -> None:
    heading("2. CPU of an exchange, everything included: start, generate, send, judge, report")
    count = scale.peer_exchanges
    commands = {
        OWN: own_run,
        OWN_MORE: lambda address: own_run(address, "--generated", str(MORE_GENERATED)),
        CHEAP: lambda address: peer.run(address, count),
        CHEAP_MORE: lambda address: peer.run(address, 2 * count),
        AS_IS: lambda address: peer.run(address, count, cheap=False),
    }
    runs: dict[str, list[Command]] = {name: [] for name in commands}
    for _ in range(scale.repeats):
        for name, arguments in commands.items():
            runs[name].append(measured(server, arguments))
    for name, of_one in runs.items():
        cpu_s, each_ms = median(one.cpu_s for one in of_one), median(one.cpu_ms_each for one in of_one)
        print(f"{name:46} {of_one[0].requests:4} requests {cpu_s:6.2f} s of CPU {each_ms:6.1f} ms each")
    part = median(one.cpu_ms_each / other.cpu_ms_each for one, other in pairs(runs[OWN], runs[CHEAP_MORE]))
    verdict("of the CPU of schemathesis at its cheapest", part, "0.10 or less", part <= 0.10)
    part = median(one.cpu_ms_each / other.cpu_ms_each for one, other in pairs(runs[OWN], runs[AS_IS]))
    verdict("of its CPU with its defaults", part, "0.10 or less", part <= 0.10)
    own_ms, other_ms = additional_ms(runs[OWN], runs[OWN_MORE]), additional_ms(runs[CHEAP], runs[CHEAP_MORE])
    print(f"one more generated request costs {own_ms:.1f} ms with this project and {other_ms:.1f} ms with schemathesis")


def additional_ms(few: Sequence[Command], many: Sequence[Command]) -> float:
    """CPU milliseconds of each additional request of the longer runs, without the cost of the start."""
    return median((b.cpu_s - a.cpu_s) * 1e3 / (b.requests - a.requests) for a, b in pairs(few, many))


def slow_server(peer: Peer, server: Servers, scale: Scale) -> None:
    heading(f"3. Seconds for {WALL_REQUESTS} requests to a server that takes {LATENCY_S:g} s to answer")
    own = measured(server, lambda address: own_run(address, "--max-requests", str(WALL_REQUESTS)), latency_s=LATENCY_S)
    other = measured(server, lambda address: peer.run(address, scale.peer_wall_exchanges), latency_s=LATENCY_S)
    for name, run in (("this project", own), ("schemathesis", other)):
        print(
            f"{name:30} {run.requests:5} requests {run.wall_s:7.1f} s in total"
            f" {run.from_first_to_last_s:7.1f} s from the first to the last"
        )
    all_s = other.from_first_to_last_s / (other.requests - 1) * WALL_REQUESTS
    own_s = own.from_first_to_last_s / (own.requests - 1) * WALL_REQUESTS
    print(f"schemathesis was stopped at {other.requests}; {WALL_REQUESTS} would take {all_s:.0f} s at that rate, and")
    least_s = WALL_REQUESTS * LATENCY_S
    print(f"at least {least_s:.0f} s: it sends one request after another to one operation.")
    verdict("of the time of schemathesis (at that rate)", own_s / all_s, "0.13 or less", own_s / all_s <= 1 / 8)


# -- 4: faults ------------------------------------------------------------------------------------------------------


def sample(count: int) -> list[Subject]:
    """A fixed sample of `count` faults, taken from all categories in turn."""
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
    """The endpoint without a fault."""
    return next(one for one in subjects() if one.name == PLAIN and one.profile == PROFILE)


def by_peer(peer: Peer, server: Servers, chosen: Sequence[Subject], count: int, seconds: float) -> tuple[int, Json]:
    """(requests to each server, failures of each faulty server that the plain endpoint does not show, by fault)."""

    def failures(process: subprocess.Popen[str], fault: str | None) -> set[str]:
        assert process.stdin is not None
        assert process.stdout is not None
        with server.one(fault=fault) as (address, _):
            process.stdin.write(f"{address} {API_KEY}\n")
            process.stdin.flush()
            return set(json.loads(process.stdout.readline()))

    with peer.testing(count, seconds) as process:
        assert process.stdout is not None
        counts = json.loads(process.stdout.readline())
        plain = failures(process, None)
        found = {subject.name: failures(process, subject.name) - plain for subject in chosen}
    each = f"{counts['requests']} requests to each, {counts['streamed']} of them streamed"
    print(f"schemathesis: {each}; {len(plain)} failures")
    print("on the plain endpoint; they do not count when the same request shows them on a faulty server")
    return counts["requests"], found


def finding(peer: Peer, server: Servers, scale: Scale) -> None:
    chosen = sample(scale.faults)
    heading(f"4. Faults that are found: a sample of {len(chosen)} from all categories, seed {SEED}")
    for depth in scale.depths:
        clean = try_subject(control(), depth)
        assert not clean.tripped, clean.tripped
        trials = {subject.name: try_subject(subject, depth) for subject in chosen}
        count = int(median(trial.requests for trial in trials.values()))
        own_found = {name for name, trial in trials.items() if trial.tripped}
        requests, others = by_peer(peer, server, chosen, count, scale.seconds)
        other_found = {name for name, found in others.items() if found}
        print(f"this project: {count} requests to each (median); nothing on the plain endpoint")
        for name, found, each in (("this project", own_found, count), ("schemathesis", other_found, requests)):
            print(
                f"{depth + ', ' + name:30} {len(found):3} of {len(chosen)} found"
                f" {1e3 * len(found) / (each * len(chosen)):7.2f} for a thousand requests"
            )
        over = len(own_found) / max(len(other_found), 1)
        verdict("times as many as schemathesis", over, "more than 1", over > 1)
        print(f"  only this project: {', '.join(sorted(own_found - other_found)) or 'none'}")
        print(f"  only schemathesis: {', '.join(sorted(other_found - own_found)) or 'none'}")
        neither = sorted({one.name for one in chosen} - own_found - other_found)
        print(f"  neither:           {', '.join(neither) or 'none'}")


# -- the table ------------------------------------------------------------------------------------------------------


def pairs(own: Sequence[Any], others: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    """Pairs of measurements that were made in the same turn."""
    return zip(own, others, strict=True)


def median(values: Any) -> float:
    return float(statistics.median(values))


def heading(text: str) -> None:
    print(f"\n{text}\n")


def verdict(text: str, value: float, aim: str, reached: bool) -> None:
    print(f"  -> {value:.2f} {text}; the goal is {aim}: {'reached' if reached else 'MISSED'}", flush=True)


PARTS: Final = {"generation": generation, "runs": whole_runs, "slow_server": slow_server, "faults": finding}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer examples, faults and repetitions")
    parser.add_argument("--python", type=Path, help="an interpreter that already has schemathesis")
    parser.add_argument("--part", action="append", choices=PARTS, help="only this part; may be repeated")
    options = parser.parse_args()
    scale = QUICK if options.quick else FULL
    with installed(options.python) as peer, servers() as server:
        print(f"schemathesis {peer.version}; medians of {scale.repeats} measurements in turns, unless noted otherwise")
        for name in options.part or PARTS:
            PARTS[name](peer, server, scale)


if __name__ == "__main__":
    main()
