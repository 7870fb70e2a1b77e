"""Declarations: what is said of a function, as data. It crosses processes as JSON; the code stays where it runs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from andon.engine.data.shapes import fault
from andon.engine.declared import subjects
from andon.engine.declared.arguments import ARGUMENTS, shown
from andon.engine.declared.debouncing import Debounce
from andon.engine.declared.flow import Concurrency, Priority, RateLimit, Singleton, Throttle, Timeouts
from andon.engine.declared.rules import CancelOn
from andon.engine.declared.subjects import Subject
from andon.engine.declared.triggers import Cron, On, Trigger
from andon.engine.declared.waits import Wait
from andon.engine.errors import RegistrationError
from andon.engine.events import Event

CANCEL_DEADLINE = dt.timedelta(minutes=5)
GRACE_SECONDS = 1.0
MAX_RUNS = 500
IDEMPOTENCY = dt.timedelta(hours=24)


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """A function as those know it that don't run it: the dispatcher, and the part of a worker that keeps promises."""

    id: str
    trigger: str | None = None
    """The name of the event that runs start on, where there is one trigger and no condition."""
    triggers: tuple[Trigger, ...] = ()
    """Otherwise all of them."""
    module: str = ""
    """Where the handler was defined."""
    cancel_on: tuple[CancelOn, ...] = ()
    retries: int = 3
    cancel_deadline: dt.timedelta | None = CANCEL_DEADLINE
    queue: str = "default"
    grace: float = GRACE_SECONDS
    """How many seconds code that is stopped gets to end, before its process and all that it started is killed."""
    fresh: bool = False
    """Whether each run gets a process in which no other has run."""
    lane_memory: int | None = None
    """How many bytes a run's processes may take together."""
    max_runs: int = MAX_RUNS
    """After how many runs a process is not used again."""
    concurrency: tuple[Concurrency, ...] = ()
    """How many of its runs go at once."""
    singleton: Singleton | None = None
    """That one of its runs goes at a time, and what becomes of others."""
    throttle: Throttle | None = None
    """How often its runs start."""
    rate_limit: RateLimit | None = None
    """How often runs are made of events."""
    priority: Priority | None = None
    """Which of its runs go before others."""
    fair: str | None = None
    """Between what it is fair: a key of which each has its turn."""
    timeouts: Timeouts | None = None
    """How long its runs may wait, and take."""
    tags: tuple[str, ...] = ()
    """What its runs are found and cancelled by: paths, or CEL over the event."""
    idempotency: str | None = None
    """A path, or CEL over the event: of those that have the same value one starts a run."""
    idempotency_for: dt.timedelta = IDEMPOTENCY
    idempotency_keep: bool = False
    """Whether a run that was cancelled or has failed still counts."""
    debounce: Debounce | None = None
    """Whether a run waits until it has been quiet."""
    waits: tuple[Wait, ...] = ()
    """Events that its runs wait for by a field, which are kept to be found by it."""
    data: Mapping[str, Any] | None = None
    """What the data of the events that start it are to be, as JSON Schema."""
    cleanups: tuple[str, ...] = ()
    """Which of `on_cancel` and `on_failure` it has."""
    subject: Subject | None = None
    """What its runs are about."""

    @property
    def starts_on(self) -> tuple[Trigger, ...]:
        """What its runs start on, in the order in which it is tried."""
        return self.triggers if self.trigger is None else (On(self.trigger),)

    @property
    def events(self) -> list[On]:
        """Those of them that are events."""
        return [each for each in self.starts_on if isinstance(each, On)]

    @property
    def schedules(self) -> list[Cron]:
        """Those of them that are schedules."""
        return [each for each in self.starts_on if isinstance(each, Cron)]

    def check(self) -> None:
        """Raise `RegistrationError`, naming function and argument, if it can't be run as declared."""
        for each in fields(self):
            if fault := ARGUMENTS[each.name](getattr(self, each.name)):
                raise self.refused(f"{each.name}={shown(getattr(self, each.name))}", fault)
        if (self.trigger is None) is not bool(self.triggers):
            expected = "expected the name of an event, or triggers=[...], and not both"
            raise self.refused(f"trigger={shown(self.trigger)}", expected)
        if self.data is not None and self.schedules:
            raise self.refused(f"data={shown(self.data)}", "a schedule's tick has none of yours; expected events alone")
        if self.debounce and self.subject:
            expected = "of a subject the newest request decides already; expected one of both"
            raise self.refused(f"debounce={shown(self.debounce)}", expected)
        if self.debounce and self.idempotency:
            expected = "a debounce takes the newest of some events, idempotency the first of them; expected one of both"
            raise self.refused(f"debounce={shown(self.debounce)}", expected)
        for rule in self.cancel_on:
            if own := next((each for each in self.starts_on if each.covers(rule.event)), None):
                raise self.refused(f"cancel_on={shown(rule)}", f"its trigger {str(own)!r} is its own cancel event")

    @property
    def doubt(self) -> str | None:
        """What can be meant, and is rather not: told where it is registered."""
        replaces = [f"singleton={self.singleton}"] if self.singleton and self.singleton.mode == "cancel" else []
        replaces += [f"triggers=[{each!r}]" for each in self.schedules if each.overlap == "cancel"]
        if not replaces or self.cancel_deadline is not None:
            return None
        why = "a run whose code never stops would keep the one that takes its place waiting for ever"
        return f"function {shown(self.id)}: cancel_deadline=None with {replaces[0]:.200}: {why}"

    def unfit(self, event: Event) -> dict[str, str] | None:
        """Where the event's data aren't what its handler expects, and what was expected."""
        found = None if self.data is None else fault(self.data, event.data)
        return None if found is None else {"path": found.path, "expected": found.expected}

    def refused(self, argument: str, fault: str) -> RegistrationError:
        """What to raise where an argument is wrong."""
        return RegistrationError(f"function {shown(self.id)} in {shown(self.module)}: {argument}: {fault}")


_PARTS: dict[str, type[Any]] = {
    "singleton": Singleton,
    "throttle": Throttle,
    "rate_limit": RateLimit,
    "timeouts": Timeouts,
    "priority": Priority,
    "debounce": Debounce,
}
_SPANS = ("period", "at_most", "jitter", "remember", "start", "finish")


def to_json(declared: Declaration) -> dict[str, Any]:
    """The declaration as a JSON object; durations are seconds."""
    said = _said(declared, of=Declaration)
    said["triggers"] = [_said(each) for each in declared.triggers]
    said["cancel_on"] = [_said(each) for each in declared.cancel_on]
    said["concurrency"] = [_said(each) for each in declared.concurrency]
    said["waits"] = [{"event": each.event, "match": each.match} for each in declared.waits]
    said["subject"] = None if declared.subject is None else subjects.to_json(declared.subject)
    for name in _PARTS:
        said[name] = None if said[name] is None else _said(said[name])
    return said


def from_json(said: Mapping[str, Any]) -> Declaration:
    """The declaration that `to_json` gave."""
    deadline, subject = said["cancel_deadline"], said.get("subject")
    return Declaration(
        **{
            **said,
            "triggers": tuple(_read(Cron if "expr" in each else On, each) for each in said["triggers"]),
            "cancel_on": tuple(_read(CancelOn, each) for each in said["cancel_on"]),
            "cancel_deadline": None if deadline is None else dt.timedelta(seconds=deadline),
            "concurrency": tuple(_read(Concurrency, each) for each in said.get("concurrency", ())),
            **{name: _read(kind, said.get(name)) for name, kind in _PARTS.items()},
            "cleanups": tuple(said["cleanups"]),
            "subject": None if subject is None else subjects.from_json(subject),
            "tags": tuple(said["tags"]),
            "waits": tuple(_read(Wait, each) for each in said.get("waits", ())),
            "idempotency_for": dt.timedelta(seconds=said["idempotency_for"]),
        }
    )


def _said(part: Any, *, of: type[Any] | None = None) -> dict[str, Any]:
    """The fields of a declaration, or of what it consists of; only those that `of` has."""
    values = {each.name: getattr(part, each.name) for each in fields(of or part)}
    return {name: v.total_seconds() if isinstance(v, dt.timedelta) else v for name, v in values.items()}


def _read(kind: type[Any], said: Mapping[str, Any] | None) -> Any:
    """What `_said` told of one of this kind."""
    if said is None:
        return None
    spans = {name: dt.timedelta(seconds=said[name]) for name in _SPANS if said.get(name) is not None}
    return kind(**{**said, **spans})
