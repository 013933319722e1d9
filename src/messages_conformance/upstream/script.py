"""What the scripted upstream answers to one request: a value that travels inside the request, as a token.

    script = Script(blocks=(Text("Hello"), ToolCall("get_weather", arguments='{"city": "Paris"}')))
    content = f"What is the weather? {script.token()}"

All counts of events count *deltas*: the events that carry a piece of text, reasoning or arguments. So a script means
the same in each dialect. Empty pieces and the events around them (message_start, the chunk with the role) do not count.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import KW_ONLY, MISSING, dataclass, fields
from typing import Any, Final, Literal, TypeAlias, get_type_hints

from messages_conformance.input_files import InputError, typed
from messages_conformance.upstream.tokens import UnreadableToken, packed, token_in, unpacked

Dialect: TypeAlias = Literal["anthropic", "openai-chat", "openai-responses"]
DIALECTS: Final[tuple[Dialect, ...]] = ("anthropic", "openai-chat", "openai-responses")

MIN_KEEP_ALIVE_S: Final = 0.001
"""The shortest time between keep-alives: our own number, against a pause of millions of them."""

MAX_WAIT_S: Final = 600.0
"""The longest wait that a script may ask for: our own number, the default time limit of the official SDKs."""


@dataclass(frozen=True)
class Text:
    """A text of the answer."""

    text: str
    _: KW_ONLY
    sizes: tuple[int, ...] = ()
    """As Chunking.sizes, for this block; empty: those of the script."""


@dataclass(frozen=True)
class Reasoning:
    """Thinking before the answer.

    Chat completions: `reasoning_content`, or `reasoning`, see `Script.reasoning_field`; no place for a signature.
    Responses: an item with a summary, and the signature as encrypted_content if the request includes it.
    """

    reasoning: str
    _: KW_ONLY
    signature: str = "c2lnbmVkLWJ5LXRoZS11cHN0cmVhbQ=="
    redacted: str = ""
    """The data of a redacted_thinking block, instead of text (anthropic); elsewhere it has no form."""
    sizes: tuple[int, ...] = ()


@dataclass(frozen=True)
class ToolCall:
    """A call of a tool. `arguments` is JSON text that is passed on as it is, even if it is not JSON.

    Anthropic, not streamed: the value of that text, so there it must be a JSON object.
    """

    name: str
    _: KW_ONLY
    arguments: str = "{}"
    id: str = ""
    """Empty: a fresh one in the form of the dialect."""
    sizes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Refusal:
    """The words of a refusal. Anthropic: a text, and the stop reason `refusal`."""

    refusal: str
    _: KW_ONLY
    sizes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Other:
    """A block of any type, as JSON text; only in the anthropic dialect, where it starts whole and has no deltas."""

    block: str
    _: KW_ONLY
    sizes: tuple[int, ...] = ()


Block = Text | Reasoning | ToolCall | Refusal | Other


@dataclass(frozen=True, kw_only=True)
class Usage:
    """The counts of tokens. `input` includes the cached ones, `output` the ones of reasoning, as in OpenAI's form.

    Anthropic: input_tokens is `input` without `cached` and `cache_written`.
    """

    input: int = 25
    output: int = 12
    cached: int = 0
    cache_written: int = 0
    reasoning: int = 0


UsagePlace: TypeAlias = Literal["documented", "absent", "finish", "every"]
"""Where the counts are in a stream of chat completions. `documented`: in a last chunk without choices, if the request
asks for it with include_usage. `finish`: in the chunk with the finish reason, `every`: in each chunk, asked for or not.
`absent`, in every dialect, streamed or not: nowhere."""

Writes: TypeAlias = Literal["events", "inside-characters", "bytes", "joined"]
"""How a stream is cut into writes. `events`: one write for each event. `inside-characters`: an event is cut inside each
of its characters of several bytes. `bytes`: every byte alone. `joined`: as many events in one write as waits allow."""


@dataclass(frozen=True, kw_only=True)
class Chunking:
    """How blocks become deltas, and deltas become writes."""

    sizes: tuple[int, ...] = (8,)
    """The numbers of characters of the deltas, repeated until the text ends; (1,) is one character at a time, and 0 an
    empty delta."""
    writes: Writes = "events"
    interleaved: bool = False
    """Whether the arguments of parallel calls alternate; not in the anthropic dialect, where blocks are not mixed."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """An error instead of an answer. Empty `type` and `code`: those that the dialect has for the status."""

    status: int
    message: str = "The scripted upstream fails."
    type: str = ""
    code: str = ""
    body: str | None = None
    """The whole body as it is, instead of the error envelope of the dialect, such as the page of a front end. Only with
    a body may the status be below 400."""
    content_type: str = "application/json"


@dataclass(frozen=True, kw_only=True)
class Interruption:
    """A stream that does not reach its normal end: it stops after `after` deltas, or before the finish reason.

    `error`: an error event with `failure`, then the end; its `body` is written as it is, such as half an event. `cut`:
    the connection closes within the body. `reset`: the same with TCP RST. `end`: the body ends as if it were complete.
    `hang`: nothing follows, the connection stays open.
    Not streamed: `error` is an error response; `cut`, `reset` and `hang` happen after half of the body; `end` changes
    nothing.
    """

    after: int
    how: Literal["error", "cut", "reset", "end", "hang"]
    failure: Failure = Failure(status=500)


@dataclass(frozen=True, kw_only=True)
class Pause:
    """A silence of `seconds` after `after` deltas. `keep_alive_s`: how often a ping (anthropic) or a comment breaks it;
    0: never."""

    after: int
    seconds: float
    keep_alive_s: float = 0.0


FINISHES: Final = ("stop", "length", "tool_calls", "content_filter", "stop_sequence", "missing")
"""The finish reasons that each dialect has a form for; `missing`: the answer ends without one."""


@dataclass(frozen=True, kw_only=True)
class Script:
    """What to answer. The default is a short text that ends normally."""

    case: str = ""
    """Makes tokens of equal scripts differ, so that their exchanges can be told apart."""
    blocks: tuple[Block, ...] = (Text("Hello from the scripted upstream."),)
    finish: str = ""
    """One of FINISHES. Empty: `tool_calls` with a call, `content_filter` with a refusal in the anthropic dialect, else
    `stop`. Any other word is passed on as it is, as the reason that no client knows."""
    stop_sequence: str | None = None
    """The sequence that matched, with the finish reason `stop_sequence`. OpenAI's form has no place for it."""
    usage: Usage = Usage()
    usage_place: UsagePlace = "documented"
    chunking: Chunking = Chunking()
    failure: Failure | None = None
    interruption: Interruption | None = None
    wait_before_headers_s: float = 0.0
    """A slow start: the wait before the status line."""
    wait_before_events_s: float = 0.0
    """The wait between the headers and the first event."""
    wait_between_deltas_s: float = 0.0
    pauses: tuple[Pause, ...] = ()
    hold: bool = False
    """Whether each delta after the first, and the end after the last, waits for one `Upstream.release(token)`."""
    hold_limit_s: float = 10.0
    """How long one of them waits; after the first that waited in vain, the rest is sent at once."""
    keep_alive_every: int = 0
    """A ping (anthropic) or a comment after this many deltas; 0: none."""
    pings: bool = True
    """Whether a stream in the anthropic dialect has a ping after its first block has started."""
    headers: tuple[tuple[str, str], ...] = ()
    """Headers of the response; they replace those of the same name. An error can have them, too."""
    model: str = ""
    """The model that the answer names; empty: that of the request."""
    opening: Literal["documented", "without-choices"] = "documented"
    """`without-choices`: a stream of chat completions begins with a chunk without choices, as Azure's does."""
    compressed: bool = False
    """Whether the answer is compressed with gzip, if the request accepts that."""
    id: str = ""
    """The id of the answer; empty: a fresh one in the form of the dialect."""
    reasoning_field: Literal["reasoning_content", "reasoning"] = "reasoning_content"
    """The field of reasoning in chat completions. Servers differ."""
    validates: bool = True
    """Whether a request that violates the dialect is refused. With False it gets its answer, and is only recorded."""

    def token(self) -> str:
        """The script as letters and digits that survive translation. Equal scripts have equal tokens."""
        return packed(as_json(self))


def script_in(body: object) -> Script | None:
    """The script of a request body of any dialect, as parsed JSON, text or bytes; None without a token.

    Raises UnreadableToken for a token that cannot be read.
    """
    token = token_in(body)
    return None if token is None else script_of(token)


def script_of(token: str) -> Script:
    """The script of a token. Raises UnreadableToken."""
    return from_json(unpacked(token))


# -- as JSON ----------------------------------------------------------------------------------------------------------


def as_json(script: Script) -> dict[str, Any]:
    """The script as a JSON object with only the fields that differ from the default."""
    written: dict[str, Any] = _written(script)
    return written


def _written(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_written(item) for item in value]
    if not hasattr(value, "__dataclass_fields__"):
        return value
    return {
        one.name: _written(getattr(value, one.name))
        for one in fields(value)
        if one.default is MISSING or getattr(value, one.name) != one.default
    }


_BLOCKS: Final[Mapping[str, type]] = {
    "text": Text,
    "reasoning": Reasoning,
    "name": ToolCall,
    "refusal": Refusal,
    "block": Other,
}
"""The field that only one kind of block has -> that kind."""


def from_json(value: Any) -> Script:
    """The script of a JSON object. Raises UnreadableToken with the field that is wrong."""
    try:
        script = Script(**{name: _field(name, item) for name, item in _checked(value, Script).items()})
    except InputError as error:
        raise UnreadableToken(str(error)) from error
    _check_values(script)
    return script


def _field(name: str, value: Any) -> Any:
    if name == "blocks":
        return tuple(map(_block, typed(value, list[Any])))
    kind = _HINTS[name]
    if kind in (Usage, Chunking, Failure, Interruption):
        _checked(value, kind)
    try:
        return typed(value, kind)
    except InputError as error:
        raise InputError(f"{name}: {error}") from error


def _block(value: Any) -> Any:
    kind = next((kind for name, kind in _BLOCKS.items() if isinstance(value, dict) and name in value), None)
    if kind is None:
        raise InputError(f"a block has none of the fields {', '.join(_BLOCKS)}")
    return typed(_checked(value, kind), kind)


def _checked(value: Any, kind: type) -> dict[str, Any]:
    """The object without unknown fields: to ignore one would give another answer than the script says."""
    if not isinstance(value, dict):
        raise InputError(f"a {kind.__name__} is an object")
    known = {one.name for one in fields(kind)}
    if unknown := sorted(value.keys() - known):
        raise InputError(f"unknown field {unknown[0]!r}; a {kind.__name__} has {', '.join(sorted(known))}")
    return value


_HEADER: Final = re.compile(
    r"[!#$%&'*+.^_`|~0-9A-Za-z-]+: ([\x21-\x7e\xa0-\xff]([\t\x20-\x7e\xa0-\xff]*[\x21-\x7e\xa0-\xff])?)?"
)
"""A header that HTTP/1.1 can carry (RFC 9110, 5.1 and 5.5)."""

_FRAMING: Final = frozenset({"content-length", "transfer-encoding", "connection"})
"""Headers that the server itself must set, so that the end of the body is right."""

_HINTS: Final = get_type_hints(Script)


def _check_values(script: Script) -> None:
    """Refuses values that would make the server itself fail."""
    waits = [script.wait_before_headers_s, script.wait_before_events_s, script.wait_between_deltas_s]
    waits.append(script.hold_limit_s)
    waits += [number for pause in script.pauses for number in (pause.seconds, pause.keep_alive_s)]
    if not script.chunking.sizes:
        raise UnreadableToken("chunking.sizes is empty")
    if not all(0 <= wait_s <= MAX_WAIT_S for wait_s in waits):
        raise UnreadableToken(f"a wait is not between 0 and {MAX_WAIT_S:g} seconds")
    if any(0 < pause.keep_alive_s < MIN_KEEP_ALIVE_S for pause in script.pauses):
        raise UnreadableToken(f"pauses: keep_alive_s is neither 0 nor {MIN_KEEP_ALIVE_S} and more")
    for sizes in (script.chunking.sizes, *(block.sizes for block in script.blocks)):
        if sizes and (min(sizes) < 0 or not any(sizes)):
            raise UnreadableToken("sizes needs numbers from 0, at least one above 0")
    failures = [script.failure] if script.failure else []
    failures += [script.interruption.failure] if script.interruption else []
    for failure in failures:
        if not (200 if failure.body is not None else 400) <= failure.status <= 599:
            raise UnreadableToken("failure.status is not between 400 and 599; from 200 it needs a body")
    types = [("content-type", failure.content_type) for failure in failures]
    for name, value in (*script.headers, *types):
        if not _HEADER.fullmatch(f"{name}: {value}") or name.lower() in _FRAMING:
            raise UnreadableToken(f"headers: {name!r} with the value {value!r} cannot be sent")
