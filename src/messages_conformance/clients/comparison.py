"""Compares what a client handed to the application with what a scenario expects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from messages_conformance.clients.known_clients import Scenario
from messages_conformance.report.text import cut

SHOWN_CHARACTERS: Final = 120
Result = Mapping[str, Any]
"""What a driver prints about a scenario: text, calls, stop_reason, input_tokens, or error, status and message."""


COMPARED: Final = {
    "text": "text",
    "parsed": "parsed",
    "calls": "calls",
    "stop_reason": "stop_reason",
    "input_tokens": "usage",
    "output_tokens": "usage",
    "cached_tokens": "usage",
    "final": "final",
    "final_input_tokens": "usage",
}
"""Member of a result -> the name of its difference."""

MODELS_CHOICE: Final = frozenset({"text", "calls", "results", "final", "thinking", "values"})


def by_the_model(wrong: Mapping[str, str]) -> bool:
    """Whether a model that did not do what was asked explains all differences.

    It may write another text, or call no tool; then there is another stop reason, too.
    """
    return bool(wrong) and bool(MODELS_CHOICE & set(wrong)) and set(wrong) <= MODELS_CHOICE | {"stop_reason"}


def only_loss(scenario: Scenario, wrong: Mapping[str, str]) -> bool:
    """Whether the client still works with these differences: usage is wrong, the stop reason of a text, or no thinking.

    The loop of an agent runs the tools only if the stop reason is tool_use. An answer without thinking is an answer.
    """
    harmless = {"usage"} if "calls" in scenario.expects else {"usage", "stop_reason", "thinking"}
    return set(wrong) <= harmless


def differences(scenario: Scenario, result: Result) -> dict[str, str]:
    """What differs -> how, in words; empty when the application got what it expects."""
    expects = scenario.expects
    if "status" in expects or "error" in expects:
        return dict(_error_differences(expects, result))
    if result.get("error"):
        return {"error": _words(result)}
    return dict(_differences(expects, result))


def changes(result: Result, control: Result) -> dict[str, str]:
    """What differs from the result of the same scenario with the plain endpoint, whose model always does the same.

    So a wrong count, a lost blank in an argument or a rewritten text is seen, too. Empty for errors.
    """
    if result.get("error") or control.get("error"):
        return {}
    differing = {
        name: (result.get(name), control.get(name)) for name in COMPARED if result.get(name) != control.get(name)
    }
    return {
        COMPARED[name]: f"{name} {_shown(found)}, {_shown(wanted)} with the plain endpoint"
        for name, (found, wanted) in differing.items()
    }


def _error_differences(expects: Mapping[str, Any], result: Result) -> Iterator[tuple[str, str]]:
    if not result.get("error"):
        yield "error", "no exception, wanted one"
    elif "status" in expects and result.get("status") != expects["status"]:
        yield "status", f"{_words(result)}, wanted the status {expects['status']}"


def _differences(expects: Mapping[str, Any], result: Result) -> Iterator[tuple[str, str]]:
    text, wanted = result.get("text"), expects.get("text")
    if wanted is not None and (not isinstance(text, str) or not text or wanted.lower() not in text.lower()):
        yield "text", f"text {_shown(text)}, wanted one with {wanted!r}" if wanted else f"text {_shown(text)}"
    if "calls" in expects and (wrong := _calls(expects["calls"], result.get("calls"))):
        yield "calls", wrong
    if "results" in expects and result.get("results") != expects["results"]:
        yield "results", f"{result.get('results')} tools run, wanted {expects['results']}"
    if expects.get("final") and not result.get("final"):
        yield "final", "no text after the results of the tools"
    if "stop_reason" in expects and result.get("stop_reason") != expects["stop_reason"]:
        yield "stop_reason", f"stop_reason {_shown(result.get('stop_reason'))}, wanted {expects['stop_reason']}"
    if expects.get("thinking") and not result.get("thinking"):
        yield "thinking", "no thinking"
    if "parsed" in expects and (wrong := _parsed(expects["parsed"], result.get("parsed"))):
        yield ("values" if _fits(expects["parsed"], result.get("parsed")) else "parsed"), wrong
    if expects.get("counted") and not _is_count(result.get("counted")):
        yield "counted", f"{_shown(result.get('counted'))} tokens counted"
    if expects.get("usage"):
        counts = [name for name in ("input_tokens", "output_tokens") if not _is_count(result.get(name))]
        if counts:
            yield "usage", ", ".join(f"{name} {_shown(result.get(name))}" for name in counts)


def _calls(wanted: list[list[str]], found: Any) -> str:
    """What is wrong with the calls; the order does not matter, nor the case of a value."""
    if not isinstance(found, list) or len(found) != len(wanted):
        return f"calls {_shown(found)}, wanted {wanted}"
    for name, argument, value in wanted:
        matching = [one for one in found if one[0] == name and _has(one[1], argument, value)]
        if not matching:
            return f"calls {_shown(found)}, wanted {name} with {argument} {value}"
    return ""


def _has(arguments: Any, name: str, value: str) -> bool:
    found = arguments.get(name) if isinstance(arguments, dict) else None
    return isinstance(found, str) and value.lower() in found.lower()


def _parsed(wanted: Mapping[str, Any], found: Any) -> str:
    """What is wrong with the object; the expected value "string" means any text."""
    if isinstance(found, dict) and all(
        isinstance(found.get(name), str) if value == "string" else found.get(name) == value
        for name, value in wanted.items()
    ):
        return ""
    return f"parsed {_shown(found)}, wanted {dict(wanted)}"


def _fits(wanted: Mapping[str, Any], found: Any) -> bool:
    """Whether the object has all members, each of the type that is wanted: then only its values are others."""
    return isinstance(found, dict) and all(type(found.get(name)) is type(value) for name, value in wanted.items())


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _words(result: Result) -> str:
    status = f" {result['status']}" if result.get("status") else ""
    return f"{result['error']}{status}: {cut(str(result.get('message', '')), SHOWN_CHARACTERS)}"


def _shown(value: Any) -> str:
    return cut(repr(value), SHOWN_CHARACTERS)
