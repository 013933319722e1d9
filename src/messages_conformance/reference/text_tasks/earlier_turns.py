"""Answering from earlier turns and from the system prompt."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

WHAT_IS = re.compile(
    r"\b(?:what(?:'s| is| was| are| were)|tell me|which is|do you (?:know|remember)|repeat|give me|recall)\s+"
    r"(?P<what>(?:the|my|your|our)\s+[\w' -]+?)(?:\s+(?:again|that|i|you|we|from|in|of|did|now)\b|\s*[?.!,]|\s*$)",
    re.IGNORECASE,
)
REMEMBER_THIS = re.compile(
    r"\bremember\b[^.:\n]*?(?::\s*|\b(?:word|number|code|name|colou?r|phrase|city|animal)\s+(?:is\s+)?)"
    r"[\"'“]?(?P<value>[\w-]+)",
    re.IGNORECASE,
)
LIST_CODE_WORDS = re.compile(r"\b(?:list|name|write down) (?:every|all(?: the)?) code words?\b", re.IGNORECASE)
CODE_WORD = re.compile(r"\b[a-z]{3,}-\d{2,}\b")
WHAT_TO_REMEMBER = re.compile(
    r"\b(?:asked|told|wanted) (?:you )?to remember|\bremember(?:ed)?\b.*\?", re.IGNORECASE | re.DOTALL
)
MY_NAME = re.compile(
    r"\b(?:my name is|i am called|i'm called|call me|my name's|i am|i'm)\s+(?P<value>[^\W\d_][\w'-]*)", re.I
)
REMEMBERED_NOUNS: Final = ("word", "number", "code", "phrase")


def list_code_words(question: str, earlier: Sequence[str]) -> str | None:
    """Every code word in the question and the earlier texts, if the question asks for all of them."""
    if not LIST_CODE_WORDS.search(question):
        return None
    words = [word for text in (*earlier, question) for word in CODE_WORD.findall(text)]
    return ", ".join(dict.fromkeys(words)) or "There are none."


def recall(question: str, earlier: Sequence[str]) -> str | None:
    """What an earlier text says about the thing that the question asks for."""
    if re.search(r"\bmy name\b|who am i\b", question.lower()):
        name = last_value(MY_NAME, earlier) or last_value(MY_NAME, [question])
        return f"Your name is {name}." if name else "You have not told me your name."
    if WHAT_TO_REMEMBER.search(question) and (value := last_value(REMEMBER_THIS, earlier)):
        return f"You asked me to remember {value}."
    for match in WHAT_IS.finditer(question):
        if value := stated_value(match["what"], earlier):
            return f"{match['what'][:1].upper()}{match['what'][1:]} is {value}."
    return None


def last_value(pattern: re.Pattern[str], earlier: Iterable[str]) -> str | None:
    """The group `value` of the last match of a pattern in the texts."""
    values = [match["value"] for text in earlier for match in pattern.finditer(text)]
    return values[-1] if values else None


def stated_value(thing: str, earlier: Iterable[str]) -> str | None:
    """The value that an earlier text gave for a thing: "The secret word is X" for "the secret word"."""
    noun = re.sub(r"^(?:the|my|your|our)\s+", "", thing.strip(), flags=re.IGNORECASE)
    pattern = re.compile(
        rf"\b{re.escape(noun)}\b\s*(?:is|was|are|=|:)\s*:?\s*[\"'“`]?(?P<value>[^\s\"'”`.,;!?]+)", re.IGNORECASE
    )
    if value := last_value(pattern, earlier):
        return value
    return last_value(REMEMBER_THIS, earlier) if noun.split()[-1] in REMEMBERED_NOUNS else None
