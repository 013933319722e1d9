"""What the small model can do, each skill a pure function from text to text.

A skill recognises a request by the words that people use for it, never by a code word: whatever is tested with
these prompts can be tested with a real model.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

LONG_ANSWER_WORDS = 340
MAX_COUNTED = 20_000

QUOTES = {'"': '"', "'": "'", "`": "`", "“": "”", "«": "»", "‘": "’"}
SMALL_NUMBERS = {
    name: value
    for value, name in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
            "twenty",
        ]
    )
}
CAPITALS = {
    "france": "Paris", "germany": "Berlin", "italy": "Rome", "spain": "Madrid", "japan": "Tokyo", "england": "London",
    "austria": "Vienna", "portugal": "Lisbon", "norway": "Oslo", "greece": "Athens", "egypt": "Cairo",
}  # fmt: skip
LISTS = {
    "days of the week": "Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday",
    "months": "January, February, March, April, May, June, July, August, September, October, November, December",
    "alphabet": "A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P, Q, R, S, T, U, V, W, X, Y, Z",
}
COMMON = frozenset(
    [
        "a",
        "about",
        "all",
        "also",
        "an",
        "and",
        "answer",
        "any",
        "are",
        "as",
        "at",
        "be",
        "but",
        "by",
        "can",
        "could",
        "do",
        "does",
        "for",
        "from",
        "give",
        "had",
        "has",
        "have",
        "how",
        "i",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "just",
        "like",
        "me",
        "more",
        "most",
        "my",
        "no",
        "not",
        "of",
        "on",
        "only",
        "or",
        "other",
        "our",
        "out",
        "please",
        "say",
        "some",
        "so",
        "tell",
        "than",
        "that",
        "the",
        "their",
        "them",
        "then",
        "there",
        "these",
        "they",
        "this",
        "to",
        "up",
        "use",
        "user",
        "very",
        "was",
        "we",
        "were",
        "what",
        "when",
        "where",
        "which",
        "who",
        "why",
        "will",
        "with",
        "word",
        "words",
        "would",
        "write",
        "you",
        "your",
    ]
)
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
COUNT = re.compile(
    r"\b(?:count(?:ing)?|numbers?|integers?)\b[^.\n]*?\b(?:from |between )?(?P<first>\d+|[a-z]+)\s*"
    r"(?:up to|down to|to|through|until|-|–|and)\s*(?P<last>\d+|[a-z]+)\b",
    re.IGNORECASE,
)
COUNT_TO = re.compile(r"\bcount (?:up )?to (?P<last>\d+|[a-z]+)\b", re.IGNORECASE)
SUM = re.compile(r"(?P<a>\d+)\s*(?P<op>[-+*×x/]|plus|minus|times)\s*(?P<b>\d+)", re.IGNORECASE)
CAPITAL = re.compile(r"capital (?:city )?of (?P<country>\w+)", re.IGNORECASE)
WORDS = re.compile(r"\b(?P<count>\d{2,5})[- ]words?\b", re.IGNORECASE)
LENGTHY = re.compile(
    r"\b(?:long|lengthy|detailed|in detail|thorough(?:ly)?|comprehensive|extensive(?:ly)?|at length|essay|"
    r"paragraphs|(?:in|great) depth|full story)\b",
    re.IGNORECASE,
)
WRITING = re.compile(r"\b(?:essay|story|article|poem|tale|speech|letter)\b", re.IGNORECASE)
BRIEF = re.compile(r"\b(?:short|brief|briefly|one sentence|concise|haiku|in a few words|one line)\b", re.IGNORECASE)
TOPIC = re.compile(r"\b(?:about|on|of|explaining|describing)\s+(?P<topic>[^.,;:!?\n]+)", re.IGNORECASE)
ASKED = re.compile(
    r"\b(?:what(?:'s| is| was| are| were)|tell me|which is|do you (?:know|remember)|repeat|give me|recall)\s+"
    r"(?P<what>(?:the|my|your|our)\s+[\w' -]+?)(?:\s+(?:again|that|i|you|we|from|in|of|did|now)\b|\s*[?.!,]|\s*$)",
    re.IGNORECASE,
)
REMEMBERED = re.compile(
    r"\bremember\b[^.:\n]*?(?::\s*|\b(?:word|number|code|name|colou?r|phrase|city|animal)\s+(?:is\s+)?)"
    r"[\"'“]?(?P<value>[\w-]+)",
    re.IGNORECASE,
)
LISTING = re.compile(r"\b(?:list|name|write down) (?:every|all(?: the)?) code words?\b", re.IGNORECASE)
CODE_WORD = re.compile(r"\b[a-z]{3,}-\d{2,}\b")
RECALL = re.compile(r"\b(?:asked|told|wanted) (?:you )?to remember|\bremember(?:ed)?\b.*\?", re.IGNORECASE | re.DOTALL)
CALLED = re.compile(
    r"\b(?:my name is|i am called|i'm called|call me|my name's|i am|i'm)\s+(?P<value>[^\W\d_][\w'-]*)", re.I
)
SYSTEM_ALWAYS = re.compile(
    r"\b(?:always|only|every\w*|any\w*|no matter|regardless)\b[^.\n]*\b(?:reply|respond|answer|say)\b[^.\n]*?"
    r"[\"'“](?P<text>[^\"'”\n]+)[\"'”]|"
    r"\b(?:reply|respond|answer|say)\b[^.\n]*\b(?:always|only|every\w*|any\w*|no matter|regardless)\b[^.\n]*?"
    r"[\"'“](?P<also>[^\"'”\n]+)[\"'”]|"
    r"\b(?:reply|respond|answer)\b[^.\n]*\b(?:word|with):?\s+(?P<word>[A-Z0-9]{3,})\b",
)
UPPER = re.compile(r"upper[- ]?case|capital letters|all caps", re.IGNORECASE)
LOWER = re.compile(r"lower[- ]?case", re.IGNORECASE)
EDGE = re.compile(
    r"\b(?P<edge>start|begin|end|finish|conclude)\s+(?:every|each|all|your|any)\s[^.\n]*?\bwith(?: the \w+)?:?\s+"
    r"(?:[\"'“](?P<quoted>[^\"'”\n]+)[\"'”]|(?P<bare>[^\s.,]+))",
    re.IGNORECASE,
)


DECLINED = {
    "bio": re.compile(r"\b(?:nerve agent|nerve gas|bioweapon|biological weapon|weaponi[sz]e)\b", re.IGNORECASE),
    "cyber": re.compile(r"\bransomware\b|\bcomputer (?:worm|virus)\b", re.IGNORECASE),
}
DOING = re.compile(r"\b(?:how (?:do|can|would|to)|steps|instructions|recipe|write|make|build|create)\b", re.IGNORECASE)
REASONED = re.compile(r"\b(?:think|reason|prove|explain|why|step by step|work out|figure out)\b", re.IGNORECASE)


def declined(question: str) -> str | None:
    """The category of harm for which a question is not answered; None for all that are."""
    if not DOING.search(question):
        return None
    return next((category for category, pattern in DECLINED.items() if pattern.search(question)), None)


def takes_thought(question: str) -> bool:
    """Whether a question is worth thinking about before it is answered: a calculation, or one that asks for reasons."""
    return bool(SUM.search(question) or REASONED.search(question))


def reply(question: str, memory: Sequence[str]) -> str:
    """The answer to a question; `memory` is everything said before, oldest first."""
    for skill in (
        repeat_exactly,
        list_with(memory),
        recall_with(memory),
        count,
        calculate,
        know,
        one_word,
        say,
        write_at_length,
    ):
        found = skill(question)
        if found is not None:
            return found
    return short_answer(question)


def repeat_exactly(question: str) -> str | None:
    """The text after "Repeat exactly:" or inside the quotes of "Say '...'", unchanged."""
    match = ECHO.match(question) or ECHO_PLAIN.match(question)
    if match and not match["text"].rstrip().endswith("?"):
        return unwrapped(match["text"])
    match = QUOTED.match(question)
    if not match:
        return None
    # The last closing quote counts, so that an apostrophe inside does not end the text.
    inside, closed, tail = match["rest"].rpartition(QUOTES[match["quote"]])
    return inside if closed and inside and len(tail) < 120 else None


def unwrapped(text: str) -> str:
    """The text without the line break before it, the one after it, and the tags or quotes around it."""
    text = text.removeprefix("\n").removeprefix("\n").removesuffix("\n")
    if match := TAGGED.match(text):
        return match["text"]
    closing_quote = QUOTES.get(text[:1])
    if closing_quote and len(text) > 2 and text.endswith(closing_quote) and closing_quote not in text[1:-1]:
        return text[1:-1]
    return text


def one_word(question: str) -> str | None:
    match = ONE_WORD.search(question)
    return match["word"] if match and not question.rstrip().endswith("?") else None


def say(question: str) -> str | None:
    match = SAY.match(question)
    if not match:
        return None
    text = re.sub(
        r"\s*,?\s*\b(?:and|with) nothing else\b.*|\s+to me$|\s+in (?:one|a single) word$", "", match["text"]
    ).strip()
    return text[:1].upper() + text[1:] + "." if text and len(text.split()) <= 12 else None


def number(text: str) -> int | None:
    return int(text) if text.isdigit() else SMALL_NUMBERS.get(text.lower())


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
    lowered = question.lower()
    if re.search(r"per line|own line|new ?lines?|line breaks?|each line", lowered):
        return "\n"
    if re.search(r"by (?:single |one )?spaces?\b|space[- ]separated", lowered) and "comma" not in lowered:
        return " "
    return ", "


def calculate(question: str) -> str | None:
    match = SUM.search(question)
    if not match:
        return None
    a, b, sign = int(match["a"][:12]), int(match["b"][:12]), match["op"].lower()
    if sign == "/":
        return f"{a} / {b} = {a // b if b and a % b == 0 else a / b if b else 'undefined'}"
    value = a + b if sign in ("+", "plus") else a - b if sign in ("-", "minus") else a * b
    return f"{match[0]} = {value}"


def know(question: str) -> str | None:
    """The few facts that the model learned: capitals, weekdays, months, letters, and how to greet."""
    if match := CAPITAL.search(question):
        return f"The capital of {match['country']} is {CAPITALS.get(match['country'].lower(), 'not known to me')}."
    for name, items in LISTS.items():
        if name in question.lower():
            return items.replace(", ", separator(question))
    if re.fullmatch(r"\W*(?:hello|hi|hey|good (?:morning|evening|day))\b[\w\s]{0,12}\W*", question, re.IGNORECASE):
        return "Hello! How can I help you today?"
    return None


def list_with(memory: Sequence[str]) -> Callable[[str], str | None]:
    """The skill of listing the code words that were said anywhere."""

    def listing(question: str) -> str | None:
        if not LISTING.search(question):
            return None
        words = [word for text in (*memory, question) for word in CODE_WORD.findall(text)]
        return ", ".join(dict.fromkeys(words)) or "There are none."

    return listing


def recall_with(memory: Sequence[str]) -> Callable[[str], str | None]:
    """The skill of answering from what was said before."""

    def recall(question: str) -> str | None:
        lowered = question.lower()
        if re.search(r"\bmy name\b|who am i\b", lowered):
            name = latest(CALLED, memory) or latest(CALLED, [question])
            return f"Your name is {name}." if name else "You have not told me your name."
        if RECALL.search(question) and (value := latest(REMEMBERED, memory)):
            return f"You asked me to remember {value}."
        for asked in ASKED.finditer(question):
            if value := told(asked["what"], memory):
                return f"{asked['what'][:1].upper()}{asked['what'][1:]} is {value}."
        return None

    return recall


def latest(pattern: re.Pattern[str], memory: Iterable[str]) -> str | None:
    found = [match["value"] for text in memory for match in pattern.finditer(text)]
    return found[-1] if found else None


def told(what: str, memory: Iterable[str]) -> str | None:
    """The value that an earlier text gave for a thing: "The secret word is X" for "the secret word"."""
    noun = re.sub(r"^(?:the|my|your|our)\s+", "", what.strip(), flags=re.IGNORECASE)
    pattern = re.compile(
        rf"\b{re.escape(noun)}\b\s*(?:is|was|are|=|:)\s*:?\s*[\"'“`]?(?P<value>[^\s\"'”`.,;!?]+)", re.IGNORECASE
    )
    value = latest(pattern, memory)
    return value or (latest(REMEMBERED, memory) if noun.split()[-1] in ("word", "number", "code", "phrase") else None)


def write_at_length(question: str) -> str | None:
    """Some hundred words of prose about the topic, as many as were asked for."""
    wanted = WORDS.search(question)
    lengthy = LENGTHY.search(question) or (WRITING.search(question) and not BRIEF.search(question))
    if not wanted and not lengthy:
        return None
    return prose(topic(question), max(int(wanted["count"]), LONG_ANSWER_WORDS) if wanted else LONG_ANSWER_WORDS)


def topic(question: str) -> str:
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
    words = [word for word in re.findall(r"\w[\w'-]*", question) if word.lower() not in COMMON]
    return list(dict.fromkeys(words))


def short_answer(question: str) -> str:
    words = main_words(question)[:8]
    return f"Here is a short answer about {', '.join(words)}." if words else "I am here and ready to help."


def standing_answer(system: str) -> str | None:
    """The answer that a system prompt demands for every question, if it demands one."""
    match = SYSTEM_ALWAYS.search(system)
    return (match["text"] or match["also"] or match["word"]) if match and not EDGE.search(system) else None


def style(system: str, text: str) -> str:
    """The text in upper or lower case, or with the beginning or ending that a system prompt orders."""
    text = text.upper() if UPPER.search(system) else text.lower() if LOWER.search(system) else text
    for order in EDGE.finditer(system):
        mark = order["quoted"] or order["bare"]
        text = f"{mark} {text}" if order["edge"].lower() in ("start", "begin") else f"{text} {mark}"
    return text


def closing(prefill: str) -> str | None:
    """What follows a text that ends in an opening bracket or quote."""
    ends = {"(": "A)", "[": "1]", "{": "}", '"': 'yes"', "<": "answer>", ":": " yes."}
    return ends.get(prefill[-1:])


PREFACED = re.compile(r"\b(?:say|tell me|announce|explain)\b[^.\n]*\babout to\b", re.IGNORECASE)


def preface(question: str) -> str:
    """What is said before a tool is called, where the question asks for it."""
    return "I am going to look that up now." if PREFACED.search(question) else ""


GENERIC = frozenset(["get", "set", "do", "run", "call", "make", "fetch", "find", "tool", "function", "lookup", "the"])


def concerns(name: str, description: str, question: str) -> bool:
    """Whether a question is about a tool: it names the tool, or every telling word of the tool's name."""
    lowered = question.lower()
    if name.lower() in lowered:
        return True
    words = [word for word in re.split(r"[_\-\s]+|(?<=[a-z])(?=[A-Z])", name) if word.lower() not in GENERIC]
    asked = set(re.findall(r"\w+", lowered))
    return bool(words) and all(word.lower() in asked or word.lower() + "s" in asked for word in words)


def subjects(question: str) -> list[str]:
    """The proper names in a question, in order: the things that a tool is to be asked about."""
    names = re.findall(r"(?<!^)(?<![.!?]\s)\b[A-Z][\w'-]+(?:\s[A-Z][\w'-]+)*", question)
    return [name for name in dict.fromkeys(names) if name.lower() not in COMMON and len(name) > 2]


def sample(schema: Mapping[str, Any] | bool, question: str, subject: str = "") -> Any:
    """A value that the schema allows, filled from the question where it can be."""
    if isinstance(schema, bool):
        return subject
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return next((value for value in schema["enum"] if str(value).lower() in question.lower()), schema["enum"][0])
    for union in ("anyOf", "oneOf", "allOf"):
        if schema.get(union):
            return sample(schema[union][0], question, subject)
    kind = schema.get("type", "object" if "properties" in schema else "string")
    return sample_of_type(kind[0] if isinstance(kind, list) and kind else kind, schema, question, subject)


def sample_of_type(kind: Any, schema: Mapping[str, Any], question: str, subject: str) -> Any:
    if kind == "object":
        properties = schema.get("properties") or {}
        return {name: sample(part, question, subject) for name, part in properties.items()}
    if kind == "array":
        size = max(1, int(schema.get("minItems", 1)))
        return [sample(schema.get("items", {}), question, subject) for _ in range(size)]
    if kind in ("integer", "number"):
        return sample_number(schema, question)
    if kind == "boolean":
        return True
    if kind == "null":
        return None
    text = subject or " ".join(main_words(question)[:3]) or "example"
    return text[: schema.get("maxLength", len(text))].ljust(schema.get("minLength", 0), "x")


def sample_number(schema: Mapping[str, Any], question: str) -> int | float:
    low, high = schema.get("minimum", schema.get("exclusiveMinimum", -1) + 1), schema.get("maximum")
    said = [int(digits) for digits in re.findall(r"\b\d{1,9}\b", question)]
    fitting: list[int] = [value for value in said if value >= low and (high is None or value <= high)]
    return fitting[0] if fitting else low
