"""Judges a gateway from both sides: clients in front, a scripted upstream behind, and the four records compared.

Each case is a request with a script that says what the upstream answers to it (`cases`). `sending` sends the cases and
makes one exchange with both sides of each; `rules.gateway` judges them; the session makes the report.
"""

from messages_conformance.gateway.judging import ALSO, GatewayOptions, judge_gateway
from messages_conformance.targets.connection import Connection

__all__ = ["ALSO", "Connection", "GatewayOptions", "judge_gateway"]
