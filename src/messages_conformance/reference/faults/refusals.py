"""Crimes of refusing what every client may send: a field, a header, a choice, or its mere size."""

from __future__ import annotations

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.fault_operations import Failures, Json
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.faults.requests import choice_of, refusing

LONG_SYSTEM_CHARS = 2000
MAX_TURNS = 10


def extra(failures: Failures, scene: RequestContext, name: str) -> Failures:
    """Refuses a field as one that does not exist."""
    return refusing(failures, name in scene.body, f"{name}: Extra inputs are not permitted")


@fault(
    "request",
    trips={"request.tool_result.content-optional", "request.tool_use.long-id", "transport.path.post-messages"},
    at=Stage.FAILURES,
    seen="impact.json reject_tools; defects.json tools-array-breaks-model",
)
def refuse_tools(failures: Failures, scene: RequestContext) -> Failures:
    """Tools are refused, whatever they are."""
    return extra(failures, scene, "tools")


@fault("request", trips={"transport.path.post-messages"}, at=Stage.FAILURES, seen="impact.json reject_tool_choice")
def refuse_tool_choice(failures: Failures, scene: RequestContext) -> Failures:
    """A tool choice is refused, whatever it is."""
    return extra(failures, scene, "tool_choice")


@fault(
    "tools", trips={"transport.path.post-messages"}, at=Stage.FAILURES, seen="defects.json tool-choice-none-rejected"
)
def refuse_choice_none(failures: Failures, scene: RequestContext) -> Failures:
    """The choice none is not known."""
    refused = choice_of(dict(scene.body)).get("type") == "none"
    return refusing(failures, refused, "tool_choice.type: Input should be 'auto', 'any' or 'tool'")


@fault("request", trips={"transport.path.post-messages"}, at=Stage.FAILURES, seen="impact.json reject_stream")
def refuse_stream_false(failures: Failures, scene: RequestContext) -> Failures:
    """A stream field that is false is refused."""
    return refusing(failures, scene.body.get("stream") is False, "stream: must be true or absent")


@fault(
    "request",
    trips={
        "request.system.blocks",
        "request.system.string",
        "response.content.echoable",
        "transport.path.post-messages",
    },
    trips_tokmodel={"request.system.string", "response.content.echoable-tokmodel", "transport.path.post-messages"},
    at=Stage.FAILURES,
)
def refuse_streams(failures: Failures, scene: RequestContext) -> Failures:
    """A stream is refused."""
    return refusing(failures, scene.body.get("stream") is True, "stream: streaming is not supported")


@fault("request", trips={"request.metadata.accepted"}, at=Stage.FAILURES, seen="impact.json reject_metadata")
def refuse_metadata(failures: Failures, scene: RequestContext) -> Failures:
    """Metadata is refused."""
    return extra(failures, scene, "metadata")


@fault(
    "request",
    trips={"request.cache_control.below-minimum", "request.system.blocks"},
    trips_tokmodel=set(),
    at=Stage.FAILURES,
    seen="impact.json reject_cache_control",
)
def refuse_cache_control(failures: Failures, scene: RequestContext) -> Failures:
    """A cache_control is refused wherever it stands."""
    return refusing(failures, "cache_control" in str(scene.body), "cache_control: Extra inputs are not permitted")


@fault("request", trips={"request.stop_sequences.empty-array", "transport.path.post-messages"}, at=Stage.FAILURES)
def refuse_stop_sequences(failures: Failures, scene: RequestContext) -> Failures:
    """Stop sequences are refused."""
    return extra(failures, scene, "stop_sequences")


@fault(
    "request",
    trips={"request.system.blocks"},
    trips_tokmodel=set(),
    at=Stage.FAILURES,
    seen="defects.json large-system-rejected-429",
)
def refuse_long_system(failures: Failures, scene: RequestContext) -> Failures:
    """A system prompt of more than 2,000 characters is refused."""
    long = len(str(scene.body.get("system", ""))) > LONG_SYSTEM_CHARS
    return refusing(failures, long, "system: too long")


@fault("version", trips={"beta.header.list"}, at=Stage.FAILURES, seen="impact.json reject_beta_header")
def refuse_betas(failures: Failures, scene: RequestContext) -> Failures:
    """Every anthropic-beta header is refused."""
    given = scene.request.header("anthropic-beta") is not None
    return refusing(failures, given, "anthropic-beta: unexpected value")


@fault(
    "transport",
    trips={
        "request.system.blocks",
        "request.system.string",
        "response.content.echoable",
        "transport.path.post-messages",
    },
    trips_tokmodel={"request.system.string", "response.content.echoable-tokmodel", "transport.path.post-messages"},
    at=Stage.FAILURES,
    seen="impact.json reject_accept_sse",
)
def demand_event_stream_accept(failures: Failures, scene: RequestContext) -> Failures:
    """A stream is refused to a client whose Accept does not name text/event-stream."""
    accepts = "text/event-stream" in (scene.request.header("accept") or "")
    return refusing(failures, scene.streams and not accepts, "accept: must include text/event-stream")


@fault("transport", trips={"transport.path.post-messages"}, at=Stage.FAILURES)
def refuse_charset(failures: Failures, scene: RequestContext) -> Failures:
    """A content-type with a parameter is refused."""
    given = ";" in (scene.request.header("content-type") or "")
    return refusing(failures, given, "content-type: must be application/json")


@fault("tools", trips={"transport.path.post-messages"}, at=Stage.FAILURES)
def refuse_hyphens_in_tool_names(failures: Failures, scene: RequestContext) -> Failures:
    """A hyphen in the name of a tool is refused."""
    tools = scene.body.get("tools")
    listed = [tool for tool in tools if isinstance(tool, dict)] if isinstance(tools, list) else []
    hyphen = any("-" in str(tool.get("name", "")) for tool in listed)
    return refusing(failures, hyphen, "tools: names are words with underscores")


@fault("request", trips={"transport.path.post-messages"}, at=Stage.FAILURES)
def refuse_long_conversations(failures: Failures, scene: RequestContext) -> Failures:
    """A conversation of more than ten messages is refused."""
    messages = scene.body.get("messages")
    many = isinstance(messages, list) and len(messages) > MAX_TURNS
    return refusing(failures, many, "messages: too many")


@fault(
    "request",
    trips={"request.output_config.format-valid-json"},
    at=Stage.BODY,
    seen="impact.json reject_output_config, reject_output_format",
)
def ignore_output_format(body: Json) -> Json:
    """An output format is accepted and never used."""
    return {name: value for name, value in body.items() if name != "output_config"}
