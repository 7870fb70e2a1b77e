"""What a function says of how its runs flow: how many go at once, how often they start, how long they may take."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Any, Literal

from andon.engine.declared.rules import LONGEST_PATH, PATH

MOST_CONCURRENCY = 3
LARGEST_LIMIT = 1_000_000
LONGEST_KEY = 1_000
LONGEST_PERIOD = dt.timedelta(days=7)
MOST_AHEAD = 86_400
LONGEST_TIMEOUT = dt.timedelta(days=366)
_LITERAL = re.compile(r"'[^'\\]*'|\"[^\"\\]*\"")
_OF_THE_EVENT = "event."


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


@dataclass(frozen=True)
class Singleton:
    """One run at a time of those with the same `key`, and what becomes of a new one while one is open.

    `skip`: it isn't made, and its event says so. `cancel`: the older one is cancelled, and the new one starts when its
    code has stopped. `latest`: the one that runs goes on, and of those that wait only the newest stays.
    """

    key: str | None = None
    mode: Literal["skip", "cancel", "latest"] = "skip"


@dataclass(frozen=True)
class Throttle:
    """At most `limit` runs start per `period`, evenly spread, `burst` of them at once; the others wait."""

    limit: int
    period: dt.timedelta
    burst: int = 0
    key: str | None = None


@dataclass(frozen=True)
class RateLimit:
    """At most `limit` runs are made per `period`; of other events none, and they say so."""

    limit: int
    period: dt.timedelta
    key: str | None = None


@dataclass(frozen=True)
class Timeouts:
    """Cancel a run that hasn't started so long after it was made, or hasn't ended so long after it started."""

    start: dt.timedelta | None = None
    finish: dt.timedelta | None = None


@dataclass(frozen=True)
class Priority:
    """How many seconds sooner than at its arrival a run stands in line: a number, or CEL over `event`."""

    run: int | str


def spelled(key: str | None) -> str | None:
    """A key without the `event.` that Inngest has before a path."""
    short = (key or "").removeprefix(_OF_THE_EVENT)
    return short if PATH.fullmatch(short) else key


def is_wide(key: str | None) -> bool:
    """Whether a key is the same for every run that it is asked for."""
    return key is None or _LITERAL.fullmatch(key) is not None


def concurrency_fault(value: Any) -> str | None:
    """What is wrong with a function's `concurrency`, or None."""
    if not isinstance(value, tuple) or not all(isinstance(each, Concurrency) for each in value):
        return "expected Concurrency(...) or a list of them"
    if len(value) > MOST_CONCURRENCY:
        return f"expected at most {MOST_CONCURRENCY} of them, got {len(value)}"
    for each in value:
        if fault := _concurrency_fault(each):
            return fault
    if len({(each.scope, spelled(each.key)) for each in value}) < len(value):
        return "two of them count the same runs"
    if len({each.hold for each in value}) > 1:
        return "hold: all of a function's limits are held in the same way"
    return None


def _concurrency_fault(rule: Concurrency) -> str | None:
    if rule.scope not in ("fn", "env", "account"):
        return f"scope={rule.scope!r:.40}: expected 'fn', 'env' or 'account'"
    if rule.hold not in ("run", "active"):
        return f"hold={rule.hold!r:.40}: expected 'run' or 'active'"
    if rule.key is None and rule.scope != "fn":
        return f"scope={rule.scope!r} needs a key, which may be a text such as \"'name'\""
    return _number_fault("limit", rule.limit) or key_fault(rule.key)


def singleton_fault(value: Singleton) -> str | None:
    """What is wrong with a function's `singleton`, or None."""
    if value.mode not in ("skip", "cancel", "latest"):
        return f"mode={value.mode!r:.40}: expected 'skip', 'cancel' or 'latest'"
    return key_fault(value.key)


def throttle_fault(value: Throttle) -> str | None:
    """What is wrong with a function's `throttle`, or None."""
    return _rate_fault(value) or _number_fault("burst", value.burst, least=0) or key_fault(value.key)


def rate_limit_fault(value: RateLimit) -> str | None:
    """What is wrong with a function's `rate_limit`, or None."""
    return _rate_fault(value) or key_fault(value.key)


def timeouts_fault(value: Timeouts) -> str | None:
    """What is wrong with a function's `timeouts`, or None."""
    if value.start is None and value.finish is None:
        return "expected start=, finish= or both"
    for name, span in (("start", value.start), ("finish", value.finish)):
        if span is not None and not (isinstance(span, dt.timedelta) and dt.timedelta(0) < span <= LONGEST_TIMEOUT):
            most = f"at most {LONGEST_TIMEOUT.days} days"
            return f"{name}={span!r:.60}: expected a datetime.timedelta above zero, {most}, or None"
    return None


def priority_fault(value: Priority) -> str | None:
    """What is wrong with a function's `priority`, or None."""
    if isinstance(value.run, str) and value.run.strip() and len(value.run) <= LONGEST_KEY:
        return None
    whole = isinstance(value.run, int) and not isinstance(value.run, bool) and abs(value.run) <= MOST_AHEAD
    return None if whole else f"run={value.run!r:.60}: expected seconds from -{MOST_AHEAD} to {MOST_AHEAD}, or CEL"


def _rate_fault(value: Throttle | RateLimit) -> str | None:
    span = value.period
    if not isinstance(span, dt.timedelta) or not dt.timedelta(seconds=1) <= span <= LONGEST_PERIOD:
        return f"period={span!r:.60}: expected a datetime.timedelta from 1 second to {LONGEST_PERIOD.days} days"
    return _number_fault("limit", value.limit)


def _number_fault(name: str, value: Any, *, least: int = 1) -> str | None:
    fits = isinstance(value, int) and not isinstance(value, bool) and least <= value <= LARGEST_LIMIT
    return None if fits else f"{name}={value!r:.40}: expected a whole number from {least} to {LARGEST_LIMIT}"


def key_fault(key: Any) -> str | None:
    """What is wrong with a key, or None; whether an expression can be evaluated is checked elsewhere."""
    if key is None:
        return None
    if not isinstance(key, str) or not key.strip() or len(key) > LONGEST_KEY:
        return f"key={key!r:.80}: expected a path such as 'data.userId', or CEL over event"
    if key.startswith("data") and not (PATH.fullmatch(key) and len(key) <= LONGEST_PATH):
        return f"key={key!r:.80} is not a path such as 'data.userId', of at most {LONGEST_PATH} characters"
    return None
