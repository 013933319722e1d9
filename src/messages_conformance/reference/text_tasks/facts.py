"""Counting, calculating, and the few facts that the model knows."""

from __future__ import annotations

import re

MAX_COUNTED = 20_000
"""The most numbers in one answer; our own limit."""

NUMBER_WORDS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
)  # fmt: skip
"""The word for each number, from zero."""

CAPITALS = {
    "france": "Paris", "germany": "Berlin", "italy": "Rome", "spain": "Madrid", "japan": "Tokyo", "england": "London",
    "austria": "Vienna", "portugal": "Lisbon", "norway": "Oslo", "greece": "Athens", "egypt": "Cairo",
}  # fmt: skip
LISTS = {
    "days of the week": "Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday",
    "months": "January, February, March, April, May, June, July, August, September, October, November, December",
    "alphabet": "A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P, Q, R, S, T, U, V, W, X, Y, Z",
}
COUNT = re.compile(
    r"\b(?:count(?:ing)?|numbers?|integers?)\b[^.\n]*?\b(?:from |between )?(?P<first>\d+|[a-z]+)\s*"
    r"(?:up to|down to|to|through|until|-|–|and)\s*(?P<last>\d+|[a-z]+)\b",
    re.IGNORECASE,
)
COUNT_TO = re.compile(r"\bcount (?:up )?to (?P<last>\d+|[a-z]+)\b", re.IGNORECASE)
SUM = re.compile(r"(?P<a>\d+)\s*(?P<op>[-+*×x/]|plus|minus|times)\s*(?P<b>\d+)", re.IGNORECASE)
CAPITAL = re.compile(r"capital (?:city )?of (?P<country>\w+)", re.IGNORECASE)


def number(text: str) -> int | None:
    """The number that digits or an English word up to twenty mean; None for any other text."""
    if text.isdigit():
        return int(text)
    return NUMBER_WORDS.index(text.lower()) if text.lower() in NUMBER_WORDS else None


def count(question: str) -> str | None:
    """The numbers that "Count from 1 to 9" asks for, with the separator that it asks for."""
    match = COUNT.search(question)
    first, last = (number(match["first"]), number(match["last"])) if match else (None, None)
    if first is None and (match := COUNT_TO.search(question)):
        first, last = 1, number(match["last"])
    if first is None or last is None:
        return None
    step = 1 if last >= first else -1
    last = first + step * min(abs(last - first), MAX_COUNTED)
    return separator(question).join(str(value) for value in range(first, last + step, step))


def separator(question: str) -> str:
    """The separator that a question asks for between items; a comma by default."""
    lowered = question.lower()
    if re.search(r"per line|own line|new ?lines?|line breaks?|each line", lowered):
        return "\n"
    if re.search(r"by (?:single |one )?spaces?\b|space[- ]separated", lowered) and "comma" not in lowered:
        return " "
    return ", "


def calculate(question: str) -> str | None:
    """The result of the first calculation in the question."""
    match = SUM.search(question)
    if not match:
        return None
    a, b, sign = int(match["a"][:12]), int(match["b"][:12]), match["op"].lower()
    if sign == "/":
        return f"{a} / {b} = {a // b if b and a % b == 0 else a / b if b else 'undefined'}"
    value = a + b if sign in ("+", "plus") else a - b if sign in ("-", "minus") else a * b
    return f"{match[0]} = {value}"


def state_fact(question: str) -> str | None:
    """One of the facts that the model knows: capitals, weekdays, months, letters, and a greeting."""
    if match := CAPITAL.search(question):
        return f"The capital of {match['country']} is {CAPITALS.get(match['country'].lower(), 'not known to me')}."
    for name, items in LISTS.items():
        if name in question.lower():
            return items.replace(", ", separator(question))
    if re.fullmatch(r"\W*(?:hello|hi|hey|good (?:morning|evening|day))\b[\w\s]{0,12}\W*", question, re.IGNORECASE):
        return "Hello! How can I help you today?"
    return None
