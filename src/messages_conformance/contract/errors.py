"""The one error of this room: something was asked for that the contract does not have."""

from collections.abc import Iterable
from difflib import get_close_matches


class ContractError(LookupError):
    """An unknown name was asked for, or a data file is malformed; the message says what would be valid."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


def unknown(kind: str, name: str, valid: Iterable[str]) -> ContractError:
    """The error for a `name` that is not among `valid`: it lists them all, and the nearest one first."""
    known = sorted(valid)
    near = get_close_matches(name, known, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return ContractError(f"unknown {kind} {name!r}.{hint} Valid: {', '.join(known) or 'none'}.")
