from report_samples import HOSTILE, deltas, exchange, request, streamed

from messages_conformance.exchange import Chunk, Exchange, Failure, Response
from messages_conformance.report import trace


def answer(body, **changes):
    given = {
        "status": 400,
        "headers": (("Content-Type", "application/json"), ("x-noise", "1"), ("anthropic-organization-id", "o")),
        "chunks": (Chunk(at_s=0.02, data=body),),
        "headers_at_s": 0.01,
        "ended_at_s": 0.0304,
    }
    return Response(**{**given, **changes})


def test_a_stream_shows_each_event_with_time_and_byte():
    lines = trace(exchange(1))
    assert lines[0] == "> POST /v1/messages"
    assert "> x-api-key: $MESSAGES_API_KEY" in lines
    assert "< HTTP/1.1 200  +250 ms" in lines
    assert "< request-id: req_1" in lines
    assert not any("x-noise" in line for line in lines)
    assert '  +300 ms  #1  byte 0  message_start {"type":"message_start"}' in lines
    assert '  +310 ms  #2  byte 53  content_block_delta {"type": "content_block_delta", "n": 0}' in lines
    assert lines[-1].startswith("  +350 ms  end of the body (complete), ")


def test_a_long_stream_shows_head_tail_and_the_place_of_the_finding():
    long = exchange(1, response=streamed(deltas(98)))
    numbers = [int(line.split("#")[1].split()[0]) for line in trace(long, focus=50) if "  #" in line]
    assert numbers == [*range(1, 9), *range(48, 53), *range(96, 101)]
    gaps = [line for line in trace(long, focus=50) if "more event" in line]
    assert gaps == ["  … 39 more events …", "  … 43 more events …"]


def test_a_stream_just_below_the_limit_is_shown_completely():
    whole = exchange(1, response=streamed(deltas(12)))
    assert not any("more event" in line for line in trace(whole))


def test_a_json_body_is_shown_compact_and_shortened():
    lines = trace(exchange(1, response=answer(b'{\n "error": "' + b"x" * 5000 + b'"}')))
    assert '{"error":"xxx' in lines[-2]
    assert "more characters" in lines[-2]
    assert len(lines[-2]) < 250
    assert "< anthropic-organization-id: o" in lines
    assert lines[-1] == "  +30 ms  end of the body (complete), 5,015 bytes"


def test_the_kind_of_end_of_a_broken_body_is_shown():
    lines = trace(exchange(1, response=answer(b"", chunks=(), ending="reset", detail="peer closed")))
    assert lines[-1] == "  +30 ms  end of the body (reset: peer closed), 0 bytes"


def test_no_response_is_said_with_its_reason():
    failed = exchange(1, failure=Failure(kind="refused", message="connection refused"))
    assert trace(failed)[-1] == "  no response (refused): connection refused"


def test_waits_are_shown():
    waited = Exchange(number=1, request=request(), response=None, waits=("429, 2 s by Retry-After",))
    assert "  waited: 429, 2 s by Retry-After" in trace(waited)


def test_events_without_data_and_cut_off_ones_are_shown_as_such():
    body = b": keep-alive\n\nevent: ping\n\ndata: {"
    response = answer(body, status=200, headers=(("content-type", "text/event-stream"),))
    lines = trace(exchange(1, response=response))
    assert "  +20 ms  #1  byte 0  (no event name) (comment  keep-alive)" in lines
    assert "  +20 ms  #2  byte 14  ping (no data)" in lines
    assert "  +30 ms  #3  byte 27  (no event name) {  (cut off before its blank line)" in lines


def test_nothing_hostile_survives():
    hostile = answer(HOSTILE.encode("utf-8", "surrogatepass"), headers=(("server", HOSTILE),))
    for lines in (
        trace(exchange(1, response=hostile, sent=request(b"\xff\x1b[2J", path="/\x1b"))),
        trace(exchange(1, failure=Failure(kind=HOSTILE, message=HOSTILE))),
    ):
        assert all(line.isprintable() for line in lines)
