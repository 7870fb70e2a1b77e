"""An expression that was checked: a tree of closures, which spends before it works.

What one pass over the tree costs is known from its size and is spent at once; a fold spends that of its body for each
item. Everything else that grows with data spends in `values`, `operators` and `functions`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from andon.engine.cel import tree
from andon.engine.cel.budget import Budget
from andon.engine.cel.failures import EvaluationError, ExpressionError
from andon.engine.cel.functions import Function, Regex, table
from andon.engine.cel.operators import OPERATORS, negated
from andon.engine.cel.parser import parse
from andon.engine.cel.values import KINDS, key_of, keys, kind, shown


@dataclass(slots=True)
class Scope:
    """What a name means, and how much work is left."""

    names: dict[str, Any]
    budget: Budget


Run = Callable[[Scope], Any]
_TYPES = {each.name: each for each in KINDS.values()}


class Expression:
    """An expression over the variables `names`. Raises `ExpressionError` for what isn't one, or names anything else."""

    def __init__(self, text: str, *, names: Iterable[str], regex: Regex) -> None:
        self.text = text
        try:
            root = parse(text)
            self._run = _Compiler(regex).compile(root, frozenset(names))
        except RecursionError:
            raise ExpressionError("it is nested too deep") from None
        self._size = tree.size(root)

    def evaluate(self, values: Mapping[str, Any], budget: Budget) -> Any:
        """Its value. Raises `EvaluationError` where it has none, and `OverBudget`."""
        budget.spend(self._size)
        try:
            return self._run(Scope(dict(values), budget))
        except RecursionError:
            raise EvaluationError("the data is nested too deep") from None


class _Compiler:
    def __init__(self, regex: Regex) -> None:
        self._regex = regex
        self._functions: dict[str, Function] = table(regex)

    def compile(self, node: tree.Node, names: frozenset[str]) -> Run:
        """How to evaluate `node` where these variables are known."""
        match node:
            case tree.Literal(value):
                return lambda scope: value
            case tree.Name(name):
                return self._name(name, names)
            case tree.Select(operand, field, test):
                return (_presence if test else _select)(self.compile(operand, names), field)
            case tree.Index(operand, key):
                return _index(self.compile(operand, names), self.compile(key, names))
            case tree.Call():
                return self._call(node, names)
            case tree.ListOf(items):
                parts = [self.compile(each, names) for each in items]
                return lambda scope: [part(scope) for part in parts]
            case tree.MapOf(pairs):
                return _map([(self.compile(key, names), self.compile(value, names)) for key, value in pairs])
            case tree.Unary(operator, operand):
                return (_not if operator == "!" else _negative)(self.compile(operand, names))
            case tree.Chain(first, rest):
                return _chain(self.compile(first, names), [(o, self.compile(each, names)) for o, each in rest])
            case tree.Logic(operator, operands):
                return _logic(operator == "||", [self.compile(each, names) for each in operands])
            case tree.Ternary(condition, yes, no):
                return _ternary(*(self.compile(each, names) for each in (condition, yes, no)))
            case tree.Fold():
                return self._fold(node, names)
        raise AssertionError(node)

    def _name(self, name: str, names: frozenset[str]) -> Run:
        if name in names:
            return lambda scope: scope.names[name]
        if name in _TYPES:
            found = _TYPES[name]
            return lambda scope: found
        known = " and ".join(repr(each) for each in sorted(names, reverse=True)) or "nothing"
        raise ExpressionError(f"it names {name!r}; expected only {known}")

    def _call(self, node: tree.Call, names: frozenset[str]) -> Run:
        operands = (*([] if node.target is None else [node.target]), *node.arguments)
        function = self._functions.get(node.name)
        if function is None or not (function.alone if node.target is None else function.method):
            raise ExpressionError(f"there is no {'function' if node.target is None else 'method'} {node.name}()")
        if len(operands) not in function.operands:
            raise ExpressionError(f"{node.name}() takes another number of arguments than {len(node.arguments)}")
        if node.name == "matches":
            self._check_pattern(operands[1])
        parts = [self.compile(each, names) for each in operands]
        call = function.call
        return lambda scope: call(scope.budget, *[part(scope) for part in parts])

    def _check_pattern(self, node: tree.Node) -> None:
        if not isinstance(node, tree.Literal) or not isinstance(node.value, str):
            raise ExpressionError("matches() takes a pattern that stands in the expression as a text")
        try:
            self._regex(node.value)
        except EvaluationError as error:
            raise ExpressionError(str(error)) from None

    def _fold(self, node: tree.Fold, names: frozenset[str]) -> Run:
        items, inside = self.compile(node.items, names), names | {node.variable}
        body = self.compile(node.body, inside)
        condition = None if node.condition is None else self.compile(node.condition, inside)
        cost = 1 + tree.size(node.body) + (0 if node.condition is None else tree.size(node.condition))
        fold = _FOLDS[node.macro]

        def each(scope: Scope) -> Iterable[tuple[Any, Scope]]:
            found = items(scope)
            if type(found) is dict:
                scope.budget.spend(len(found) >> 3)
                found = keys(found)
            elif type(found) is not list:
                raise EvaluationError(f"{node.macro}() goes over a list or a map, not {kind(found)}")
            inner = Scope(dict(scope.names), scope.budget)
            for item in found:
                scope.budget.spend(cost)
                inner.names[node.variable] = item
                yield item, inner

        return lambda scope: fold(each(scope), body, condition)


def _select(operand: Run, field: str) -> Run:
    def select(scope: Scope) -> Any:
        value = operand(scope)
        if type(value) is dict:
            try:
                return value[field]
            except KeyError:
                raise EvaluationError(f"there is no {field!r}") from None
        raise EvaluationError(f"{kind(value)} has no field {field!r}")

    return select


def _presence(operand: Run, field: str) -> Run:
    def present(scope: Scope) -> bool:
        value = operand(scope)
        if type(value) is dict:
            return field in value
        raise EvaluationError(f"{kind(value)} has no field {field!r}")

    return present


def _index(operand: Run, key: Run) -> Run:
    def index(scope: Scope) -> Any:
        value, at = operand(scope), key(scope)
        if type(value) is dict:
            try:
                return value[key_of(at)]
            except KeyError:
                raise EvaluationError(f"there is no {shown(at)}") from None
        if type(value) is not list:
            raise EvaluationError(f"{kind(value)} has no index")
        if type(at) is bool or not isinstance(at, int):
            raise EvaluationError(f"a list's index is a whole number, not {kind(at)}")
        if not 0 <= at < len(value):
            raise EvaluationError("a list's index is out of range")
        return value[at]

    return index


def _map(pairs: list[tuple[Run, Run]]) -> Run:
    def build(scope: Scope) -> dict[Any, Any]:
        found = {key_of(key(scope)): value(scope) for key, value in pairs}
        if len(found) < len(pairs):
            raise EvaluationError("a map has a key twice")
        return found

    return build


def _not(operand: Run) -> Run:
    return lambda scope: not _bool(operand(scope), "!")


def _negative(operand: Run) -> Run:
    return lambda scope: negated(operand(scope))


def _chain(first: Run, rest: list[tuple[str, Run]]) -> Run:
    applied = [(OPERATORS[operator], operand) for operator, operand in rest]
    if len(applied) == 1:
        [(apply, second)] = applied
        return lambda scope: apply(first(scope), second(scope), scope.budget)

    def chain(scope: Scope) -> Any:
        value = first(scope)
        for apply, operand in applied:
            value = apply(value, operand(scope), scope.budget)
        return value

    return chain


def _ternary(condition: Run, yes: Run, no: Run) -> Run:
    return lambda scope: yes(scope) if _bool(condition(scope), "?") else no(scope)


def _bool(value: Any, what: str) -> bool:
    if type(value) is bool:
        return value
    raise EvaluationError(f"{what} takes a bool, not {kind(value)}")


def _decided(ends: bool, what: str, operands: Iterable[tuple[Run, Scope]]) -> bool:
    """`||` (which `ends` with true) or `&&`: an operand that decides alone makes up for one that has no value."""
    failed: EvaluationError | None = None
    for operand, scope in operands:
        try:
            if _bool(operand(scope), what) is ends:
                return ends
        except EvaluationError as error:
            failed = failed or error
    if failed is not None:
        raise failed
    return not ends


def _logic(ends: bool, operands: list[Run]) -> Run:
    what = "||" if ends else "&&"
    return lambda scope: _decided(ends, what, ((operand, scope) for operand in operands))


Items = Iterable[tuple[Any, Scope]]


def _any(ends: bool, what: str) -> Callable[[Items, Run, Run | None], bool]:
    """`exists` and `all`: `||` and `&&` over the items."""
    return lambda items, body, condition: _decided(ends, what, ((body, scope) for _, scope in items))


def _exists_one(items: Items, body: Run, condition: Run | None) -> bool:
    return sum(_bool(body(scope), "exists_one()") for _, scope in items) == 1


def _filtered(items: Items, body: Run, condition: Run | None) -> list[Any]:
    return [item for item, scope in items if _bool(body(scope), "filter()")]


def _mapped(items: Items, body: Run, condition: Run | None) -> list[Any]:
    return [body(scope) for _, scope in items if condition is None or _bool(condition(scope), "map()")]


_FOLDS: dict[str, Callable[[Items, Run, Run | None], Any]] = {
    "exists": _any(True, "exists()"),
    "all": _any(False, "all()"),
    "exists_one": _exists_one,
    "filter": _filtered,
    "map": _mapped,
}
