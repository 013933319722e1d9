"""What an application gets from a client that has read one answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

ERROR: Final = "error"
CRASH: Final = "crash"
HANG: Final = "hang"
ENDS: Final = (ERROR, CRASH, HANG)
"""How reading can end without a message: with an error of the client's own classes; with another exception, in the
client or in the application that uses its result; never."""


class ClientFails(Exception):
    """The client does not hand over a message. `end` is one of ENDS."""

    def __init__(self, end: str, why: str) -> None:
        super().__init__(why)
        self.end = end
        self.why = why


@dataclass(frozen=True, kw_only=True)
class Call:
    """A call of a tool, as the application gets it. The values have the types that the client hands over.

    Without the id, an application cannot send the result.
    """

    name: Any
    input: Any
    id: Any


@dataclass(frozen=True, kw_only=True)
class Received:
    """What the application gets. The values have the types that the client hands over, which may be wrong ones.

    `end` is one of ENDS, or empty when there is a message; `why` says in words why a part is missing. `repeats` says
    that the client cannot read the stream and sends the request again without streaming.
    """

    text: str = ""
    calls: tuple[Call, ...] = ()
    thinking: str = ""
    stop_reason: Any = None
    input_tokens: Any = None
    output_tokens: Any = None
    end: str = ""
    why: str = ""
    repeats: bool = False


def failed(end: str, why: str) -> Received:
    """An answer after which the application gets no message."""
    return Received(end=end, why=why)
