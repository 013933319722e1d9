"""What a load test knows about one of its requests besides the exchange itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

ALONE: Final = "alone"
LOAD: Final = "load"
AFTER: Final = "after"
PHASES: Final = (ALONE, LOAD, AFTER)
"""A request is sent alone before the load begins, under load, or after the load has ended."""

NONCE: Final = re.compile(r"zq[a-z]{14}")
"""A nonce is `zq`, ten letters of its own, and four letters that check them: no model writes one by chance."""

LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
OWN_LETTERS: Final = 10
CHECK_LETTERS: Final = 4


@dataclass(frozen=True, kw_only=True)
class Alone:
    """What the same request got while no other was in progress; the rules compare with it.

    `accepted`: it had a 2xx status. `complete`: its body was whole, and a stream had its message_stop. `input_tokens`
    and `output_tokens` are the counts of its usage, the first with cached tokens; None when there are none.
    `characters` is the length of all that it shows. `spread_s` is the time between its first and its last delta.
    `elapsed_s` is how long it took.
    """

    accepted: bool
    complete: bool
    input_tokens: int | None = None
    output_tokens: int | None = None
    characters: int = 0
    spread_s: float = 0.0
    elapsed_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class LoadFacts:
    """The part of one request in a load test.

    `phase` is one of PHASES. `kind` names the request of the mix. `nonce` is a word that only this request contains.
    `in_flight` counts the requests in progress when this one was sent, itself included. `alone` is what the same
    request got alone; None for those that were sent alone. `metrics_before` are figures of the target before the load,
    on the exchange that reads them after it.
    """

    phase: str
    kind: str
    nonce: str = ""
    in_flight: int = 1
    alone: Alone | None = None
    metrics_before: Mapping[str, float] = field(default_factory=dict)


STEP: Final = 87_178_291_199
"""A prime, so that the numbers of a run are spread over all words (origin: our own)."""


def nonce(number: int, *, salt: int = 0) -> str:
    """The nonce of a number from 0; another `salt` gives other nonces."""
    value = ((number + 1) * STEP + salt) % 26**OWN_LETTERS
    own = "".join(LETTERS[value // 26**place % 26] for place in range(OWN_LETTERS))
    return f"zq{own}{_check(own)}"


def nonces_in(text: str) -> Iterator[str]:
    """The nonces in a text, without words that only look like one."""
    for match in NONCE.finditer(text):
        word = match.group()
        if word[2 + OWN_LETTERS :] == _check(word[2 : 2 + OWN_LETTERS]):
            yield word


def _check(own: str) -> str:
    total = 0
    for letter in own:
        total = (total * 31 + ord(letter)) % 26**CHECK_LETTERS
    return "".join(LETTERS[total // 26**place % 26] for place in range(CHECK_LETTERS))
