"""Which capabilities a target refuses: a single odd request that is refused shows nothing about its kind."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from messages_conformance.contract import Profile
from messages_conformance.exchange import REFUSED, Exchange
from messages_conformance.rules.accessors import cleanly_refused

NAMED: Final[Mapping[str, tuple[str, ...]]] = {
    "batches": ("batch",),
    "citations": ("citation",),
    "documents": ("document", "pdf"),
    "files": ("file",),
    "forced-tools": ("tool_choice", "tool choice", "tool"),
    "images": ("image", "vision", "picture"),
    "prefill": ("prefill", "assistant", "final message", "last message"),
    "search-results": ("search_result", "search result"),
    "server-tools": ("server tool", "web_search", "tool"),
    "small-limits": ("max_tokens", "max_output_tokens", "maximum", "minimum"),
    "strict-tools": ("strict", "tool"),
    "structured-outputs": ("output_config", "output_format", "format", "schema", "structured"),
    "system-role": ("system", "role"),
    "thinking": ("thinking", "reasoning", "budget"),
    "vendor-models": ("v1beta", "models"),
}
"""Words of which a refusal that names a capability has one (our own, from the refusals of the targets of tests)."""

PLACES: Final = re.compile(r"[\d.\[\]'\"`]+")
"""What differs between two refusals for the same reason: numbers, paths and quotation marks."""


def refused_capabilities(exchanges: Iterable[Exchange], profile: Profile) -> Mapping[str, str]:
    """The capabilities that depend on the model and that every answer refused, with the target's last words.

    A refusal names the capability, or two different requests of its kind are refused in the same words.
    """
    sent: dict[str, list[Exchange]] = defaultdict(list)
    for exchange in exchanges:
        valid = exchange.response is not None and exchange.expect != REFUSED
        if valid and exchange.capability is not None and exchange.capability in profile.depends_on_model:
            sent[exchange.capability].append(exchange)
    return {name: f"the target refuses {name}: {words}" for name, words in _refused(sent)}


def _refused(sent: Mapping[str, list[Exchange]]) -> Iterator[tuple[str, str]]:
    for name, exchanges in sent.items():
        words = [cleanly_refused(exchange) for exchange in exchanges]
        if all(words) and (_is_named(name, words) or _is_repeated(exchanges, words)):
            yield name, words[-1]


def _is_named(name: str, words: Iterable[str]) -> bool:
    return any(part in text.lower() for text in words for part in NAMED.get(name, ()))


def _is_repeated(exchanges: Iterable[Exchange], words: Iterable[str]) -> bool:
    """Whether two different requests were refused in the same words."""
    refusals = {(exchange.request.body, PLACES.sub(" ", text)) for exchange, text in zip(exchanges, words, strict=True)}
    return any(times > 1 for times in Counter(text for _, text in refusals).values())
