"""What a system prompt or a prefill requires of an answer."""

from __future__ import annotations

import re

ALWAYS_ANSWER = re.compile(
    r"\b(?:always|only|every\w*|any\w*|no matter|regardless)\b[^.\n]*\b(?:reply|respond|answer|say)\b[^.\n]*?"
    r"[\"'“](?P<text>[^\"'”\n]+)[\"'”]|"
    r"\b(?:reply|respond|answer|say)\b[^.\n]*\b(?:always|only|every\w*|any\w*|no matter|regardless)\b[^.\n]*?"
    r"[\"'“](?P<also>[^\"'”\n]+)[\"'”]|"
    r"\b(?:reply|respond|answer)\b[^.\n]*\b(?:word|with):?\s+(?P<word>[A-Z0-9]{3,})\b",
)
UPPER = re.compile(r"upper[- ]?case|capital letters|all caps", re.IGNORECASE)
LOWER = re.compile(r"lower[- ]?case", re.IGNORECASE)
FIRST_OR_LAST_WORDS = re.compile(
    r"\b(?P<place>start|begin|end|finish|conclude)\s+(?:every|each|all|your|any)\s[^.\n]*?\bwith(?: the \w+)?:?\s+"
    r"(?:[\"'“](?P<quoted>[^\"'”\n]+)[\"'”]|(?P<bare>[^\s.,]+))",
    re.IGNORECASE,
)


def fixed_answer(system: str) -> str | None:
    """The one answer that a system prompt orders for every question; None if it orders none."""
    match = ALWAYS_ANSWER.search(system)
    if not match or FIRST_OR_LAST_WORDS.search(system):
        return None
    return match["text"] or match["also"] or match["word"]


def styled(system: str, text: str) -> str:
    """The text in upper or lower case, or with the beginning or ending that a system prompt orders."""
    text = text.upper() if UPPER.search(system) else text.lower() if LOWER.search(system) else text
    for order in FIRST_OR_LAST_WORDS.finditer(system):
        words = order["quoted"] or order["bare"]
        text = f"{words} {text}" if order["place"].lower() in ("start", "begin") else f"{text} {words}"
    return text


def prefill_ending(prefill: str) -> str | None:
    """What follows a prefill that ends with an opening bracket, a quote or a colon; None for any other."""
    ends = {"(": "A)", "[": "1]", "{": "}", '"': 'yes"', "<": "answer>", ":": " yes."}
    return ends.get(prefill[-1:])
