"""Generates valid requests: their shapes come from the schemas, and they keep the rules between fields.

A request contains only what its profile offers. It is small: few turns, short questions, few tokens. It usually
contains at most one feature that depends on the model, so that a refusal can be explained.

Never generated, though valid: addresses and file ids (a server would fetch them), server tools (they are billed
separately), typed client tools and members that need a beta header (models differ), blocks that only a server writes,
both temperature and top_p (refused by some models), a final assistant turn together with thinking.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, cast

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from messages_conformance.contract import Profile
from messages_conformance.generate import sample_content
from messages_conformance.generate.compiler import from_schema
from messages_conformance.generate.semantics import MAX_BREAKPOINTS, holders

Json = dict[str, Any]
"""A JSON object."""

Draw = Callable[[SearchStrategy[Any]], Any]
"""The function that Hypothesis passes to a composite strategy: it returns one value of another strategy."""

CAPABILITIES: Final = (
    "images",
    "documents",
    "search-results",
    "citations",
    "structured-outputs",
    "forced-tools",
    "strict-tools",
    "prefill",
    "thinking",
)
"""The capabilities that depend on the model and can be generated, the most expensive last."""

FIELD_NEEDS: Final[Mapping[str, str]] = {
    "model": "text",
    "messages": "text",
    "max_tokens": "text",
    "system": "system",
    "stream": "stream",
    "stop_sequences": "stop-sequences",
    "temperature": "temperature",
    "top_p": "top-p",
    "top_k": "top-k",
    "metadata": "metadata",
    "service_tier": "service-tier",
    "tools": "tools",
    "tool_choice": "tool-choice",
    "thinking": "thinking",
    "output_config": "structured-outputs",
    "cache_control": "prompt-caching",
}
"""What a profile has to offer for a top-level field."""

NOT_GENERATED: Final[Mapping[str, str]] = {
    "container": "code execution is a server tool",
    "inference_geo": "the regions depend on the account",
    "speed": "some models need a beta header",
    "diagnostics": "it refers to an earlier message of the account",
}
"""Top-level fields without a beta mark that no generated request has, each with the reason."""

THINKING_ROOM: Final = 24
"""Tokens for the answer in addition to a thinking budget (origin: our own)."""

SHORT_ANSWER: Final = 64
"""max_tokens for an answer that is a call or a JSON document (origin: our own)."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """The size of requests: the most earlier turns, and the most blocks in one message."""

    turns: int
    blocks: int


SMALL: Final = Size(turns=2, blocks=2)
"""The size of the requests of a standard run (origin: our own)."""

LARGE: Final = Size(turns=5, blocks=4)
"""The size of the requests that only a deep run contains (origin: our own)."""


@cache
def schema_of(place: str) -> SearchStrategy[Any]:
    """A strategy for what the schema at a place allows, with the sample content of this package."""
    return from_schema(place, overrides=sample_content.OVERRIDES)


def property_of(name: str) -> SearchStrategy[Any]:
    """A strategy for one top-level field of a request."""
    return schema_of(f"request.json#/properties/{name}")


def block(kind: str) -> SearchStrategy[Json]:
    """A strategy for a content block of a request, without a cache breakpoint."""
    return schema_of(f"blocks/{kind}.json#/$defs/request")


def chance(draw: Draw, percent: int) -> bool:
    """True in this percentage of all cases."""
    # The simplest value is 0: with it a request has no optional parts.
    return bool(draw(st.integers(0, 99)) >= 100 - percent)


class _RequestBuilder:
    """Generates one request. Its attributes keep what was decided for the request so far."""

    def __init__(self, draw: Draw, profile: Profile, size: Size, without: frozenset[str]) -> None:
        self.draw = draw
        self.size = size
        self.offers = profile.offers - without
        self.merges = profile.family == "anthropic"  # the profile promises to merge consecutive turns of one role
        self.capabilities = self._capabilities()
        self.tools: list[tuple[str, str, Mapping[str, Any], Mapping[str, Any]]] = []
        self.ids: set[str] = set()

    def _capabilities(self) -> frozenset[str]:
        offered = [name for name in CAPABILITIES if name in self.offers and self._has_base(name)]
        if not offered or chance(self.draw, 65):
            return frozenset()
        first = self.draw(st.sampled_from(offered))
        if first == "thinking" and not chance(self.draw, 30):  # a thousand tokens each
            return frozenset()
        second = self.draw(st.sampled_from(offered)) if chance(self.draw, 10) else first
        return frozenset({first} if "thinking" in (first, second) else {first, second})

    def _has_base(self, name: str) -> bool:
        base = {"forced-tools": "tool-choice", "strict-tools": "tools", "citations": "documents"}.get(name)
        return base is None or base in self.offers

    def offered(self, name: str) -> bool:
        return FIELD_NEEDS[name] in self.offers

    def body(self) -> Json:
        body: Json = {"max_tokens": self.draw(property_of("max_tokens"))}
        if self.offered("tools") and (self.capabilities & {"forced-tools", "strict-tools"} or chance(self.draw, 35)):
            most = min(3, len(sample_content.TOOLS))
            entries = self.draw(st.lists(st.sampled_from(range(len(sample_content.TOOLS))), min_size=1, max_size=most))
            self.tools = [sample_content.TOOLS[at] for at in dict.fromkeys(entries)]
        body["messages"] = self._messages()
        if self.offered("system") and chance(self.draw, 45):
            body["system"] = self._system()
        if self.tools:
            body["tools"] = [self._tool(*entry) for entry in self.tools]
            body |= self._choice()
        body |= self._options()
        if "thinking" in self.capabilities:
            body |= self._thinking()
        if "structured-outputs" in self.capabilities:
            body["output_config"] = {"format": {"type": "json_schema", "schema": sample_content.ANSWER_SCHEMA}}
            body["max_tokens"] = SHORT_ANSWER
        self._cite(body)
        if self.offered("cache_control") and chance(self.draw, 25):
            self._mark(body)
        return body

    # -- messages ---------------------------------------------------------------------------------------------------

    def _messages(self) -> list[Json]:
        messages: list[Json] = []
        open_calls: list[Json] = []
        for _ in range(self.draw(st.integers(0, self.size.turns))):
            messages.append(self._user(open_calls))
            if self.merges and not open_calls and chance(self.draw, 8):
                messages.append({"role": "user", "content": self.draw(sample_content.texts(sample_content.REMARKS))})
            messages.append(self._assistant())
            content = messages[-1]["content"]
            open_calls = [part for part in content if part["type"] == "tool_use"] if isinstance(content, list) else []
        messages.append(self._user(open_calls, last=True))
        if "prefill" in self.capabilities:
            messages.append({"role": "assistant", "content": self.draw(sample_content.texts(sample_content.REPLIES))})
        return messages

    def _user(self, calls: Sequence[Json], *, last: bool = False) -> Json:
        text = self.draw(sample_content.texts(sample_content.QUESTIONS if last else sample_content.REMARKS))
        inputs = self._inputs(last=last)
        if not calls and not inputs and chance(self.draw, 50):
            return {"role": "user", "content": text}
        order = self.draw(st.permutations(calls))
        content = [self._result(call) for call in order]
        if calls and chance(self.draw, 50):
            return {"role": "user", "content": content}
        remarks = self.draw(st.lists(block("text"), max_size=self.size.blocks - 1))
        return {"role": "user", "content": [*content, *inputs, *remarks, {"type": "text", "text": text}]}

    def _inputs(self, *, last: bool) -> list[Json]:
        """Blocks of the chosen kinds; the last message has at least one."""
        kinds = [
            kind
            for kind, needed in (("image", "images"), ("document", "documents"), ("search_result", "search-results"))
            if needed in self.capabilities or (kind == "document" and "citations" in self.capabilities)
        ]
        return [self.draw(block(kind)) for kind in kinds if last or chance(self.draw, 25)]

    def _assistant(self) -> Json:
        text = self.draw(sample_content.texts(sample_content.REPLIES))
        # With thinking a call needs the thought before it, which only a model can sign.
        if not self.tools or "thinking" in self.capabilities or not chance(self.draw, 60):
            return {"role": "assistant", "content": text if chance(self.draw, 60) else [{"type": "text", "text": text}]}
        calls = [self._call() for _ in range(self.draw(st.integers(1, 2)))]
        return {"role": "assistant", "content": [*([{"type": "text", "text": text}] * chance(self.draw, 50)), *calls]}

    def _call(self) -> Json:
        name, _, _, given = self.draw(st.sampled_from(self.tools))
        identifier = self.draw(sample_content.call_ids())
        while identifier in self.ids:
            identifier += "x"
        self.ids.add(identifier)
        return {"type": "tool_use", "id": identifier, "name": name, "input": dict(given)}

    def _result(self, call: Json) -> Json:
        result: Json = {"type": "tool_result", "tool_use_id": call["id"]}
        form = self.draw(st.sampled_from(["text", "blocks", "absent", "image"]))
        if form == "text":
            result["content"] = self.draw(sample_content.texts(sample_content.REMARKS))
        elif form != "absent":
            result["content"] = self.draw(st.lists(block("text"), min_size=1, max_size=self.size.blocks))
            if form == "image" and "images" in self.capabilities:
                result["content"].append(self.draw(block("image")))
        # Some servers refuse an error without content (field reports).
        if "content" in result and chance(self.draw, 30):
            result["is_error"] = self.draw(st.booleans())
        return result

    # -- everything else --------------------------------------------------------------------------------------------

    def _system(self) -> Any:
        text = self.draw(sample_content.texts(sample_content.INSTRUCTIONS))
        if "system-blocks" not in self.offers or chance(self.draw, 50):
            return text
        more = self.draw(st.lists(block("text"), max_size=self.size.blocks - 1))
        return [{"type": "text", "text": text}, *more]

    def _tool(self, name: str, description: str, schema: Mapping[str, Any], _: Mapping[str, Any]) -> Json:
        tool: Json = {"name": name, "input_schema": dict(schema)}
        if chance(self.draw, 85):
            tool["description"] = description
        if chance(self.draw, 15):
            tool["type"] = "custom"
        if "strict-tools" in self.capabilities:
            tool |= {"strict": True, "input_schema": sample_content.STRICT_SCHEMA}
        return tool

    def _choice(self) -> Json:
        if "forced-tools" in self.capabilities:
            forced = self.draw(
                st.one_of(
                    schema_of("request.json#/$defs/tool_choice_any"), schema_of("request.json#/$defs/tool_choice_tool")
                )
            )
            if forced["type"] == "tool":
                forced["name"] = self.draw(st.sampled_from(self.tools))[0]
            return {"tool_choice": forced, "max_tokens": SHORT_ANSWER}
        if not self.offered("tool_choice") or chance(self.draw, 60):
            return {}
        kinds = (schema_of("request.json#/$defs/tool_choice_auto"), schema_of("request.json#/$defs/tool_choice_none"))
        return {"tool_choice": self.draw(st.one_of(kinds))}

    def _options(self) -> Json:
        found: Json = {}
        if self.offered("stream") and chance(self.draw, 55):
            found["stream"] = not chance(self.draw, 15)
        for name, percent in (("stop_sequences", 25), ("metadata", 15), ("service_tier", 15), ("top_k", 15)):
            if self.offered(name) and chance(self.draw, percent):
                found[name] = self.draw(property_of(name))
        sampling = [name for name in ("temperature", "top_p") if self.offered(name)]
        if sampling and chance(self.draw, 35):
            name = self.draw(st.sampled_from(sampling))
            found[name] = self.draw(property_of(name))
        if "thinking" in self.capabilities:
            found = {name: value for name, value in found.items() if name not in ("temperature", "top_p", "top_k")}
        return found

    def _thinking(self) -> Json:
        kind = self.draw(st.sampled_from(["enabled", "adaptive", "disabled"]))
        thinking = self.draw(schema_of(f"request.json#/$defs/thinking_{kind}"))
        if kind == "enabled":
            return {"thinking": thinking, "max_tokens": thinking["budget_tokens"] + THINKING_ROOM}
        return {"thinking": thinking, "max_tokens": SHORT_ANSWER}

    def _cite(self, body: Json) -> None:
        """Requests citations for all documents or for none."""
        if "citations" not in self.capabilities or "output_config" in body:
            return
        for message in body["messages"]:
            for part in message["content"] if isinstance(message["content"], list) else ():
                if part["type"] in ("document", "search_result"):
                    part["citations"] = {"enabled": True}

    def _mark(self, body: Json) -> None:
        """Sets cache breakpoints at up to four places: longer lifetimes first, in the order of the prompt."""
        if chance(self.draw, 20):
            body["cache_control"] = {"type": "ephemeral"}
            return
        # No document says whether a result comes before or after its own parts, so the parts have no breakpoints.
        places = [held for pointer, held in holders(body) if pointer.count("/content/") < 2]
        if not places:
            return
        chosen = sorted(self.draw(st.sets(st.sampled_from(range(len(places))), min_size=1, max_size=MAX_BREAKPOINTS)))
        hours = self.draw(st.integers(0, 2)) if chance(self.draw, 40) else 0
        for number, at in enumerate(chosen):
            lifetime = {"ttl": "1h"} if number < hours else self.draw(st.sampled_from([{}, {"ttl": "5m"}]))
            cast(Json, places[at])["cache_control"] = {"type": "ephemeral", **lifetime}


@st.composite
def requests(draw: Draw, profile: Profile, *, size: Size = SMALL, without: frozenset[str] = frozenset()) -> Json:
    """A strategy for valid bodies without a model. `without` names offered capabilities to leave out."""
    return _RequestBuilder(draw, profile, size, without).body()
