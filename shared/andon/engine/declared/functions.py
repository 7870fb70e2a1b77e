"""Functions: the decorator that declares one, and the registry that a process fills and checks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from andon.engine.data.models import NoModel, reading, schema_of
from andon.engine.declared.arguments import shown
from andon.engine.declared.debouncing import Debounce
from andon.engine.declared.declarations import CANCEL_DEADLINE, GRACE_SECONDS, IDEMPOTENCY, MAX_RUNS, Declaration
from andon.engine.declared.flow import Concurrency, Priority, RateLimit, Singleton, Throttle, Timeouts
from andon.engine.declared.gates import UNLIMITED, expressions_of, gates_of, holds_while_waiting
from andon.engine.declared.rules import CancelOn
from andon.engine.declared.subjects import Subject, both_write
from andon.engine.declared.tags import expressions_in
from andon.engine.declared.triggers import OF_EVENT, ONE_AT_A_TIME, Cron, Trigger, parts_of
from andon.engine.declared.waits import Wait
from andon.engine.errors import RegistrationError
from andon.engine.events import CRON, INVOKED, Event

if TYPE_CHECKING:
    from andon.engine.steps.step import Step

Handler = Callable[["Event[Any]", Any], Any]
"""Called with an event and a `Step`; an `async def` with an `AsyncStep`."""
CheckExpression = Callable[..., None]
"""Called with the text of an expression, and the names that it may use where these aren't a cancel rule's."""


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
    trigger: str | None = None,
    triggers: Sequence[Trigger] = (),
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
    concurrency: Concurrency | Sequence[Concurrency] = (),
    singleton: Singleton | None = None,
    throttle: Throttle | None = None,
    rate_limit: RateLimit | None = None,
    timeouts: Timeouts | None = None,
    priority: Priority | None = None,
    fair: str | None = None,
    subject: Subject | None = None,
    tags: Sequence[str] = (),
    idempotency: str | None = None,
    idempotency_for: dt.timedelta = IDEMPOTENCY,
    idempotency_keep: bool = False,
    debounce: Debounce | None = None,
    waits: Sequence[Wait] = (),
    data: Any = None,
) -> Callable[[Handler], Function]:
    """Declare a durable function: `handler(event, step)` runs for each `trigger` event, or for whatever one of several
    `triggers` holds for: events (`On`) and schedules (`Cron`).

    `retries` is how often each step, and the handler itself, is tried again after a failure. `on_cancel` and
    `on_failure` are runs of their own, made in the transaction that settles this one. `cancel_deadline` is how long
    a cancelled run's code may go on before it is settled by force; None waits for ever.

    The handler may be an `async def`; then its step calls are awaited. Runs are executed in processes of their own:
    `grace` is how many seconds code that is stopped gets to end, before its process and all that it started is killed;
    `lane_memory` how many bytes these may take together. A process serves runs of the same function and tenant one
    after the other, `max_runs` at most; with `fresh` only one.

    `concurrency` limits how many runs go at once, up to three times; `singleton` to one, and says what becomes of the
    others; `throttle` how often runs start, and `rate_limit` how often they are made. `priority` lets some of them go
    before others, and `fair` gives each value of a key its turn. `timeouts` cancels a run that waits or takes too long.
    `subject` says what a run is about; a row of a table of yours can follow the state of its
    newest request.

    Runs are found and cancelled by `tags`: a path such as `data.userId` gives `userId:42`, CEL over `event` any text.
    Of events with the same `idempotency` (a path, or CEL) one in `idempotency_for` starts a run; one that was cancelled
    or has failed is as if it had not been, unless `idempotency_keep`. With `debounce` a run waits until it is quiet.

    `waits` names events that its runs wait for by a field: however many of them are recorded between a run's own event
    and its wait, its own are found.

    `data` is what the data of its events are to be: a dataclass, a pydantic model or a marshmallow schema. Events that
    don't fit are refused where they are accepted, and start no run; handlers get an `Event[Model]`.
    """

    def declare(handler: Handler) -> Function:
        return Function(
            id=id,
            trigger=trigger,
            triggers=_several(triggers),
            module=getattr(handler, "__module__", None) or "unknown",
            handler=reading(handler, data),
            cancel_on=_several(cancel_on),
            retries=retries,
            on_cancel=reading(on_cancel, data),
            on_failure=reading(on_failure, data),
            cleanups=tuple(name for name, hook in (("on_cancel", on_cancel), ("on_failure", on_failure)) if hook),
            cancel_deadline=cancel_deadline,
            queue=queue,
            grace=grace,
            fresh=fresh,
            lane_memory=lane_memory,
            max_runs=max_runs,
            tags=_several(tags),
            idempotency=idempotency,
            idempotency_for=idempotency_for,
            idempotency_keep=idempotency_keep,
            debounce=debounce,
            waits=_several(waits),
            concurrency=_several([concurrency] if isinstance(concurrency, Concurrency) else concurrency),
            singleton=singleton,
            throttle=throttle,
            rate_limit=rate_limit,
            timeouts=timeouts,
            priority=priority,
            fair=fair,
            subject=subject,
            data=_shape(id, data),
        )

    return declare


def _shape(id: str, model: Any) -> Any:
    """The model's JSON Schema; what can be none is left for its check."""
    try:
        return None if model is None else schema_of(model)
    except NoModel:
        return model
    except TypeError as error:
        raise RegistrationError(f"function {shown(id)}: data={shown(model)}: {error}") from None


def _several(said: Any) -> Any:
    """A list as the tuple that a declaration has; what is none is left for its check."""
    return tuple(said) if isinstance(said, (list, tuple, set, frozenset)) else said


@dataclass(frozen=True)
class Start:
    """A function that starts on an event of some name where one of the conditions holds; always, where there is none.

    It was registered as number `place`.
    """

    place: int
    function: Declaration
    conditions: tuple[str, ...] = ()


def _starts(place: int, declared: Declaration) -> dict[str, Start]:
    """What each of its triggers says, by the event's name, or by what the names of a wildcard begin with."""
    found: dict[str, Start] = {}
    for on in declared.events:
        name, said = on.prefix or on.event, Start(place, declared, () if on.if_ is None else (on.if_,))
        found[name] = _either(found[name], said) if name in found else said
    return found


def _keyed(declared: Declaration) -> dict[str, Sequence[str]]:
    """The paths and expressions in its arguments that are neither conditions nor limits."""
    debounced = declared.debounce.key if declared.debounce else None
    return {
        "tags": declared.tags,
        "idempotency": [declared.idempotency] if declared.idempotency else [],
        "debounce": [debounced] if debounced else [],
    }


def _either(one: Start, other: Start) -> Start:
    asked = one.conditions and other.conditions and (*one.conditions, *other.conditions)
    return Start(one.place, one.function, asked)


class Registry:
    """The functions of a process, by id and by what they listen to."""

    def __init__(
        self,
        functions: Iterable[Declaration] = (),
        *,
        check_expression: CheckExpression | None = None,
        check_schedule: Callable[[str, str], None] | None = None,
    ) -> None:
        """Expressions and schedules are refused where nobody is given who checks them."""
        self._check_expression = check_expression
        self._check_schedule = check_schedule
        self._by_id: dict[str, Declaration] = {}
        self._by_trigger: dict[str, list[Start]] = {}
        self._by_prefix: dict[str, list[Start]] = {}
        self._awaited: dict[str, list[str]] = {}
        self._by_cancel: dict[str, list[tuple[str, CancelOn]]] = {}
        self._by_kind: dict[str, Declaration] = {}
        self._former_kinds: dict[str, list[Subject]] = {}
        self._former: dict[str, list[tuple[str, CancelOn]]] = {}
        self._shared: dict[bytes, tuple[str, int]] = {}
        for each in functions:
            self.add(each)

    def add(self, declared: Declaration) -> None:
        """Register one function; raises `RegistrationError` naming it."""
        declared.check()
        if declared.id in self._by_id:
            other = self._by_id[declared.id].module
            raise RegistrationError(f"function {declared.id!r} is registered twice: in {other} and {declared.module}")
        for rule in declared.cancel_on:
            if rule.if_ is not None:
                self._check(declared, f"cancel_on={shown(rule)}", f"if_={shown(rule.if_)}", rule.if_)
        for on in declared.events:
            if on.if_ is not None:
                self._check(declared, f"triggers={shown(on)}", f"if_={shown(on.if_)}", on.if_, OF_EVENT)
        for cron in declared.schedules:
            self._check_cron(declared, cron)
        self._check_limits(declared)
        if declared.subject is not None:
            self._check_subject(declared, declared.subject)
            self._by_kind[declared.subject.kind] = declared
        for argument, paths in _keyed(declared).items():
            for expression in expressions_in(paths):
                said = f"{argument}={shown(expression)}"
                self._check(declared, said, said, expression, OF_EVENT)
        self._by_id[declared.id] = declared
        for event, start in _starts(len(self._by_id), declared).items():
            known = self._by_prefix if event.endswith("/") else self._by_trigger
            known.setdefault(event, []).append(start)
        for wait in declared.waits:
            paths = self._awaited.setdefault(wait.event, [])
            if wait.match is not None and wait.match not in paths:
                paths.append(wait.match)
        for rule in declared.cancel_on:
            self._by_cancel.setdefault(rule.event, []).append((declared.id, rule))

    def _check_subject(self, declared: Declaration, subject: Subject) -> None:
        """One kind, one function, one requesting trigger; and no column that two kinds write."""
        said = f"subject={shown(subject)}"
        if len(declared.starts_on) != 1 or not declared.events or declared.events[0].prefix is not None:
            raise declared.refused(said, "a subject is requested by one event: expected one trigger, no wildcard")
        other = self._by_kind.get(subject.kind)
        if other is not None:
            raise declared.refused(said, f"subjects of kind {subject.kind!r} are moved by function {other.id!r}")
        for each in self._by_kind.values():
            if column := both_write(subject, each.subject):
                fault = f"column {column!r} is written for function {each.id!r} already: a row follows one kind"
                raise declared.refused(said, fault)

    def _check_limits(self, declared: Declaration) -> None:
        if declared.singleton is not None and not holds_while_waiting(declared):
            raise declared.refused("concurrency: hold='active'", "a singleton is held while its run waits")
        for cron in declared.schedules:
            if cron.overlap in ONE_AT_A_TIME and not holds_while_waiting(declared):
                fault = f"a run of a schedule with overlap={cron.overlap!r} keeps its place while it waits"
                raise declared.refused("concurrency: hold='active'", fault)
        for expression in expressions_of(declared):
            argument = f"key={shown(expression)}"
            self._check(declared, argument, argument, expression, OF_EVENT)
        for gate in gates_of(declared):
            if gate.limit == UNLIMITED:
                continue
            other, limit = self._shared.setdefault(gate.head, (declared.id, gate.limit))
            if limit != gate.limit:
                raise declared.refused(
                    f"concurrency: key={shown(gate.key)}",
                    f"{shown(other)} counts under it, too, with limit={limit}; expected the same",
                )

    def _check(self, declared: Declaration, argument: str, part: str, expression: str, *names: Sequence[str]) -> None:
        if self._check_expression is None:
            raise declared.refused(argument, "no evaluator for its expression")
        try:
            self._check_expression(expression, *names)
        except ValueError as error:
            raise declared.refused(part, str(error)) from None

    def _check_cron(self, declared: Declaration, cron: Cron) -> None:
        if self._check_schedule is None:
            raise declared.refused(f"triggers={shown(cron)}", "no reader of its schedule")
        try:
            self._check_schedule(cron.expr, cron.tz)
        except ValueError as error:
            raise declared.refused(f"triggers={shown(cron)}", str(error)) from None

    def __iter__(self) -> Iterator[Declaration]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def get(self, function_id: str) -> Declaration | None:
        """The function with this id, if it is registered here."""
        return self._by_id.get(function_id)

    def keep_former_kinds(self, kinds: Iterable[tuple[str, Subject]]) -> None:
        """These subjects, each with a trigger that asked for it, are moved by that no more, or not yet again."""
        self._former_kinds = {}
        for trigger, subject in kinds:
            self._former_kinds.setdefault(trigger, []).append(subject)

    def unmoved_by(self, name: str) -> Sequence[Subject]:
        """The kinds that an event of this name requested once, and of which it starts no run any more."""
        return self._former_kinds.get(name, ())

    def queues(self) -> list[str]:
        """The queues that runs of these functions can wait in, sorted."""
        return sorted({each.queue for each in self} | {"default"})

    def triggered_by(self, name: str) -> Sequence[Declaration]:
        """The functions that can start on an event of this name, in the order of registration."""
        return [each.function for each in self.starts(name)]

    def started_by(self, event: Event) -> Sequence[Start]:
        """What can start on this event; a tick, and what repeats a run, is one function's, if that is registered."""
        if event.name != CRON and (event.again is None or event.name == INVOKED):
            return self.starts(event.name)
        function = self._by_id.get(event.again.function_id if event.again else event.data.get("functionId", ""))
        return [] if function is None else [Start(0, function)]

    def starts(self, name: str) -> Sequence[Start]:
        """The same, with their conditions."""
        named = self._by_trigger.get(name, ())
        if not self._by_prefix:
            return named
        found: dict[int, Start] = {}
        for each in [*named, *(below for part in parts_of(name) for below in self._by_prefix.get(part, ()))]:
            found[each.place] = _either(found[each.place], each) if each.place in found else each
        return [found[place] for place in sorted(found)]

    def cancelled_by(self, name: str) -> Sequence[tuple[str, CancelOn]]:
        """The rules that an event of this name can satisfy, each with its function's id; former rules come last."""
        return [*self._by_cancel.get(name, ()), *self._former.get(name, ())]

    def keep_former(self, rules: Iterable[tuple[str, CancelOn]]) -> None:
        """These are no function's any more, and runs that were made with them keep them."""
        self._former = {}
        for function_id, rule in rules:
            self._former.setdefault(rule.event, []).append((function_id, rule))

    @property
    def awaited(self) -> Mapping[str, Sequence[str]]:
        """By the names of events, the paths by which functions say that they wait for them."""
        return self._awaited

    def concerns(self, name: str) -> bool:
        """Whether an event of this name can start or stop anything."""
        return bool(self.triggered_by(name) or self.cancelled_by(name) or self.unmoved_by(name))

    @classmethod
    def load(cls, modules: Iterable[str], *, check_expression: CheckExpression | None = None) -> Registry:
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
        named = f"`-f` or ANDON_FUNCTIONS names {module!r}"
        raise RegistrationError(f"there is no module {error.name!r}: {named}") from None
    return list({id(each): each for each in members.values() if isinstance(each, Function)}.values())
