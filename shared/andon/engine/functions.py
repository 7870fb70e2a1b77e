"""Functions: the decorator that declares one, and the registry that a process fills and checks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from andon.engine.arguments import shown
from andon.engine.declarations import CANCEL_DEADLINE, GRACE_SECONDS, MAX_RUNS, Declaration
from andon.engine.errors import RegistrationError
from andon.engine.events import Event
from andon.engine.rules import CancelOn

if TYPE_CHECKING:
    from andon.engine.steps import Step

Handler = Callable[[Event, Any], Any]
"""Called with an event and a `Step`; an `async def` with an `AsyncStep`."""


@dataclass(frozen=True, kw_only=True)
class Function(Declaration):
    """A declaration with its code. Call it as the plain function that it was."""

    handler: Handler
    on_cancel: Handler | None = None
    on_failure: Handler | None = None

    def __call__(self, event: Event, step: Step) -> Any:
        return self.handler(event, step)


def function(
    *,
    id: str,
    trigger: str,
    cancel_on: Sequence[CancelOn] = (),
    retries: int = 3,
    on_cancel: Handler | None = None,
    on_failure: Handler | None = None,
    cancel_deadline: dt.timedelta | None = CANCEL_DEADLINE,
    queue: str = "default",
    grace: float = GRACE_SECONDS,
    fresh: bool = False,
    lane_memory: int | None = None,
    max_runs: int = MAX_RUNS,
) -> Callable[[Handler], Function]:
    """Declare a durable function: `handler(event, step)` runs for each `trigger` event.

    `retries` is how often each step, and the handler itself, is tried again after a failure. `on_cancel` and
    `on_failure` are runs of their own, made in the transaction that settles this one. `cancel_deadline` is how long
    a cancelled run's code may go on before it is settled by force; None waits for ever.

    The handler may be an `async def`; then its step calls are awaited. Runs are executed in processes of their own:
    `grace` is how many seconds code that is stopped gets to end, before its process and all that it started is killed;
    `lane_memory` how many bytes these may take together. A process serves runs of the same function and tenant one
    after the other, `max_runs` at most; with `fresh` only one.
    """

    def declare(handler: Handler) -> Function:
        rules: Any = tuple(cancel_on) if isinstance(cancel_on, (list, tuple, set, frozenset)) else cancel_on
        return Function(
            id=id,
            trigger=trigger,
            module=getattr(handler, "__module__", None) or "unknown",
            handler=handler,
            cancel_on=rules,
            retries=retries,
            on_cancel=on_cancel,
            on_failure=on_failure,
            cleanups=tuple(name for name, hook in (("on_cancel", on_cancel), ("on_failure", on_failure)) if hook),
            cancel_deadline=cancel_deadline,
            queue=queue,
            grace=grace,
            fresh=fresh,
            lane_memory=lane_memory,
            max_runs=max_runs,
        )

    return declare


class Registry:
    """The functions of a process, by id and by what they listen to."""

    def __init__(
        self,
        functions: Iterable[Declaration] = (),
        *,
        check_expression: Callable[[str], None] | None = None,
    ) -> None:
        self._check_expression = check_expression
        self._by_id: dict[str, Declaration] = {}
        self._by_trigger: dict[str, list[Declaration]] = {}
        self._by_cancel: dict[str, list[tuple[str, CancelOn]]] = {}
        self._former: dict[str, list[tuple[str, CancelOn]]] = {}
        for each in functions:
            self.add(each)

    def add(self, declared: Declaration) -> None:
        """Register one function; raises `RegistrationError` naming it."""
        declared.check()
        if declared.id in self._by_id:
            other = self._by_id[declared.id].module
            raise RegistrationError(f"function {declared.id!r} is registered twice: in {other} and {declared.module}")
        for rule in declared.cancel_on:
            self._check_rule(declared, rule)
        self._by_id[declared.id] = declared
        self._by_trigger.setdefault(declared.trigger, []).append(declared)
        for rule in declared.cancel_on:
            self._by_cancel.setdefault(rule.event, []).append((declared.id, rule))

    def _check_rule(self, declared: Declaration, rule: CancelOn) -> None:
        if rule.if_ is None:
            return
        if self._check_expression is None:
            raise declared.refused(f"cancel_on={shown(rule)}", "no evaluator for its if_")
        try:
            self._check_expression(rule.if_)
        except ValueError as error:
            raise declared.refused(f"if_={shown(rule.if_)}", str(error)) from None

    def __iter__(self) -> Iterator[Declaration]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def get(self, function_id: str) -> Declaration | None:
        """The function with this id, if it is registered here."""
        return self._by_id.get(function_id)

    def queues(self) -> list[str]:
        """The queues that runs of these functions can wait in, sorted."""
        return sorted({each.queue for each in self} | {"default"})

    def triggered_by(self, name: str) -> Sequence[Declaration]:
        """The functions that start on an event of this name, in the order of registration."""
        return self._by_trigger.get(name, ())

    def cancelled_by(self, name: str) -> Sequence[tuple[str, CancelOn]]:
        """The rules that an event of this name can satisfy, each with its function's id; former rules come last."""
        return [*self._by_cancel.get(name, ()), *self._former.get(name, ())]

    def keep_former(self, rules: Iterable[tuple[str, CancelOn]]) -> None:
        """These are no function's any more, and runs that were made with them keep them."""
        self._former = {}
        for function_id, rule in rules:
            self._former.setdefault(rule.event, []).append((function_id, rule))

    def concerns(self, name: str) -> bool:
        """Whether an event of this name can start or stop anything."""
        return bool(self.triggered_by(name) or self.cancelled_by(name))

    @classmethod
    def load(cls, modules: Iterable[str], *, check_expression: Callable[[str], None] | None = None) -> Registry:
        """Import `modules` and register every `Function` that stands in one of them, once each."""
        return cls(collect(modules).values(), check_expression=check_expression)


def collect(modules: Iterable[str]) -> dict[str, Function]:
    """Import `modules`; the functions that stand in them, by id. Raises `RegistrationError` for two with one id."""
    found: dict[str, Function] = {}
    for name in modules:
        for each in functions_in(name):
            other = found.setdefault(each.id, each)
            if other is not each:
                raise RegistrationError(
                    f"function {each.id!r} is registered twice: in {other.module} and {each.module}"
                )
    return found


def functions_in(module: str) -> list[Function]:
    """Import `module`; the functions that stand in it, in their order. Raises `RegistrationError` if it isn't there."""
    try:
        members: Mapping[str, Any] = vars(import_module(module))
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        raise RegistrationError(f"ANDON_FUNCTIONS names {module!r}, which can't be imported") from None
    return list({id(each): each for each in members.values() if isinstance(each, Function)}.values())
