"""A run over memory comes to the same verdicts as one over a socket."""

import pytest
from runs import outcome

SAMPLE = (
    ("reference:", "anthropic-2023-06-01"),
    ("reference:", "tokmodel"),
    ("reference:variant=compressed_streams", "claude-code"),
    ("reference:drop_message_stop", "anthropic-2023-06-01"),
    ("reference:buffer_stream", "anthropic-2023-06-01"),
    ("reference:answer_errors_in_html", "tokmodel"),
)


@pytest.mark.parametrize(("target", "profile"), SAMPLE)
def test_both_transports_give_the_same_verdicts(target, profile):
    wired, handed = outcome(target, profile), outcome(f"{target},transport=memory", profile)
    assert handed.outcomes == wired.outcomes
    assert handed.exit_code == wired.exit_code
