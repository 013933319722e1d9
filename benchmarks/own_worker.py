"""What this project draws, as one JSON line: the counterpart of schemathesis_worker.py.

python own_worker.py requests|near-misses COUNT
"""

from __future__ import annotations

import base64
import json
import sys
import time

from messages_conformance import contract
from messages_conformance.generate import GENERATED_SETS

PROFILE = "anthropic-2023-06-01"
MODEL = "reference-1"


def main(drawing: str, count: int) -> None:
    profile = contract.profile(PROFILE)
    draw = next(one.draw for one in GENERATED_SETS if one.name == drawing)
    began_s = time.process_time()
    bodies = []
    for ask in draw(profile, seed=0, depth="standard", count=count):
        body = {"model": MODEL, **ask.body} if ask.fill_model else ask.body  # type: ignore[union-attr, dict-item]
        bodies.append(base64.b64encode(json.dumps(body).encode()).decode())
    print(json.dumps({"cpu_s": time.process_time() - began_s, "drawn": bodies}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
