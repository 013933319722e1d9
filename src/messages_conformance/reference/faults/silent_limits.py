"""A server has limits that it does not report: fewer output tokens, stop sequences and tools than the request has."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.edits import Json
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.language_model import Completion, Model, Prompt
from messages_conformance.reference.request_parts import turns

UPWARDS: Final = "request.max_tokens.honoured-upwards"
AT_LIMIT: Final = "usage.output.eq-max-on-max_tokens"
OCCURS: Final = "stop.stop_sequence.occurs"
LATE_TOOLS: Final = "request.tools.affects-input-tokens"
FORCES: Final = "request.tool_choice.tool-forces"
PARTS: Final = "request.parts.counted"


def limited(body: Json, most: int) -> Json:
    """The body with a limit on max_tokens."""
    limit = body.get("max_tokens")
    return {**body, "max_tokens": most} if isinstance(limit, int) and limit > most else body


@fault("stop", trips={UPWARDS, AT_LIMIT}, at=Stage.BODY, seen="impalasys/talon#8")
def lower_limit_to_256(body: Json) -> Json:
    """A max_tokens above 256 is lowered to 256."""
    return limited(body, 256)


@fault("stop", trips={UPWARDS}, at=Stage.BODY, seen="fuergaosi233/claude-code-proxy#36")
def lower_limit_to_1024(body: Json) -> Json:
    """A max_tokens above 1,024 is lowered to 1,024."""
    return limited(body, 1_024)


@fault("stop", trips={UPWARDS, AT_LIMIT}, at=Stage.BODY, depth="deep")
def lower_limit_to_2048(body: Json) -> Json:
    """A max_tokens above 2,048 is lowered to 2,048."""
    return limited(body, 2_048)


@fault("stop", trips={UPWARDS, AT_LIMIT}, at=Stage.BODY)
def lower_limit_of_streams(body: Json) -> Json:
    """A max_tokens above 512 is lowered to 512 in streams."""
    return limited(body, 512) if body.get("stream") is True else body


@dataclass(frozen=True, kw_only=True)
class QuietlyLimited(Model):
    """A model whose answers end after some tokens as if they were complete."""

    most: int

    def complete(self, prompt: Prompt) -> Completion:
        """The completion, cut and reported as complete."""
        completion = super().complete(replace(prompt, max_tokens=min(prompt.max_tokens, self.most)))
        was_cut = completion.stop_reason == "max_tokens" and prompt.max_tokens > self.most
        return replace(completion, stop_reason="end_turn") if was_cut else completion


@fault("stop", trips={UPWARDS}, at=Stage.MODEL)
def end_turn_at_1024_tokens(model: Model) -> Model:
    """An answer ends after 1,024 tokens as end_turn, although max_tokens allows more."""
    return QuietlyLimited(pieces=model.pieces, most=1_024)


# -- stop sequences


@fault("stop", trips={OCCURS}, at=Stage.BODY)
def obey_eight_stop_sequences_only(body: Json) -> Json:
    """Of more than eight stop sequences, the later ones are ignored."""
    return {**body, "stop_sequences": list(body.get("stop_sequences") or ())[:8]}


@fault("stop", trips={OCCURS}, at=Stage.BODY)
def ignore_second_stop_sequence(body: Json) -> Json:
    """The second of several stop sequences is ignored."""
    sequences = list(body.get("stop_sequences") or ())
    return {**body, "stop_sequences": [*sequences[:1], *sequences[2:]]} if len(sequences) > 1 else body


# -- tools and system turns


def with_first_tools(body: Json, most: int) -> Json:
    """The body with a limit on the number of tools."""
    return {**body, "tools": body["tools"][:most]} if body.get("tools") else body


@fault(
    "tools",
    trips={LATE_TOOLS, FORCES},
    at=Stage.BODY,
    seen="lmstudio-ai/lmstudio-bug-tracker#2164",
)
def offer_20_tools_only(body: Json) -> Json:
    """Of more than 20 tools, the later ones do not reach the model."""
    return with_first_tools(body, 20)


@fault("tools", trips={LATE_TOOLS, FORCES}, at=Stage.BODY)
def offer_128_tools_only(body: Json) -> Json:
    """Of more than 128 tools, the later ones do not reach the model."""
    return with_first_tools(body, 128)


@fault("context", trips={PARTS}, at=Stage.BODY, seen="ddalcu/mlx-serve#365; vllm-project/vllm#43959")
def drop_system_turns(body: Json, context: RequestContext) -> Json:
    """Messages with the role system are accepted and dropped."""
    kept = [turn for turn in turns(body) if turn.get("role") != "system"]
    return {**body, "messages": kept} if context.request.path != "/v1/messages/count_tokens" else body
