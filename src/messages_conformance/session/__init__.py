"""A session takes exchanges from any source, judges them, and ends with one report and an exit code.

It does not know which source it has: a live run, a saved run, a capture file or a proxy. It opens no socket, reads no
clock of its own, and knows neither pytest nor the suites.
"""

from messages_conformance.session.gating import Gating, read_gating
from messages_conformance.session.judging import judge_all, judge_recordings
from messages_conformance.session.report_folder import ReportFolder
from messages_conformance.session.selection import UsageError, checked_profile, checked_requirements
from messages_conformance.session.session import Session
from messages_conformance.session.source import Clock, SessionOptions, Source
from messages_conformance.session.verification import Verification, verified

__all__ = [
    "Clock",
    "Gating",
    "ReportFolder",
    "Session",
    "SessionOptions",
    "Source",
    "UsageError",
    "Verification",
    "checked_profile",
    "checked_requirements",
    "judge_all",
    "judge_recordings",
    "read_gating",
    "verified",
]
