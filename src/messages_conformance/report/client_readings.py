"""What the models of clients read in the exchanges of a run, each exchange once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from messages_conformance import contract
from messages_conformance.client_models import MODELS, Wrong, read, what_is_wrong
from messages_conformance.exchange import ACCEPTED, MESSAGES_PATH, REFUSED, Exchange
from messages_conformance.rules.code_words import lacking, requests_code_words, word_places

MAIN_FIELDS: Final = frozenset({"model", "messages", "max_tokens", "stream", "tools", "tool_choice", "thinking"})
"""Fields of a request that nearly every application sends. What fails with others alone stops no client."""

MAIN_BLOCKS: Final = frozenset({"text", "tool_use", "tool_result", "thinking", "redacted_thinking"})
"""The same for the blocks of messages."""

OK: Final = 200
SENT_AGAIN: Final = frozenset({408, 409, 429})
FIRST_OF_THE_SERVER: Final = 500
"""Statuses after which the SDKs and Claude Code send the request again, at least twice: these, and from this one on."""

SAMPLE: Final = 40
"""Streams, and documents, that are read although nothing is found in them (our own: 10 ms for a client)."""

MUCH: Final = 4
"""An effect in one of this many ordinary answers stops a client (our own: an agent's turn has several requests)."""

OWN_TURNS: Final = ".session"
"""After the name of a client: the requirements about its whole turns."""

FORMAT: Final = "output_config"
"""Structured output, which the scenarios of the clients have in streams."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What one client makes of one exchange: `wrong` is None if the application gets what it should.

    `ordinary` says that the request has nothing that only some applications send.
    """

    wrong: Wrong | None
    ordinary: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class Readings:
    """The readings of a run. `exchanges` are by number."""

    exchanges: Mapping[int, Exchange] = field(default_factory=dict)
    _kept: dict[tuple[str, int], Reading | None] = field(default_factory=dict, repr=False)

    def of(self, client: str, number: int) -> Reading | None:
        """The reading of an exchange; None if there is no model of the client (its short name), or nothing to read."""
        place = client, number
        if place not in self._kept:
            self._kept[place] = self._read(client, number)
        return self._kept[place]

    def reads_a_stream(self, client: str) -> bool:
        """Whether the client reads some stream of an ordinary request as it should."""
        return any(
            one is not None and one.ordinary and (one.wrong is None or one.wrong.outcome in HARMLESS_OUTCOMES)
            for number, exchange in self.exchanges.items()
            if exchange.request.streamed and exchange.expect == ACCEPTED and client in MODELS
            for one in (self.of(client, number),)
        )

    def reads_calls_without_streaming(self, client: str) -> bool:
        """Whether the client repeats unreadable streams of requests with tools, and reads calls of whole answers."""
        read = [
            (exchange, one)
            for number, exchange in self.exchanges.items()
            if exchange.request.fields.get("tools") and exchange.succeeded and exchange.expect != REFUSED
            if (one := self.of(client, number)) is not None
        ]
        streams = [one.wrong for exchange, one in read if exchange.request.streamed]
        repeats = [wrong for wrong in streams if wrong is not None and wrong.outcome in HARMLESS_OUTCOMES]
        calls = [one.wrong for exchange, one in read if _has_call(exchange)]
        return bool(repeats) and len(repeats) == len(streams) and bool(calls) and not any(calls)

    @cached_property
    def parts_arrive(self) -> bool:
        """Whether the answers to whole turns list every code word: all parts of the requests reach the model."""
        asked = [
            one
            for one in self.exchanges.values()
            if any(probe.endswith(OWN_TURNS) for probe in one.probes) and requests_code_words(one)
        ]
        return bool(asked) and not any(lacking(one, word_places(one)) for one in asked)

    def is_ordinary(self, number: int) -> bool:
        """Whether an exchange has nothing that only some applications send."""
        exchange = self.exchanges.get(number)
        return exchange is not None and _is_message(exchange) and _is_ordinary(exchange)

    def passes(self, exchange: Exchange) -> bool:
        """Whether the refusal passes when the client sends the request again: most requests like it are answered."""
        response = exchange.response
        if response is None or not (response.status in SENT_AGAIN or response.status >= FIRST_OF_THE_SERVER):
            return False
        answered = self._answered[_kind(exchange)]
        return 2 * sum(answered) > len(answered)

    @cached_property
    def _answered(self) -> Mapping[tuple[bool, bool, bool], list[bool]]:
        """Kind of requests -> whether each was answered."""
        found: dict[tuple[bool, bool, bool], list[bool]] = {}
        for one in filter(_is_message, self.exchanges.values()):
            found.setdefault(_kind(one), []).append(one.response is not None and one.response.status == OK)
        return found

    def without_findings(self, client: str, *, streams_only: bool) -> Reading | None:
        """A reading that stops the client: of one of its own turns, or of much of a sample of ordinary answers."""
        for number, exchange in self.exchanges.items():
            own = exchange.succeeded and any(probe.startswith(f"{client}{OWN_TURNS}") for probe in exchange.probes)
            read = self.of(client, number) if own else None
            if read is not None and read.wrong is not None and read.wrong.lost and contract.stops(read.wrong.outcome):
                return read
        for streamed in (True, False)[: 1 if streams_only else 2]:
            found = [one for number in self._sample[streamed] if (one := self.of(client, number)) is not None]
            stopped = [one for one in found if one.wrong is not None and contract.stops(one.wrong.outcome)]
            if stopped and MUCH * len(stopped) >= len(found):
                return stopped[0]
        return None

    @cached_property
    def _sample(self) -> Mapping[bool, tuple[int, ...]]:
        """Whether they are streamed -> numbers of ordinary exchanges, from the whole run."""
        found: dict[bool, list[int]] = {True: [], False: []}
        for number, exchange in self.exchanges.items():
            if self.is_ordinary(number):
                found[exchange.request.streamed].append(number)
        return {streamed: tuple(numbers[:: len(numbers) // SAMPLE + 1]) for streamed, numbers in found.items()}

    def _read(self, client: str, number: int) -> Reading | None:
        exchange, model = self.exchanges.get(number), MODELS.get(client)
        if exchange is None or model is None or not _is_message(exchange):
            return None
        if exchange.expect == ACCEPTED and self.passes(exchange):
            return Reading(wrong=None, ordinary=_is_ordinary(exchange))
        received = read(model, exchange)
        if received is None:
            return None
        return Reading(wrong=what_is_wrong(client, received, exchange), ordinary=_is_ordinary(exchange))


HARMLESS_OUTCOMES: Final = frozenset({"ok_nonstream_fallback"})
"""Outcomes after which the application gets all that it should."""


def _has_call(exchange: Exchange) -> bool:
    """Whether a whole answer has a call."""
    content = exchange.response.fields.get("content") if exchange.response is not None else None
    return any(isinstance(block, dict) and block.get("type") == "tool_use" for block in _listed(content))


def _kind(exchange: Exchange) -> tuple[bool, bool, bool]:
    return exchange.request.streamed, bool(exchange.request.fields.get("tools")), _is_ordinary(exchange)


def _is_message(exchange: Exchange) -> bool:
    request = exchange.request
    return request.method == "POST" and request.route == MESSAGES_PATH and not request.wire


def _is_ordinary(exchange: Exchange) -> bool:
    fields = exchange.request.fields
    more = {FORMAT} if exchange.request.streamed else set()
    return (
        exchange.expect == ACCEPTED
        and set(fields) <= MAIN_FIELDS | more
        and all(_is_own_tool(tool) for tool in _listed(fields.get("tools")))
        and all(_blocks_are_ordinary(turn) for turn in _listed(fields.get("messages")))
    )


def _is_own_tool(tool: Any) -> bool:
    return isinstance(tool, dict) and "input_schema" in tool


def _blocks_are_ordinary(turn: Any) -> bool:
    content = turn.get("content") if isinstance(turn, dict) else None
    return all(isinstance(block, dict) and block.get("type") in MAIN_BLOCKS for block in _listed(content))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
