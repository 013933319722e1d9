"""Frozen records of requests and responses; every judgement is a pure function of these.

An `Exchange` is one `Request` with its `Response`, or with the `Failure` that left none. An `Ask` is what a suite wants
to send. Everything that a rule needs is derived from the recorded bytes and times.
"""

from messages_conformance.exchange.ask import (
    ACCEPTED,
    CUT_BODY,
    EITHER,
    EXPECT_CONTINUE,
    HTTP_1_0,
    LEAVE_EARLY,
    MODEL_PLACEHOLDER,
    REFUSED,
    WIRE_FORMS,
    Ask,
    Origin,
)
from messages_conformance.exchange.body_chunks import ALL_CODINGS, MAX_DECODED_BYTES, Chunk, decoded, unread_codings
from messages_conformance.exchange.content_coding import GZIP_MAGIC, BodyDecoder, DecodingError, can_decode, codings_of
from messages_conformance.exchange.exchange import ASKED_AGAIN, SILENT, UNRECORDED, Exchange, Failure, RecordingPart
from messages_conformance.exchange.exchange_record import from_record, read_recording, to_record
from messages_conformance.exchange.http_request import (
    KEY_PLACEHOLDER,
    MESSAGES_PATH,
    WRONG_KEY,
    Identity,
    Request,
    header_placeholder,
    is_header_placeholder,
)
from messages_conformance.exchange.http_response import (
    COMPLETE,
    CUT_OFF_BYTES,
    ENDINGS,
    LEFT,
    RESET,
    STALLED,
    TIMEOUT,
    TOO_LARGE,
    Response,
    StreamEvent,
)
from messages_conformance.exchange.size_limits import (
    CUT_OFF_CHUNKS,
    BodyLimits,
    beginning,
    ended_events,
    limited,
    packed,
    trimmed,
)
from messages_conformance.exchange.strict_json import UNPARSED, bounded_integer, parse_json

__all__ = [
    "ACCEPTED",
    "ALL_CODINGS",
    "ASKED_AGAIN",
    "COMPLETE",
    "CUT_BODY",
    "CUT_OFF_BYTES",
    "CUT_OFF_CHUNKS",
    "EITHER",
    "ENDINGS",
    "EXPECT_CONTINUE",
    "GZIP_MAGIC",
    "HTTP_1_0",
    "KEY_PLACEHOLDER",
    "LEAVE_EARLY",
    "LEFT",
    "MAX_DECODED_BYTES",
    "MESSAGES_PATH",
    "MODEL_PLACEHOLDER",
    "REFUSED",
    "RESET",
    "SILENT",
    "STALLED",
    "TIMEOUT",
    "TOO_LARGE",
    "UNPARSED",
    "UNRECORDED",
    "WIRE_FORMS",
    "WRONG_KEY",
    "Ask",
    "BodyDecoder",
    "BodyLimits",
    "Chunk",
    "DecodingError",
    "Exchange",
    "Failure",
    "Identity",
    "Origin",
    "RecordingPart",
    "Request",
    "Response",
    "StreamEvent",
    "beginning",
    "bounded_integer",
    "can_decode",
    "codings_of",
    "decoded",
    "ended_events",
    "from_record",
    "header_placeholder",
    "is_header_placeholder",
    "limited",
    "packed",
    "parse_json",
    "read_recording",
    "to_record",
    "trimmed",
    "unread_codings",
]
