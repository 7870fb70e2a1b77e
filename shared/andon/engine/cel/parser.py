"""From tokens to the parse tree, by CEL's grammar; macros are recognized here, never in the text."""

from collections.abc import Callable
from typing import TypeVar

from andon.engine.cel.failures import ExpressionError
from andon.engine.cel.tokens import Token, tokens
from andon.engine.cel.tree import (
    Call,
    Chain,
    Fold,
    Index,
    ListOf,
    Literal,
    Logic,
    MapOf,
    Name,
    Node,
    Select,
    Ternary,
    Unary,
    depth,
)
from andon.engine.cel.values import MAX_INT
from andon.engine.storable import text_fault

T = TypeVar("T")
MOST_CHARACTERS = 1_000
DEEPEST = 40
FOLDS = {"all": (2,), "exists": (2,), "exists_one": (2,), "map": (2, 3), "filter": (2,)}
_LEVELS = (("||",), ("&&",), ("==", "!=", "<", "<=", ">", ">=", "in"), ("+", "-"), ("*", "/", "%"))


def parse(text: str) -> Node:
    """The parse tree of `text`. Raises `ExpressionError` saying what was expected, and where."""
    if fault := text_fault(text):
        raise ExpressionError(fault)
    if (size := len(text.encode())) > MOST_CHARACTERS:
        raise ExpressionError(f"expected at most {MOST_CHARACTERS} characters, as UTF-8, got {size}")
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = list(tokens(text))
        self._at = 0
        self._depth = 0

    def whole(self) -> Node:
        node = self._expression()
        if self._next.kind != "end":
            raise self._unexpected("an operator or the end")
        if depth(node) > DEEPEST:
            raise _too_deep()
        return node

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self, kind: str) -> bool:
        if self._next.kind != kind:
            return False
        self._at += 1
        return True

    def _expect(self, kind: str) -> None:
        if not self._take(kind):
            raise self._unexpected(repr(kind))

    def _unexpected(self, expected: str) -> ExpressionError:
        token = self._next
        if token.kind == "end":
            return ExpressionError(f"expected {expected}, got the end of the expression")
        got = token.value if token.kind in {"literal", "integer", "name"} else token.kind
        return ExpressionError(f"expected {expected} at character {token.at + 1}, got {got!r:.40}")

    def _expression(self) -> Node:
        self._depth += 1
        if self._depth > DEEPEST:
            raise _too_deep()
        node = self._binary(0)
        if self._take("?"):
            yes = self._binary(0)
            self._expect(":")
            node = Ternary(node, yes, self._expression())
        self._depth -= 1
        return node

    def _binary(self, level: int) -> Node:
        """Operators from `level` of precedence on; one loop for each level, and no recursion for a long chain."""
        if level == len(_LEVELS):
            return self._unary()
        first, rest = self._binary(level + 1), []
        while self._next.kind in _LEVELS[level]:
            operator = self._next.kind
            self._at += 1
            rest.append((operator, self._binary(level + 1)))
        if not rest:
            return first
        if level < 2:
            return Logic(_LEVELS[level][0], (first, *(node for _, node in rest)))
        return Chain(first, tuple(rest))

    def _unary(self) -> Node:
        operators = []
        while self._next.kind in {"!", "-"}:
            operators.append(self._next.kind)
            self._at += 1
        if len(set(operators)) > 1:
            raise self._unexpected("one kind of sign, or parentheses,")
        if len(operators) > DEEPEST:
            raise _too_deep()
        if operators and operators[0] == "-" and self._next.kind == "integer":
            operators.pop()
            node = self._members(self._integer(negative=True))
        else:
            node = self._members(self._primary())
        for operator in operators:
            node = Unary(operator, node)
        return node

    def _integer(self, *, negative: bool) -> Node:
        token = self._next
        self._at += 1
        if token.value > MAX_INT and not negative:
            raise ExpressionError(f"the number at character {token.at + 1} doesn't fit 64 bits")
        return Literal(-token.value if negative else token.value)

    def _members(self, node: Node) -> Node:
        while True:
            if self._take("."):
                name = self._name()
                node = self._call(name, node) if self._take("(") else Select(node, name)
            elif self._take("["):
                node = Index(node, self._expression())
                self._expect("]")
            else:
                return node

    def _name(self) -> str:
        token = self._next
        if token.kind not in {"name", "in"}:
            raise self._unexpected("a name")
        self._at += 1
        return str(token.value)

    def _primary(self) -> Node:
        token = self._next
        if token.kind == "integer":
            return self._integer(negative=False)
        if token.kind == "literal":
            self._at += 1
            return Literal(token.value)
        if self._take("("):
            node = self._expression()
            self._expect(")")
            return node
        if self._take("["):
            return ListOf(self._until("]", self._expression))
        if self._take("{"):
            return MapOf(self._until("}", self._pair))
        if token.kind == "name" or token.kind == ".":
            self._take(".")
            name = self._name()
            return self._call(name, None) if self._take("(") else Name(name)
        raise self._unexpected("a value")

    def _pair(self) -> tuple[Node, Node]:
        key = self._expression()
        self._expect(":")
        return key, self._expression()

    def _until(self, end: str, read: Callable[[], T]) -> tuple[T, ...]:
        """What is separated by commas up to `end`; one comma may stand last."""
        found: list[T] = []
        while not self._take(end):
            found.append(read())
            if not self._take(","):
                self._expect(end)
                break
        return tuple(found)

    def _call(self, name: str, target: Node | None) -> Node:
        arguments = self._until(")", self._expression)
        if target is None and name == "has":
            return _presence(arguments)
        if target is not None and len(arguments) in FOLDS.get(name, ()):
            return _fold(name, target, arguments)
        return Call(name, target, arguments)


def _presence(arguments: tuple[Node, ...]) -> Node:
    if len(arguments) != 1 or not isinstance(arguments[0], Select) or arguments[0].test:
        raise ExpressionError("has() takes one field, as in has(event.data.total)")
    return Select(arguments[0].operand, arguments[0].field, test=True)


def _fold(macro: str, items: Node, arguments: tuple[Node, ...]) -> Node:
    variable, *conditions, body = arguments
    if not isinstance(variable, Name):
        raise ExpressionError(f"{macro}() takes the name of a variable first, as in {macro}(item, item > 1)")
    return Fold(macro, items, variable.name, body, conditions[0] if conditions else None)


def _too_deep() -> ExpressionError:
    return ExpressionError(f"it is nested deeper than {DEEPEST} levels")
