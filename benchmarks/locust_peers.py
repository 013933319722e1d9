"""What load_against_locust.py gives to Locust: a bare user that sends the same echoes, and a clock for both users.

PEER is `bare` or `judged`; the CPU seconds and the requests between two moments of the test are written to RESULT.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any, Final

import gevent
from locust import FastHttpUser, constant, events, task

from messages_conformance.exchange import nonce
from messages_conformance.load.user import MessagesUser

WARM_S: Final = 3.0
MEASURED_S: Final = 8.0

HEADERS: Final = {
    "x-api-key": os.environ["MESSAGES_API_KEY"],
    "anthropic-version": "2023-06-01",
    "content-type": "application/json",
}

if os.environ["PEER"] == "judged":

    class Judged(MessagesUser):
        """Our user."""
else:

    class Bare(FastHttpUser):
        """Sends echoes, streamed and whole in turn, and reads them to the end."""

        wait_time = constant(0)
        number = 0

        @task
        def message(self) -> None:
            """One request."""
            Bare.number += 1
            text = f"Reply with only this word: {nonce(Bare.number)}"
            body = {"model": "reference-1", "max_tokens": 32, "messages": [{"role": "user", "content": text}]}
            self.client.post("/v1/messages", json={**body, "stream": bool(Bare.number % 2)}, headers=HEADERS)


@events.spawning_complete.add_listener
def measure(**_: Any) -> None:
    """Measures for some seconds, and ends the process."""
    gevent.spawn(_measured)


def _measured() -> None:
    count = 0

    def counted(**_: Any) -> None:
        nonlocal count
        count += 1

    gevent.sleep(WARM_S)
    events.request.add_listener(counted)
    cpu_s = time.process_time()
    gevent.sleep(MEASURED_S)
    result = {"cpu_s": time.process_time() - cpu_s, "requests": count}
    Path(os.environ["RESULT"]).write_text(json.dumps(result), "utf-8")
    os._exit(0)
