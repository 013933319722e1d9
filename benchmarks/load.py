"""CPU time that a load test needs to judge its answers, and its memory over many of them.

    python benchmarks/load.py [--answers 20000]

Answers of the reference endpoint are recorded once and given to the judge again and again, each with its own nonce and
ids, as a target sends them. `equal` answers differ from earlier ones in nothing else; in `different` ones a word of the
text changes, too, so that each is judged in full. load_against_locust.py compares whole users.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

from rich.console import Console

from messages_conformance.exchange import ALONE, LOAD, LoadFacts, nonce
from messages_conformance.garbage import search_rarely
from messages_conformance.load.judging import LoadJudge
from messages_conformance.load.load_options import KEY_VARIABLE, LoadOptions
from messages_conformance.load.load_test import LoadTest
from messages_conformance.load.measured import alone
from messages_conformance.load.mix import Kind
from messages_conformance.load.received import Received
from messages_conformance.reference import API_KEY, serve
from messages_conformance.session import Clock

CLOCK = Clock(now=lambda: datetime.now(UTC), monotonic_s=time.monotonic)
FORMS = {"plain answers": "echo", "streams of 24 numbers": "list.streamed"}


def recorded(url: str, name: str) -> tuple[LoadTest, Kind, Received]:
    """One answer of the reference endpoint to a kind, with its nonce replaced by that of number 0."""
    test = LoadTest(LoadOptions(url=url, kinds=6), clock=CLOCK, out=Console(quiet=True))
    kind = next(one for one in test.kinds if one.name == name)
    line = test.line()
    headers = [(name, value.replace("$MESSAGES_API_KEY", API_KEY)) for name, value in kind.request.headers]
    received = line.send("POST", kind.request.path, headers, kind.body(nonce(0)))
    line.close()
    facts = LoadFacts(phase=ALONE, kind=kind.name, nonce=nonce(0))
    return test, replace(kind, alone=alone(test.judge.exchange(kind, received, facts))), received


def copies(received: Received, count: int, *, different: bool) -> Iterator[tuple[str, Received]]:
    """Copies of an answer, each with a nonce, a message id and a request-id of its own."""
    first = nonce(0).encode()
    for number in range(1, count + 1):
        word, ident = nonce(number), f"{number:022d}"
        chunks = []
        for at_s, data in received.chunks:
            changed = data.replace(first, word.encode()).replace(first[:6], word[:6].encode())
            start = changed.find(b"msg_01")
            if start >= 0:
                changed = changed[: start + 6] + ident.encode() + changed[start + 28 :]
            if different:
                # In a stream, a block begins empty, so the first delta is changed.
                place = b'"text_delta","text":"' if b"text_delta" in changed else b'"text":"'
                changed = (
                    changed if b"content_block_start" in changed else changed.replace(place, place + b"%d " % number, 1)
                )
            chunks.append((at_s, changed))
        headers = tuple(
            (name, f"req_01{ident}" if name == "request-id" else value)
            for name, value in received.headers
            if not (different and name == "content-length")
        )
        yield word, replace(received, chunks=chunks, headers=headers)


def cpu_of(call: Callable[[], None]) -> float:
    """CPU seconds of a call."""
    began_s = time.process_time()
    call()
    return time.process_time() - began_s


def judged(judge: LoadJudge, kind: Kind, answers: list[tuple[str, Received]]) -> Callable[[], None]:
    """Judges all answers."""

    def run() -> None:
        for word, received in answers:
            judge.took(kind, received, LoadFacts(phase=LOAD, kind=kind.name, nonce=word, alone=kind.alone))

    return run


def main(count: int) -> None:
    """Prints one line for each form of answers."""
    os.environ[KEY_VARIABLE] = API_KEY
    search_rarely()
    with serve() as server:
        for title, name in FORMS.items():
            for different in (False, True):
                test, kind, received = recorded(server.base_url, name)
                events = sum(data.count(b"\n\n") for _, data in received.chunks)
                answers = list(copies(received, count // 20 if different else count, different=different))
                spent_s = cpu_of(judged(test.judge, kind, answers))
                rate = len(answers) / spent_s
                more = f", {rate * events:,.0f} events" if events else ""
                form = "different" if different else "equal"
                equal = f"{test.judge.equal:,} of {len(answers):,} equal"
                print(f"{title}, {form}: {rate:,.0f} answers{more} in a CPU second ({equal})")
                peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
                print(f"  peak memory so far: {peak_mb:,.0f} MB, answers given included")
                test.session.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--answers", type=int, default=20_000)
    main(parser.parse_args().answers)
