"""Server-sent events from bytes: the same events however the bytes are cut, and nothing is lost."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages_conformance.wire import CR, CRLF, LF, Framing, Lexer, WireEvent, encode

STREAMS = {
    "empty": b"",
    "one": b"event: a\ndata: {}\n\n",
    "crlf": b"event: a\r\ndata: 1\r\n\r\ndata: 2\r\n\r\n",
    "cr": b"event: a\rdata: 1\r\rdata: 2\r\r",
    "mixed": b"data: 1\n\ndata: 2\r\n\r\ndata: 3\r\r",
    "bom": b"\xef\xbb\xbfdata: 1\n\n",
    "half-bom": b"\xef\xbb",
    "blank-lines": b"\n\n\ndata: 1\n\n\n\ndata: 2\n\n\n",
    "everything": b": c\nid: 7\nretry: 9\nfoo: bar\nevent: a\nevent: b\ndata\ndata:  two\n\n: alone\n\n",
    "characters": "data: a\u2028b\u0085c\v\f😀é\n\n".encode(),
    "bad-utf8": b"data: \xff ok\n\ndata: caf\xe9\n\n",
    "unfinished": b"data: 1\n\nevent: late\ndata: 2",
    "unfinished-line": b"data: 1\n\ndata: 2\n",
    "last-cr": b"data: 1\r",
    "crlf-then-plain": b"event: a\r\ndata: 1\r\n\r\nevent: b\ndata: 2\n\n",
    "starts-with-lf": b"\ndata: 1\r\rdata: 2\n\n",
}


def lex(*chunks: bytes) -> tuple[tuple[WireEvent, ...], Framing]:
    """All events of a body in these chunks, and the facts about its framing."""
    lexer = Lexer()
    events = [event for chunk in chunks for event in lexer.feed(chunk)]
    return (*events, *lexer.close()), lexer.framing


def data(body: bytes) -> list[str | None]:
    return [event.data for event in lex(body)[0]]


@pytest.mark.parametrize("body", STREAMS.values(), ids=STREAMS)
def test_a_body_in_single_bytes_reads_as_in_one_chunk(body: bytes) -> None:
    assert lex(*(bytes([byte]) for byte in body)) == lex(body) == lex(body, b"") == lex(b"", body)


PIECES = st.sampled_from(
    [b"data", b"event", b"id", b":", b" ", b"\n", b"\r", b"\r\n", b"x", b"\xef\xbb\xbf", b"\xff", "é😀\u2028".encode()]
)


@given(pieces=st.lists(PIECES, max_size=40), cuts=st.lists(st.integers(0, 120), max_size=12))
def test_a_body_in_any_chunks_reads_as_in_one_chunk(pieces: list[bytes], cuts: list[int]) -> None:
    body = b"".join(pieces)
    ends = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    assert lex(*(body[start:end] for start, end in pairwise(ends))) == lex(body)


@given(pieces=st.lists(PIECES, max_size=40))
def test_offsets_partition_the_body(pieces: list[bytes]) -> None:
    body = b"".join(pieces)
    events, _ = lex(body)
    at = 0
    for event in events:
        assert at <= event.offset_bytes < event.end_bytes <= len(body)
        assert not body[at : event.offset_bytes].removeprefix(b"\xef\xbb\xbf").strip(b"\r\n")
        # An event that is read alone is the same event, unless a byte-order mark at its start begins the stream then.
        if not body[event.offset_bytes :].startswith(b"\xef\xbb\xbf"):
            (alone,), _ = lex(body[event.offset_bytes : event.end_bytes])
            assert (alone.names, alone.data, alone.comments) == (event.names, event.data, event.comments)
        at = event.end_bytes
    assert not body[at:].removeprefix(b"\xef\xbb\xbf").strip(b"\r\n")


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_offsets_point_at_the_text(ending: bytes, bom: bytes) -> None:
    lines = ["event: a", "data: äöü", "", "", ": note", "data:zwei", "data: drei", ""]
    body = bom + ending.join(line.encode() for line in lines) + ending
    first, second = lex(body)[0]
    assert body[first.offset_bytes : first.end_bytes].startswith(b"event: a")
    assert body[first.offset_bytes : first.end_bytes].endswith("äöü".encode() + ending * 2)
    assert body[second.offset_bytes : second.end_bytes].startswith(b": note")
    assert second.end_bytes == len(body)
    assert first.data_offset_bytes == body.index("äöü".encode())
    assert second.data_offset_bytes == body.index(b"zwei")


@pytest.mark.parametrize(
    ("line", "value"),
    [(b"data: \xffx", b"\xffx"), (b"data:x", b"x"), (b"data:  x", b" x"), (b"data", b""), (b"data: ", b"")],
)
def test_the_data_offset_is_right_in_unusual_lines(line: bytes, value: bytes) -> None:
    (event,), _ = lex(line + b"\n\n")
    assert event.data_offset_bytes is not None
    assert line[event.data_offset_bytes :] == value


def test_the_examples_of_the_standard() -> None:
    assert data(b"data: YHOO\ndata: +2\ndata: 10\n\n") == ["YHOO\n+2\n10"]
    streamed = b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n"
    comment, first, second, third = lex(streamed)[0]
    assert (comment.data, comment.comments) == (None, (" test stream",))
    assert (first.data, first.id) == ("first event", "1")
    assert (second.data, second.id) == ("second event", "")
    assert (third.data, third.dispatched) == (" third event", False)
    *two, last = lex(b"data\n\ndata\ndata\n\ndata:")[0]
    assert [event.data for event in two] == ["", "\n"]
    assert (last.data, last.dispatched) == ("", False)
    assert data(b"data:test\n\ndata: test\n\n") == ["test", "test"]


@pytest.mark.parametrize(
    ("body", "endings", "mixed_at"),
    [
        (b"data: 1\n\n", {LF}, None),
        (b"data: 1\r\n\r\n", {CRLF}, None),
        (b"data: 1\r\r", {CR}, None),
        (b"data: 1\n\r\n", {LF, CRLF}, 8),
        (b"data: 1\r\n\n", {LF, CRLF}, 9),
        (b"data: 1\r\rdata: 2\n\n", {CR, LF}, 16),
        (b"event: a\r\ndata: 1\r\n\r\nevent: b\ndata: 2\n\n", {CRLF, LF}, 29),
        (b"\ndata: 1\r\r", {LF, CR}, 8),
        (b"", set(), None),
    ],
)
def test_line_endings_are_distinguished(body: bytes, endings: set[str], mixed_at: int | None) -> None:
    framing = lex(body)[1]
    assert framing.line_endings == endings
    assert framing.mixed_at_bytes == mixed_at


def test_one_byte_order_mark_is_removed_and_noted() -> None:
    (event,), framing = lex(b"\xef\xbb\xbfdata: \xef\xbb\xbfx\n\n")
    assert framing.bom
    assert (event.offset_bytes, event.data, event.data_offset_bytes) == (3, "\ufeffx", 9)
    assert not lex(b"data: 1\n\n\xef\xbb\xbfdata: 2\n\n")[1].bom


@pytest.mark.parametrize("body", [b"\n", b"x", b"\r\r", b"da", b"\xef\xbb", b"\xef"])
def test_a_body_that_is_shorter_than_a_byte_order_mark_is_read(body: bytes) -> None:
    events, framing = lex(body)
    assert not framing.bom
    assert bool(framing.line_endings) == body.endswith((b"\n", b"\r"))
    assert [event.dispatched for event in events] == ([] if framing.line_endings else [False])
    assert framing.invalid_utf8_at_bytes == ((0,) if body[0] == 0xEF else ())


def test_nothing_is_lost() -> None:
    (event, alone), _ = lex(STREAMS["everything"])
    assert event.names == ("a", "b")
    assert event.name == "b"
    assert event.data == "\n two"
    assert (event.id, event.retry) == ("7", "9")
    assert event.comments == (" c",)
    assert event.unknown_fields == ("foo: bar",)
    assert (alone.comments, alone.data, alone.name) == ((" alone",), None, None)


def test_a_field_without_a_colon_or_in_another_case_is_unknown() -> None:
    (event,), _ = lex(b"Data: x\nwhatever\ndata : y\nevent\n\n")
    assert event.unknown_fields == ("Data: x", "whatever", "data : y")
    assert (event.names, event.data) == (("",), None)


def test_only_lf_and_cr_end_a_line() -> None:
    assert data(STREAMS["characters"]) == ["a\u2028b\u0085c\v\f😀é"]


def test_the_offsets_of_invalid_utf8_are_noted() -> None:
    events, framing = lex(STREAMS["bad-utf8"])
    assert framing.invalid_utf8_at_bytes == (6, 21)
    assert [event.data for event in events] == ["\ufffd ok", "caf\ufffd"]


def test_an_unfinished_event_is_kept_undispatched() -> None:
    done, late = lex(STREAMS["unfinished"])[0]
    assert (done.dispatched, late.dispatched) == (True, False)
    assert (late.name, late.data, late.end_bytes) == ("late", "2", len(STREAMS["unfinished"]))


def test_a_missing_blank_line_shows_in_the_names() -> None:
    (event,), _ = lex(b"event: a\ndata: 1\nevent: b\ndata: 2\n\n")
    assert (event.names, event.data) == (("a", "b"), "1\n2")


def test_events_are_returned_as_soon_as_they_are_complete() -> None:
    lexer = Lexer()
    assert lexer.feed(b"data: 1\n") == []
    assert [event.data for event in lexer.feed(b"\nda")] == ["1"]


def test_a_closed_lexer_refuses_bytes() -> None:
    lexer = Lexer()
    lexer.close()
    with pytest.raises(ValueError, match="a new stream needs a new Lexer"):
        lexer.feed(b"x")


LINE = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=12)
EVENT = st.tuples(st.none() | LINE, st.lists(LINE, min_size=1, max_size=3).map("\n".join), st.lists(LINE, max_size=2))


@given(sent=st.lists(EVENT, max_size=5))
def test_encoded_events_are_read_back(sent: list[tuple[str | None, str, list[str]]]) -> None:
    body = b"".join(encode(name, text, comments=comments) for name, text, comments in sent)
    events, framing = lex(body)
    assert [(event.name, event.data, list(event.comments)) for event in events] == sent
    assert all(event.dispatched and not event.unknown_fields for event in events)
    assert not framing.invalid_utf8_at_bytes
