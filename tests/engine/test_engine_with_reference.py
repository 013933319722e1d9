"""The whole way, over sockets, to the embedded endpoint, which counts what it gets."""

from __future__ import annotations

from fake_target import PROFILE

from messages_conformance.engine import Engine, Limits
from messages_conformance.exchange import KEY_PLACEHOLDER, Ask
from messages_conformance.reference.server import serve
from messages_conformance.targets import open_target


def question(number: int) -> Ask:
    messages = [{"role": "user", "content": f"Count from 1 to {number + 2}"}]
    body = {"max_tokens": 64, "stream": number % 2 == 1, "messages": messages}
    return Ask(situation=f"count-{number}", body=body)


def test_what_was_planned_is_sent_within_limits_and_recorded_without_the_key() -> None:
    asks = [question(number) for number in range(40)]
    with serve() as server:
        target = open_target(server.base_url, key=server.api_key)
        engine = Engine(target, profile=PROFILE, model="reference-1", concurrency=8, limits=Limits(max_requests=30))
        try:
            engine.plan([*asks, *asks[:5], *(question(number) for number in range(5))])
            engine.start()
            exchanges = [engine.wait(ask)[-1] for ask in asks]
        finally:
            engine.stop()
        assert server.count == 30
        assert server.peak_concurrency <= 8
    assert sum(exchange.succeeded for exchange in exchanges) == 30
    assert sum(exchange.failure is not None for exchange in exchanges) == 10
    assert engine.spent.requests == 30
    assert engine.spent.output_tokens > 0
    for exchange in exchanges:
        assert server.api_key not in str(exchange.to_record())
        assert exchange.request.header("x-api-key") == KEY_PLACEHOLDER
