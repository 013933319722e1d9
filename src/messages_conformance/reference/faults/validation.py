"""Crimes of accepting everything: one fault for each request that must be refused, and is not."""

from __future__ import annotations

from messages_conformance.reference.changes import Stage
from messages_conformance.reference.fault_operations import Failures, forgive
from messages_conformance.reference.fault_registry import fault


@fault("validation", trips={"request.model.required"}, at=Stage.FAILURES)
def serve_without_model(failures: Failures) -> Failures:
    """A request without a model is served."""
    return forgive(failures, "request.model.required")


@fault("validation", trips={"request.model.string"}, at=Stage.FAILURES)
def serve_numeric_model(failures: Failures) -> Failures:
    """A model that is a number, empty or too long is served."""
    return forgive(failures, "request.model.string")


@fault("validation", trips={"adjacent.count_tokens.validates", "request.messages.required"}, at=Stage.FAILURES)
def serve_without_messages(failures: Failures) -> Failures:
    """A request without messages is served."""
    return forgive(failures, "request.messages.required")


@fault("validation", trips={"request.messages.non-empty"}, at=Stage.FAILURES)
def serve_empty_messages(failures: Failures) -> Failures:
    """An empty list of messages is served."""
    return forgive(failures, "request.messages.non-empty")


@fault(
    "validation",
    trips={"adjacent.count_tokens.validates", "request.messages.role-enum"},
    at=Stage.FAILURES,
    seen="deviations: LiteLLM drops it",
)
def serve_any_role(failures: Failures) -> Failures:
    """A message of any role is served."""
    return forgive(failures, "request.messages.role-enum")


@fault("validation", trips={"request.messages.role-required"}, at=Stage.FAILURES)
def serve_without_role(failures: Failures) -> Failures:
    """A message without role or content is served."""
    return forgive(failures, "request.messages.role-required")


@fault("validation", trips={"request.fields.types"}, at=Stage.FAILURES)
def serve_fields_of_any_type(failures: Failures) -> Failures:
    """A message that is no object is served, and so are content and a system prompt of any type."""
    return forgive(failures, "request.fields.types")


@fault("validation", trips={"request.tools.list"}, at=Stage.FAILURES)
def serve_tools_in_no_list(failures: Failures) -> Failures:
    """Tools that are no list are served."""
    return forgive(failures, "request.tools.list")


@fault("validation", trips={"request.messages.content-block-type-required"}, at=Stage.FAILURES)
def serve_any_block_type(failures: Failures) -> Failures:
    """A content block of no or of an unknown type is served."""
    return forgive(failures, "request.messages.content-block-type-required")


@fault("validation", trips={"request.messages.extra-fields-rejected"}, at=Stage.FAILURES)
def serve_extra_fields(failures: Failures) -> Failures:
    """A field that does not exist is ignored."""
    return forgive(failures, "request.messages.extra-fields-rejected")


@fault("validation", trips={"request.messages.first-role-user"}, at=Stage.FAILURES)
def serve_assistant_first(failures: Failures) -> Failures:
    """A conversation that the assistant begins is served."""
    return forgive(failures, "request.messages.first-role-user")


@fault("validation", trips={"request.messages.empty-content"}, at=Stage.FAILURES)
def serve_empty_content(failures: Failures) -> Failures:
    """A message without content is served."""
    return forgive(failures, "request.messages.empty-content")


@fault("validation", trips={"request.text.min-length"}, at=Stage.FAILURES)
def serve_empty_text(failures: Failures) -> Failures:
    """An empty text block is served."""
    return forgive(failures, "request.text.min-length")


@fault("validation", trips={"request.text.non-whitespace"}, at=Stage.FAILURES)
def serve_blank_text(failures: Failures) -> Failures:
    """A text block of whitespace is served."""
    return forgive(failures, "request.text.non-whitespace")


@fault("validation", trips={"request.prefill.trailing-whitespace"}, at=Stage.FAILURES)
def serve_prefill_with_trailing_space(failures: Failures) -> Failures:
    """A final assistant message that ends in whitespace is continued."""
    return forgive(failures, "request.prefill.trailing-whitespace")


@fault(
    "validation",
    trips={"request.max_tokens.required"},
    at=Stage.FAILURES,
    seen="deviations: claude-code-router, aimock",
)
def serve_without_max_tokens(failures: Failures) -> Failures:
    """A request without max_tokens is served."""
    return forgive(failures, "request.max_tokens.required")


@fault("validation", trips={"request.max_tokens.integer"}, at=Stage.FAILURES)
def serve_any_max_tokens_type(failures: Failures) -> Failures:
    """A max_tokens that is no integer is served."""
    return forgive(failures, "request.max_tokens.integer")


@fault(
    "validation",
    trips={"request.max_tokens.negative"},
    at=Stage.FAILURES,
    seen="defects.json max-tokens-nonpositive-200; deviations: LiteLLM",
)
def serve_negative_max_tokens(failures: Failures) -> Failures:
    """A negative max_tokens is served."""
    return forgive(failures, "request.max_tokens.negative")


@fault("validation", trips={"request.max_tokens.zero-conflicts"}, at=Stage.FAILURES)
def serve_zero_max_tokens_stream(failures: Failures) -> Failures:
    """A max_tokens of 0 is served together with what it excludes."""
    return forgive(failures, "request.max_tokens.zero-conflicts")


@fault("validation", trips={"request.max_tokens.model-max"}, at=Stage.FAILURES)
def serve_huge_max_tokens(failures: Failures) -> Failures:
    """A max_tokens above the model's limit is served."""
    return forgive(failures, "request.max_tokens.model-max")


@fault("validation", trips={"request.system.non-text-block"}, at=Stage.FAILURES)
def serve_images_in_system(failures: Failures) -> Failures:
    """A system prompt may hold any block."""
    return forgive(failures, "request.system.non-text-block")


@fault(
    "validation",
    trips={"request.temperature.range"},
    trips_tokmodel={"request.temperature.out-of-range-tokmodel"},
    at=Stage.FAILURES,
    seen="deviations: LiteLLM",
)
def serve_any_temperature(failures: Failures) -> Failures:
    """A temperature outside 0 to 1 is served."""
    return forgive(failures, "request.temperature.range")


@fault("validation", trips={"request.top_p.range"}, at=Stage.FAILURES)
def serve_any_top_p(failures: Failures) -> Failures:
    """A top_p outside 0 to 1 is served."""
    return forgive(failures, "request.top_p.range")


@fault("validation", trips={"request.top_k.range"}, at=Stage.FAILURES)
def serve_any_top_k(failures: Failures) -> Failures:
    """A negative or broken top_k is served."""
    return forgive(failures, "request.top_k.range")


@fault("validation", trips={"request.stream.boolean"}, at=Stage.FAILURES)
def serve_any_stream_type(failures: Failures) -> Failures:
    """A stream field that is no boolean is served."""
    return forgive(failures, "request.stream.boolean")


@fault("validation", trips={"request.stop_sequences.array"}, at=Stage.FAILURES)
def serve_stop_sequences_string(failures: Failures) -> Failures:
    """Stop sequences that are no list of strings are served."""
    return forgive(failures, "request.stop_sequences.array")


@fault("validation", trips={"request.stop_sequences.non-whitespace"}, at=Stage.FAILURES)
def serve_blank_stop_sequence(failures: Failures) -> Failures:
    """An empty or blank stop sequence is served."""
    return forgive(failures, "request.stop_sequences.non-whitespace")


@fault("validation", trips={"request.metadata.user_id"}, at=Stage.FAILURES)
def serve_any_metadata(failures: Failures) -> Failures:
    """Metadata may hold anything."""
    return forgive(failures, "request.metadata.user_id")


@fault("validation", trips={"request.service_tier.enum"}, at=Stage.FAILURES)
def serve_any_service_tier(failures: Failures) -> Failures:
    """A service tier that does not exist is served."""
    return forgive(failures, "request.service_tier.enum")


@fault("validation", trips={"request.tools.name-pattern"}, at=Stage.FAILURES)
def serve_any_tool_name(failures: Failures) -> Failures:
    """A tool may have any name."""
    return forgive(failures, "request.tools.name-pattern")


@fault("validation", trips={"request.tools.input_schema-required"}, at=Stage.FAILURES)
def serve_tool_without_schema(failures: Failures) -> Failures:
    """A tool needs no input schema."""
    return forgive(failures, "request.tools.input_schema-required")


@fault("validation", trips={"request.tools.unique-names"}, at=Stage.FAILURES)
def serve_repeated_tool_names(failures: Failures) -> Failures:
    """Two tools may share a name."""
    return forgive(failures, "request.tools.unique-names")


@fault("validation", trips={"request.tools.schema-2020-12"}, at=Stage.FAILURES)
def serve_broken_tool_schema(failures: Failures) -> Failures:
    """An input schema may be invalid."""
    return forgive(failures, "request.tools.schema-2020-12")


@fault("validation", trips={"request.tool_choice.shape"}, at=Stage.FAILURES)
def serve_any_tool_choice(failures: Failures) -> Failures:
    """A tool choice of any form is served."""
    return forgive(failures, "request.tool_choice.shape")


@fault("validation", trips={"request.tool_choice.without-tools"}, at=Stage.FAILURES)
def serve_tool_choice_without_tools(failures: Failures) -> Failures:
    """A tool call may be demanded without tools."""
    return forgive(failures, "request.tool_choice.without-tools")


@fault("validation", trips={"request.tool_choice.unknown-name"}, at=Stage.FAILURES)
def serve_unknown_tool_choice(failures: Failures) -> Failures:
    """A tool may be demanded that is not there."""
    return forgive(failures, "request.tool_choice.unknown-name")


@fault("validation", trips={"request.tool_choice.none-no-disable"}, at=Stage.FAILURES)
def serve_none_with_parallel_flag(failures: Failures) -> Failures:
    """The choice none may carry the flag of the others."""
    return forgive(failures, "request.tool_choice.none-no-disable")


@fault("validation", trips={"request.tool_choice.thinking-conflict"}, at=Stage.FAILURES)
def serve_forced_tool_with_thinking(failures: Failures) -> Failures:
    """A tool call may be forced while thinking is enabled."""
    return forgive(failures, "request.tool_choice.thinking-conflict")


@fault("validation", trips={"request.tool_use.id-pattern"}, at=Stage.FAILURES)
def serve_any_tool_use_id(failures: Failures) -> Failures:
    """A tool_use id may hold any character."""
    return forgive(failures, "request.tool_use.id-pattern")


@fault("validation", trips={"request.tool_use.input-object"}, at=Stage.FAILURES)
def serve_string_tool_input(failures: Failures) -> Failures:
    """The input of a tool_use may be a string."""
    return forgive(failures, "request.tool_use.input-object")


@fault("validation", trips={"request.tool_use.ids-unique"}, at=Stage.FAILURES)
def serve_repeated_tool_use_ids(failures: Failures) -> Failures:
    """Two tool_use blocks may share an id."""
    return forgive(failures, "request.tool_use.ids-unique")


@fault("validation", trips={"request.tool_use.needs-result"}, at=Stage.FAILURES)
def serve_unanswered_tool_use(failures: Failures) -> Failures:
    """A tool_use may stay without its result."""
    return forgive(failures, "request.tool_use.needs-result")


@fault("validation", trips={"request.tool_result.first-in-content"}, at=Stage.FAILURES)
def serve_text_before_tool_result(failures: Failures) -> Failures:
    """A tool_result may come after text."""
    return forgive(failures, "request.tool_result.first-in-content")


@fault("validation", trips={"request.tool_result.no-gap"}, at=Stage.FAILURES)
def serve_late_tool_result(failures: Failures) -> Failures:
    """A tool_result may come a turn too late."""
    return forgive(failures, "request.tool_result.no-gap")


@fault("validation", trips={"request.tool_result.orphan"}, at=Stage.FAILURES)
def serve_orphan_tool_result(failures: Failures) -> Failures:
    """A tool_result may answer nothing."""
    return forgive(failures, "request.tool_result.orphan")


@fault("validation", trips={"request.image.source-types"}, at=Stage.FAILURES)
def serve_any_image_source(failures: Failures) -> Failures:
    """An image may have any source or media type."""
    return forgive(failures, "request.image.source-types")


@fault("validation", trips={"request.image.bad-base64"}, at=Stage.FAILURES)
def serve_broken_image(failures: Failures) -> Failures:
    """Image data may be no image."""
    return forgive(failures, "request.image.bad-base64")


@fault("validation", trips={"request.document.source-types"}, at=Stage.FAILURES)
def serve_any_document_source(failures: Failures) -> Failures:
    """A document may have any source."""
    return forgive(failures, "request.document.source-types")


@fault("validation", trips={"request.thinking.budget-min"}, at=Stage.FAILURES)
def serve_small_thinking_budget(failures: Failures) -> Failures:
    """A thinking budget may be below 1024."""
    return forgive(failures, "request.thinking.budget-min")


@fault("validation", trips={"request.thinking.budget-lt-max"}, at=Stage.FAILURES)
def serve_thinking_budget_above_max(failures: Failures) -> Failures:
    """A thinking budget may reach max_tokens."""
    return forgive(failures, "request.thinking.budget-lt-max")


@fault("validation", trips={"request.thinking.unmodified-blocks"}, at=Stage.FAILURES)
def serve_edited_thinking(failures: Failures) -> Failures:
    """A thinking block may come back changed."""
    return forgive(failures, "request.thinking.unmodified-blocks")


@fault("validation", trips={"request.cache_control.shape"}, at=Stage.FAILURES)
def serve_any_cache_control(failures: Failures) -> Failures:
    """A cache_control of any form is served."""
    return forgive(failures, "request.cache_control.shape")


@fault("validation", trips={"request.cache_control.max-4"}, at=Stage.FAILURES)
def serve_five_breakpoints(failures: Failures) -> Failures:
    """More than four cache breakpoints are served."""
    return forgive(failures, "request.cache_control.max-4")


@fault("validation", trips={"request.cache_control.ttl-order"}, at=Stage.FAILURES)
def serve_any_cache_order(failures: Failures) -> Failures:
    """A long cache breakpoint may follow a short one."""
    return forgive(failures, "request.cache_control.ttl-order")


@fault("validation", trips={"request.cache_control.not-on-thinking"}, at=Stage.FAILURES)
def serve_cached_thinking(failures: Failures) -> Failures:
    """A thinking block may carry a cache_control."""
    return forgive(failures, "request.cache_control.not-on-thinking")


@fault("validation", trips={"request.output_config.citations-conflict"}, at=Stage.FAILURES)
def serve_citations_with_format(failures: Failures) -> Failures:
    """Citations and an output format are served together."""
    return forgive(failures, "request.output_config.citations-conflict")


@fault("validation", trips={"request.citations.all-or-none"}, at=Stage.FAILURES)
def serve_mixed_citations(failures: Failures) -> Failures:
    """Citations may be enabled on some documents only."""
    return forgive(failures, "request.citations.all-or-none")
