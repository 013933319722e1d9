"""The faults of the reference gateway: one row each, by topic."""


def load() -> None:
    """Registers all faults; harmless when called again."""
    from messages_conformance.reference_gateway.faults import (  # noqa: F401 (importing registers)
        answers,
        crossings,
        edges,
        failures,
        hidden_failures,
        options,
        rare_requests,
        requests,
        streams,
        tools,
    )
