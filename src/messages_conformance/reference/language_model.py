"""A small deterministic language model: it follows plain requests as a real model does, and knows no code words.

It counts, repeats, remembers, calculates, calls tools and writes long texts. So the prompts that provoke limits and
stop sequences work with any real model too. The same conversation always gets the same answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from messages_conformance.reference import text_tasks

TOKEN = re.compile(r"\s*(?:\w{1,6}|[^\w\s])|\s+")
TURN_OVERHEAD_TOKENS = 4
"""What a turn or a call costs besides its text; our own number."""

IMAGE_TOKENS = 120
"""What an image costs; our own number."""

THINKING_TEXT = "The request is plain: I find what is asked for, and answer it directly."

Role = Literal["user", "assistant"]


def tokens(text: str, pieces: re.Pattern[str] = TOKEN) -> list[str]:
    """The tokens of a text. Joined they are the text; a text that is not empty has at least one."""
    return pieces.findall(text)


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One turn of a conversation, reduced to what the model reads.

    `has_failed` is true if a result in it is marked as an error.
    """

    role: Role
    text: str
    tool_results: tuple[str, ...] = ()
    has_failed: bool = False


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A tool that the model may call; `schema` describes its input object."""

    name: str
    description: str = ""
    schema: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Call:
    """A tool call that the model decided on."""

    name: str
    input: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """Everything that the model reads for one answer."""

    turns: tuple[Turn, ...]
    system: str = ""
    max_tokens: int = 1024
    stop_sequences: tuple[str, ...] = ()
    tools: tuple[Tool, ...] = ()
    tool_choice: Literal["auto", "any", "tool", "none"] = "auto"
    forced_tool: str | None = None
    parallel: bool = True
    thinking: bool = False
    answer_schema: Mapping[str, Any] | None = None
    searches: tuple[str, ...] = ()
    """The queries of the web searches that come before the text."""
    pauses: bool = False
    """Whether there are more searches than one turn may have."""


@dataclass(frozen=True, kw_only=True)
class Completion:
    """What the model generated. `refusal` is the category of harm of a refused question."""

    text: str
    calls: tuple[Call, ...]
    thinking: str | None
    output_tokens: int
    stop_reason: str
    stop_sequence: str | None = None
    thinking_tokens: int = 0
    searches: tuple[str, ...] = ()
    refusal: str | None = None


AnswerChange = Callable[[Prompt, str], str]
"""Changes the text that the model would write. Variants use it to make other models."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """The model: its tokenizer, and a change to its answers if there is one."""

    pieces: re.Pattern[str] = TOKEN
    change_answer: AnswerChange | None = None

    def tokens(self, text: str) -> list[str]:
        """The tokens of a text."""
        return tokens(text, self.pieces)

    def count(self, text: str) -> int:
        """The number of tokens of a text."""
        return len(self.tokens(text))

    def complete(self, prompt: Prompt) -> Completion:
        """The answer to a prompt, cut at the first stop sequence or after `max_tokens` tokens."""
        category = text_tasks.refusal_category(question(prompt))
        if category is not None and prompt.max_tokens:
            return Completion(
                text="", calls=(), thinking=None, output_tokens=0, stop_reason="refusal", refusal=category
            )
        thinking = THINKING_TEXT if prompt.thinking else None
        spent = self.count(thinking or "")
        if prompt.max_tokens <= spent:
            return replace(self._cut_before_text(prompt, thinking), thinking_tokens=min(spent, prompt.max_tokens))
        return replace(self._after_thinking(prompt, thinking, spent), thinking_tokens=spent)

    def _after_thinking(self, prompt: Prompt, thinking: str | None, spent: int) -> Completion:
        if calls := calls_for(prompt):
            return self._calling(prompt, calls, thinking, spent)
        if prompt.searches:
            return self._searching(prompt, thinking, spent)
        return self._writing(prompt, self._answer(prompt), thinking, spent)

    def _searching(self, prompt: Prompt, thinking: str | None, spent: int) -> Completion:
        """The searches and the text after them; a turn that pauses has no text yet."""
        spent += sum(self.count(query) + TURN_OVERHEAD_TOKENS for query in prompt.searches)
        if spent >= prompt.max_tokens:
            return self._cut_before_text(prompt, thinking)
        if prompt.pauses:
            completion = Completion(text="", calls=(), thinking=thinking, output_tokens=spent, stop_reason="pause_turn")
        else:
            text = text_tasks.styled(prompt.system, f"I found pages about {', '.join(prompt.searches)}.")
            completion = self._writing(prompt, text, thinking, spent)
        return replace(completion, searches=prompt.searches)

    def _answer(self, prompt: Prompt) -> str:
        text = continued(prompt, answer(prompt))
        # Decoding is constrained to the schema, so no model can change such an answer.
        return self.change_answer(prompt, text) if self.change_answer and prompt.answer_schema is None else text

    def _cut_before_text(self, prompt: Prompt, thinking: str | None) -> Completion:
        """A completion that max_tokens cuts before any text."""
        shown = "".join(self.tokens(thinking or "")[: prompt.max_tokens]) if thinking else None
        return Completion(text="", calls=(), thinking=shown, output_tokens=prompt.max_tokens, stop_reason="max_tokens")

    def _calling(self, prompt: Prompt, calls: tuple[Call, ...], thinking: str | None, spent: int) -> Completion:
        text = text_tasks.preface(question(prompt))
        size = sum(self.count(call.name + json.dumps(dict(call.input))) + TURN_OVERHEAD_TOKENS for call in calls)
        size += self.count(text)
        if spent + size >= prompt.max_tokens:
            # A call that does not fit is left out: half an input object is useless.
            return Completion(
                text="", calls=(), thinking=thinking, output_tokens=prompt.max_tokens, stop_reason="max_tokens"
            )
        return Completion(text=text, calls=calls, thinking=thinking, output_tokens=spent + size, stop_reason="tool_use")

    def _writing(self, prompt: Prompt, text: str, thinking: str | None, spent: int) -> Completion:
        remaining = prompt.max_tokens - spent
        pieces = self.tokens(text)
        generated = "".join(pieces[:remaining])
        stop = first_stop(generated, prompt.stop_sequences)
        if stop is not None:
            at, sequence = stop
            used = self._tokens_up_to(pieces, at + len(sequence))
            return Completion(
                text=generated[:at],
                calls=(),
                thinking=thinking,
                output_tokens=spent + used,
                stop_reason="stop_sequence",
                stop_sequence=sequence,
            )
        # The end of an answer is a token of its own: an answer without space for it is cut.
        ended = len(pieces) < remaining
        return Completion(
            text=generated,
            calls=(),
            thinking=thinking,
            output_tokens=spent + (len(pieces) + 1 if ended else remaining),
            stop_reason="end_turn" if ended else "max_tokens",
        )

    @staticmethod
    def _tokens_up_to(pieces: Sequence[str], length: int) -> int:
        reached = 0
        for number, piece in enumerate(pieces, start=1):
            reached += len(piece)
            if reached >= length:
                return number
        return len(pieces)


def first_stop(text: str, sequences: Sequence[str]) -> tuple[int, str] | None:
    """The position and the value of the stop sequence that ends first; of two that end together, the longer one."""
    found = [(text.find(sequence), sequence) for sequence in sequences if sequence]
    hits = [(at, sequence) for at, sequence in found if at >= 0]
    return min(hits, key=lambda hit: (hit[0] + len(hit[1]), hit[0])) if hits else None


def answer(prompt: Prompt) -> str:
    """The whole answer, before any limit: what the system prompt orders, or else the answer to the last question."""
    if prompt.answer_schema is not None:
        return json.dumps(text_tasks.sample_value(prompt.answer_schema, question(prompt)), ensure_ascii=False)
    if prompt.turns and (results := last_user_turn(prompt).tool_results):
        if text_tasks.asks_whether_a_call_failed(question(prompt)):
            return "yes" if last_user_turn(prompt).has_failed or text_tasks.tells_of_failure(results) else "no"
        return text_tasks.styled(prompt.system, "The tool returned: " + "; ".join(results) + ".")
    fixed = text_tasks.fixed_answer(prompt.system)
    if fixed is not None:
        return fixed
    earlier = [prompt.system, *(text for turn in prompt.turns[:-1] for text in (*turn.tool_results, turn.text))]
    return text_tasks.styled(prompt.system, text_tasks.reply(question(prompt), earlier))


def last_user_turn(prompt: Prompt) -> Turn:
    """The last user turn; an empty turn if there is none."""
    return next((turn for turn in reversed(prompt.turns) if turn.role == "user"), Turn(role="user", text=""))


def question(prompt: Prompt) -> str:
    """The text of the last user turn."""
    return last_user_turn(prompt).text


def continued(prompt: Prompt, text: str) -> str:
    """The rest of the answer after a prefill; the whole answer if there is no prefill."""
    if not prompt.turns or prompt.turns[-1].role != "assistant":
        return text
    prefill = prompt.turns[-1].text
    if text.startswith(prefill):
        return text[len(prefill) :]
    return text_tasks.prefill_ending(prefill) or " " + text[:1].lower() + text[1:]


def calls_for(prompt: Prompt) -> tuple[Call, ...]:
    """The tool calls for this prompt: a forced tool always, any other tool if the question is about it."""
    if not prompt.tools or prompt.tool_choice == "none":
        return ()
    if prompt.searches and prompt.tool_choice == "any":
        return ()
    text = question(prompt)
    answered = bool(prompt.turns) and bool(last_user_turn(prompt).tool_results)
    if answered and prompt.tool_choice == "auto" and not any(tool.name in text for tool in prompt.tools):
        return ()
    chosen = [tool for tool in prompt.tools if text_tasks.is_about_tool(tool.name, tool.description, text)]
    if prompt.tool_choice == "tool":
        chosen = [tool for tool in prompt.tools if tool.name == prompt.forced_tool]
    elif prompt.tool_choice == "any" and not chosen:
        chosen = [prompt.tools[0]]
    calls = [call for tool in chosen for call in calls_of(tool, text)]
    return tuple(calls if prompt.parallel else calls[:1])


def calls_of(tool: Tool, text: str) -> list[Call]:
    """One call of a tool for each thing that the question names, such as two calls for two cities."""
    if (stated := text_tasks.stated_input(text)) is not None:
        return [Call(name=tool.name, input=stated)]
    subjects = text_tasks.subjects(text) or [""]
    inputs = [text_tasks.sample_value(tool.schema, text, subject) for subject in subjects]
    distinct = [value for at, value in enumerate(inputs) if value not in inputs[:at]]
    return [Call(name=tool.name, input=value if isinstance(value, dict) else {}) for value in distinct]
