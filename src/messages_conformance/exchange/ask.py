"""What a suite wants to send, before the run's model, key and headers are filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from messages_conformance.exchange.http_request import MESSAGES_PATH

HTTP_1_0: Final = "http-1.0"
EXPECT_CONTINUE: Final = "expect-continue"
CUT_BODY: Final = "cut-body"
LEAVE_EARLY: Final = "leave-early"
WIRE_FORMS: Final = ("", HTTP_1_0, EXPECT_CONTINUE, CUT_BODY, LEAVE_EARLY)
"""How a request goes over the connection: as every client sends it; as HTTP/1.0; with the body held back until the
target answers 100 or a second has passed; with less body than its content-length; and left after the first delta."""

MODEL_PLACEHOLDER: Final = "$MODEL"
"""The placeholder for the model of the run in a body of raw bytes."""

ACCEPTED: Final = "accepted"
REFUSED: Final = "refused"
EITHER: Final = "either"
"""What the contract demands of the target for a request; EITHER for a request that it may accept or refuse."""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """How a request was generated: by which set, from which seed, and its number among those of the same seed."""

    set_name: str
    seed: int
    number: int
    pointer: str | None = None
    """In a near miss, the JSON pointer of the one thing that is wrong with it."""
    reason: str = ""
    """In a near miss, what is wrong, in words."""
    shrunk: bool = False
    """Whether it is smaller than the generated request: made of it to explain a finding."""

    @property
    def near_miss(self) -> bool:
        """True for a request with one thing wrong on purpose."""
        return self.pointer is not None

    @property
    def name(self) -> str:
        """The value of --generate that sends the same request again: requests/7/12."""
        return f"{self.set_name}/{self.seed}/{self.number}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Ask:
    """One request that a suite wants to send, and what it expects of the target."""

    situation: str
    """The slug of the situation that the request creates."""
    body: Mapping[str, Any] | bytes | None = None
    """The JSON body, raw bytes, or None for no body. In raw bytes, the model of the run replaces MODEL_PLACEHOLDER."""
    method: str = "POST"
    path: str = MESSAGES_PATH
    headers: tuple[tuple[str, str | None], ...] = ()
    """Changes to the profile's headers: None removes one; a name that occurs twice here is sent twice."""
    auth: str = "profile"
    """Which key is sent, and where: "profile", "none", "wrong", "bearer" or "x-api-key"."""
    fill_model: bool = True
    """Whether the run's model is added to a JSON body without one."""
    probe: str = "transport.path.post-messages"
    """The requirement that the target violates when it does not do what `expect` says."""
    expect: str = ACCEPTED
    """ACCEPTED, REFUSED or EITHER."""
    statuses: tuple[int, ...] = ()
    """The statuses that a refusal may have; any 4xx when empty."""
    copy: int = 0
    """Distinguishes equal requests that must each be sent."""
    attempts: int = 1
    """How often it may be sent in all. It is sent again while a requirement of `premise` is not verified."""
    premise: tuple[str, ...] = ()
    """The requirements that only the answer of a model that cooperates can show."""
    needs: frozenset[str] = frozenset()
    """The capabilities that a profile must promise, or the request is not sent."""
    capability: str | None = None
    """What only some models can do: where the profile leaves it to the model, a clean refusal is no fault."""
    depth: str = "standard"
    """The least --depth of a run that sends it."""
    layout: str = "compact"
    """How the JSON is written: "compact", "indented" or "reordered"."""
    header_case: str = "plain"
    """How header names are written: "plain", or in "odd" case."""
    origin: Origin | None = None
    """How it was generated; None when a suite wrote it."""
    wire: str = ""
    """One of WIRE_FORMS."""
    creates: bool = False
    """Whether it creates something on the target: once it is sent, its answer is awaited when the run is stopped."""
    cleans_up: bool = False
    """Whether it removes what the run created: it is sent in spite of limits, and after the run was stopped."""
