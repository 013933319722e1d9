"""The gateway itself: a Messages endpoint in front, a model server behind, and the changes of faults and variants."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Final

from messages_conformance.reference_gateway import http
from messages_conformance.reference_gateway.changes import PASSTHROUGH, RESPONSES, TRANSLATES, Change, Failed, Fields
from messages_conformance.reference_gateway.chat_answer import BrokenAnswerError, chunks_of, events_of, message_of
from messages_conformance.reference_gateway.chat_request import Refused, Translation, to_chat
from messages_conformance.reference_gateway.failures import failed, passed_on, upstream_failed
from messages_conformance.reference_gateway.http import HttpRequest, Reply, UpstreamAnswer, UpstreamError, posted
from messages_conformance.reference_gateway.responses_form import to_chunks, to_completion, to_responses
from messages_conformance.reference_gateway.server_events import data_of, frame

UPSTREAM_KEY: Final = "upstream-key-4b1f0c9d7e"
"""The key that the gateway sends to the upstream."""

PATHS: Final = {PASSTHROUGH: "/v1/messages", TRANSLATES: "/v1/chat/completions", RESPONSES: "/v1/responses"}
PING_AFTER_S: Final = 10.0
"""A translating gateway sends a ping after this much silence of the upstream (a third of the least limit of a
client)."""

SILENCE_LIMIT_S: Final = 300.0
"""Clients give up after this much silence (code.claude.com, network configuration, idle timeouts of streams)."""

HELD_OPEN_S: Final = 15.0
"""A fault holds a stream open for this long after its end: longer than clients wait (our own)."""

GIVES_UP_S: Final = 1.0
"""A fault ends a request after this much silence of the upstream (our own: half of the shortest slow answer)."""

MOST_AT_ONCE: Final = 12
"""A gateway that limits its clients accepts this many requests at the same time (our own)."""

JSON: Final = ("content-type", "application/json")
EVENT_STREAM: Final = (("content-type", "text/event-stream"), ("cache-control", "no-cache"))


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The mode, the address of the upstream without a path, and the key for it.

    `speaks` is the dialect of a translating gateway: TRANSLATES for Chat Completions, or RESPONSES. Such a gateway
    sends a ping after each `ping_after_s` of silence. A request whose upstream is silent for `silence_limit_s` ends
    with an error.
    """

    mode: str
    upstream: str
    upstream_key: str = UPSTREAM_KEY
    speaks: str = TRANSLATES
    changes: tuple[Change, ...] = ()
    ping_after_s: float = PING_AFTER_S
    silence_limit_s: float = SILENCE_LIMIT_S


@dataclass(kw_only=True)
class Shared:
    """What all requests of a gateway share. Only faults and variants use it."""

    going_on: set[asyncio.Future[None]] = field(default_factory=set)
    one_by_one: asyncio.Lock = field(default_factory=asyncio.Lock)
    active: int = 0


class Gateway:
    """Answers requests of clients. `handle` is the handler of `http.served`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.shared = Shared()
        self.flags = frozenset[str]().union(*(change.flags for change in settings.changes))

    async def handle(self, request: HttpRequest, reply: Reply) -> None:
        """Answers one request; it is cancelled when the client leaves, and with it the request to the upstream."""
        if not self.flags & {"finishes_for_nobody", "notices_leaving_late"}:
            await self._handle(request, reply)
            return
        reply.ignores_leaving = "finishes_for_nobody" in self.flags
        task = asyncio.ensure_future(self._handle(request, reply))
        self.shared.going_on.add(task)
        task.add_done_callback(self.shared.going_on.discard)
        task.add_done_callback(_looked_at)
        await asyncio.shield(task)

    async def _handle(self, request: HttpRequest, reply: Reply) -> None:
        """Answers one request; an error of the upstream becomes an error of the Messages API."""
        route = request.target.partition("?")[0]
        if route != "/v1/messages" or request.method != "POST":
            await self._fail(reply, failed(404, f"no such path: {request.method} {route}"))
            return
        if "limits_clients" in self.flags and self.shared.active >= MOST_AT_ONCE:
            await self._fail(reply, failed(429, "too many requests at the same time"))
            return
        self.shared.active += 1
        try:
            await self._answered(request, reply)
        finally:
            self.shared.active -= 1

    async def _answered(self, request: HttpRequest, reply: Reply) -> None:
        waits = "one_by_one" in self.flags or (
            "blocks_on_whole" in self.flags and b'"stream": true' not in request.body
        )
        async with self.shared.one_by_one if waits else contextlib.nullcontext():
            try:
                await self._answer(request, reply)
            except Refused as refused:
                await self._fail(reply, failed(400, str(refused)))
            except (KeyError, TypeError, ValueError, AttributeError):
                await self._fail(reply, failed(400, "the body is not a request of the Messages API"))
            except UpstreamError as error:
                await self._fail(reply, upstream_failed(str(error), self._facts()))
            except BrokenAnswerError as error:
                await self._fail(reply, failed(502, str(error)))

    async def _answer(self, request: HttpRequest, reply: Reply) -> None:
        given = json.loads(request.body)
        body = self._edited("request", deepcopy(given))
        translation = Translation(body=body) if self._passes else to_chat(body)
        sent = self._edited("sent", translation.body)
        left_out = [*translation.left_out, *["stop_sequences"] * (self._responds and bool(given.get("stop_sequences")))]
        sent = to_responses(sent) if self._responds else sent
        raw = request.body if self._passes and sent == given else json.dumps(sent, ensure_ascii=False).encode()
        headers = tuple(self._upstream_headers(request).items())
        query = request.target.partition("?")[2] if self._passes else ""
        path = PATHS[PASSTHROUGH if self._passes else self.settings.speaks]
        url = self.settings.upstream + path + (f"?{query}" if query else "")
        for path in (*[""] * ("asks_twice" in self.flags), *["/count_tokens"] * ("counts_first" in self.flags)):
            async with self._posted(f"{url}{path}", headers, raw) as first:
                await first.body()
        if left_out and "refuses_left_out" in self.flags:
            raise Refused(f"{left_out[0]}: not supported")
        more = (("x-left-out", ", ".join(left_out)),) if left_out and "no_report" not in self.flags else ()
        async with self._asked(url, headers, raw) as answer:
            await self._respond(answer, reply, given, more)

    @contextlib.asynccontextmanager
    async def _asked(self, url: str, headers: http.Headers, raw: bytes) -> AsyncIterator[UpstreamAnswer]:
        async with contextlib.AsyncExitStack() as stack:
            answer = await stack.enter_async_context(self._posted(url, headers, raw))
            if answer.status >= 500 and "retries_once" in self.flags:
                answer = await stack.enter_async_context(self._posted(url, headers, raw))
            yield answer

    def _posted(
        self, url: str, headers: http.Headers, raw: bytes
    ) -> contextlib.AbstractAsyncContextManager[UpstreamAnswer]:
        limit_s = None if "waits_for_ever" in self.flags else self.settings.silence_limit_s
        limit_s = GIVES_UP_S if "gives_up_soon" in self.flags else limit_s
        return posted(url, headers, raw, silence_limit_s=limit_s, decodes="keeps_coding" not in self.flags)

    @property
    def _passes(self) -> bool:
        return self.settings.mode == PASSTHROUGH

    @property
    def _responds(self) -> bool:
        return not self._passes and self.settings.speaks == RESPONSES

    def _facts(self) -> dict[str, str]:
        return {"address": self.settings.upstream, "key": self.settings.upstream_key}

    def _edited(self, step: str, value: Any) -> Any:
        for change in self.settings.changes:
            edit = getattr(change, step)
            value = value if edit is None else edit(value)
        return value

    def _upstream_headers(self, request: HttpRequest) -> dict[str, str]:
        key = self.settings.upstream_key
        headers = {"content-type": "application/json"}
        if self._passes:
            kept = ((name.lower(), value) for name, value in request.headers)
            headers |= {name: value for name, value in kept if name.startswith(("anthropic-", "x-claude-code-"))}
            headers["x-api-key"] = key
        else:
            headers["authorization"] = f"Bearer {key}"
        for change in self.settings.changes:
            headers = headers if change.headers is None else change.headers(headers, request)
        return headers

    # -- answers -----------------------------------------------------------------------------------------------------

    async def _respond(self, answer: UpstreamAnswer, reply: Reply, given: Fields, more: http.Headers) -> None:
        if not 200 <= answer.status < 300:
            await self._fail(reply, await passed_on(answer, verbatim=self._passes))
            return
        headers = (*more, *_kept(answer)) if self._passes else more
        if given.get("stream") is True and "never_streams" not in self.flags:
            await self._stream(answer, reply, given, self._reply_headers((*EVENT_STREAM, *headers)))
            return
        raw = await answer.body()
        if self._passes and not self._changes("message"):
            await reply.whole(200, self._reply_headers((JSON, *headers)), raw)
            return
        message = self._edited("message", self._message(_parsed(raw), str(given.get("model"))))
        body = json.dumps(message, ensure_ascii=False).encode()
        await reply.whole(200, self._reply_headers((JSON, *headers)), body)

    def _message(self, answer: Any, model: str) -> Any:
        if self._passes:
            return answer
        completion = to_completion(answer) if self._responds else answer
        return message_of(self._edited("completion", completion), model=model)

    def _changes(self, step: str) -> bool:
        return any(getattr(change, step) is not None for change in self.settings.changes)

    def _reply_headers(self, headers: http.Headers) -> http.Headers:
        for change in self.settings.changes:
            headers = headers if change.reply is None else change.reply(headers, self._facts())
        return headers

    async def _stream(self, answer: UpstreamAnswer, reply: Reply, given: Fields, headers: http.Headers) -> None:
        media = answer.header("content-type").partition(";")[0]
        if media != "text/event-stream":
            raise BrokenAnswerError("the answer of the model is not a stream")
        await reply.begin(200, headers)
        if self._passes and not self._changes("events") and not self.flags & {"buffers", "drops_types"}:
            async for piece in answer.pieces:
                await reply.send(piece)
            await self._end(reply)
            return
        events = self._edited("events", self._events(answer, given))
        try:
            await self._send_events(events, reply)
        except (UpstreamError, BrokenAnswerError) as error:
            for data in self._stream_failure(error):
                await reply.send(data)
        await self._end(reply)

    async def _end(self, reply: Reply) -> None:
        if "holds_open" in self.flags:
            await asyncio.sleep(HELD_OPEN_S)
        await reply.end()

    def _stream_failure(self, error: Exception) -> Iterator[bytes]:
        yield frame({"type": "error", "error": {"type": "api_error", "message": str(error)}})

    async def _events(self, answer: UpstreamAnswer, given: Fields) -> AsyncIterator[Fields]:
        data = data_of(answer.pieces)
        if not self._passes:
            chunks = self._edited("chunks", to_chunks(data) if self._responds else chunks_of(data))
            async for event in events_of(chunks, model=str(given.get("model"))):
                yield event
            return
        ended = False
        async for one in data:
            event = json.loads(one)
            ended = ended or event.get("type") in ("message_stop", "error")
            yield event
        if not ended:
            raise UpstreamError("the upstream closed the connection in the middle of its answer")

    async def _send_events(self, events: AsyncIterator[Fields], reply: Reply) -> None:
        held = b""
        try:
            async for event in with_pings(events, None if "never_pings" in self.flags else self.settings.ping_after_s):
                held += frame(event, typed="drops_types" not in self.flags)
                if "buffers" not in self.flags:
                    await reply.send(held)
                    held = b""
        finally:
            await reply.send(held)

    async def _fail(self, reply: Reply, failure: Failed) -> None:
        """Sends an error; after the head of an answer the connection is closed instead, which shows the cut."""
        if reply.begun:
            raise ConnectionResetError
        failure = self._edited("failed", failure)
        await reply.whole(failure.status, self._reply_headers(failure.headers), failure.body)


async def with_pings(events: AsyncIterator[Fields], after_s: float | None) -> AsyncIterator[Fields]:
    """The events, with a ping after each `after_s` of silence; None: never."""
    iterator = aiter(events)
    while True:
        coming = asyncio.ensure_future(anext(iterator))
        coming.add_done_callback(_looked_at)
        try:
            while not (await asyncio.wait({coming}, timeout=after_s))[0]:
                yield {"type": "ping"}
            event = coming.result()
        except StopAsyncIteration:
            return
        finally:
            coming.cancel()
        yield event


def _looked_at(task: asyncio.Future[Any]) -> None:
    """Nobody asks for the error of a task whose client has left; asyncio would report it."""
    if not task.cancelled():
        task.exception()


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError as error:
        raise BrokenAnswerError("the answer of the model is not JSON") from error


def _kept(answer: UpstreamAnswer) -> http.Headers:
    """The headers of the upstream that belong to the Messages API."""
    return tuple(
        (name, value)
        for name, value in answer.headers
        if name.lower() in ("request-id", "retry-after") or name.lower().startswith("anthropic-")
    )


@contextlib.contextmanager
def served(settings: Settings, *, port: int = 0) -> Iterator[str]:
    """Serves the gateway on loopback until the block ends; gives its base URL."""
    with http.served(Gateway(settings).handle, port=port) as url:
        yield url
