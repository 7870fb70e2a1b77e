"""What `step.send_event` may send, and under which ids."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace

from andon.engine.errors import EventError, NonRetriable
from andon.engine.events import DEFAULT_TENANT, MAX_ID, Event, check_event, why_only_ours
from andon.engine.memos import MAX_RESULT_BYTES

MOST_SENT = 500


def sendable(run_id: str, step: str, tenant: str, events: Sequence[object]) -> list[Event]:
    """The events as they are sent: each of the run's tenant, and with an id of the step's where it has none.

    Raises `NonRetriable` naming the step, the event's place and what was expected.
    """
    if not 1 <= len(events) <= MOST_SENT:
        raise NonRetriable(f"step {step!r} sends 1 to {MOST_SENT} events at once, not {len(events)}")
    sent = [_checked(run_id, step, tenant, place, event) for place, event in enumerate(events)]
    if (size := len(as_text(sent).encode())) > MAX_RESULT_BYTES:
        raise NonRetriable(
            f"step {step!r} sends {size / 2**20:.1f} MiB of events, at most {MAX_RESULT_BYTES // 2**20} MiB at once; "
            "send them in several steps"
        )
    return sent


def _checked(run_id: str, step: str, tenant: str, place: int, event: object) -> Event:
    where = f"step {step!r}, event {place}"
    if not isinstance(event, Event):
        raise NonRetriable(f"{where}: expected an Event(name, data), not {event!r:.80}")
    if event.tenant not in (DEFAULT_TENANT, tenant):
        raise NonRetriable(f"{where}: tenant: a run sends events of its own tenant, not {event.tenant!r:.80}")
    if why := why_only_ours(event.name):
        raise NonRetriable(f"{where}: name: {why}")
    try:
        return check_event(replace(event, tenant=tenant, id=event.id or event_id(run_id, step, place)))
    except EventError as error:
        raise NonRetriable(f"{where}: {error}") from None


def event_id(run_id: str, step: str, place: int) -> str:
    """The id of a step's event: the same whenever the step is repeated, so that none is sent twice."""
    id = f"step:{run_id}:{step}:{place}"
    if len(id) > MAX_ID:
        id = f"step:{run_id}:#{hashlib.blake2b(step.encode(), digest_size=16).hexdigest()}:{place}"
    return id


def as_text(events: Sequence[Event]) -> str:
    """Events as the JSON text in which they go from a run to its journal."""
    return json.dumps(
        [
            {
                "id": each.id,
                "name": each.name,
                "data": dict(each.data),
                "ts": each.ts and each.ts.isoformat(),
                "user": each.user,
                "traceparent": each.traceparent,
            }
            for each in events
        ],
        separators=(",", ":"),
        ensure_ascii=False,
        default=dict,
    )
