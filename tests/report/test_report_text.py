import json
import unicodedata

import pytest
from report_samples import HOSTILE

from messages_conformance.report.text import counted, cut, encodable, inline, listed, sentence, visible, xml_safe


def test_plain_text_is_unchanged():
    assert visible("Grüße 👩‍👩‍👧 [bold] \\n") == "Grüße 👩‍👩‍👧 [bold] \\n"


def test_line_feeds_are_kept_where_lines_are():
    assert visible("a\nb") == "a\nb"
    assert inline("a\nb\r\tc") == "a\\nb\\r\\tc"


@pytest.mark.parametrize(
    ("character", "shown"),
    [
        ("\x1b", "\\x1b"),
        ("\x00", "\\x00"),
        ("\x9b", "\\x9b"),
        ("\u202e", "\\u202e"),
        ("\ud800", "\\ud800"),
        ("\ufeff", "\\ufeff"),
    ],
)
def test_invisible_text_is_escaped(character, shown):
    assert visible(character) == shown


def test_prose_folds_white_space():
    assert sentence(" a\n  b\tc ") == "a b c"


def test_nothing_hostile_survives():
    left = {unicodedata.category(character) for character in inline(HOSTILE)}
    assert not left & {"Cc", "Cf", "Cs"}


def test_a_cut_text_keeps_head_and_tail_and_the_number_of_missing_characters():
    text = cut("a" * 90 + "z" * 10, 40)
    assert text.startswith("a" * 30 + " … 60 more characters … ")
    assert text.endswith("z" * 10)
    assert cut("short", 5) == "short"


def test_surrogates_are_escaped_in_data():
    value = encodable({"\ud800": ["\udfff", ("ok",), 1, None]})
    assert value == {"\\ud800": ["\\udfff", ["ok"], 1, None]}
    json.dumps(value, ensure_ascii=False).encode("utf-8")


def test_xml_keeps_legal_characters():
    assert xml_safe("a\tb\nü😀") == "a\tb\nü😀"
    assert xml_safe("\r\x0c\x85\ufffe\ud800") == "\\r\\x0c\\x85\\ufffe\\ud800"


def test_lists_and_counts():
    assert listed(["a", "b"], 2) == "a, b"
    assert listed(["a", "b", "c"], 1) == "a, and 2 more"
    assert counted(1, "byte") == "1 byte"
    assert counted(1200, "byte") == "1,200 bytes"
    assert counted(0, "entry", "entries") == "0 entries"
