"""The cases of a run: requests with the scripts that say what the upstream answers. One module for each topic."""

from messages_conformance.gateway.cases import answers, edges, failures, isolation, requests
from messages_conformance.gateway.cases.case import PASSTHROUGH, PROMISES, SCRIPT, STREAM, TRANSLATES, WHOLE, Case


def cases(promise: str) -> tuple[Case, ...]:
    """The single cases for gateways with this promise; those of several clients are in `isolation`."""
    every = (*requests.cases(), *answers.cases(), *failures.cases(), *edges.cases())
    return tuple(one for one in every if promise in one.promises)


__all__ = ["PASSTHROUGH", "PROMISES", "SCRIPT", "STREAM", "TRANSLATES", "WHOLE", "Case", "cases", "isolation"]
