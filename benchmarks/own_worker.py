"""Prints requests that this project generates as one JSON line: the counterpart of schemathesis_worker.py.

python own_worker.py requests|near-misses COUNT
"""

from __future__ import annotations

import base64
import json
import sys
import time
from collections.abc import Mapping

from messages_conformance import contract
from messages_conformance.exchange import Ask
from messages_conformance.generate import GENERATED_SETS

PROFILE = "anthropic-2023-06-01"
MODEL = "reference-1"


def main(set_name: str, count: int) -> None:
    profile = contract.profile(PROFILE)
    generate = next(one.generate for one in GENERATED_SETS if one.name == set_name)
    began_s = time.process_time()
    bodies = []
    for ask in generate(profile, seed=0, depth="standard", count=count):
        assert isinstance(ask, Ask)
        body = {"model": MODEL, **ask.body} if ask.fill_model and isinstance(ask.body, Mapping) else ask.body
        bodies.append(base64.b64encode(json.dumps(body).encode()).decode())
    print(json.dumps({"cpu_s": time.process_time() - began_s, "drawn": bodies}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
