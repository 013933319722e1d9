"""Whether the headline of a report names the requirement that a fault breaks, and not a consequence of it.

The proof counts this over all faults that a run finds, and over pairs of faults: there, either fault may be the
headline.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from messages_conformance.report.order import CONTESTED
from messages_conformance.rules import CATALOGUE, MUST

PAIRS: Final = (
    ("crash_on_streams", "serve_any_role"),
    ("crash_on_tools", "omit_usage"),
    ("crash_on_streams", "crash_on_tools"),
    ("refuse_user_blocks", "answer_errors_in_html"),
    ("refuse_system_blocks", "drop_message_stop"),
    ("echo_key_in_error", "crash_on_streams"),
    ("echo_key_in_header", "drop_message_stop"),
    ("refuse_streams", "list_models_like_openai"),
    ("refuse_tools", "count_backwards"),
    ("refuse_stop_sequences", "exchange_counts"),
    ("drop_message_stop", "wrap_errors_like_openai"),
    ("lose_calls_in_stream", "omit_usage"),
    ("refuse_metadata", "refuse_system_string"),
    ("end_with_done", "serve_without_messages"),
    ("answer_errors_with_200", "refuse_tool_choice"),
)
"""Pairs of faults as they occur together in gateways: one that breaks a feature, and one of another kind."""

OTHER_ROUTES: Final = "adjacent"

_VALID_REQUEST: Final = "transport.path.post-messages"

_OWN: Final[Mapping[str, frozenset[str]]] = {
    name: frozenset(requirements)
    for name, requirements in {
        "refuse_streams": {_VALID_REQUEST},
        "refuse_tools": {_VALID_REQUEST},
        "refuse_stop_sequences": {_VALID_REQUEST},
        "refuse_system_blocks": {"request.system.blocks"},
        "crash_on_streams": {_VALID_REQUEST},
        "crash_on_tools": {_VALID_REQUEST},
        "demand_event_stream_accept": {_VALID_REQUEST},
        "refuse_json_accept_for_streams": {_VALID_REQUEST, "claude-code.accept.json"},
        "compress_without_label": {"transport.accept-encoding", "response.object"},
        "end_with_done": {"stream.frame.no-done", "stream.order.message-stop-once"},
    }.items()
}
"""The requirement that is a fault's own, where others only follow from it."""


def own_requirements(fault: str, wanted: frozenset[str]) -> frozenset[str]:
    """The requirements that may be the headline of a run against the fault, of those that it breaks in a profile.

    A recommendation is no headline beside an obligation. Of a fault that breaks the Messages route and others, those of
    the other routes are no headline. A contested requirement never is.
    """
    wanted -= CONTESTED
    wanted = frozenset(name for name in wanted if CATALOGUE[name].level == MUST) or wanted
    core = frozenset(name for name in wanted if name.partition(".")[0] != OTHER_ROUTES)
    return _OWN.get(fault.partition("@")[0], core or wanted) & wanted or core or wanted
