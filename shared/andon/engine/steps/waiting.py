"""What a run waits for that neither sleeps nor backs off: an event, one of several, or the end of a child."""

import datetime as dt
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from andon.engine.declared.arguments import event_name, seconds
from andon.engine.declared.rules import CancelOn, digest
from andon.engine.declared.waits import Wait, wait_fault
from andon.engine.errors import NonRetriable
from andon.engine.events import Event
from andon.engine.steps.sending import as_text
from andon.engine.steps.sleeps import LONGEST_SECONDS

MOST_WAITS = 10
RUN, WAIT = "run", "wait"
CHILD_ENDED = "andon/function.ended"
"""Under this name a run waits for its child, by the child's id: whichever of its ends it is."""


@dataclass(frozen=True)
class Awaited:
    """One of the events that a step waits for, as it is kept. `after_seq` None is: what is recorded from now on."""

    event: str
    path: str
    key: uuid.UUID
    expression: str | None = None
    after_seq: int | None = None
    consumed: tuple[int, ...] = ()
    """What other waits of this run have had already."""


@dataclass(frozen=True)
class Waiting:
    """A step that suspends its run until one of these comes. `sends` is recorded with it: what makes the child."""

    step: str
    position: int
    awaited: tuple[Awaited, ...]
    seconds: float | None = None
    about: Mapping[str, Any] | None = None
    """What its memo says meanwhile."""
    sends: tuple[Event, ...] = ()
    on_timeout: str | None = None
    """What becomes of the child that it waits for, when its time is over; nobody but this process is told."""

    def as_json(self) -> dict[str, Any]:
        """As it goes from a lane to its supervisor, and from there into a statement."""
        awaited = [
            {**vars(each), "n": n, "key": str(each.key), "consumed": list(each.consumed)}
            for n, each in enumerate(self.awaited)
        ]
        return {
            "name": self.step,
            "position": self.position,
            "waits": awaited,
            "seconds": self.seconds,
            "about": None if self.about is None else dict(self.about),
            "events": as_text(self.sends),
        }


def key_of(tenant: str, wait: Wait, data: Mapping[str, Any]) -> uuid.UUID | None:
    """Where an awaited event with `data` and a wait meet; None if there is no value at `match`."""
    return wait_key(tenant, wait.event, wait.match or "", data)


def wait_key(tenant: str, event: str, path: str, data: Mapping[str, Any]) -> uuid.UUID | None:
    """As `key_of`, of an event's name and a path, which may be empty: any event of that name."""
    value = CancelOn(event, path).value(data) if path else ""
    return None if value is None else digest([tenant, event, path, value])


def awaited(
    step: str,
    waits: Sequence[Wait],
    trigger: Event,
    since: str,
    consumed: Mapping[tuple[str, str | None], Sequence[int]],
    check_expression: Callable[[str], None],
) -> tuple[Awaited, ...]:
    """What the step waits for; raises `NonRetriable` naming step and argument where that can't be meant."""
    if since not in (RUN, WAIT):
        raise NonRetriable(f"step {step!r}: since={since!r:.40}: expected 'run' or 'wait'")
    if not 1 <= len(waits) <= MOST_WAITS:
        raise NonRetriable(f"step {step!r} waits for 1 to {MOST_WAITS} events, not {len(waits)}")
    return tuple(_awaited(step, each, trigger, since, consumed, check_expression) for each in waits)


def _awaited(
    step: str,
    wait: Wait,
    trigger: Event,
    since: str,
    consumed: Mapping[tuple[str, str | None], Sequence[int]],
    check_expression: Callable[[str], None],
) -> Awaited:
    if not isinstance(wait, Wait):
        raise NonRetriable(f"step {step!r}: expected a Wait(event, match=...), not {wait!r:.80}")
    if fault := event_name(wait.event):
        raise NonRetriable(f"step {step!r}: event={wait.event!r:.80}: {fault}")
    if fault := wait_fault(wait):
        raise NonRetriable(f"step {step!r}: {fault}")
    if wait.if_ is not None:
        try:
            check_expression(wait.if_)
        except ValueError as error:
            raise NonRetriable(f"step {step!r}: if_: {error}") from None
    key = key_of(trigger.tenant, wait, trigger.data)
    if key is None:
        raise NonRetriable(f"step {step!r}: match={wait.match!r}: the run's own event has no value there")
    seen = tuple(consumed.get((wait.event, wait.match), ()))
    after = trigger.seq if since == RUN else None
    return Awaited(wait.event, wait.match or "", key, wait.if_, after, seen)


def check_timeout(step: str, timeout: Any) -> None:
    """Raise `NonRetriable` where a wait's time-out isn't a number of seconds, or None."""
    if fault := seconds(LONGEST_SECONDS, zero=True, optional=True)(timeout):
        raise NonRetriable(f"step {step!r}: timeout={timeout!r:.80}: {fault}")


def told(n: int, event: Event) -> dict[str, Any]:
    """What a memo keeps of an event that has come, and which of the awaited it is."""
    return {
        "n": n,
        "event": {
            "id": event.id,
            "name": event.name,
            "data": dict(event.data),
            "ts": event.ts and event.ts.isoformat(),
            "user": event.user,
            "seq": event.seq,
        },
    }


def came(tenant: str, kept: Mapping[str, Any]) -> tuple[int, Event]:
    """The event that a memo keeps."""
    said = kept["event"]
    ts = None if said["ts"] is None else dt.datetime.fromisoformat(said["ts"])
    event = Event(said["name"], said["data"], said["id"], ts, said["user"], tenant, said["seq"])
    return kept["n"], event
