"""The parse tree of an expression."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Node:
    """A part of an expression."""

    def children(self) -> Iterator[Node]:
        """The parts that it has, in the order of the text."""
        for each in fields(self):
            yield from _nodes(getattr(self, each.name))


def _nodes(value: Any) -> Iterator[Node]:
    if isinstance(value, Node):
        yield value
    elif isinstance(value, tuple):
        for each in value:
            yield from _nodes(each)


@dataclass(frozen=True, slots=True)
class Literal(Node):
    """A constant."""

    value: Any


@dataclass(frozen=True, slots=True)
class Name(Node):
    """A variable or a type."""

    name: str


@dataclass(frozen=True, slots=True)
class Select(Node):
    """`operand.field`; with `test`, whether it is there: `has(operand.field)`."""

    operand: Node
    field: str
    test: bool = False


@dataclass(frozen=True, slots=True)
class Index(Node):
    """`operand[key]`."""

    operand: Node
    key: Node


@dataclass(frozen=True, slots=True)
class Call(Node):
    """`name(arguments)`, or `target.name(arguments)`."""

    name: str
    target: Node | None
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class ListOf(Node):
    """`[items]`."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class MapOf(Node):
    """`{key: value}`."""

    pairs: tuple[tuple[Node, Node], ...]


@dataclass(frozen=True, slots=True)
class Unary(Node):
    """`!operand` or `-operand`."""

    operator: str
    operand: Node


@dataclass(frozen=True, slots=True)
class Chain(Node):
    """Operators of one precedence from left to right: `first + second - third`."""

    first: Node
    rest: tuple[tuple[str, Node], ...]


@dataclass(frozen=True, slots=True)
class Logic(Node):
    """`||` or `&&` of all operands."""

    operator: str
    operands: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Ternary(Node):
    """`condition ? yes : no`."""

    condition: Node
    yes: Node
    no: Node


@dataclass(frozen=True, slots=True)
class Fold(Node):
    """A macro over the items of a list or the keys of a map: `items.macro(variable, body)`.

    `body` is the condition of `all`, `exists`, `exists_one` and `filter`; in `map`, what each item becomes, and
    `condition` says which of them count.
    """

    macro: str
    items: Node
    variable: str
    body: Node
    condition: Node | None = None


def size(node: Node) -> int:
    """How many nodes there are in it."""
    return sum(1 for _ in _walk(node))


def depth(node: Node) -> int:
    """How deep it is nested."""
    return max(level for _, level in _walk(node))


def _walk(node: Node) -> Iterator[tuple[Node, int]]:
    waiting = [(node, 1)]
    while waiting:
        each, level = waiting.pop()
        yield each, level
        waiting += [(child, level + 1) for child in each.children()]
