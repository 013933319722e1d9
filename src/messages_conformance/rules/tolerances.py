"""What a target may do either way: no rule judges it, and a correct server that does it must stay green.

Each tolerance names the variants of the reference endpoint that take the freedom. Tests run the suites against every
one of them; a single accusation there is an error of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from messages_conformance.rules import sources
from messages_conformance.rules.catalogue import ANTHROPIC, BOTH, TOKMODEL
from messages_conformance.rules.verdict import MAY, MUST, SHOULD

SILENT_PAGE: Final = "the TokModel page on /v1/messages says nothing about it"
TOLERANT_CLIENTS: Final = f"{sources.VERSIONING}; measured on four official SDK builds, 2026-11-22"


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """One freedom: the sentence that grants it, and the variants that prove that nobody is accused of it."""

    id: str
    sentence: str
    source: str
    variants: tuple[str, ...]
    families: frozenset[str] = BOTH
    level: str = MAY


_A: Final = frozenset({ANTHROPIC})
_T: Final = frozenset({TOKMODEL})

_ROWS: Final = (
    # -- about ourselves
    Tolerance(
        id="checker.open.fields",
        level=MUST,
        sentence="The suite accuses nobody of additional fields, events, delta types or block types.",
        source=sources.VERSIONING,
        variants=("unknown_fields", "unknown_events", "unknown_deltas", "unknown_blocks"),
    ),
    Tolerance(
        id="checker.open.error-conditions",
        level=MUST,
        sentence="The suite pins no wording of an error, and no 4xx code that no document pins.",
        source=f"{sources.VERSIONING} (the conditions of an error may change)",
        variants=("detailed_errors", "unprocessable_entities", "new_error_types", "validation_before_auth"),
    ),
    Tolerance(
        id="checker.model-dependent.retry",
        level=SHOULD,
        sentence="What the model must cooperate in is asked again, and not verified when it does not.",
        source="the design of this suite: a model's wit is not the protocol's fault",
        variants=("weak_model", "chatty_model", "terse_model", "silent_model", "refusing_model"),
    ),
    # -- requests
    Tolerance(
        id="auth.before-validation",
        sentence="A request that is bad in body and key may be refused for either, with 401 or with 400.",
        source="undocumented",
        variants=("validation_before_auth",),
    ),
    Tolerance(
        id="beta.header.ignored-tokmodel",
        families=_T,
        sentence="A compatible target may ignore anthropic-beta.",
        source=SILENT_PAGE,
        variants=("lenient_gateway",),
    ),
    Tolerance(
        id="request.extra-fields-tokmodel",
        families=_T,
        sentence="Unknown members of the body may be ignored or refused.",
        source=SILENT_PAGE,
        variants=("lenient_gateway", "unprocessable_entities"),
    ),
    Tolerance(
        id="request.temperature-top_p.both",
        families=_A,
        sentence="temperature and top_p together may be refused: it depends on the model.",
        source="cloud-apim/otoroshi-llm-extension#140 and BerriAI/litellm#15097 (GitHub), read 2026-11-22",
        variants=("one_sampling_parameter",),
    ),
    Tolerance(
        id="request.temperature.model-lock",
        families=_A,
        sentence="A model may refuse every temperature, top_p and top_k but the default.",
        source="platform.claude.com/docs/en/about-claude/models/migration-guide, read 2026-11-22",
        variants=("locked_sampling",),
    ),
    Tolerance(
        id="request.thinking.type-per-model",
        families=_A,
        sentence="Which types of thinking are accepted depends on the model.",
        source="platform.claude.com/docs/en/build-with-claude/thinking-troubleshooting, read 2026-11-22",
        variants=("adaptive_thinking_only", "thoughtless_model"),
    ),
    Tolerance(
        id="request.tools.input_examples-valid",
        families=_A,
        sentence="input_examples that do not fit the tool's own input_schema may be refused.",
        source=sources.TOOLS,
        variants=("strict_tool_definitions",),
    ),
    Tolerance(
        id="request.tools.top-level-combinators",
        families=_A,
        sentence="oneOf, allOf and anyOf at the top level of an input_schema may be refused.",
        source="Hmbown/Codewhale#4329 (GitHub), read 2026-11-22",
        variants=("strict_tool_definitions",),
    ),
    # -- adjacent endpoints and headers
    Tolerance(
        id="adjacent.count_tokens.tokmodel",
        families=_T,
        sentence="count_tokens may be missing.",
        source=SILENT_PAGE,
        variants=("messages_only",),
    ),
    Tolerance(
        id="adjacent.models.tokmodel",
        families=_T,
        sentence="/v1/models may answer in another vendor's form.",
        source=SILENT_PAGE,
        variants=("models_like_openai",),
    ),
    Tolerance(
        id="headers.org-workspace",
        families=_A,
        sentence="anthropic-organization-id and anthropic-workspace-id may be there or not.",
        source=f"{sources.OVERVIEW} (response headers)",
        variants=("bare_headers", "workspace_header"),
    ),
    # -- errors
    Tolerance(
        id="errors.envelope.extra-fields",
        sentence="An error object may have more members, such as details.",
        source=f"{sources.ERRORS}; {sources.sdk('_exceptions.py')}",
        variants=("unknown_fields", "detailed_errors"),
    ),
    Tolerance(
        id="errors.type.open-enum",
        sentence="Error types may grow; a status that no document pairs with a type may have any.",
        source=sources.ERRORS,
        variants=("new_error_types",),
    ),
    Tolerance(
        id="errors.message-locates-field",
        families=_A,
        sentence="A message may begin with the path of the field that is wrong; its text is not stable.",
        source="error messages quoted in public issues, read 2026-11-22",
        variants=("detailed_errors",),
    ),
    # -- the message
    Tolerance(
        id="response.content.unknown-block",
        sentence="Blocks of unknown types may come.",
        source=TOLERANT_CLIENTS,
        variants=("unknown_blocks",),
    ),
    Tolerance(
        id="response.extra-fields",
        sentence="Unknown members may stand in every object of an answer.",
        source=sources.VERSIONING,
        variants=("unknown_fields",),
    ),
    Tolerance(
        id="response.nulls-vs-absent",
        sentence="What is optional may be null or absent.",
        source=f"{sources.sdk('types')}; {sources.sdk_ts('resources/messages')}",
        variants=("optionals_absent", "optionals_null"),
    ),
    Tolerance(
        id="response.container.nullable",
        families=_A,
        sentence="container may be null or absent where no container was used.",
        source=sources.sdk("types/container.py"),
        variants=("optionals_absent", "optionals_null"),
    ),
    Tolerance(
        id="response.model.alias",
        families=_A,
        sentence="An alias may be answered by the dated id behind it.",
        source=sources.REFUSALS,
        variants=("resolved_alias",),
    ),
    Tolerance(
        id="response.stop_sequence.tokmodel-absent-ok",
        families=_T,
        sentence="stop_sequence may be absent, which means the same as null.",
        source=f"{sources.SEED} (example)",
        variants=("no_stop_sequence_field", "seven_fields"),
    ),
    Tolerance(
        id="stop.context-window",
        families=_A,
        sentence="model_context_window_exceeded may come with fewer output_tokens than max_tokens.",
        source=sources.STOP_REASONS,
        variants=("full_context_window",),
    ),
    Tolerance(
        id="stop.empty-end_turn",
        families=_A,
        sentence="end_turn may come with empty content and a few output tokens.",
        source=sources.STOP_REASONS,
        variants=("silent_model",),
    ),
    Tolerance(
        id="stop.refusal.empty-content",
        families=_A,
        sentence="refusal may come with empty content and no output tokens.",
        source=sources.REFUSALS,
        variants=("refusing_model",),
    ),
    Tolerance(
        id="usage.iterations.top-level",
        families=_A,
        sentence="Where usage lists iterations, its own counts need not be their sum.",
        source=f"platform.claude.com/docs/en/build-with-claude/compaction, read 2026-11-22; {sources.REFUSALS}",
        variants=("listed_iterations",),
    ),
    # -- the stream
    Tolerance(
        id="stream.frame.comments-ok",
        sentence="Comments, id and retry fields may stand in a stream.",
        source=sources.SSE,
        variants=("comments", "ids_and_retries"),
    ),
    Tolerance(
        id="stream.frame.multiline-data-ok",
        sentence="The data of one event may be spread over several lines.",
        source=sources.SSE,
        variants=("data_in_lines",),
    ),
    Tolerance(
        id="stream.order.ping-anywhere",
        sentence="Pings may come anywhere and in any number, or not at all.",
        source=sources.STREAMING,
        variants=("many_pings", "ping_first", "no_pings"),
    ),
    Tolerance(
        id="stream.order.unknown-event-ok",
        sentence="Events of unknown types may come.",
        source=TOLERANT_CLIENTS,
        variants=("unknown_events",),
    ),
    Tolerance(
        id="stream.order.zero-deltas-ok",
        sentence="A block may begin and end without a delta.",
        source=sources.STREAMING,
        variants=("unknown_blocks", "empty_text_block"),
    ),
    Tolerance(
        id="stream.order.message-delta-multiple",
        sentence="Several message_delta events may come.",
        source=sources.STREAMING,
        variants=("several_message_deltas",),
    ),
    Tolerance(
        id="stream.start.output-tokens-small",
        sentence="output_tokens of message_start may be 0 or any part of the final count.",
        source=f"{sources.STREAMING} (examples)",
        variants=("no_initial_count", "large_initial_count"),
    ),
    Tolerance(
        id="stream.delta.unknown-type-ok",
        sentence="Deltas of unknown types may come.",
        source=TOLERANT_CLIENTS,
        variants=("unknown_deltas",),
    ),
    Tolerance(
        id="stream.delta.truncated-tool-json",
        families=_A,
        sentence="Where max_tokens ends an answer, the input of a tool call may be cut off.",
        source="platform.claude.com/docs/en/agents-and-tools/tool-use/fine-grained-tool-streaming, read 2026-11-22",
        variants=("cut_tool_calls",),
    ),
    Tolerance(
        id="stream.msgdelta.input-echo",
        sentence="message_delta may repeat the input counts or leave them out.",
        source=f"{sources.STREAMING} (web search example); sgl-project/sglang#33419 (GitHub), read 2026-11-22",
        variants=("brief_final_usage", "rich_final_usage"),
    ),
    Tolerance(
        id="stream.msgdelta.thinking-details-final",
        families=_A,
        sentence="output_tokens_details may come with the final message_delta only.",
        source="platform.claude.com/docs/en/build-with-claude/thinking-steering-and-cost, read 2026-11-22",
        variants=("rich_final_usage",),
    ),
)

TOLERANCES: Final[Mapping[str, Tolerance]] = MappingProxyType({row.id: row for row in _ROWS})
"""Every tolerance by its id."""
