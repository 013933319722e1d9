"""Sentences about a topic: long prose and short answers."""

from __future__ import annotations

import re

LONG_ANSWER_WORDS = 340
"""The least length of a long answer; our own number, far above the limits that the suites set."""

STOP_WORDS = frozenset(
    [
        "a", "about", "all", "also", "an", "and", "answer", "any", "are", "as", "at", "be", "but", "by", "can",
        "could", "do", "does", "for", "from", "give", "had", "has", "have", "how", "i", "if", "in", "into", "is",
        "it", "its", "just", "like", "me", "more", "most", "my", "no", "not", "of", "on", "only", "or", "other",
        "our", "out", "please", "say", "some", "so", "tell", "than", "that", "the", "their", "them", "then", "there",
        "these", "they", "this", "to", "up", "use", "user", "very", "was", "we", "were", "what", "when", "where",
        "which", "who", "why", "will", "with", "word", "words", "would", "write", "you", "your",
    ]
)  # fmt: skip
"""Words that carry no meaning of their own."""

SENTENCES = (
    "{Topic} begins with small things that most people pass by without a second look.",
    "Over the years, many careful observers have written about {topic}, and few of them agree.",
    "The first lesson is patience, because nothing about {topic} can be hurried.",
    "A second lesson follows from it: the details matter more than the plan.",
    "Where the conditions change, {topic} changes with them, often in ways that nobody expected.",
    "People who work with {topic} every day speak of it plainly and without grand words.",
    "They measure, compare, write down what they see, and try again on the next morning.",
    "Some of the best known results were found by accident, on a quiet afternoon.",
    "Others took a whole generation, and were believed only much later.",
    "It helps to remember that {topic} never stands alone, but belongs to a wider picture.",
    "History, weather, money and plain luck all leave their marks upon it.",
    "In the end, what remains of {topic} is a story that each generation tells anew.",
)
WORD_COUNT = re.compile(r"\b(?P<count>\d{2,5})[- ]words?\b", re.IGNORECASE)
LONG = re.compile(
    r"\b(?:long|lengthy|detailed|in detail|thorough(?:ly)?|comprehensive|extensive(?:ly)?|at length|essay|"
    r"paragraphs|(?:in|great) depth|full story)\b",
    re.IGNORECASE,
)
WRITING = re.compile(r"\b(?:essay|story|article|poem|tale|speech|letter)\b", re.IGNORECASE)
SHORT = re.compile(r"\b(?:short|brief|briefly|one sentence|concise|haiku|in a few words|one line)\b", re.IGNORECASE)
TOPIC = re.compile(r"\b(?:about|on|of|explaining|describing)\s+(?P<topic>[^.,;:!?\n]+)", re.IGNORECASE)


def write_at_length(question: str) -> str | None:
    """Prose about the topic, with as many words as the question asks for, if it asks for a long text."""
    count = WORD_COUNT.search(question)
    long = LONG.search(question) or (WRITING.search(question) and not SHORT.search(question))
    if not count and not long:
        return None
    return prose(topic(question), max(int(count["count"]), LONG_ANSWER_WORDS) if count else LONG_ANSWER_WORDS)


def topic(question: str) -> str:
    """What a question is about: the words after "about", or its main words."""
    match = TOPIC.search(question)
    return match["topic"].strip() if match else " ".join(main_words(question)[:3]) or "the world"


def prose(subject: str, words: int) -> str:
    """Paragraphs about a subject with at least `words` words."""
    written, sentences, at = 0, [], 0
    while written < words:
        sentence = SENTENCES[at % len(SENTENCES)].format(topic=subject, Topic=subject[:1].upper() + subject[1:])
        at += 1
        written += len(sentence.split())
        sentences.append(sentence + ("\n\n" if at % 4 == 0 else " "))
    return "".join(sentences).strip()


def main_words(question: str) -> list[str]:
    """The words that carry the question's meaning, in order, each once."""
    words = [word for word in re.findall(r"\w[\w'-]*", question) if word.lower() not in STOP_WORDS]
    return list(dict.fromkeys(words))


def short_answer(question: str) -> str:
    """One sentence with the main words of the question."""
    words = main_words(question)[:8]
    return f"Here is a short answer about {', '.join(words)}." if words else "I am here and ready to help."
