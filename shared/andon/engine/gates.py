"""Limits on how many runs go at once, and the keys under which runs are counted.

Each limit of a function gives a run one *gate key*. The first bytes of a key name the limit and the others the value,
so that of a key alone it is known which limit it belongs to: a deploy that changes the number changes it for the runs
that wait already, and one that takes the limit away lets them go.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from andon.engine.events import MISSING, Event, lookup
from andon.engine.rules import LONGEST_PATH, PATH, typed_text

MOST_CONCURRENCY = 3
LARGEST_LIMIT = 1_000_000
LONGEST_KEY = 1_000
HEAD = 6
"""Of a key's 16 bytes, those that name the limit."""
UNLIMITED = 1 << 62
_LITERAL = re.compile(r"'[^'\\]*'|\"[^\"\\]*\"")
_OF_THE_EVENT = "event."

Evaluate = Callable[[str, Event], Any]
"""The value of a CEL expression over an event; raises `ValueError` where it has none."""


@dataclass(frozen=True)
class Concurrency:
    """At most `limit` runs at once of those that have the same `key`, which is a path such as `data.userId` or CEL
    over `event`; without one, of all that the scope has.

    `scope` is `fn` (this function's runs of a tenant), `env` (a tenant's runs of all functions that name this key) or
    `account` (all tenants'). A run is counted from when it is let in until its code has stopped; with
    `hold="active"`, not while it sleeps or waits.
    """

    limit: int
    key: str | None = None
    scope: Literal["fn", "env", "account"] = "fn"
    hold: Literal["run", "active"] = "run"

    @property
    def spelled(self) -> str | None:
        """The key without the `event.` that Inngest has before a path."""
        short = (self.key or "").removeprefix(_OF_THE_EVENT)
        return short if PATH.fullmatch(short) else self.key

    @property
    def wide(self) -> bool:
        """Whether the key is the same for every run that it is asked for."""
        return self.key is None or _LITERAL.fullmatch(self.key) is not None


class Limited(Protocol):
    """What of a declaration says how its runs are limited."""

    @property
    def id(self) -> str: ...
    @property
    def concurrency(self) -> tuple[Concurrency, ...]: ...


@dataclass(frozen=True)
class Gate:
    """One limit of one function."""

    head: bytes
    limit: int
    key: str | None
    scope: str
    wide: bool

    def key_of(self, event: Event, evaluate: Evaluate) -> uuid.UUID:
        """The key of a run of this event. A field that isn't there counts as null, and null as a value."""
        whose = [] if self.scope == "account" else [event.tenant]
        return uuid.UUID(bytes=self.head + _digest([*whose, self.value(event, evaluate)], 16 - HEAD))

    def value(self, event: Event, evaluate: Evaluate) -> str:
        """The key's value, as text in which the type counts. Raises `ValueError` where an expression has none."""
        if self.key is None:
            return ""
        if not PATH.fullmatch(self.key):
            return typed_text(evaluate(self.key, event))
        found = lookup(event.data, tuple(self.key.split(".")[1:]))
        return typed_text(None if found is MISSING else found)


def gates_of(declared: Limited) -> tuple[Gate, ...]:
    """The limits of a function in the order in which they are tried: those that let few runs pass first.

    So a run waits for its own key first, and only one that could go by it waits where all the others do.
    """
    gates = [_gate(declared, each) for each in declared.concurrency]
    return tuple(sorted(gates, key=lambda gate: gate.wide))


def _gate(declared: Limited, rule: Concurrency) -> Gate:
    named = [declared.id] if rule.scope == "fn" else []
    head = _digest(["concurrency", rule.scope, rule.spelled, *named], HEAD)
    return Gate(head, rule.limit, rule.spelled, rule.scope, rule.wide)


def holds_while_waiting(declared: Limited) -> bool:
    """Whether its runs are counted while they sleep or wait."""
    return all(rule.hold == "run" for rule in declared.concurrency)


def expressions_of(declared: Limited) -> list[str]:
    """The CEL in its keys."""
    keys = [gate.key for gate in gates_of(declared)]
    return [key for key in keys if key is not None and not PATH.fullmatch(key)]


class Limits:
    """What of all functions the gatekeeper has to know: how many each key lets in."""

    def __init__(self, functions: Iterable[Limited]) -> None:
        self._gates: dict[bytes, Gate] = {gate.head: gate for each in functions for gate in gates_of(each)}

    def __bool__(self) -> bool:
        return bool(self._gates)

    def limit(self, key: uuid.UUID) -> int:
        """How many runs may go at once under this key; of a limit that no function has any more, all."""
        gate = self._gates.get(key.bytes[:HEAD])
        return UNLIMITED if gate is None else gate.limit

    def wide(self, key: uuid.UUID) -> bool:
        """Whether all runs of a function have this key."""
        gate = self._gates.get(key.bytes[:HEAD])
        return gate is not None and gate.wide


def concurrency_fault(value: Any) -> str | None:
    """What is wrong with a function's `concurrency`, or None."""
    if not isinstance(value, tuple) or not all(isinstance(each, Concurrency) for each in value):
        return "expected Concurrency(...) or a list of them"
    if len(value) > MOST_CONCURRENCY:
        return f"expected at most {MOST_CONCURRENCY} of them, got {len(value)}"
    for each in value:
        if fault := _fault(each):
            return fault
    if len({(each.scope, each.spelled) for each in value}) < len(value):
        return "two of them count the same runs"
    if len({each.hold for each in value}) > 1:
        return "hold: all of a function's limits are held in the same way"
    return None


def _fault(rule: Concurrency) -> str | None:
    whole = isinstance(rule.limit, int) and not isinstance(rule.limit, bool)
    if not whole or not 1 <= rule.limit <= LARGEST_LIMIT:
        return f"limit={rule.limit!r:.40}: expected a whole number from 1 to {LARGEST_LIMIT}"
    if rule.scope not in ("fn", "env", "account"):
        return f"scope={rule.scope!r:.40}: expected 'fn', 'env' or 'account'"
    if rule.hold not in ("run", "active"):
        return f"hold={rule.hold!r:.40}: expected 'run' or 'active'"
    if rule.key is None:
        return (
            None if rule.scope == "fn" else f"scope={rule.scope!r} needs a key, which may be a text such as \"'name'\""
        )
    return key_fault(rule.key)


def key_fault(key: Any) -> str | None:
    """What is wrong with a key, or None; whether an expression can be evaluated is checked elsewhere."""
    if not isinstance(key, str) or not key.strip() or len(key) > LONGEST_KEY:
        return f"key={key!r:.80}: expected a path such as 'data.userId', or CEL over event"
    if key.startswith("data") and not (PATH.fullmatch(key) and len(key) <= LONGEST_PATH):
        return f"key={key!r:.80} is not a path such as 'data.userId', of at most {LONGEST_PATH} characters"
    return None


def to_json(rules: Iterable[Concurrency]) -> list[dict[str, Any]]:
    """As a declaration has them when it is stored."""
    return [{"limit": each.limit, "key": each.key, "scope": each.scope, "hold": each.hold} for each in rules]


def from_json(said: Iterable[Mapping[str, Any]]) -> tuple[Concurrency, ...]:
    """The limits that `to_json` gave."""
    return tuple(Concurrency(**each) for each in said)


def _digest(parts: list[Any], size: int) -> bytes:
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=size).digest()
