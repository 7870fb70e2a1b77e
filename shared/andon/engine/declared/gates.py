"""The limits of a function as the gatekeeper sees them, and the keys under which runs are counted.

Each limit of a function gives a run one *gate key*. The first bytes of a key name the limit and the others the value,
so that of a key alone it is known which limit it belongs to: a deploy that changes the number changes it for the runs
that wait already, and one that takes the limit away lets them go.
"""

import hashlib
import json
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from andon.engine.declared.declarations import Declaration
from andon.engine.declared.flow import MOST_AHEAD, is_wide, spelled
from andon.engine.declared.rates import Rate
from andon.engine.declared.rules import PATH, typed_text
from andon.engine.declared.triggers import ONE_AT_A_TIME, Cron
from andon.engine.events import CRON, MISSING, Event, lookup

HEAD = 6
"""Of a key's 16 bytes, those that name the limit."""
UNLIMITED = 1 << 62
QUEUE = "queue"
"""The kind of a gate whose limit is what the workers of a queue can take."""

Evaluate = Callable[[str, Event], Any]
"""The value of a CEL expression over an event; raises `ValueError` where it has none."""


@dataclass(frozen=True)
class Gate:
    """One limit of one function: of how many go at once, or with a `rate` of how often one starts."""

    kind: str
    head: bytes
    key: str | None
    scope: str = "fn"
    limit: int = UNLIMITED
    rate: Rate | None = None
    schedule: Cron | None = None
    """Whose ticks alone pass it."""

    @property
    def wide(self) -> bool:
        """Whether all runs of a function have the same key."""
        return is_wide(self.key) and self.schedule is None

    def key_of(self, event: Event, evaluate: Evaluate) -> uuid.UUID:
        """The key of a run of this event. Raises `ValueError` where the key is an expression that has no value."""
        whose = [] if self.scope == "account" else [event.tenant]
        return uuid.UUID(bytes=self.head + _digest([*whose, self.value(event, evaluate)], 16 - HEAD))

    def value(self, event: Event, evaluate: Evaluate) -> str:
        """The key's value, as text in which the type counts. A field that isn't there counts as null."""
        if is_wide(self.key):
            return self.key or ""
        assert self.key is not None
        if not PATH.fullmatch(self.key):
            return typed_text(evaluate(self.key, event))
        found = lookup(event.data, tuple(self.key.split(".")[1:]))
        return typed_text(None if found is MISSING else found)


def gates_of(declared: Declaration) -> tuple[Gate, ...]:
    """The gates of a function in the order in which they are tried: those that let few runs pass first.

    So a run waits for its own key first, and only one that could go by it waits where all the others do; of a schedule
    whose ticks don't overlap, each waits for the run of the one before. Rates come after: what starts is counted when
    it starts. Last is the door of a queue, at which runs wait that are not to be hinted in the order of their arrival;
    how many pass there, the workers' lanes say.
    """
    singleton = [_gate(declared, "singleton", each.key, limit=1) for each in [declared.singleton] if each]
    counted = [_gate(declared, "concurrency", each.key, each.scope, limit=each.limit) for each in declared.concurrency]
    throttle = [
        _gate(declared, "throttle", each.key, rate=Rate(each.period / each.limit, each.burst))
        for each in [declared.throttle]
        if each
    ]
    ordered = declared.priority is not None or declared.fair is not None
    queue = [_gate(declared, QUEUE, f"'{declared.queue}'", "account", limit=0)] if ordered else []
    ticks = [_of_schedule(declared, each) for each in declared.schedules if each.overlap in ONE_AT_A_TIME]
    return (*singleton, *ticks, *sorted(counted, key=lambda gate: gate.wide), *throttle, *queue)


def gates_for(declared: Declaration, event: Event) -> list[Gate]:
    """Those of them that a run of this event has to pass."""
    tick = schedule_of(declared, event)
    return [gate for gate in gates_of(declared) if gate.schedule is None or gate.schedule is tick]


def schedule_of(declared: Declaration, event: Event) -> Cron | None:
    """The schedule that this event is a tick of."""
    if event.name != CRON:
        return None
    said = event.data.get("schedule"), event.data.get("tz")
    return next((each for each in declared.schedules if (each.expr, each.tz) == said), None)


def rate_limit_of(declared: Declaration) -> Gate | None:
    """What an event has to pass before a run is made of it: up to the limit at once, then as the rate allows."""
    if (said := declared.rate_limit) is None:
        return None
    return _gate(declared, "rate_limit", said.key, rate=Rate(said.period / said.limit, said.limit - 1))


def _gate(
    declared: Declaration,
    kind: str,
    key: str | None,
    scope: str = "fn",
    *,
    limit: int = UNLIMITED,
    rate: Rate | None = None,
) -> Gate:
    named = [declared.id] if scope == "fn" else []
    return Gate(kind, _digest([kind, scope, spelled(key), *named], HEAD), spelled(key), scope, limit, rate)


def _of_schedule(declared: Declaration, cron: Cron) -> Gate:
    return Gate("schedule", _digest(["schedule", declared.id, cron.expr, cron.tz], HEAD), None, limit=1, schedule=cron)


def is_limited(declared: Declaration) -> bool:
    """Whether a run of it may hold a slot."""
    gates = gates_of(declared)
    return any(gate.rate is None for gate in gates)


def holds_while_waiting(declared: Declaration) -> bool:
    """Whether its runs are counted while they sleep or wait."""
    return all(rule.hold == "run" for rule in declared.concurrency)


def expressions_of(declared: Declaration) -> list[str]:
    """The CEL in its keys."""
    gates = [*gates_of(declared), *[each for each in [rate_limit_of(declared)] if each]]
    keys = [*(gate.key for gate in gates), spelled(declared.fair)]
    said = [each.run for each in [declared.priority] if each and isinstance(each.run, str)]
    return [*said, *(key for key in keys if key is not None and not PATH.fullmatch(key) and not is_wide(key))]


def fair_key(declared: Declaration, event: Event, evaluate: Evaluate) -> uuid.UUID:
    """The key of a run of this event between which its queue's door is fair. Raises `ValueError` as `key_of`."""
    return _gate(declared, "fair", declared.fair).key_of(event, evaluate)


def seconds_ahead(declared: Declaration, event: Event, evaluate: Evaluate) -> float:
    """How many seconds before its arrival a run of this event goes. An expression without a value, or with another than
    a number, is none.
    """
    said = declared.priority
    if said is None:
        return 0
    try:
        value = evaluate(said.run, event) if isinstance(said.run, str) else said.run
    except ValueError:
        return 0
    fits = isinstance(value, (int, float)) and not isinstance(value, bool) and value == value
    return max(-MOST_AHEAD, min(MOST_AHEAD, value)) if fits else 0


class Gates:
    """The gates of all functions, found by the keys that runs have. Of a gate that no function has any more there is
    nothing to find, and it lets all pass.
    """

    def __init__(self, functions: Iterable[Declaration]) -> None:
        self._by_head = {gate.head: gate for each in functions for gate in gates_of(each)}

    def of(self, key: uuid.UUID) -> Gate | None:
        """The gate that a key belongs to."""
        return self._by_head.get(key.bytes[:HEAD])

    def limit(self, key: uuid.UUID) -> int:
        """How many runs may go at once under this key."""
        return UNLIMITED if (gate := self.of(key)) is None else gate.limit

    def queues(self) -> dict[str, uuid.UUID]:
        """The queues with a door, each with its key."""
        gates = [gate for gate in self._by_head.values() if gate.kind == QUEUE]
        return {str(gate.key)[1:-1]: gate.key_of(Event(""), _none) for gate in gates}

    def rate(self, key: uuid.UUID) -> Rate | None:
        """How often runs may start under this key, where that is what it limits."""
        return None if (gate := self.of(key)) is None else gate.rate

    def wide(self, key: uuid.UUID) -> bool:
        """Whether all runs of a function have this key."""
        return (gate := self.of(key)) is not None and gate.wide


def pause_key(tenant: str, kind: str, name: str) -> uuid.UUID:
    """The door at which a tenant's runs of a function, or in a queue, wait while that is paused."""
    return uuid.UUID(bytes=_digest(["pause"], HEAD) + _digest([tenant, kind, name], 16 - HEAD))


def _none(text: str, event: Event) -> None:
    """Nothing to evaluate."""


def _digest(parts: list[Any], size: int) -> bytes:
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=size).digest()
