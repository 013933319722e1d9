"""The report of observed traffic stays small, whatever a client asks for."""

from __future__ import annotations

from messages_conformance.exchange import Exchange, Request
from messages_conformance.live import Observer
from messages_conformance.live.observer import NAMED_MODELS
from messages_conformance.session import SessionOptions


def asked_for(model: str) -> Exchange:
    request = Request(method="POST", path="/v1/messages", headers=(), body=b"{}")
    return Exchange(number=1, request=request, response=None, requested_model=model)


def test_so_many_models_are_named() -> None:
    observer = Observer("a client", SessionOptions(profile="anthropic-2023-06-01", report=None))
    for number in range(2 * NAMED_MODELS):
        observer.took(lambda _, name=f"m{number}": asked_for(name))  # type: ignore[misc]
    assert observer.report().run.model == ", ".join(f"m{number}" for number in range(NAMED_MODELS))
