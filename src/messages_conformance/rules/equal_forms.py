"""Rules for the forms of a text: a list of text blocks means the same as their texts in one string.

Two requests that differ in nothing else give a correct server the same prompt. If it shows the words of one form to
the model, but never those of the other form, it drops that form. The model is not judged: its prompt is the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import permutations
from typing import Any, Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import in_message, json_key, shown, text_of
from messages_conformance.rules.catalogue import LOSES, RUN, rule
from messages_conformance.rules.code_words import COUNTED, lacking, requests_code_words, word_places
from messages_conformance.rules.recording_parts import PROBES, REQUEST
from messages_conformance.rules.verdict import MUST, Finding, Unverified

MIN_FORM_ANSWERS: Final = 5
"""At least this many answers to one form must have the words, and as many to the other form must lack them (our own).
If a model lists a word in half of its answers, chance explains this once in a thousand."""


@rule(
    "request.context.equal-forms",
    MUST,
    harm=LOSES,
    source=f"{sources.SEED} (a string is shorthand for one text block); proxies that drop lists: "
    "KochC/opencode-llm-proxy#46, diegosouzapw/OmniRoute#12206 (GitHub), read 2026-11-30",
    over=RUN,
    model_dependent=True,
    reads={PROBES, REQUEST},
    provoked="If answers omit a code word, the request is repeated, and sent with its texts as strings and as lists.",
)
def reads_strings_and_text_blocks_alike(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """A text reaches the model whether it is a string or a list of text blocks."""
    same: dict[bytes, dict[bytes, list[Exchange]]] = defaultdict(lambda: defaultdict(list))
    read: set[bool] = set()
    for exchange in exchanges:
        if requests_code_words(exchange):
            fields = dict(exchange.request.fields)
            same[json_key(_joined(fields))][json_key(fields)].append(exchange)
            read |= {
                _is_in_block(place) for word, place in word_places(exchange).items() if not lacking(exchange, [word])
            }
    if any(isinstance(outcome, Finding) for judged in COUNTED for outcome in judged(exchanges)):
        yield Unverified(reason="a part of the request is not counted, which other requirements judge")
        return
    findings = [finding for forms in same.values() for finding in _dropped([*forms.values()])]
    yield from findings[:1]
    if not findings and len(read) < len((True, False)):
        yield Unverified(reason="no answers have code words of both forms")


def _is_in_block(place: str) -> bool:
    """Whether a pointer leads to the text of a block, and not to a string that stands for one."""
    return place.endswith("/text")


def _dropped(forms: Iterable[Sequence[Exchange]]) -> Iterator[Finding]:
    """The words that no answer to one form has, and that every answer to another form has."""
    enough = [answers for answers in forms if len(answers) >= MIN_FORM_ANSWERS]
    for answers, others in permutations(enough, 2):
        for word, place in word_places(answers[0]).items():
            is_lost = all(lacking(answer, [word]) for answer in answers)
            if is_lost and not any(lacking(other, [word]) for other in others):
                yield Finding(
                    exchange=answers[0].number,
                    place=in_message(answers[0], "/content"),
                    found=f"{shown(text_of(answers[0]))}, without {shown(word)} of {place} ({len(answers)} answers)",
                    wanted=f"{shown(word)}, as in {len(others)} answers to the same text in "
                    f"{word_places(others[0])[word]} (exchange {others[0].number})",
                )


def _joined(value: Any) -> Any:
    """A request with one string in place of each list of plain text blocks."""
    if isinstance(value, Mapping):
        return {name: _joined(inner) for name, inner in value.items()}
    if isinstance(value, list):
        plain = value and all(isinstance(one, Mapping) and set(one) == {"type", "text"} for one in value)
        return "\n".join(str(one["text"]) for one in value) if plain else [_joined(inner) for inner in value]
    return value
