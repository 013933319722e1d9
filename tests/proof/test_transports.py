"""Runs in memory and over a socket give the same verdicts."""

from dataclasses import replace

import pytest
from misbehaving import PATIENCE_S

from messages_conformance.proof import subjects, trial, try_subject
from messages_conformance.rules import CATALOGUE
from messages_conformance.rules.recording_parts import MAX_OBSERVER_LAG_S, TIMES

SAMPLE = {
    ("plain", "anthropic-2023-06-01"),
    ("plain", "tokmodel"),
    ("compressed_streams", "claude-code"),
    ("drop_message_stop", "anthropic-2023-06-01"),
    ("buffer_stream", "anthropic-2023-06-01"),
    ("answer_errors_in_html", "anthropic-2023-06-01"),
}
CHOSEN = [subject for subject in subjects() if (subject.name, subject.profile) in SAMPLE]
IN_CI = {"compressed_streams", "drop_message_stop", "plain-anthropic-2023-06-01"}
"""A trial over a socket takes three times as long as one in memory, so CI tries only these."""


TIMED = {row.id for row in CATALOGUE.values() if TIMES in row.reads}
"""Requirements that a run over a socket cannot verify while this process is paused."""


def trials():
    for subject in CHOSEN:
        id_ = f"{subject.name}-{subject.profile}"
        yield pytest.param(
            subject, id=id_, marks=pytest.mark.slow if {subject.name, id_} & IN_CI else pytest.mark.proof
        )


@pytest.mark.parametrize("subject", list(trials()))
def test_both_transports_give_the_same_verdicts(subject, monkeypatch):
    monkeypatch.setattr(trial, "TIMEOUT_S", PATIENCE_S)  # a busy machine is no silent server
    assert not subject.needs_socket
    in_memory, over_socket = (try_subject(one, "standard") for one in (subject, replace(subject, needs_socket=True)))
    assert "transport=memory" not in over_socket.subject.target
    differing = {name for name, outcome in in_memory.outcomes.items() if over_socket.outcomes[name] != outcome}
    differing -= {"stream.concurrent-isolation"}  # whether two streams overlap is chance
    assert differing - (TIMED if over_socket.lag_s > MAX_OBSERVER_LAG_S else set()) == set()
    assert in_memory.outcomes.keys() == over_socket.outcomes.keys()
    assert differing or in_memory.exit_code == over_socket.exit_code


def test_every_subject_of_the_sample_exists():
    assert len(CHOSEN) == len(SAMPLE)
