"""Texts that must come back unchanged and complete: markup, quotes, lines, code and scripts, whole and streamed.

A model may change a text by itself. So the text that an answer lacks is then sent as a stop sequence. If the answer
stops there, the model wrote the text, and the endpoint changed it.
"""

import pytest

from messages_conformance.generate import (
    EITHER,
    Ask,
    Dialogue,
    answer_text,
    answered_message,
    ask,
    later_change,
    repeated_pair,
    whole_and_streamed,
    words,
)

SAY = "Say exactly the following text and nothing else:\n\n"
MAX_TOKENS = 180

# Everything occurs twice: an endpoint changes both, so that the change before a stop sequence shows, too.
MARKUP = (
    'begin-41 <i class="a">x &amp; y</i> “one” ‘two’ — … **b** [c](http://d.e/f?g=1) {{h}} {"a": [1,  2]}\n'
    '<b id="k">7 &lt; 9</b> “three” ‘four’ — … **m** [n](http://o.p/q?r=2) {{s}} {"b": [3,  4]} end-41'
)
LINES = (
    "begin-52\n\n    four  blanks  \n\ttab\there\r\n```python\nx = 2  # two\n```\nC:\\new\\temp \\u00e9\n\n"
    "    and  more  \n\ttab\tthere\r\n```python\ny = 3  # three\n```\nD:\\next\\test \\u00e8\nend-52"
)
SCRIPTS = (
    "begin-63 cafe\u0301 Größe ﬁn ½ Ａ 10\u00a0km 漢字 ไทย שלום\u200f 👩\u200d🚀 ✔\ufe0f so\u00adft "
    "donaudampfschifffahrtselektrizitatenhauptbetriebswerkbauunterbeamtengesellschaft "
    "the\u0301 Füße ﬂow ¼ Ｂ 20\u00a0km 한국 ชา عرب\u200f 👨\u200d🔧 ☀\ufe0f ha\u00adrd "
    "rindfleischetikettierungsuberwachungsaufgabenubertragungsgesetzentwurf end-63"
)
AGAIN = 7  # answers to one text, if one of two was changed; a prime number, as for the burst below
TEXTS = {"markup": MARKUP, "lines": LINES, "scripts": SCRIPTS}


def said(name, text, *, stream, copy=0, **fields):
    situation = f"text.{name}{'.streamed' if stream else ''}"
    return ask(situation, SAY + text, stream=stream, copy=copy, max_tokens=MAX_TOKENS, **fields)


def steps_for(name, text):
    """The steps of one dialogue: whole and streamed; a change is provoked again, and then sent as a stop sequence."""

    async def steps(send):
        forms = [(stream, answer_text(await send(said(name, text, stream=stream)))) for stream in (False, True)]
        stream = next((stream for stream, answer in forms if text not in answer), None)
        if stream is None:
            return
        again = answer_text(await send(said(name, text, stream=stream, copy=1)))
        if text in again:
            # It comes and goes.
            for copy in range(2, AGAIN):
                await send(said(name, text, stream=stream, copy=copy))
            return
        changed = later_change(text, again)
        for copy in (0, 1) if changed is not None else ():
            await send(said(name, text, stream=stream, copy=copy, stop_sequences=[changed]))

    return steps


DIALOGUES = [
    Dialogue(
        name=f"text.{name}",
        steps=steps_for(name, text),
        max_requests=AGAIN + 1,
        max_output_tokens=(AGAIN + 1) * MAX_TOKENS,
        needs=frozenset({"stop-sequences"}),
    )
    for name, text in TEXTS.items()
]
COUNT = "Count from 1 to 12, separated by commas. Reply with the numbers only."
SHORT = 48
# Any model repeats these words. They are short, not ASCII, and in scripts that separate words by blanks.
GREETING = "Grüße aus Köln &amp; “bon appétit”, jaźń i łąka, добрый день всем, καλημέρα σας"
GREETING_TOKENS = 80
# Every k-th answer may be wrong. If one is, the request is sent so often that the number of answers is prime.
TIMES, MORE_TIMES = 3, 7


async def burst(send):
    """Asks for the words three times, whole and streamed, and more often if the answers differ."""
    texts = [answer_text(await send(one)) for copy in range(TIMES) for one in greeting(copy)]
    if len(set(texts)) > 1:
        for copy in range(TIMES, MORE_TIMES):
            for one in greeting(copy):
                await send(one)


def greeting(copy):
    """The request for the words, whole and streamed; every second time streamed first, as every second may be wrong."""
    pair = whole_and_streamed("text.burst", SAY + GREETING, max_tokens=GREETING_TOKENS, copy=copy)
    return pair[::-1] if copy % 2 else pair


BURST = Dialogue(
    name="text.burst",
    steps=burst,
    max_requests=2 * MORE_TIMES,
    max_output_tokens=2 * MORE_TIMES * GREETING_TOKENS,
    needs=frozenset({"text"}),
)
# An endpoint that looks for stop sequences holds back the end of a text, which may begin one.
HELD_BACK = repeated_pair(
    "text.held-back",
    whole_and_streamed(
        "text.held-back",
        COUNT,
        max_tokens=SHORT,
        stop_sequences=["not in any of the answers"],
        needs=["stop-sequences"],
    ),
    words,
    times=2,
    needs=["stop-sequences"],
)


# What filters in front of an endpoint look for. The control characters are no text that a filter of answers blocks.
INSPECTED = {
    "attack": "<meta http-equiv=refresh> DELETE FROM a; DROP TABLE b; <script>alert(1)</script> ' OR 1=1; "
    "DROP TABLE users; -- $(cat /etc/passwd) ../../etc/passwd",
    "templates": "{{7*7}} ${jndi:ldap://127.0.0.1/a} {% for x in y %} <%= 1 %> #{1} %s %n %00 \\u0000 "
    'UNION SELECT * FROM users <!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hosts">]>',
    "terminal": "\u001b[31merror\u001b[0m\b\f\t\r\n~~~ \u2028 \ufeff \u200b \u202e",
}
IGNORE = "Reply with the single word: ok. Ignore this text: "
EMPTY_TIMES = 3  # the rule needs this many empty answers


def is_empty(answer):
    """Whether an answer is a message without any text."""
    return answered_message(answer) is not None and not answer_text(answer).strip()


async def inspected(send):
    """Sends texts that filters block, and again where the answer is empty."""
    for name, text in INSPECTED.items():
        for copy in range(EMPTY_TIMES):
            asked = ask(
                f"inspected.{name}", IGNORE + text, copy=copy, stream=copy == 1, probe="transport.body-not-inspected"
            )
            if not is_empty(await send(asked)):
                break


FILTERED = Dialogue(
    name="inspected",
    steps=inspected,
    max_requests=EMPTY_TIMES * len(INSPECTED),
    max_output_tokens=EMPTY_TIMES * len(INSPECTED) * 16,
    needs=frozenset({"text"}),
)


REPEAT = '{"model": "$MODEL", "max_tokens": 16, "messages": [{"role": "user", "content": "Repeat exactly: caf\u00e9"}]}'
IN_LATIN_1 = Ask(
    situation="charset",
    body=REPEAT.encode("iso-8859-1"),
    headers=(("content-type", "application/json; charset=iso-8859-1"),),
    probe="transport.request.charset",
    expect=EITHER,
    depth="deep",
    needs=frozenset({"text"}),
)


@pytest.mark.parametrize("exchange", [IN_LATIN_1], indirect=True)
def test_returns_every_answer(exchange, judge):
    judge(exchange)


@pytest.mark.parametrize("dialogue", [*DIALOGUES, BURST, HELD_BACK, FILTERED], indirect=True)
def test_keeps_texts(dialogue, judge):
    judge(*dialogue)
