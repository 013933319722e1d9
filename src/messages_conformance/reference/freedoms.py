"""More correct servers: the freedoms that depend on the model, on its limits, and on what nobody documents."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from messages_conformance.reference import validation
from messages_conformance.reference.changes import ErrorReply, RequestContext, Stage
from messages_conformance.reference.events import Event
from messages_conformance.reference.failures import TYPES, Failure
from messages_conformance.reference.http import HttpResponse
from messages_conformance.reference.variants import ALL_PROFILES, ANTHROPIC, variant

Json = dict[str, Any]
DEFAULT_SAMPLING = {"temperature": 1, "top_p": 1}
COMBINATORS = ("oneOf", "allOf", "anyOf")
SHORT_ANSWER_TOKENS = 30
NOT_TOKMODEL = ALL_PROFILES - {"tokmodel"}


# Why a request is refused


@variant(at=Stage.FAILURES)
def validation_before_auth(failures: list[Failure], scene: RequestContext) -> list[Failure]:
    """A request that is bad in body and key is refused for its body."""
    if not any(failure.status == 401 for failure in failures) or scene.request.path != "/v1/messages":
        return failures
    try:
        body = json.loads(scene.request.body)
    except ValueError:
        return [Failure(message="The request body is not valid JSON"), *failures]
    wrong = list(validation.failures(body, version=None)) if isinstance(body, dict) else []
    return [*wrong, *failures]


@variant(at=Stage.ERROR)
def new_error_types(reply: ErrorReply) -> ErrorReply:
    """A status that no document pairs with an error type comes with one of its own."""
    if reply.status in TYPES:
        return reply
    return replace(reply, body={**reply.body, "error": {**reply.body["error"], "type": "method_not_allowed_error"}})


@variant(at=Stage.FAILURES, conforms=NOT_TOKMODEL)
def one_sampling_parameter(failures: list[Failure], scene: RequestContext) -> list[Failure]:
    """temperature and top_p are not taken together."""
    both = "temperature" in scene.body and "top_p" in scene.body
    return [*failures, Failure(message="temperature and top_p cannot both be given")] if both else failures


@variant(at=Stage.FAILURES, conforms=NOT_TOKMODEL)
def locked_sampling(failures: list[Failure], scene: RequestContext) -> list[Failure]:
    """The model takes no temperature, top_p or top_k but the default."""
    locked = [name for name, default in DEFAULT_SAMPLING.items() if scene.body.get(name, default) != default]
    if "top_k" in scene.body:
        locked.append("top_k")
    return [*failures, *(Failure(message=f"{name}: this model takes the default only") for name in locked)]


def no_such_thinking(failures: list[Failure], scene: RequestContext, kinds: tuple[str, ...]) -> list[Failure]:
    thinking = scene.body.get("thinking")
    kind = thinking.get("type") if isinstance(thinking, dict) else None
    if kind not in kinds:
        return failures
    # The words are those by which Claude Code recognises that it must ask otherwise.
    return [*failures, Failure(message=f"{kind} thinking is not supported on this model")]


@variant(at=Stage.FAILURES, conforms=NOT_TOKMODEL)
def adaptive_thinking_only(failures: list[Failure], scene: RequestContext) -> list[Failure]:
    """The model thinks adaptively or not at all; a budget is refused."""
    return no_such_thinking(failures, scene, ("enabled",))


@variant(at=Stage.FAILURES, conforms=ANTHROPIC)
def thoughtless_model(failures: list[Failure], scene: RequestContext) -> list[Failure]:
    """The model does not think; every request to do so is refused."""
    return no_such_thinking(failures, scene, ("enabled", "adaptive"))


@variant(at=Stage.FAILURES, conforms=NOT_TOKMODEL)
def budgeted_thinking_only(failures: list[Failure], scene: RequestContext) -> list[Failure]:
    """The model thinks within a budget; adaptive thinking is refused in words that clients recognise."""
    return no_such_thinking(failures, scene, ("adaptive",))


@variant(at=Stage.FAILURES, conforms=NOT_TOKMODEL)
def no_system_messages(failures: list[Failure], scene: RequestContext) -> list[Failure]:
    """The model takes no message of the role system; it is refused in words that clients recognise."""
    turns = scene.body.get("messages")
    roles = [turn.get("role") for turn in turns if isinstance(turn, dict)] if isinstance(turns, list) else []
    refusal = Failure(message='Unexpected role "system". The Messages API accepts a top-level `system` parameter.')
    return [*failures, refusal] if "system" in roles else failures


@variant(at=Stage.FAILURES)
def strict_tool_definitions(failures: list[Failure], scene: RequestContext) -> list[Failure]:
    """A tool may have no combinator at the top of its schema, and no example that lacks what is required."""
    tools = scene.body.get("tools")
    for tool in tools if isinstance(tools, list) else ():
        schema = tool.get("input_schema") if isinstance(tool, dict) else None
        if not isinstance(schema, dict):
            continue
        if any(name in schema for name in COMBINATORS):
            failures = [*failures, Failure(message="input_schema: no oneOf, allOf or anyOf at the top level")]
        examples = tool.get("input_examples")
        wanted = schema.get("required", [])
        if isinstance(examples, list) and any(name not in example for example in examples for name in wanted):
            failures = [*failures, Failure(message="input_examples: an example does not fit the input_schema")]
    return failures


# Headers


@variant(at=Stage.RESPONSE)
def workspace_header(response: HttpResponse) -> HttpResponse:
    """Answers name a workspace, and say whether to try again."""
    again = "false" if response.status < 500 and response.status not in (408, 409, 429) else "true"
    named = response.with_header("anthropic-workspace-id", "wrkspc_01JwQvzr7rXLA5AGx3HKfFUJ")
    return named.with_header("x-should-retry", again) if response.status >= 400 else named


# Why an answer ends


def counted(message: Json, output_tokens: int) -> Json:
    """The usage of a message with another output, which was not thought about."""
    usage = {name: value for name, value in message["usage"].items() if name != "output_tokens_details"}
    return {**usage, "output_tokens": output_tokens}


def is_plain_end(message: Json) -> bool:
    return message.get("stop_reason") == "end_turn" and bool(message["content"])


@variant(at=Stage.MESSAGE, conforms=NOT_TOKMODEL)
def silent_model(message: Json) -> Json:
    """The model has nothing to say: its turn ends with empty content and two tokens."""
    if not is_plain_end(message):
        return message
    return {**message, "content": [], "usage": counted(message, 2)}


@variant(at=Stage.MESSAGE, conforms=NOT_TOKMODEL)
def refusing_model(message: Json) -> Json:
    """The model refuses every longer answer, with empty content and no tokens."""
    if not is_plain_end(message) or message["usage"]["output_tokens"] <= SHORT_ANSWER_TOKENS:
        return message
    details = {"type": "refusal", "category": None, "explanation": None}
    refusal = {"stop_reason": "refusal", "stop_details": details}
    return {**message, **refusal, "content": [], "usage": counted(message, 0)}


@variant(at=Stage.MESSAGE, conforms=NOT_TOKMODEL)
def full_context_window(message: Json) -> Json:
    """Longer answers end because the context window is full."""
    if not is_plain_end(message) or message["usage"]["output_tokens"] <= SHORT_ANSWER_TOKENS:
        return message
    return {**message, "stop_reason": "model_context_window_exceeded"}


@variant(at=Stage.EVENTS, conforms=NOT_TOKMODEL)
def cut_tool_calls(events: list[Event], scene: RequestContext) -> list[Event]:
    """The limit breaks a streamed tool call off in the middle of its input."""
    fragments = [at for at, (_, data) in enumerate(events) if data.get("delta", {}).get("partial_json")]
    if not fragments or not events[-2][1].get("usage"):
        return events
    name, ending = events[-2]
    usage = {**ending["usage"], "output_tokens": scene.body["max_tokens"]}
    cut = (name, {**ending, "delta": {**ending["delta"], "stop_reason": "max_tokens"}, "usage": usage})
    return [*(event for at, event in enumerate(events[:-2]) if at != fragments[-1]), cut, events[-1]]


# How tokens are told, and which blocks come


@variant(at=Stage.MESSAGE, conforms=NOT_TOKMODEL)
def listed_iterations(message: Json) -> Json:
    """The usage lists iterations that its own counts are not the sum of."""
    counts = {"input_tokens": 7, "output_tokens": 3, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0}
    iterations = [{"type": "compaction", **counts}, {"type": "message", **counts}]
    return {**message, "usage": {**message["usage"], "iterations": iterations}}


def initially(events: list[Event], output_tokens: int) -> list[Event]:
    """The stream with another first count."""
    return [
        (
            name,
            {
                **data,
                "message": {**data["message"], "usage": {**data["message"]["usage"], "output_tokens": output_tokens}},
            },
        )
        if name == "message_start"
        else (name, data)
        for name, data in events
    ]


@variant(at=Stage.EVENTS)
def no_initial_count(events: list[Event]) -> list[Event]:
    """message_start counts no output yet."""
    return initially(events, 0)


@variant(at=Stage.EVENTS)
def large_initial_count(events: list[Event]) -> list[Event]:
    """message_start counts all output before it comes."""
    final = [data["usage"]["output_tokens"] for name, data in events if name == "message_delta"]
    return initially(events, final[-1]) if final else events


@variant(at=Stage.MESSAGE)
def empty_text_block(message: Json) -> Json:
    """An answer also holds an empty text block, which a stream brings without a delta."""
    return (
        {**message, "content": [*message["content"], {"type": "text", "text": ""}]} if message["content"] else message
    )
