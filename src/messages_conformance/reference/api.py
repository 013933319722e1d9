"""The reference endpoint without a socket: an HttpRequest goes in, an HttpResponse comes out.

A change can rewrite every stage between the two; faults and variants are changes. Without a change the endpoint
conforms to both API versions.
"""

from __future__ import annotations

import itertools
import json
import random
import re
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any, NoReturn

from messages_conformance.reference import (
    caching,
    citations,
    events,
    files,
    message,
    message_threads,
    model_list,
    other_routes,
    validation,
)
from messages_conformance.reference.changes import Change, ErrorReply, RequestContext, Stage, rewrites
from messages_conformance.reference.failures import Failure
from messages_conformance.reference.http import Header, HttpRequest, HttpResponse
from messages_conformance.reference.language_model import Model

API_KEY = "reference-key"
VERSIONS = ("2023-06-01", "2026-10-21")
MAX_BODY_BYTES = 32 * 1024 * 1024
ORGANIZATION_ID = "6f0f1d4e-8a53-4ab5-9d0e-1d8f4c3f7a10"
RATE_LIMITS = (
    ("requests", 4_000, 3_999),
    ("input-tokens", 2_000_000, 1_990_000),
    ("output-tokens", 400_000, 398_000),
    ("tokens", 2_400_000, 2_388_000),
)
"""Name, limit and remaining count, tokens in thousands. No request is ever limited."""
LEFT, BROKEN = "left", "broken"
"""Keys in the memory of an endpoint: a client left early, or sent bytes that are not a whole request."""

ALPHABET = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_RANDOM = random.Random()
"""The source of identifiers. It asks the operating system once; for each identifier that would be the slowest step."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of a correct endpoint."""

    version_required: bool = False
    """Whether a request without anthropic-version is refused. Compatible gateways accept it."""
    latency_s: float = 0.0
    """The wait before the status line."""
    piece_latency_s: float = 0.0
    """The wait before each event of a stream."""
    api_key: str = API_KEY
    models: tuple[str, ...] = model_list.MODELS
    also_served: tuple[str, ...] = ()
    """Patterns of further models that answer, such as claude*, and that the list of models does not have."""

    def serves(self, model: object) -> bool:
        """Whether a request for the model is answered."""
        return model in self.models or any(fnmatchcase(str(model), pattern) for pattern in self.also_served)


class Refused(Exception):
    """Raised for a request that is answered with an error."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def new_id(prefix: str) -> str:
    """An identifier that was never used before: the prefix, 01, and 22 letters or digits."""
    return f"{prefix}01{''.join(_RANDOM.choices(ALPHABET, k=22))}"


def tool_ids() -> Iterator[str]:
    """New identifiers of tool calls, without end."""
    while True:
        yield new_id("toolu_")


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """An endpoint that speaks the Messages API. Safe to share between threads. `now_s` is its clock."""

    settings: Settings = field(default_factory=Settings)
    changes: tuple[Change, ...] = ()
    memory: dict[str, Any] = field(default_factory=dict, repr=False)
    now_s: Callable[[], float] = field(default=time.monotonic, repr=False)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1), repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def handle(self, request: HttpRequest) -> HttpResponse:
        """The response to a request. Never raises for anything that a client can send."""
        with self._lock:
            return _Exchange(self, request, next(self._numbers)).response()

    def broken(self, status: int) -> HttpResponse:
        """The response to bytes that are not a whole HTTP request, as a server library would write it."""
        with self._lock:
            self.memory[BROKEN] = True
            exchange = _Exchange(self, HttpRequest(method="", target="/"), next(self._numbers))
            failure = Failure(status=status, message="not a valid HTTP request")
            response: HttpResponse = exchange.change(Stage.BROKEN, exchange.error(failure))
            return response

    def left(self) -> None:
        """Records that a client left before its response was complete."""
        with self._lock:
            self.memory[LEFT] = True


class _Exchange:
    """One request on its way through the stages."""

    def __init__(self, endpoint: Endpoint, request: HttpRequest, number: int) -> None:
        self.settings = endpoint.settings
        self.changes = endpoint.changes
        self.context = RequestContext(
            request=request,
            number=number,
            request_id=new_id("req_"),
            received_at_s=endpoint.now_s(),
            body={},
            memory=endpoint.memory,
        )
        self.request: HttpRequest = self.change(Stage.REQUEST, request)

    def change(self, stage: Stage, thing: Any) -> Any:
        for change in self.changes:
            for rewrite in rewrites(change, stage):
                thing = rewrite(thing, self.context)
        return thing

    def response(self) -> HttpResponse:
        try:
            response = self.routed()
        except Refused as refused:
            response = self.error(refused.failure)
        changed: HttpResponse = self.change(Stage.RESPONSE, response)
        return changed

    # Admission

    def check(self, failures: Iterable[Failure]) -> None:
        remaining: Sequence[Failure] = self.change(Stage.FAILURES, list(failures))
        if remaining:
            raise Refused(remaining[0])

    def refuse(self, failure: Failure) -> NoReturn:
        self.check([failure])
        # If a change removed the failure, there is still nothing that could be served.
        raise Refused(failure)

    def admit(self) -> None:
        if len(self.request.body) > MAX_BODY_BYTES:
            self.check([too_large()])
        self.check(self.credential_failures())
        self.check(self.version_failures())
        self.check(validation.beta_failures(self.request.header_values("anthropic-beta")))

    def credential_failures(self) -> Iterator[Failure]:
        keys = list(self.request.header_values("x-api-key"))
        for value in self.request.header_values("authorization"):
            scheme, _, token = value.partition(" ")
            keys.append(token.strip() if scheme.lower() == "bearer" else "")
        if not keys:
            yield Failure(
                status=401,
                message="no credential: send x-api-key, or authorization with a bearer token",
                requirement="auth.missing.401",
            )
        elif self.settings.api_key not in keys:
            yield Failure(status=401, message="invalid x-api-key or bearer token", requirement="auth.invalid.401")

    def version_failures(self) -> Iterator[Failure]:
        values = self.request.header_values("anthropic-version")
        if not values and self.settings.version_required:
            yield Failure(message="anthropic-version: header is required", requirement="version.header.required")
        if values and (len(values) > 1 or values[0] not in VERSIONS):
            yield Failure(
                message=f'anthropic-version: "{", ".join(values)}" is not a valid version',
                requirement="version.header.invalid",
            )

    # Routes

    def routed(self) -> HttpResponse:
        self.admit()
        match self.request.segments:
            case ("v1", "messages"):
                self.only("POST")
                return self.create()
            case ("v1", "messages", "count_tokens"):
                self.only("POST")
                return self.count_tokens()
            case ("v1", "messages", "batches", *rest):
                return self.objects(other_routes.about_batches, tuple(rest))
            case ("v1", "files", *rest):
                return self.objects(other_routes.about_files, tuple(rest))
            case ("v1beta", "models"):
                self.only("GET")
                return self.json(self.change(Stage.OBJECTS, model_list.vendors(self.settings.models)))
            case ("v1", "models"):
                self.only("GET")
                return self.list_models()
            case ("v1", "models", *rest):
                self.only("GET")
                return self.retrieve_model("/".join(rest))
        path = self.request.path
        return self.refuse(Failure(status=404, message=f"no such path: {path}", requirement="errors.status.404-path"))

    def only(self, method: str) -> None:
        if self.request.method != method:
            self.refuse(
                Failure(
                    status=405,
                    message=f"{self.request.method} is not allowed here, use {method}",
                    requirement="transport.method.get-rejected",
                )
            )

    def create(self) -> HttpResponse:
        body = self.accepted_body(counting=False)
        model: Model = self.change(Stage.MODEL, Model())
        if message.input_tokens(body, model) > message.CONTEXT_TOKENS:
            self.check([Failure(message="prompt is too long for this model", requirement="request.context.too-long")])
        if not isinstance(body.get("model"), str):
            body = {**body, "model": self.settings.models[0]}
        answer = message.message(body, model, message_id=new_id("msg_"), tool_ids=tool_ids())
        answer["content"] = citations.cited(answer["content"], body)
        answer = caching.billed(answer, body, model, self.context.memory, now_s=self.context.received_at_s)
        self.context = replace(self.context, answer=answer)
        answer = self.change(Stage.MESSAGE, answer)
        message_threads.remember(body, answer, self.context.memory)
        if not body.get("stream"):
            return self.json(self.change(Stage.DOCUMENT, answer))
        return self.stream(answer)

    def stream(self, answer: Mapping[str, Any]) -> HttpResponse:
        stream = self.change(Stage.EVENTS, events.events(answer))
        frames = self.change(Stage.FRAMES, [events.frame(event) for event in stream])
        headers = (("content-type", "text/event-stream; charset=utf-8"), ("cache-control", "no-cache"))
        delay_s = self.settings.piece_latency_s
        return HttpResponse(
            status=200,
            headers=(*headers, *self.common_headers()),
            pieces=tuple((delay_s, frame) for frame in frames),
            framing="chunked",
            delay_s=self.settings.latency_s,
        )

    def count_tokens(self) -> HttpResponse:
        body = self.accepted_body(counting=True)
        model: Model = self.change(Stage.MODEL, Model())
        counted: dict[str, Any] = {"input_tokens": message.input_tokens(body, model)}
        if body.get("context_management") is not None:
            counted["context_management"] = {"original_input_tokens": counted["input_tokens"]}
        return self.json(self.change(Stage.COUNT, counted))

    def list_models(self) -> HttpResponse:
        self.check(model_list.page_failures(self.request.query))
        page = model_list.page(self.settings.models, self.request.query)
        return self.json(self.change(Stage.MODELS, page))

    def retrieve_model(self, name: str) -> HttpResponse:
        if name not in self.settings.models:
            self.refuse(unknown_model(name))
        return self.json(self.change(Stage.MODELS, model_list.item(self.settings.models, name)))

    def objects(self, route: other_routes.Route, rest: tuple[str, ...]) -> HttpResponse:
        """The answer of the routes of batches and files."""
        answer = route(self.request, rest, self.context.memory)
        if isinstance(answer, other_routes.Checked):
            self.check(answer.failures)
            answer = answer.answer(new_id)
        if isinstance(answer, Failure):
            return self.refuse(answer)
        if isinstance(answer, bytes):
            return self.json(answer, headers={"content-type": "application/x-jsonl"})
        return self.json(self.change(Stage.OBJECTS, answer))

    # Bodies

    def accepted_body(self, *, counting: bool) -> Mapping[str, Any]:
        body: Mapping[str, Any] = self.parsed_body()
        self.context = replace(self.context, body=body)
        version = self.request.header("anthropic-version")
        betas = validation.betas(self.request.header_values("anthropic-beta"))
        body = self.resumed(body, betas)
        self.check(validation.failures(body, version=version, counting=counting, betas=betas))
        self.check(files.message_failures(body, self.context.memory))
        name = body.get("model")
        if not any(validation.model_name(body)) and not self.settings.serves(name):
            self.check([unknown_model(name)])
        body = files.with_texts(body, self.context.memory)
        changed: Mapping[str, Any] = self.change(Stage.BODY, body)
        return changed

    def resumed(self, body: Mapping[str, Any], betas: frozenset[str]) -> Mapping[str, Any]:
        """The body; if it continues a stored conversation, with that conversation before it."""
        if not validation.allowed_by_beta("thread", betas):
            return body
        wrong = message_threads.shape_failure(body)
        if wrong is None and message_threads.continues(body):
            whole = message_threads.resumed(body, self.context.memory)
            return self.refuse(whole) if isinstance(whole, Failure) else whole
        if wrong is not None:
            self.check([wrong])
        return body

    def parsed_body(self) -> dict[str, Any]:
        if not self.request.body:
            self.refuse(Failure(message="the request body is empty", requirement="transport.request.empty-body"))
        if (data := decoded(self.request)) is None:
            failure = Failure(
                message="Content-Encoding: the body cannot be decoded", requirement="transport.request.gzip"
            )
            self.check([failure])
            data = self.request.body
        if charset_of(self.request) != "utf-8":
            failure = Failure(
                message="Content-Type: only UTF-8 is read",
                requirement="transport.request.charset",
                details={"error_code": "unsupported_charset"},
            )
            self.check([failure])
            data = data.decode("utf-8", "replace").encode()
        try:
            body = json.loads(data.decode("utf-8"), parse_constant=no_constant)
            events.to_json(body).encode("utf-8")
        except (ValueError, RecursionError):
            self.refuse(
                Failure(message="The request body is not valid JSON", requirement="transport.request.charset-bad-utf8")
            )
        if not isinstance(body, dict):
            self.refuse(
                Failure(message="The request body is not an object", requirement="transport.request.body-not-object")
            )
        return body

    # Answers

    def common_headers(self) -> tuple[Header, ...]:
        reset = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=1)
        stamp = reset.isoformat().replace("+00:00", "Z")
        limits = [
            (f"anthropic-ratelimit-{name}-{what}", value)
            for name, limit, remaining in RATE_LIMITS
            for what, value in (("limit", str(limit)), ("remaining", str(remaining)), ("reset", stamp))
        ]
        return (("request-id", self.context.request_id), ("anthropic-organization-id", ORGANIZATION_ID), *limits)

    def json(self, value: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> HttpResponse:
        data = value if isinstance(value, bytes) else events.to_json(value).encode()
        own = headers if headers is not None else {"content-type": "application/json"}
        return HttpResponse(
            status=status,
            headers=(*own.items(), *self.common_headers()),
            pieces=((0.0, data),),
            delay_s=self.settings.latency_s if status == 200 else 0.0,
        )

    def error(self, failure: Failure) -> HttpResponse:
        headers = {"content-type": "application/json"}
        if failure.retry_after_s is not None:
            headers["retry-after"] = str(failure.retry_after_s)
        details = {} if failure.details is None else {"details": dict(failure.details)}
        body = {
            "type": "error",
            "error": {"type": failure.type, "message": failure.message, **details},
            "request_id": self.context.request_id,
        }
        reply = ErrorReply(status=failure.status, body=body, headers=headers, requirement=failure.requirement)
        reply = self.change(Stage.ERROR, reply)
        return self.json(reply.body, status=reply.status, headers=reply.headers)


def decoded(request: HttpRequest) -> bytes | None:
    """The body without its gzip coding; None if it has another coding, or is damaged or too large."""
    coding = (request.header("content-encoding") or "identity").lower()
    if coding == "identity":
        return request.body
    try:
        inflater = zlib.decompressobj(wbits=31)
        data = inflater.decompress(request.body, MAX_BODY_BYTES)
    except zlib.error:
        return None
    return data if coding == "gzip" and inflater.eof else None


def charset_of(request: HttpRequest) -> str:
    """The charset that the Content-Type of a request names; utf-8 without one."""
    named = re.search(r"charset=\"?([^\s\";]+)", request.header("content-type") or "", re.IGNORECASE)
    return "utf-8" if named is None or named[1].lower() in ("utf-8", "utf8") else named[1].lower()


def no_constant(name: str) -> NoReturn:
    """Refuses NaN and Infinity, which Python's parser accepts."""
    raise ValueError(f"{name} is not JSON")


def unknown_model(name: object) -> Failure:
    """The failure for a model that the endpoint does not have."""
    return Failure(status=404, message=f"model: {name}", requirement="errors.status.404-model")


def too_large() -> Failure:
    """The failure for a body over the limit."""
    return Failure(status=413, message="Request exceeds the maximum size", requirement="transport.request.size-limit")
