"""Runs in memory and over a socket give the same verdicts."""

from dataclasses import replace

import pytest

from messages_conformance.proof import subjects, try_subject

SAMPLE = {
    ("plain", "anthropic-2023-06-01"),
    ("plain", "tokmodel"),
    ("compressed_streams", "claude-code"),
    ("drop_message_stop", "anthropic-2023-06-01"),
    ("buffer_stream", "anthropic-2023-06-01"),
    ("answer_errors_in_html", "anthropic-2023-06-01"),
}
CHOSEN = [subject for subject in subjects() if (subject.name, subject.profile) in SAMPLE]


@pytest.mark.parametrize("subject", CHOSEN, ids=[f"{subject.name}-{subject.profile}" for subject in CHOSEN])
def test_both_transports_give_the_same_verdicts(subject):
    assert not subject.needs_socket
    in_memory, over_socket = (try_subject(one, "standard") for one in (subject, replace(subject, needs_socket=True)))
    assert "transport=memory" not in over_socket.subject.target
    assert in_memory.outcomes == over_socket.outcomes
    assert in_memory.exit_code == over_socket.exit_code


def test_every_subject_of_the_sample_exists():
    assert len(CHOSEN) == len(SAMPLE)
