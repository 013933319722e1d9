"""report.html: structure, escaping, limits. Nothing here needs a browser; test_report_browser.py uses one."""

import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser

import pytest
from report_samples import CATALOGUE, EVERY, FAILED, MINOR, exchange, green, hostile, red, report, request, requirement

from messages_conformance.exchange.behind import Behind, Said, SaidBlock
from messages_conformance.report import failures, verdict_sentence
from messages_conformance.report.page import brief, failing, to_html
from messages_conformance.report.page.html import VOID, Markup, breakable, element

SCRIPTS = (
    "<script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    "javascript:alert(1)",
    "<!-- <a href=x>",
    "]]><details open ontoggle=alert(1)>",
)


class Page(HTMLParser):
    """Every tag with its attributes, the text, and the tags that were never closed."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.stack, self.texts, self.ids = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in VOID and tag != "wbr":
            self.stack.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag, tag

    def handle_data(self, data):
        if not self.stack or self.stack[-1] not in ("style", "script"):
            self.texts.append(data)

    @property
    def text(self):
        return " ".join("".join(self.texts).split())


@pytest.mark.parametrize("name", EVERY)
def test_every_report_makes_a_page_that_is_well_formed_and_needs_nothing_else(name):
    text = to_html(EVERY[name]())
    page = Page(text)
    assert page.stack == []
    assert len(page.ids) == len(set(page.ids))
    assert not {tag for tag, _ in page.tags} & {"img", "link", "iframe", "object", "form", "base"}
    assert [attributes for tag, attributes in page.tags if tag == "script"] == [{}]
    for tag, attributes in page.tags:
        assert not [key for key in attributes if key.startswith("on") or key in ("src", "style", "srcset")], tag
        assert attributes.get("href", "#").startswith(("#", "https://"))
    assert not re.search(r"url\(|@import|https?:", text[text.index("<style>") : text.index("</style>")])
    policy = next(attributes["content"] for tag, attributes in page.tags if attributes.get("http-equiv"))
    script = re.findall(r"<script>(.*)</script>", text, re.S)
    assert len(script) == 1
    digest = b64encode(sha256(script[0].encode()).digest()).decode()
    assert policy.startswith(f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; base-uri")


@pytest.mark.parametrize("name", EVERY)
def test_the_brief_page_has_failures_and_evidence_only(name):
    made = EVERY[name]()
    page = Page(brief.to_html(made))
    assert page.stack == []
    assert " ".join(verdict_sentence(made).split()) in page.text
    headings = [attributes["id"] for tag, attributes in page.tags if tag == "section"]
    assert set(headings) <= {"causes", "failures", "causes-beside", "about"}


def test_the_brief_page_shows_the_answer_of_a_failure():
    text = Page(brief.to_html(red())).text
    assert "curl -isS" in text
    assert "HTTP/1.1 200 content-type: text/event-stream" in text
    assert "Clients that can use it" not in text


@pytest.mark.parametrize("name", EVERY)
def test_the_verdict_is_on_every_page(name):
    made = EVERY[name]()
    assert " ".join(verdict_sentence(made).split()) in Page(to_html(made)).text


@pytest.mark.parametrize("script", SCRIPTS)
def test_text_of_a_target_is_never_markup(script):
    plain = hostile()
    finding = replace(
        FAILED.findings[0],
        found=script,
        wanted=script,
        place=replace(FAILED.findings[0].place, event_type=script, pointer=script, header=script),
    )
    data = f'{{"type":"message_start","x":"{script}"}}'.encode()
    frames = exchange(1, situation=script)
    stream = replace(
        frames.response,
        chunks=(replace(frames.response.chunks[0], data=b"event: " + script.encode() + b"\ndata: " + data + b"\n\n"),),
        headers=(("content-type", "text/event-stream"), ("request-id", script)),
        ending="reset",
        detail=script,
    )
    made = replace(
        plain,
        run=replace(plain.run, target=script, model=script, profile=script, notes=(script,), budget=script),
        verdicts=(replace(FAILED, findings=(finding,)), replace(MINOR, requirement=script, findings=(finding,))),
        exchanges={1: replace(frames, response=stream, waits=(script,))},
        catalogue={"stream.order": requirement("stream.order", sentence=script, source=script)},
        harness_errors=(script,),
    )
    page, safe = Page(to_html(made)), Page(to_html(red()))
    assert {tag for tag, _ in page.tags} <= {tag for tag, _ in safe.tags} | {
        "article",
        "ul",
        "li",
        "details",
        "summary",
    }
    assert not [key for _, attributes in page.tags for key in attributes if key.startswith("on")]
    assert all(attributes.get("href", "#").startswith("#") for _, attributes in page.tags)
    assert " ".join(script.split()) in page.text


def test_invisible_characters_are_escaped():
    text = to_html(hostile())
    assert not set(text) & set("\x00\x07\x0c\x1b\x9b\r\ufffe\ud800\u202e")
    assert "\\x1b[2J" in text
    text.encode("utf-8")


def test_only_markup_passes_as_it_is():
    assert element("p", "<b>", Markup("<i>x</i>"), title='"<') == '<p title="&quot;&lt;">&lt;b&gt;<i>x</i></p>'
    assert element("p", None, hidden=True, lang=None, dir=False) == "<p hidden></p>"
    assert breakable("a.b/<c>") == "a.<wbr>b/<wbr>&lt;c&gt;"


def test_the_sections_come_in_their_order():
    text = to_html(red())
    order = (
        "Failures (2)",
        "Clients that can use it",
        "Warnings (1)",
        "Figures",
        "Areas",
        "Not verified (1)",
        "Times",
        "Plan and cost",
    )
    places = [text.index(f">{title}</h2>") for title in order]
    assert places == sorted(places)


def test_a_failure_has_all_facts():
    text = Page(to_html(red())).text
    text = text[text.index("stream.order MUST") :]  # the verdict sentence has some of the facts, too
    facts = (
        "stream.order MUST",
        "The stream ends with message_stop.",
        "crashes: sdk-py 2.12.0",
        "streamed POST /v1/messages: event #4 content_block_delta, byte 1,204, /type",
        "nothing after event #4",
        "message_delta or message_stop",
        "streaming page, 2026-11-22",
        "curl -isS",
        "Timeline of the answer",
        "#4 content_block_delta ◀ named by the finding",
    )
    places = [text.index(fact) for fact in facts]
    assert places == sorted(places)
    assert "+10 ms" in text


def test_the_three_figures_are_separate():
    text = Page(to_html(report(*red().verdicts))).text
    assert "4 of 5 applicable requirements verified" in text
    assert "1 of 3 verified MUST requirements hold" in text
    assert "0 of 1 verified SHOULD requirements hold" in text
    assert "1 not verified; 0 more requirements not applicable" in text
    assert "%" not in text.split("Clients that can use it")[1].split("Areas")[0]


def test_links_lead_somewhere():
    for made in (red(), green(), EVERY["excused"]()):
        page = Page(to_html(made))
        targets = {attributes["href"][1:] for tag, attributes in page.tags if tag == "a"}
        assert targets <= set(page.ids)


def test_a_failure_links_to_its_whole_request_and_answer():
    made = red()
    page = Page(to_html(made))
    assert "#exchange-1" in [attributes.get("href") for tag, attributes in page.tags if tag == "a"]
    assert "exchange-1" in page.ids
    assert " ".join(made.exchanges[1].response.body.decode().split()) in page.text


@pytest.mark.parametrize(("size", "note"), [(32_768, ""), (100_000, "67,232 more bytes in exchanges.jsonl")])
def test_a_long_body_is_cut_and_a_note_says_where_the_rest_is(size, note):
    made = red()
    text = to_html(replace(made, exchanges={**made.exchanges, 1: exchange(1, sent=request(b"x" * size))}))
    whole = text.partition('id="exchanges"')[2]
    assert whole.count("x" * 32_768) == 1
    assert ("more bytes in exchanges" in whole) is bool(note)
    assert note in whole


def test_everything_can_be_operated_by_keyboard():
    page = Page(to_html(red()))
    assert page.tags[[tag for tag, _ in page.tags].index("a")][1] == {"href": "#content", "class": "skip"}
    scrolling = [attributes for _, attributes in page.tags if attributes.get("class") == "scroll"]
    assert scrolling
    assert all(attributes["tabindex"] == "0" for attributes in scrolling)
    drawings = [attributes for tag, attributes in page.tags if tag == "svg"]
    assert drawings
    assert all(attributes.get("aria-label") or attributes.get("aria-hidden") == "true" for attributes in drawings)


def test_a_page_of_five_thousand_failures_stays_small_and_says_what_was_cut():
    names = [f"stream.many-{number}" for number in range(5000)]
    catalogue = dict.fromkeys(names, CATALOGUE["stream.order"])
    text = to_html(report(*(replace(FAILED, requirement=name) for name in names), catalogue=catalogue))
    assert len(text) < 2_000_000
    assert f"{5000 - failing.IN_FULL:,} more failures without command and timeline" in text
    assert f"{5000 - failing.IN_FULL - failing.LISTED:,} more are only in report.json" in text
    commands, _, exchanges = text.partition('id="exchanges"')
    assert commands.count("<pre ") == failing.IN_FULL
    assert exchanges.count("<pre ") == 2, "the one exchange that all of them name"


def test_a_run_that_could_not_be_judged_shows_its_statement_and_no_failures():
    page = Page(to_html(EVERY["wrong_key"]()))
    assert "COULD NOT BE JUDGED: the target answers 401" in page.text
    assert set(page.ids) == {"content", "cost", "cost-title", "run", "run-title"}


def test_the_brief_page_says_who_made_it_and_how_to_check_it():
    text = Page(brief.to_html(red())).text
    assert "Made by messages-conformance" in text
    assert "messages-conformance report verify FOLDER" in text


def test_a_page_about_a_gateway_shows_both_sides_and_no_clients():
    made = red()
    number = next(finding.exchange for one in failures(made) for finding in one.findings if finding.exchange)
    both = Behind(case="c", dialect="anthropic", said=Said(blocks=(SaidBlock(kind="text", text="x"),)), calls=())
    changed = {**made.exchanges, number: replace(made.exchanges[number], behind=both)}
    assert "the upstream received" not in to_html(made)
    shown = to_html(replace(made, exchanges=changed))
    assert "the upstream received" in shown
    assert 'id="clients"' not in shown
