"""Generates, sends and checks with schemathesis and prints JSON lines; runs in the interpreter of schemathesis.

    python schemathesis_worker.py DESCRIPTION draw MODE COUNT SECONDS
    python schemathesis_worker.py DESCRIPTION try COUNT SECONDS        (addresses on stdin, one on each line)

`draw` prints the generated examples and their CPU seconds. `try` takes the examples of the description and generates
the others once, half of them valid and half invalid. It sends the same COUNT requests to each server.
"""

from __future__ import annotations

import base64
import contextlib
import json
import sys
import time
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.core.failures import Failure, FailureGroup

SEED = 0
HEADERS = {"anthropic-version": "2023-06-01"}


class TimeIsUp(Exception):
    """The time for generating is over, or there are enough examples."""


def operation(path: str) -> Any:
    """The operation POST /v1/messages of the description."""
    # The key comes from the caller: a generated key would only be refused.
    config = schemathesis.Config.from_dict({"generation": {"with-security-parameters": False}})
    with open(path, encoding="utf-8") as file:
        return schemathesis.openapi.from_dict(json.load(file), config=config)["/v1/messages"]["POST"]


def generated(target: Any, mode: GenerationMode, count: int, seconds: float) -> list[Any]:
    """`count` cases, or as many as could be generated in the time."""
    return cases_of(target.as_strategy(generation_mode=mode), count, seconds)


def cases_of(strategy: Any, count: int, seconds: float = 10.0) -> list[Any]:
    """Cases of a strategy, generated with a fixed seed."""
    cases: list[Any] = []
    ends_s = time.process_time() + seconds

    @seed(SEED)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def keep(case: Any) -> None:
        if len(cases) >= count or time.process_time() > ends_s:
            raise TimeIsUp
        cases.append(case)

    with contextlib.suppress(TimeIsUp):
        keep()
    return cases


def examples(target: Any) -> list[Any]:
    """The examples of the description as cases."""
    cases: list[Any] = []
    for strategy in target.get_strategies_from_examples():
        cases += cases_of(strategy, 1)
    return cases


def body_of(case: Any) -> str:
    """The bytes of the body that would be sent, as base64."""
    body = case.as_transport_kwargs(base_url="http://localhost").get("data")
    body = json.dumps(case.body).encode() if body is None else body
    return base64.b64encode(body.encode() if isinstance(body, str) else body).decode()


def print_generated(path: str, mode: str, count: int, seconds: float) -> None:
    target = operation(path)
    began_s = time.process_time()
    cases = generated(target, GenerationMode(mode), count, seconds)
    took_s = time.process_time() - began_s
    print(json.dumps({"cpu_s": took_s, "drawn": [body_of(case) for case in cases]}))


def found(case: Any, address: str, headers: dict[str, str]) -> list[str]:
    """The kinds of failures in one exchange: the check and, for a schema, the place in the schema."""
    try:
        response = case.call(base_url=address, headers=headers, timeout=3)
    except Exception as error:  # a broken connection is a finding, too
        return [type(error).__name__]
    try:
        case.validate_response(response, headers=headers)
    except FailureGroup as group:
        return sorted({kind(one) for one in group.exceptions})
    except Failure as failure:
        return [kind(failure)]
    return []


def kind(failure: Any) -> str:
    return "/".join([failure.title, *map(str, getattr(failure, "schema_path", ()) or ())])


def try_servers(path: str, count: int, seconds: float) -> None:
    target = operation(path)
    described = examples(target)
    negative = generated(target, GenerationMode.NEGATIVE, count // 2, seconds / 2)
    positive = generated(target, GenerationMode.POSITIVE, count - len(negative) - len(described), seconds / 2)
    cases = [*described, *positive, *negative]
    streamed = sum(isinstance(case.body, dict) and case.body.get("stream") is True for case in cases)
    print(json.dumps({"requests": len(cases), "streamed": streamed}), flush=True)
    for line in sys.stdin:
        address, key = line.split()
        headers = {**HEADERS, "x-api-key": key}
        failures = [f"{number} {name}" for number, case in enumerate(cases) for name in found(case, address, headers)]
        print(json.dumps(failures), flush=True)


if __name__ == "__main__":
    description, what, *rest = sys.argv[1:]
    if what == "draw":
        print_generated(description, rest[0], int(rest[1]), float(rest[2]))
    else:
        try_servers(description, int(rest[0]), float(rest[1]))
