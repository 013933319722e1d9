"""Traffic is judged while it happens: one exchange of a middleware, or all exchanges of a client or a proxy.

`judge(request, response)` judges one exchange. An `Observer` collects exchanges from any thread and makes one report.
"""

from messages_conformance.live.judgement import Judgement, ReceivedResponse, SentRequest, judge
from messages_conformance.live.live_exchange import LiveExchange
from messages_conformance.live.observer import DEFAULT_PROFILE, EXAMPLE_URL, Observer

__all__ = [
    "DEFAULT_PROFILE",
    "EXAMPLE_URL",
    "Judgement",
    "LiveExchange",
    "Observer",
    "ReceivedResponse",
    "SentRequest",
    "judge",
]
