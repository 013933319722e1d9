"""The judge as one call on one exchange, for a middleware of a gateway."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from messages_conformance import contract
from messages_conformance.captures import Pair, Skipped, exchange_of
from messages_conformance.captures.pair import Headers
from messages_conformance.live.observer import DEFAULT_PROFILE
from messages_conformance.rules import Finding, Judge

MAX_PROFILES: Final = 16
"""At most this many profiles are kept ready (our own: a gateway has one or two)."""

GivenHeaders = Mapping[str, str] | Iterable[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class SentRequest:
    """A request as it was sent. `url` is an address or a path; `headers` are a mapping or (name, value) pairs."""

    body: bytes
    method: str = "POST"
    url: str = "/v1/messages"
    headers: GivenHeaders = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ReceivedResponse:
    """A response as it came. `body` is the whole body, before or after its content coding was removed."""

    status: int
    body: bytes
    headers: GivenHeaders = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """The findings about one exchange: `violations` of a MUST, `warnings` of a SHOULD.

    `not_judged` says why nothing was judged, such as an exchange of another API; it is empty otherwise.
    """

    violations: tuple[Finding, ...] = ()
    warnings: tuple[Finding, ...] = ()
    not_judged: str = ""

    @property
    def conforms(self) -> bool:
        """Whether the exchange was judged and violates no MUST."""
        return not self.violations and not self.not_judged


def judge(request: SentRequest, response: ReceivedResponse, *, profile: str = DEFAULT_PROFILE) -> Judgement:
    """Judges one exchange by every rule that needs no other exchange, no times and no expectation of the sender.

    `profile` is a built-in name or the path of a TOML file; raises `contract.ContractError` for an unknown one. Keeps
    nothing, and may be called from several threads.
    """
    pair = Pair(
        place="the exchange",
        method=request.method,
        url=request.url,
        request_headers=_pairs(request.headers),
        request_body=request.body,
        status=response.status,
        response_headers=_pairs(response.headers),
        response_body=response.body,
        exact_body=True,
        all_headers=True,
    )
    made = exchange_of(pair, number=1, capture="")
    if isinstance(made, Skipped):
        return Judgement(not_judged=f"an exchange {made.reason}" + (f" ({made.api})" if made.api else ""))
    judge_of = _judge(profile)
    found = judge_of.findings_alone(made)
    must = tuple(finding for finding in found if judge_of.catalogue[finding.requirement].level == "MUST")
    return Judgement(violations=must, warnings=tuple(finding for finding in found if finding not in must))


@lru_cache(maxsize=MAX_PROFILES)
def _judge(profile: str) -> Judge:
    return Judge(contract.profile(profile))


def _pairs(headers: GivenHeaders) -> Headers:
    rows = headers.items() if isinstance(headers, Mapping) else headers
    return tuple((str(name), str(value)) for name, value in rows)
