"""The requests of a load test: our own echoes, valid rows of the probe table, and generated ones."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from messages_conformance.contract import Profile
from messages_conformance.engine.composition import compose
from messages_conformance.exchange import ACCEPTED, MESSAGES_PATH, Alone, Ask, Request
from messages_conformance.exchange import nonce as nonce_of
from messages_conformance.generate import ask, probe_asks
from messages_conformance.generate.generated_sets import generated_requests

PLACEHOLDER: Final = nonce_of(-1)
"""Stands for the nonce in the body of a request, with the same length."""

DEFAULT_KINDS: Final = 24
"""A load test sends this many different requests. Each is first sent alone, which takes time (our own)."""

MAX_BODY_BYTES: Final = 16_000
MAX_TOKENS: Final = 256
"""Larger requests of the plan are left out: they cost more and show no more under load (our own)."""

ECHO_SHARE: Final = 0.5
"""This part of the requests are echoes, whose answers show whose they are (our own)."""

LIST_WORDS: Final = 24

TOOL: Final = {
    "name": "look_up",
    "description": "Looks up a code.",
    "input_schema": {"type": "object", "properties": {"code": {"type": "string"}}, "required": ["code"]},
}

ECHO: Final = f"Reply with only this word: {PLACEHOLDER}"
LIST: Final = f"Count from 1 to {LIST_WORDS}, one number per line. (Reference: {PLACEHOLDER})"
CALL: Final = f"Call the tool look_up with the code {PLACEHOLDER}."


@dataclass(frozen=True, kw_only=True, eq=False)
class Kind:
    """One request of the mix. `request` has PLACEHOLDER where each copy has its own nonce.

    `echoes` marks those whose answer repeats the nonce. `size` is small, medium or large, by max_tokens. `alone` is
    what it got alone, once that is known.
    """

    name: str
    request: Request
    echoes: bool
    max_tokens: int
    alone: Alone | None = None

    @property
    def size(self) -> str:
        """A word for the most tokens of the answer."""
        return "small" if self.max_tokens <= 32 else "medium" if self.max_tokens <= 128 else "large"

    @property
    def form(self) -> str:
        """Whether it asks for a stream."""
        return "streamed" if self.request.streamed else "whole"

    def body(self, nonce: str) -> bytes:
        """The body of the copy with a nonce."""
        return self.request.body.replace(PLACEHOLDER.encode(), nonce.encode())


def kinds(
    profile: Profile, *, model: str, seed: int = 0, most: int = DEFAULT_KINDS, added: Iterable[str] = ()
) -> tuple[Kind, ...]:
    """The kinds of a load test, echoes first. Those of the plan and the generated ones are streamed in turn."""
    own = list(_own(profile))
    others = itertools.islice(_others(profile, seed), max(most - len(own), 0))
    added = tuple(added)
    return tuple(
        _kind(one, echoes=number < len(own), profile=profile, model=model, added=added)
        for number, one in enumerate([*own, *others])
    )


def _kind(one: Ask, *, echoes: bool, profile: Profile, model: str, added: tuple[str, ...]) -> Kind:
    request = compose(one, profile=profile, model=model, added=added)
    most = request.fields.get("max_tokens")
    return Kind(
        name=one.situation, request=request, echoes=echoes, max_tokens=most if isinstance(most, int) else MAX_TOKENS
    )


def _own(profile: Profile) -> Iterator[Ask]:
    for stream in (False, True) if "stream" in profile.offers else (False,):
        end = ".streamed" if stream else ""
        yield ask(f"echo{end}", ECHO, stream=stream, max_tokens=32)
        yield ask(f"list{end}", LIST, stream=stream, max_tokens=160)
        if "tools" in profile.offers:
            yield ask(f"call{end}", CALL, stream=stream, max_tokens=128, tools=[TOOL])


def _others(profile: Profile, seed: int) -> Iterator[Ask]:
    """Two of the plan, then a generated one, and so on; every other one is streamed."""
    planned, generated = _planned(profile, seed), _generated(profile, seed)
    for number in itertools.count():
        found = next(generated if number % 3 == 2 else planned, None) or next(planned, None)
        if found is None:
            return
        yield _in_form(found, stream=number % 2 == 1 and "stream" in profile.offers)


def _planned(profile: Profile, seed: int) -> Iterator[Ask]:
    """The first case of each row of the probe table that a target of the profile must accept, in an order by seed."""
    rows = {one.probe: one for one in reversed(probe_asks()) if _usable(one, profile)}
    names = sorted(rows)
    random.Random(seed).shuffle(names)
    return (rows[name] for name in names)


def _generated(profile: Profile, seed: int) -> Iterator[Ask]:
    for one in generated_requests(profile, seed=seed, depth="standard"):
        if isinstance(one, Ask) and _usable(one, profile):
            yield one


def _usable(one: Ask, profile: Profile) -> bool:
    from messages_conformance.contract.probes import probes

    row = probes().get(one.probe)
    return (
        one.expect == ACCEPTED
        and (one.method, one.path) == ("POST", MESSAGES_PATH)
        and isinstance(one.body, Mapping)
        and "stream" not in one.body
        and not (one.wire or one.headers or one.capability)
        and one.auth == "profile"
        and one.fill_model
        and one.needs <= profile.offers
        and (row is None or profile.family in row.families)
        and one.body.get("max_tokens", 0) <= MAX_TOKENS
        and len(json.dumps(one.body)) <= MAX_BODY_BYTES
    )


def _in_form(one: Ask, *, stream: bool) -> Ask:
    assert isinstance(one.body, Mapping)
    body = {**one.body, "messages": _marked(one.body["messages"]), **({"stream": True} if stream else {})}
    return replace(one, body=body, situation=one.situation + (".streamed" if stream else ""), layout="compact")


def _marked(messages: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The messages with PLACEHOLDER at the end of the last text of a user; unchanged without one."""
    changed = list(messages)
    for at in range(len(changed) - 1, -1, -1):
        message = changed[at]
        if message.get("role") != "user":
            continue
        content = message.get("content")
        if isinstance(content, str):
            changed[at] = {**message, "content": f"{content}\n\n(Reference: {PLACEHOLDER})"}
            return changed
        texts = [place for place, block in enumerate(content or ()) if _is_text(block)]
        if texts:
            blocks = list(content or ())
            last = blocks[texts[-1]]
            blocks[texts[-1]] = {**last, "text": f"{last['text']}\n\n(Reference: {PLACEHOLDER})"}
            changed[at] = {**message, "content": blocks}
            return changed
    return changed


def _is_text(block: Any) -> bool:
    return isinstance(block, Mapping) and block.get("type") == "text" and isinstance(block.get("text"), str)


class Choice:
    """Chooses the kinds of a load test in an order by seed, half of them echoes."""

    def __init__(self, known: Sequence[Kind], *, seed: int) -> None:
        self._random = random.Random(seed)
        self._echoes = [kind for kind in known if kind.echoes] or list(known)
        self._others = [kind for kind in known if not kind.echoes] or list(known)

    def next(self) -> Kind:
        """The kind of the next request."""
        return self._random.choice(self._echoes if self._random.random() < ECHO_SHARE else self._others)
