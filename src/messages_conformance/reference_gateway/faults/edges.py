"""Faults that show only in what the examples of the documents leave out: odd answers of the upstream."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from messages_conformance.reference_gateway.changes import PASSTHROUGH, TRANSLATES, Events, Fields
from messages_conformance.reference_gateway.chat_answer import STOP_REASONS, BrokenAnswerError
from messages_conformance.reference_gateway.edits import events_of_type, field, in_content
from messages_conformance.reference_gateway.faults.row import fault

CHAT = (TRANSLATES,)


def shown_by(*cases: str, flag: str = "") -> dict[str, Any]:
    """The cases that a fault shows in, and its flag."""
    return {"cases": frozenset(cases), **({"flags": frozenset({flag})} if flag else {})}


# -- answers


def _calls_of(chunk: Fields) -> list[Fields]:
    return [
        call for choice in chunk.get("choices") or [] for call in (choice.get("delta") or {}).get("tool_calls") or []
    ]


async def _merged_calls(chunks: Events) -> AsyncIterator[Fields]:
    """Arguments go to the call that began last."""
    last = 0
    async for chunk in chunks:
        for call in _calls_of(chunk):
            last = call["index"] if call.get("id") else last
            call["index"] = last
        yield chunk


async def _without_earlier_calls(chunks: Events) -> AsyncIterator[Fields]:
    """Arguments of calls that began before the last one are lost."""
    last = 0
    async for chunk in chunks:
        for call in _calls_of(chunk):
            last = call["index"] if call.get("id") else last
            if call["index"] != last:
                call["function"]["arguments"] = ""
        yield chunk


fault(
    "merge_interleaved_calls",
    "Arguments of calls that take turns go to the call that began last.",
    "answer.arguments",
    "answer.form",
    modes=CHAT,
    chunks=_merged_calls,
    **shown_by("interleaved-calls", "two-calls"),
)
fault(
    "lose_interleaved_arguments",
    "Arguments of a call are lost when another one has begun.",
    "answer.arguments",
    modes=CHAT,
    chunks=_without_earlier_calls,
    **shown_by("interleaved-calls", "two-calls"),
)


def _finishes(change: Callable[[str, bool], str]) -> dict[str, Any]:
    """Changes the finish reason of an answer, given whether it has calls, whole and streamed."""

    def whole(completion: Fields) -> Fields:
        for choice in completion.get("choices") or []:
            called = bool((choice.get("message") or {}).get("tool_calls"))
            choice["finish_reason"] = change(choice["finish_reason"], called)
        return completion

    async def streamed(chunks: Events) -> AsyncIterator[Fields]:
        called = False
        async for chunk in chunks:
            called = called or bool(_calls_of(chunk))
            for choice in chunk.get("choices") or []:
                if choice.get("finish_reason"):
                    choice["finish_reason"] = change(choice["finish_reason"], called)
            yield chunk

    return {"completion": whole, "chunks": streamed}


fault(
    "trust_the_finish_reason",
    "An answer with calls ends with end_turn where the upstream says stop.",
    "answer.stop-reason",
    modes=CHAT,
    **_finishes(lambda finish, called: "=end_turn" if called and finish == "stop" else finish),
    **shown_by("calls-end-with-stop", "call"),
)
fault(
    "pass_unknown_finish",
    "A finish reason that the gateway does not know becomes the stop reason.",
    "answer.stop-reason",
    modes=CHAT,
    **_finishes(lambda finish, _: finish if finish in STOP_REASONS else f"={finish}"),
    **shown_by("unknown-finish", "text"),
)
fault(
    "null_for_unknown_finish",
    "A finish reason that the gateway does not know becomes a stop reason of null.",
    "answer.stop-reason",
    modes=CHAT,
    **_finishes(lambda finish, _: finish if finish in STOP_REASONS else "="),
    **shown_by("unknown-finish", "text"),
)


def _needing(holds: Callable[[str], object]) -> Any:
    """Fails where the arguments of a whole call are not as the gateway needs them."""

    def edited(completion: Fields) -> Fields:
        for choice in completion.get("choices") or []:
            for call in (choice.get("message") or {}).get("tool_calls") or []:
                if not holds(call["function"]["arguments"]):
                    raise BrokenAnswerError("the arguments of a call cannot be read")
        return completion

    return edited


fault(
    "fail_without_arguments",
    "A whole answer whose call has no arguments at all is an error.",
    "answer.delivered",
    modes=CHAT,
    completion=_needing(lambda text: text),
    **shown_by("empty-arguments", "call"),
)
fault(
    "fail_on_cut_arguments",
    "A whole answer that the limit cut in a call is an error.",
    "answer.delivered",
    modes=CHAT,
    completion=_needing(lambda text: text.endswith("}")),
    **shown_by("length-in-arguments", "call"),
)


def _odd_id(block: Fields) -> Fields:
    return field("id", lambda id: id.replace("functions_get_weather_", "functions.get_weather:"))(block)


fault(
    "pass_odd_call_ids",
    "Ids of calls are passed on with letters that the Messages API does not take.",
    "answer.call-id-form",
    modes=CHAT,
    message=in_content("tool_use", _odd_id),
    events=events_of_type(
        "content_block_start", lambda event: {**event, "content_block": _odd_id(event["content_block"])}
    ),
    **shown_by("odd-call-id", "call"),
)


async def _with_choices(chunks: Events) -> AsyncIterator[Fields]:
    began = False
    async for chunk in chunks:
        if not chunk.get("choices") and not began:
            raise BrokenAnswerError("list index out of range")
        began = True
        yield chunk


fault(
    "need_choices",
    "A first chunk without choices ends the stream with an error.",
    "answer.delivered",
    modes=CHAT,
    chunks=_with_choices,
    **shown_by("chunk-without-choices", "text"),
)


fault(
    "pass_compressed_bytes",
    "A compressed answer of the upstream reaches the client without its content-encoding.",
    "answer.delivered",
    "stream.order",
    modes=(PASSTHROUGH,),
    headers=lambda headers, _: {**headers, "accept-encoding": "gzip"},
    **shown_by("compressed", "text", flag="keeps_coding"),
)
fault(
    "fail_on_compressed",
    "A compressed answer of the upstream cannot be read.",
    "answer.delivered",
    modes=CHAT,
    headers=lambda headers, _: {**headers, "accept-encoding": "gzip"},
    **shown_by("compressed", "text", flag="keeps_coding"),
)
fault(
    "give_up_soon",
    "An upstream that is silent for a while is given up.",
    "answer.delivered",
    **shown_by("slow-answer", "text", flag="gives_up_soon"),
)


def _speaks_thoughts(message: Fields) -> Fields:
    if "They greet me." not in json.dumps(message["content"]):
        return message
    return in_content("thinking", lambda block: {"type": "text", "text": f"<think>{block['thinking']}</think>"})(
        message
    )


fault(
    "speak_unasked_reasoning",
    "Reasoning that the client did not ask for becomes text in whole answers.",
    "answer.text",
    modes=CHAT,
    message=_speaks_thoughts,
)
