"""Generates conversations: the turns of the user are generated in advance, the target's own answers are added.

A turn has a text, may change the system prompt, may move the cache breakpoint, and is streamed or not. When the answer
calls tools, the calls get results as the program says: in another order, with errors, with blocks, with a picture. Each
answer is sent back as a client does, assembled from its events, with thoughts and signatures. A conversation ends early
after an answer that cannot be sent back.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from messages_conformance.contract import Profile
from messages_conformance.exchange import ACCEPTED, EITHER, Ask, Exchange, Origin
from messages_conformance.generate import sample_content
from messages_conformance.generate.answers import answered_message
from messages_conformance.generate.asks import PLAIN_PROBE, Dialogue
from messages_conformance.generate.features import capabilities
from messages_conformance.generate.requests import THINKING_ROOM, Json, chance
from messages_conformance.generate.semantics import is_valid

ECHOED: Final = "response.content.echoable"
"""The requirement of a turn that contains the target's own answer."""

WHOLE_ANSWERS: Final = frozenset({"end_turn", "tool_use", "stop_sequence"})
"""Stop reasons of complete answers. After others the answer is cut off, or the conversation is over."""

ANSWER_TOKENS: Final = 48
"""max_tokens for a short answer (origin: our own)."""

CALL_TOKENS: Final = 160
"""max_tokens for an answer with tool calls (origin: our own)."""

LEAST_BUDGET: Final = 1024
"""The smallest valid thinking budget (extended thinking)."""

TALK: Final = (
    "Reply with the single word: ok",
    "Name one large city in Japan. Reply with the name only.",
    "My locker has the number 4172. Reply with the single word: noted",
    "Count from 1 to 9, separated by commas. Reply with the numbers only.",
    "Bitte antworte mit einem Wort: Guten Tag!",
)
"""Questions without a tool call."""

CALLS: Final = (
    "What is the weather in Paris? Call the tool get_weather.",
    "What is the weather in Paris and in Tokyo? Call the tool get_weather for each of them, in parallel.",
)
"""Questions that lead to a tool call."""

WEATHER: Final = {
    "name": "get_weather",
    "description": "Gives the weather in one city. Größe, 天気, 🌦: any city is fine.",
    "input_schema": {"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]},
}
"""The tool of all conversations."""

RESULTS: Final = ("12 degrees, light rain", "晴れ, 24 °C 🌞", "no data; the station is closed\nuntil Monday")
"""Texts of results."""


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One turn of the user. `results` are the forms of the results of its calls, one after another."""

    says: str
    in_blocks: bool
    streamed: bool
    marked: bool
    system: Any
    results: tuple[str, ...]
    reversed_results: bool
    says_more: bool


@dataclass(frozen=True, kw_only=True)
class Program:
    """The part of a conversation that the client decides."""

    turns: tuple[Turn, ...]
    tools: bool
    thinking: bool
    pictures: bool

    @property
    def answer_tokens(self) -> int:
        """The max_tokens of each request."""
        return (LEAST_BUDGET + THINKING_ROOM if self.thinking else 0) + (CALL_TOKENS if self.tools else ANSWER_TOKENS)

    @property
    def most_requests(self) -> int:
        """One request for each turn, and one more for the results of its calls."""
        return len(self.turns) * (2 if self.tools else 1)


@st.composite
def programs(draw: Callable[[SearchStrategy[Any]], Any], profile: Profile, *, turns: int) -> Program:
    """A strategy for programs of at least two turns, with what the profile offers."""
    tools = "tools" in profile.offers and chance(draw, 60)
    thinking = "thinking" in profile.offers and chance(draw, 15)
    pictures = tools and not thinking and "images" in profile.offers and chance(draw, 15)
    number = draw(st.integers(2, turns))
    changes = "system" in profile.offers
    system = draw(_systems(profile)) if changes and chance(draw, 60) else None
    planned = []
    for _ in range(number):
        if changes and chance(draw, 20):
            system = draw(_systems(profile))
        planned.append(
            Turn(
                says=draw(st.sampled_from(CALLS if tools and chance(draw, 60) else TALK)),
                in_blocks=chance(draw, 50),
                streamed="stream" in profile.offers and chance(draw, 50),
                marked="prompt-caching" in profile.offers and chance(draw, 30),
                system=system,
                results=tuple(draw(st.lists(st.sampled_from(_forms(pictures=pictures)), min_size=4, max_size=4))),
                reversed_results=chance(draw, 40),
                says_more=chance(draw, 30),
            )
        )
    return Program(turns=tuple(planned), tools=tools, thinking=thinking, pictures=pictures)


def _systems(profile: Profile) -> SearchStrategy[Any]:
    texts = sample_content.texts(sample_content.INSTRUCTIONS[:3])
    blocks = texts.map(lambda text: [{"type": "text", "text": text}])
    return st.one_of(texts, blocks) if "system-blocks" in profile.offers else texts


def _forms(*, pictures: bool) -> tuple[str, ...]:
    return ("text", "blocks", "error", "absent", *(["picture"] if pictures else []))


def result_of(call: Mapping[str, Any], form: str, number: int) -> Json:
    """The result of a call in one of the forms that a client may send."""
    text = RESULTS[number % len(RESULTS)]
    result: Json = {"type": "tool_result", "tool_use_id": call["id"]}
    match form:
        case "text":
            result["content"] = text
        case "error":
            result |= {"content": text, "is_error": True}
        case "blocks":
            result["content"] = [{"type": "text", "text": text}, {"type": "text", "text": "That is all."}]
        case "picture":
            picture = {"type": "image", "source": dict(sample_content.PICTURES[number % len(sample_content.PICTURES)])}
            result["content"] = [{"type": "text", "text": text}, picture]
    return result


class _Client:
    """Carries out a program against a target."""

    def __init__(self, program: Program, origin: Origin, profile: Profile) -> None:
        self.program = program
        self.origin = origin
        self.profile = profile
        self.messages: list[Json] = []
        self._bound: list[Any] = []
        """The system prompt to which thinking is bound: a server may refuse it after another one."""

    async def run(self, send: Callable[[Ask], Awaitable[Exchange]]) -> None:
        for number, turn in enumerate(self.program.turns):
            self._add_user_turn(_content(turn))
            calls = await self._answered(send, turn, number)
            if calls is None:
                return
            if calls:
                self._add_user_turn(self._results(calls, turn))
                # A model that calls tools again is not answered: that may go on forever.
                if await self._answered(send, turn, number) != []:
                    return

    def _add_user_turn(self, content: Any) -> None:
        self.messages.append({"role": "user", "content": content})

    async def _answered(
        self, send: Callable[[Ask], Awaitable[Exchange]], turn: Turn, number: int
    ) -> list[Mapping[str, Any]] | None:
        """Sends the conversation so far, adds the answer, and returns its calls; None where the conversation ends."""
        body = self._body(turn)
        if not is_valid(body, api_version=self.profile.body_version):
            return None  # an earlier answer contains something that is invalid in a request
        exchange = await send(self._ask(body, number))
        message = answered_message(exchange)
        if message is None or message.get("stop_reason") not in WHOLE_ANSWERS or not _may_return(message["content"]):
            return None
        self.messages.append({"role": "assistant", "content": list(message["content"])})
        if any(str(block["type"]).endswith("thinking") for block in message["content"]):
            self._bound = self._bound or [turn.system]
        return [block for block in message["content"] if block["type"] == "tool_use"]

    def _body(self, turn: Turn) -> Json:
        body: Json = {"max_tokens": self.program.answer_tokens, "messages": [dict(held) for held in self.messages]}
        system = self._bound[0] if self._bound else turn.system
        if system is not None:
            body["system"] = system
        if self.program.tools:
            body["tools"] = [WEATHER]
        if self.program.thinking:
            body["thinking"] = {"type": "enabled", "budget_tokens": LEAST_BUDGET}
        if turn.streamed:
            body["stream"] = True
        if turn.marked:
            body["messages"][-1] = _marked(body["messages"][-1])
        return body

    def _ask(self, body: Json, number: int) -> Ask:
        dependent = sorted(capabilities(body) & self.profile.depends_on_model)
        return Ask(
            situation=f"generated.{self.origin.set_name}.{self.origin.number}.turn-{number + 1}",
            body=body,
            probe=ECHOED if len(body["messages"]) > 1 else PLAIN_PROBE,
            expect=EITHER if dependent else ACCEPTED,
            capability=dependent[0] if len(dependent) == 1 else None,
            origin=self.origin,
        )

    def _results(self, calls: Sequence[Mapping[str, Any]], turn: Turn) -> list[Json]:
        results = [
            result_of(call, turn.results[at % len(turn.results)], at + len(self.messages))
            for at, call in enumerate(calls)
        ]
        ordered = results[::-1] if turn.reversed_results else results
        return [*ordered, *([{"type": "text", "text": "Answer in one short sentence."}] if turn.says_more else [])]


def _content(turn: Turn) -> Any:
    return [{"type": "text", "text": turn.says}] if turn.in_blocks or turn.marked else turn.says


def _marked(message: Mapping[str, Any]) -> Json:
    """The message with a cache breakpoint on its last block, as clients set it."""
    content = message["content"]
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else list(content)
    blocks[-1] = {**blocks[-1], "cache_control": {"type": "ephemeral"}}
    return {**message, "content": blocks}


def _may_return(content: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the content of an answer may be sent back: it is not empty, and no text is blank."""
    texts = [block["text"] for block in content if block["type"] == "text"]
    return bool(content) and all(text.strip() for text in texts)


def dialogue(program: Program, origin: Origin, profile: Profile) -> Dialogue:
    """The program as a Dialogue, with the most that it may cost."""

    async def steps(send: Callable[[Ask], Awaitable[Exchange]]) -> None:
        await _Client(program, origin, profile).run(send)

    return Dialogue(
        name=f"generated.{origin.set_name}.{origin.number}",
        steps=steps,
        max_requests=program.most_requests,
        max_output_tokens=program.most_requests * program.answer_tokens,
        generated=True,
    )
