"""Reads the files `*.d.ts` of the official TypeScript SDK: each interface and alias, as Python annotations.

The files are generated and have few forms: interfaces, aliases, and both inside namespaces. A form that is not known
here raises DeclarationError, so nothing is left out silently.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(r"\s*('(?:[^'\\]|\\.)*'|-?\d+(?:\.\d+)?|[A-Za-z_$][\w$]*|\S)")
_DECLARATION: Final = re.compile(
    r"^(?P<indent>(?: {4})?)(?:export )?(?:"
    r"interface (?P<interface>\w+)(?:<[^>]*>)?(?: extends (?P<bases>[^{]+?))? \{(?P<members>.*?)^(?P=indent)\}"
    r"|type (?P<alias>\w+) = (?P<type>.*?);$"
    r"|declare namespace (?P<namespace>\w+) \{(?P<inner>.*?)^\})",
    re.MULTILINE | re.DOTALL,
)
_MEMBER: Final = re.compile(r"(?:(\w+)|'([^']+)'|\[\w+: string\])(\?)?: (.*)", re.DOTALL)
_WORDS: Final = {
    "string": "str",
    "number": "int",
    "boolean": "bool",
    "null": "None",
    "unknown": "object",
    "any": "object",
    "undefined": "None",
    "true": "Literal[True]",
    "false": "Literal[False]",
    "Uploadable": "object",
    "Date": "str",
}


class DeclarationError(ValueError):
    """A declaration has a form that this module does not know."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """One file: its text without comments, the names that it imports, and the files behind its module aliases."""

    name: str
    text: str
    modules: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Declared:
    """One interface or alias, as Python source. `bases` are the names of the interfaces that it extends."""

    name: str
    members: dict[str, str] | None = None
    alias: str = ""
    bases: tuple[str, ...] = ()


def without_comments(text: str) -> str:
    """The text of a file without its comments."""
    return re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)


def identifier(file: str, *names: str) -> str:
    """The Python name of a type: its file, its namespace and its own name."""
    return "_".join(("T", file.replace("/", "x").replace("-", "x"), *names))


def declarations(source: Source) -> Iterator[Declared]:
    """Everything that a file declares."""
    yield from _in(source, source.text, ())


def _in(source: Source, text: str, inside: tuple[str, ...]) -> Iterator[Declared]:
    """The declarations of a file, or of a namespace in it, whose own names come before those of the file."""
    found = list(_DECLARATION.finditer(text))
    own = frozenset(match["interface"] or match["alias"] for match in found) if inside else frozenset()
    for match in found:
        if match["namespace"]:
            yield from _in(source, match["inner"], (*inside, match["namespace"]))
            continue
        reader = _Reader(source, inside, own)
        name = identifier(source.name, *inside, match["interface"] or match["alias"])
        if match["interface"]:
            bases = tuple(reader.read(base) for base in re.split(r",(?![^<]*>)", match["bases"] or "") if base.strip())
            yield Declared(name=name, members=_members(reader, match["members"]), bases=bases)
        else:
            yield Declared(name=name, alias=reader.read(match["type"]))


def _members(reader: _Reader, body: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in _parts(body):
        match = _MEMBER.fullmatch(part)
        if match is None:
            raise DeclarationError(f"{reader.source.name}: {part[:80]!r}")
        if name := match[1] or match[2]:
            inner = reader.read(match[4])
            found[name] = f"NotRequired[{inner}]" if match[3] else f"Required[{inner}]"
    return found


def _parts(body: str) -> Iterator[str]:
    """The members of an interface, which end with a semicolon outside of any bracket."""
    depth = start = 0
    for at, sign in enumerate(body):
        depth += (sign in "{(<[") - (sign in "})>]")
        if sign == ";" and depth == 0:
            yield body[start:at].strip()
            start = at + 1


class _Reader:
    """Reads the text of a type as a Python annotation."""

    def __init__(self, source: Source, inside: tuple[str, ...], own: frozenset[str]) -> None:
        self.source = source
        self._inside = inside
        self._own = own
        self._tokens: list[str] = []

    def read(self, text: str) -> str:
        """The annotation of a whole type."""
        self._tokens = _TOKEN.findall(text)
        try:
            found = self._union()
        except IndexError:
            raise DeclarationError(f"{self.source.name}: {text[:80]!r} ends too early") from None
        if self._tokens:
            raise DeclarationError(f"{self.source.name}: {' '.join(self._tokens[:8])} in {text[:80]!r}")
        return found

    def _union(self) -> str:
        found = []
        if self._next_is("|"):
            self._tokens.pop(0)
        found.append(self._intersection())
        while self._next_is("|"):
            self._tokens.pop(0)
            found.append(self._intersection())
        return found[0] if len(found) == 1 else f"Union[{', '.join(found)}]"

    def _intersection(self) -> str:
        """`string & {}` is any string; other intersections are not needed."""
        found = self._item()
        while self._next_is("&"):
            self._tokens.pop(0)
            self._item()
        return found

    def _item(self) -> str:
        found = self._one()
        while self._next_is("["):
            end = self._tokens.index("]")
            # `X['member']` names a part of a type; only helpers of the SDK use it.
            found = f"list[{found}]" if end == 1 else "object"
            del self._tokens[: end + 1]
        return found

    def _one(self) -> str:
        token = self._tokens.pop(0)
        if token == "readonly":
            return self._one()
        if token == "(":
            found = self._union()
            self._expect(")")
            return found
        if token == "{":
            return self._object()
        if token.startswith("'") or re.fullmatch(r"-?\d+", token):
            return f"Literal[{token}]"
        if token in _WORDS:
            return _WORDS[token]
        path = [token]
        while self._next_is("."):
            self._tokens.pop(0)
            path.append(self._tokens.pop(0))
        arguments = self._arguments()
        if path == ["Array"]:
            return f"list[{arguments[0]}]"
        return "dict[str, object]" if path == ["Record"] else self._named(path)

    def _arguments(self) -> list[str]:
        if not self._next_is("<"):
            return []
        found = []
        while self._tokens.pop(0) != ">":
            found.append(self._union())
        return found

    def _object(self) -> str:
        """An object with any keys."""
        depth = 1
        while depth:
            token = self._tokens.pop(0)
            depth += (token == "{") - (token == "}")
        return "dict[str, object]"

    def _named(self, path: list[str]) -> str:
        if path[0] in self.source.modules:
            return identifier(self.source.modules[path[0]], *path[1:])
        if len(path) == 1 and path[0] in self._own:
            return identifier(self.source.name, *self._inside, path[0])
        return identifier(self.source.name, *path)

    def _next_is(self, token: str) -> bool:
        return self._tokens[:1] == [token]

    def _expect(self, token: str) -> None:
        if self._tokens.pop(0) != token:
            raise DeclarationError(f"{self.source.name}: {token} is missing")
