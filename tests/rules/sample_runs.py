"""Short runs that the tables of this folder share: answers, streams and requests with one property changed."""

from typing import Any

from builders import ANSWER, TOOL_CALL, TOOLS, answered, refused, streamed
from stream_frames import HELLO, Event, block, delta, ends, ev, fragment, over, sse, start, stop, text

from messages_conformance.exchange import REFUSED, Chunk, Exchange

Run = list[Exchange]

OK = [answered()]
OK_STREAM = [streamed()]
HI = text("Hello")
ERROR_EVENT = ev("error", error={"type": "overloaded_error", "message": "Overloaded"})
SEQUENCE = {"stop_sequences": ["7"]}
SEQUENCES = {"stop_sequences": ["zebra", "7"]}
USAGE = ANSWER["usage"]


def say(content: str, **changes: Any) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": content}], **changes}


def prompting(prompt: str, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": prompt}], **more}


def used(output_tokens: Any = 5, **counts: Any) -> dict[str, Any]:
    return {"usage": {"input_tokens": 10, "output_tokens": output_tokens, **counts}}


def events(*middle: Event) -> list[Exchange]:
    """A stream with these events between message_start and message_delta."""
    return [streamed([start(), *middle, ends(), over()], ask={"tools": TOOLS})]


def first(**changes: Any) -> list[Exchange]:
    return [streamed([start(**changes), *HELLO[1:]])]


def last(*deltas: Event) -> list[Exchange]:
    return [streamed([*HELLO[:-2], *deltas, over()])]


def call(*fragments: str, **changes: Any) -> list[Exchange]:
    begun = block(0, "tool_use", **changes)
    return [
        streamed([start(), begun, *map(fragment, fragments), stop(), ends("tool_use"), over()], ask={"tools": TOOLS})
    ]


def thought(*deltas: Event, **changes: Any) -> list[Exchange]:
    return events(block(0, "thinking", **changes), *deltas, stop(), block(1), stop(1))


def http(**fields: Any) -> list[Exchange]:
    """The plain answer with other HTTP properties."""
    return [answered(http=fields)]


def headed(**headers: Any) -> list[Exchange]:
    return http(headers={name.replace("_", "-"): value for name, value in headers.items()})


def timed(*at_s: float, ended_at_s: float) -> list[Exchange]:
    """A stream whose deltas arrive at these times."""
    stream = [*HELLO[:2], *(text(f"w{number} ") for number in range(len(at_s))), *HELLO[4:]]
    times = (at_s[0], at_s[0], *at_s, *[ended_at_s] * 3)
    chunks = tuple(Chunk(at_s=at, data=sse([event])) for at, event in zip(times, stream, strict=True))
    return [streamed(stream, http={"chunks": chunks, "headers_at_s": 0.01, "ended_at_s": ended_at_s})]


THINKING = delta(0, "thinking_delta", thinking="hm")
SIGNATURE = delta(0, "signature_delta", signature="c2ln")
SIGNED = thought(THINKING, SIGNATURE)
CITATION = {
    "type": "char_location",
    "cited_text": "x",
    "document_index": 0,
    "document_title": None,
    "start_char_index": 0,
    "end_char_index": 1,
}
CALLED = [answered({"content": [TOOL_CALL], "stop_reason": "tool_use"}, ask={"tools": TOOLS})]
REFUSAL = {"content": [], "stop_reason": "refusal", "stop_details": {"type": "refusal", "category": None}}
LONG = "word " * 100
CONTROL = say("one two three four five six seven eight nine ten", **used(20))


def invalid(*exchanges: Exchange) -> Run:
    """The same exchanges as answers to an invalid request."""
    fields = Exchange.__dataclass_fields__
    as_invalid = {"expect": REFUSED, "probes": ("request.model.missing",)}
    return [Exchange(**{**{name: getattr(one, name) for name in fields}, **as_invalid}) for one in exchanges]


def with_type(status: int, kind: str) -> list[Exchange]:
    return [refused(status, {"error": {"type": kind, "message": "m"}})]
