"""Which valid requests are refused, and which invalid ones are accepted."""

from __future__ import annotations

import json
from typing import Final

from messages_conformance.reference import validation
from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.edits import refused_if
from messages_conformance.reference.failures import Failure
from messages_conformance.reference.request_parts import blocks, tools, turns
from messages_conformance.reference.variant_registry import ANTHROPIC, LENIENT, NOT_TOKMODEL, TOKMODEL, variant

DEFAULT_SAMPLING: Final = {"temperature": 1, "top_p": 1}
COMBINATORS: Final = ("oneOf", "allOf", "anyOf")
SMALL_WINDOW_BYTES: Final = 12_000
"""The largest body that fits into the window of a small model: 4,096 tokens of three bytes."""

MIN_MAX_TOKENS: Final = 16
"""The least max_output_tokens of a model by another vendor behind a gateway."""


@variant(at=Stage.FAILURES, conforms=LENIENT)
def lenient_gateway(failures: list[Failure]) -> list[Failure]:
    """A request is accepted unless the short documentation forbids it."""
    documented = (
        "request.model.required",
        "request.messages.required",
        "request.messages.role-enum",
        "request.messages.role-required",
        "request.fields.types",
        "request.max_tokens.required",
        "request.max_tokens.integer",
        "request.max_tokens.negative",
        "request.temperature.range",
        "request.stream.boolean",
        "request.stop_sequences.array",
    )
    return [
        failure
        for failure in failures
        if not (failure.requirement or "").startswith(("request.", "version.", "beta."))
        or failure.requirement in documented
    ]


@variant(at=Stage.FAILURES)
def validation_before_auth(failures: list[Failure], context: RequestContext) -> list[Failure]:
    """A request with a bad body and a bad key is refused because of its body."""
    if not any(failure.status == 401 for failure in failures) or context.request.path != "/v1/messages":
        return failures
    try:
        body = json.loads(context.request.body)
    except ValueError:
        return [Failure(message="The request body is not valid JSON"), *failures]
    body_failures = list(validation.failures(body, version=None)) if isinstance(body, dict) else []
    return [*body_failures, *failures]


@variant(at=Stage.FAILURES)
def small_window(failures: list[Failure], context: RequestContext) -> list[Failure]:
    """A prompt that exceeds the 4,096 tokens of a small model is refused."""
    size = len(context.request.body)
    tokens = size // 3
    message = f"This model's maximum context length is 4096 tokens. However, your request has {tokens} input tokens."
    return refused_if(failures, size > SMALL_WINDOW_BYTES, message)


@variant(at=Stage.FAILURES, conforms=NOT_TOKMODEL)
def one_sampling_parameter(failures: list[Failure], context: RequestContext) -> list[Failure]:
    """A request with both temperature and top_p is refused."""
    both = "temperature" in context.body and "top_p" in context.body
    return [*failures, Failure(message="temperature and top_p cannot both be given")] if both else failures


@variant(at=Stage.FAILURES, conforms=NOT_TOKMODEL)
def locked_sampling(failures: list[Failure], context: RequestContext) -> list[Failure]:
    """The model accepts only the default temperature and top_p, and no top_k."""
    locked = [name for name, default in DEFAULT_SAMPLING.items() if context.body.get(name, default) != default]
    if "top_k" in context.body:
        locked.append("top_k")
    return [*failures, *(Failure(message=f"{name}: this model takes the default only") for name in locked)]


def refuse_thinking(failures: list[Failure], context: RequestContext, kinds: tuple[str, ...]) -> list[Failure]:
    """The failures, and one more if the request wants one of these kinds of thinking."""
    thinking = context.body.get("thinking")
    kind = thinking.get("type") if isinstance(thinking, dict) else None
    if kind not in kinds:
        return failures
    # Claude Code recognises these words, and then sends the request in another form.
    return [*failures, Failure(message=f"{kind} thinking is not supported on this model")]


@variant(at=Stage.FAILURES, conforms=NOT_TOKMODEL)
def adaptive_thinking_only(failures: list[Failure], context: RequestContext) -> list[Failure]:
    """The model supports adaptive thinking only; a thinking budget is refused."""
    return refuse_thinking(failures, context, ("enabled",))


@variant(at=Stage.FAILURES, conforms=ANTHROPIC)
def thoughtless_model(failures: list[Failure], context: RequestContext) -> list[Failure]:
    """The model does not support thinking; every request for it is refused."""
    return refuse_thinking(failures, context, ("enabled", "adaptive"))


@variant(at=Stage.FAILURES, conforms=NOT_TOKMODEL)
def budgeted_thinking_only(failures: list[Failure], context: RequestContext) -> list[Failure]:
    """The model supports a thinking budget only; adaptive thinking is refused in words that clients recognise."""
    return refuse_thinking(failures, context, ("adaptive",))


NO_SYSTEM_ROLE = (
    'Unexpected role "system". The Messages API accepts a top-level `system` parameter, not "system" as an input '
    "message role."
)


@variant(at=Stage.FAILURES, conforms=NOT_TOKMODEL)
def no_system_messages(failures: list[Failure], context: RequestContext) -> list[Failure]:
    """The model accepts no message with the role system; the refusal has words that clients recognise."""
    turns = context.body.get("messages")
    roles = [turn.get("role") for turn in turns if isinstance(turn, dict)] if isinstance(turns, list) else []
    refusal = Failure(message=NO_SYSTEM_ROLE)
    return [*failures, refusal] if "system" in roles else failures


@variant(at=Stage.FAILURES)
def strict_tool_definitions(failures: list[Failure], context: RequestContext) -> list[Failure]:
    """A tool schema may have no combinator at the top level, and a tool example must have all required fields."""
    for tool in tools(context.body):
        schema = tool.get("input_schema")
        if not isinstance(schema, dict):
            continue
        if any(name in schema for name in COMBINATORS):
            failures = [*failures, Failure(message="input_schema: no oneOf, allOf or anyOf at the top level")]
        examples = tool.get("input_examples")
        required = schema.get("required", [])
        if isinstance(examples, list) and any(name not in example for example in examples for name in required):
            failures = [*failures, Failure(message="input_examples: an example does not fit the input_schema")]
    return failures


@variant(at=Stage.FAILURES, conforms=TOKMODEL)
def least_limit(failures: list[Failure], context: RequestContext) -> list[Failure]:
    """max_tokens must be at least sixteen, as for models of other vendors; no document excludes it."""
    limit = context.body.get("max_tokens")
    if not isinstance(limit, int) or not 1 <= limit < MIN_MAX_TOKENS:
        return failures
    return [*failures, Failure(message=f"max_tokens: must be at least {MIN_MAX_TOKENS}")]


MAX_NAME_CHARACTERS: Final = 64
"""The limit of the documentation page about tools; the schema of the API has 128."""

MAX_TOOLS: Final = 100


@variant(at=Stage.FAILURES, conforms=NOT_TOKMODEL)
def shorter_tool_names(failures: list[Failure], context: RequestContext) -> list[Failure]:
    """The name of a tool has at most 64 characters, as one page of the documentation says."""
    names = [str(tool.get("name", "")) for tool in tools(context.body)]
    long = any(len(name) > MAX_NAME_CHARACTERS for name in names)
    return refused_if(failures, long, f"tools: String should have at most {MAX_NAME_CHARACTERS} characters")


@variant(at=Stage.FAILURES, conforms=NOT_TOKMODEL)
def fewer_tools(failures: list[Failure], context: RequestContext) -> list[Failure]:
    """More than 100 tools are refused with the error code of the documented limit."""
    many = len(tools(context.body)) > MAX_TOOLS
    message = f"available_tools_limit_exceeded: at most {MAX_TOOLS} tools are available"
    return refused_if(failures, many, message)


UNREADABLE: Final = ("image", "document", "search_result")
SERVER_BLOCKS: Final = ("server_tool_use", "web_search_tool_result")
MAX_BODY_BYTES: Final = 20_000_000
"""The limit of one cloud that offers the same API."""


def kinds_in(content: object) -> set[str]:
    """The types of content blocks, those inside other blocks included."""
    blocks = [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []
    inner = [kinds_in(block.get("content")) for block in blocks]
    return {str(block.get("type")) for block in blocks}.union(*inner)


def kinds_of(context: RequestContext) -> set[str]:
    """The types of all content blocks of a request."""
    return set().union(*(kinds_in(turn.get("content")) for turn in turns(context.body)))


@variant(at=Stage.FAILURES, conforms=ANTHROPIC)
def text_only_model(failures: list[Failure], context: RequestContext) -> list[Failure]:
    """The model reads text only: images, documents and search results are refused wherever they are."""
    for kind in sorted(kinds_of(context).intersection(UNREADABLE)):
        failures = [*failures, Failure(message=f"messages: this model does not support {kind} blocks")]
    return failures


@variant(at=Stage.FAILURES, conforms=NOT_TOKMODEL)
def one_image_per_message(failures: list[Failure], context: RequestContext) -> list[Failure]:
    """The model takes one image in each message, and the refusal of a second one says so."""
    most = max((len(blocks({"messages": [turn]}, "image")) for turn in turns(context.body)), default=0)
    return refused_if(failures, most > 1, "this model takes one image per message")


@variant(at=Stage.FAILURES, conforms=TOKMODEL)
def no_tools(failures: list[Failure], context: RequestContext) -> list[Failure]:
    """The server supports no tools: it refuses requests with tools, and earlier calls of them."""
    found = bool(tools(context.body)) or bool(blocks(context.body, "tool_use", "tool_result"))
    return refused_if(failures, found, "tools: this server does not support tools")


@variant(at=Stage.FAILURES, conforms=ANTHROPIC)
def no_server_tools(failures: list[Failure], context: RequestContext) -> list[Failure]:
    """The server has no tools of its own: it refuses them, and earlier calls of them."""
    named = [str(tool["type"]) for tool in tools(context.body) if tool.get("type") not in (None, "custom")]
    found = [*named, *sorted(kinds_of(context).intersection(SERVER_BLOCKS))]
    return refused_if(failures, bool(found), f"server tools are not supported: {', '.join(found)}")


@variant(at=Stage.FAILURES, depth="deep")
def smaller_bodies(failures: list[Failure], context: RequestContext) -> list[Failure]:
    """A body may have 20 MB at most, as in one cloud that offers the API."""
    large = len(context.request.body) > MAX_BODY_BYTES
    refusal = Failure(status=413, message="Request exceeds the maximum size")
    return [refusal, *failures] if large else failures


@variant(at=Stage.FAILURES, conforms=NOT_TOKMODEL)
def no_forced_tools(failures: list[Failure], context: RequestContext) -> list[Failure]:
    """The model refuses tool_choice any and tool."""
    choice = context.body.get("tool_choice")
    kind = choice.get("type") if isinstance(choice, dict) else None
    if failures or kind not in ("any", "tool"):
        return failures
    return [Failure(message=f'tool_choice: type "{kind}" is not supported on this model, use "auto"')]


@variant(at=Stage.FAILURES, conforms=NOT_TOKMODEL)
def no_prefill(failures: list[Failure], context: RequestContext) -> list[Failure]:
    """The model continues no answer: it refuses a conversation that ends with a message of the assistant."""
    last = (turns(context.body) or [{}])[-1]
    message = "This model does not support assistant message prefill. The conversation must end with a user message."
    return refused_if(failures, last.get("role") == "assistant", message)
