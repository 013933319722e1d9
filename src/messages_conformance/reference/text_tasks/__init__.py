"""What the small language model can do: each skill is a pure function from text to text.

A skill recognises a request by the words that people use for it, never by a code word. So every prompt of the suites
also works with a real model.
"""

from messages_conformance.reference.text_tasks.failed_calls import asks_whether_a_call_failed, tells_of_failure
from messages_conformance.reference.text_tasks.prose import main_words, prose, topic
from messages_conformance.reference.text_tasks.replies import needs_thinking, preface, refusal_category, reply
from messages_conformance.reference.text_tasks.system_prompts import fixed_answer, prefill_ending, styled
from messages_conformance.reference.text_tasks.tool_arguments import is_about_tool, sample_value, stated_input, subjects

__all__ = [
    "asks_whether_a_call_failed",
    "fixed_answer",
    "is_about_tool",
    "main_words",
    "needs_thinking",
    "preface",
    "prefill_ending",
    "prose",
    "refusal_category",
    "reply",
    "sample_value",
    "stated_input",
    "styled",
    "subjects",
    "tells_of_failure",
    "topic",
]
