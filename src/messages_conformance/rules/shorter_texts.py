"""Finds, for a text, the largest number that belongs to a beginning of it, among many texts."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from messages_conformance.exchange import Exchange


@dataclass(frozen=True, kw_only=True, slots=True)
class Counted:
    """A text, the number of tokens that its request has, and the exchange that shows it."""

    text: str
    tokens: int
    exchange: Exchange


class ShorterTexts:
    """Texts in order. Each one knows the next shorter text that it begins with, so a search reads few others."""

    def __init__(self, counted: Iterable[Counted]) -> None:
        largest: dict[str, Counted] = {}
        for one in counted:
            known = largest.get(one.text)
            if known is None or one.tokens > known.tokens:
                largest[one.text] = one
        self._texts = sorted(largest)
        self._entries = [largest[text] for text in self._texts]
        self._shorter: list[int] = []
        self._best: list[Counted] = []
        open_texts: list[int] = []
        for index, entry in enumerate(self._entries):
            while open_texts and not entry.text.startswith(self._texts[open_texts[-1]]):
                open_texts.pop()
            self._shorter.append(open_texts[-1] if open_texts else -1)
            best = self._best[open_texts[-1]] if open_texts else entry
            self._best.append(entry if entry.tokens > best.tokens else best)
            open_texts.append(index)

    def largest_in(self, text: str, *, most_chars: int) -> Counted | None:
        """The entry with the most tokens whose text begins this one and has at most this many characters."""
        # Texts between a beginning of this text and the text itself have the same beginning.
        index = bisect_right(self._texts, text) - 1
        while index >= 0 and (len(self._texts[index]) > most_chars or not text.startswith(self._texts[index])):
            index = self._shorter[index]
        return self._best[index] if index >= 0 else None
