"""Repeating or saying a text that the question contains."""

from __future__ import annotations

import re

QUOTES = {'"': '"', "'": "'", "`": "`", "“": "”", "«": "»", "‘": "’"}
VERB = r"(?:repeat|echo|say|reply|respond|answer|write|output|print|copy|return|type|send)"
POLITE = r"\s*(?:please|now|ok(?:ay)?|then|next|could you|can you|just)?,?\s*(?:please\s+)?"
ECHO = re.compile(
    rf"^{POLITE}{VERB}\b[^:\n]*?\b(?:exactly|verbatim|word for word|only|just|following|back|nothing else|"
    r"character for character|unchanged|single word|word|sentence|line|text|phrase)\b[^:\n]*:[ \t]?(?P<text>.+)$",
    re.IGNORECASE | re.DOTALL,
)
ECHO_PLAIN = re.compile(rf"^{POLITE}(?:repeat|echo|say)(?: after me)?:[ \t]?(?P<text>.+)$", re.IGNORECASE | re.DOTALL)
QUOTED = re.compile(
    rf"^{POLITE}{VERB}\b[^\"'`“«‘]*?(?P<quote>[\"`“«‘]|(?<!\w)')(?P<rest>.*)$", re.IGNORECASE | re.DOTALL
)
ONE_WORD = re.compile(
    rf"{VERB}\b[^.\n]*?\b(?:the|this|one|single) (?:single |one |exact |following )?word:?\s+"
    r"[\"'`“]?(?P<word>[^\s\"'`”.,!?]+)",
    re.IGNORECASE,
)
SAY = re.compile(
    rf"^{POLITE}(?:say|reply with|respond with|answer with)\s+(?:just |only |exactly )?(?P<text>[^\n.!?]+)",
    re.IGNORECASE,
)
TAGGED = re.compile(r"^<(\w+)>\n?(?P<text>.*?)\n?</\1>\s*$", re.DOTALL)


def repeat_exactly(question: str) -> str | None:
    """The text after "Repeat exactly:" or inside the quotes of "Say '...'", unchanged."""
    match = ECHO.match(question) or ECHO_PLAIN.match(question)
    if match and not match["text"].rstrip().endswith("?"):
        return without_wrapping(match["text"])
    match = QUOTED.match(question)
    if not match:
        return None
    # The last prefill_ending quote counts, so that an apostrophe inside does not end the text.
    inside, closed, tail = match["rest"].rpartition(QUOTES[match["quote"]])
    return inside if closed and inside and len(tail) < 120 else None


def without_wrapping(text: str) -> str:
    """The text without the line breaks, the tags or the quotes around it."""
    text = text.removeprefix("\n").removeprefix("\n").removesuffix("\n")
    if match := TAGGED.match(text):
        return match["text"]
    closing_quote = QUOTES.get(text[:1])
    if closing_quote and len(text) > 2 and text.endswith(closing_quote) and closing_quote not in text[1:-1]:
        return text[1:-1]
    return text


def say_one_word(question: str) -> str | None:
    """The word after "Reply with the single word"."""
    match = ONE_WORD.search(question)
    return match["word"] if match and not question.rstrip().endswith("?") else None


def say(question: str) -> str | None:
    """The short text after "Say" or "Reply with", as a sentence."""
    match = SAY.match(question)
    if not match:
        return None
    text = re.sub(
        r"\s*,?\s*\b(?:and|with) nothing else\b.*|\s+to me$|\s+in (?:one|a single) word$", "", match["text"]
    ).strip()
    return text[:1].upper() + text[1:] + "." if text and len(text.split()) <= 12 else None
