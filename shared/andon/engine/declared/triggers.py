"""Triggers: what a function's runs start on."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from andon.engine.events import ENDS, OWN
from andon.engine.storable import json_fault

MOST_TRIGGERS = 10
ANY = "/*"
"""What a wildcard ends with."""
OF_EVENT = ("event",)
"""The names that an expression over the event may use."""
OVERLAPS = ("skip", "queue", "cancel", "allow")
ONE_AT_A_TIME = ("queue", "cancel")
"""Those with which a tick gets its run, which waits for the one before to stop."""
CATCH_UPS = ("once", "skip", "all")
LONGEST_EXPRESSION = 100
LONGEST_JITTER = dt.timedelta(hours=1)
MOST_DATA = 64 * 1024
TOLD_OF_A_TICK = frozenset({"functionId", "schedule", "tz", "at", "missed"})
SPELLED_OUT = (OWN, "inngest/")
"""Beginnings of names that no wildcard covers."""


@dataclass(frozen=True)
class On:
    """Start on `event`, or on every event below it where it ends in `/*`; with `if_` only where that is true.

    `if_` is a CEL expression over `event`. Where it has no value, nothing is started, and the event says why. Of a
    function's triggers the first that holds makes the run; an event never makes two runs of one function.
    """

    event: str
    if_: str | None = None

    @property
    def prefix(self) -> str | None:
        """What the names begin with that a wildcard covers; None for a name."""
        return self.event[:-1] if self.event.endswith(ANY) else None

    def covers(self, name: str) -> bool:
        """Whether an event of this name can start a run."""
        return name == self.event if self.prefix is None else name.startswith(self.prefix)

    def __str__(self) -> str:
        return f"{self.event} if {self.if_}" if self.if_ else self.event


@dataclass(frozen=True)
class Cron:
    """Start when a schedule ticks: `expr` is a cron expression of five fields, read in the time zone `tz`.

    Each tick is an event `andon/cron` with `schedule`, `tz`, `at`, `missed` and what `data` says, so that a cancel rule
    and a key can match a field of it. `jitter` spreads the ticks of many functions: each is late by a part of it that
    never changes. `overlap` is what becomes of a tick while a run of an earlier one is open: none is started (`skip`),
    its run waits until that one has ended (`queue`) or is cancelled and its code has stopped (`cancel`), or goes beside
    it (`allow`). `catch_up` is what becomes of ticks that no dispatcher saw in time: one run that tells how many there
    were, none, or one for each of the newest hundred.
    """

    expr: str
    tz: str = "UTC"
    jitter: dt.timedelta = dt.timedelta(0)
    overlap: Literal["skip", "queue", "cancel", "allow"] = "skip"
    catch_up: Literal["once", "skip", "all"] = "once"
    data: Mapping[str, Any] = field(default_factory=dict)

    def covers(self, name: str) -> bool:
        """Never: no event that somebody sends is a tick."""
        return False

    def __str__(self) -> str:
        return f"{self.expr} ({self.tz})"


Trigger = On | Cron


def schedule_id(function_id: str, expr: str, tz: str) -> str:
    """What names a schedule of a function, in a URL and in the ids of its ticks."""
    return hashlib.blake2b(json.dumps([function_id, expr, tz]).encode(), digest_size=8).hexdigest()


def cron_fault(cron: Cron) -> str | None:
    """What is wrong with a schedule, but for its expression and zone."""
    for name in ("expr", "tz"):
        value = getattr(cron, name)
        if not isinstance(value, str) or not 0 < len(value) <= LONGEST_EXPRESSION:
            return f"{name}={value!r:.40}: expected a text of 1 to {LONGEST_EXPRESSION} characters"
    if not isinstance(cron.jitter, dt.timedelta) or not dt.timedelta(0) <= cron.jitter <= LONGEST_JITTER:
        return f"jitter={cron.jitter!r:.40}: expected a datetime.timedelta of at most an hour"
    for name, choices in (("overlap", OVERLAPS), ("catch_up", CATCH_UPS)):
        if getattr(cron, name) not in choices:
            return f"{name}={getattr(cron, name)!r:.40}: expected one of {', '.join(choices)}"
    if cron.catch_up == "all" and cron.overlap in ("skip", "cancel"):
        expected = 'expected overlap="queue" or "allow"'
        return f'catch_up="all" starts many runs at once, of which overlap="{cron.overlap}" leaves one; {expected}'
    if not isinstance(cron.data, Mapping) or (fault := json_fault(dict(cron.data))):
        return f"data: {fault if isinstance(cron.data, Mapping) else 'expected a JSON object'}"
    if taken := sorted(TOLD_OF_A_TICK & set(cron.data)):
        return f"data: {taken[0]!r} is what Andon tells of a tick; expected another name"
    if len(json.dumps(dict(cron.data))) > MOST_DATA:
        return f"data: expected at most {MOST_DATA // 1024} KiB of JSON"
    return None


def on_fault(on: On) -> str | None:
    """What is wrong with a trigger, but for the name of its event."""
    if on.if_ is not None and not (isinstance(on.if_, str) and on.if_.strip()):
        return f"if_={on.if_!r:.40}: expected a CEL expression"
    if not isinstance(on.event, str):
        return "a trigger needs the name of its event"
    if on.event.startswith(SPELLED_OUT) and on.event.endswith("*"):
        return "a wildcard covers no event of Andon's or Inngest's own; name each"
    if on.event == ENDS[0]:
        return "it would start itself by its own end, for ever; start on an event that the other function sends"
    return None


def parts_of(name: str) -> list[str]:
    """The beginnings of a name that a wildcard can have, the shortest first: `a/`, `a/b/` of `a/b/c`."""
    return [name[: at + 1] for at, letter in enumerate(name) if letter == "/"]
