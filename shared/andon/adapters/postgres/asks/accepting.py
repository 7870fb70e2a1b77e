"""Accept events, and do in the same transaction what they mean: stop the runs that they cancel by a field or by their
id, and move the subjects that they ask for.

Once an event is accepted, no run that it cancels completes any more: the run is marked by then, made later as
cancelled, or, where they are a great many, kept from being claimed until the sweeper has come by.
"""

import math
import uuid
from collections.abc import Collection, Sequence
from typing import NamedTuple

from andon.adapters.postgres.asks import subject_requests
from andon.adapters.postgres.cancels import keyed, subject_cancels, wide
from andon.adapters.postgres.cancels.judging import Judged
from andon.adapters.postgres.cancels.keyed import MOST_AT_ONCE
from andon.adapters.postgres.cancels.marks import mark
from andon.adapters.postgres.connect import Connection, one
from andon.adapters.postgres.events.inbox import accept
from andon.adapters.postgres.registered import rules
from andon.adapters.postgres.registered.rules import Rule
from andon.adapters.postgres.subjects import subject_kinds
from andon.engine.declared.rules import run_flag
from andon.engine.events import RUN_CANCELLED, SUBJECT_CANCELLED, Event

# Most events are of no concern to either, and cost one look.
_NAMED = """
SELECT EXISTS (SELECT FROM andon.rules WHERE event = ANY(%(names)s) AND path IS NOT NULL)
    OR EXISTS (SELECT FROM andon.subject_kinds WHERE trigger = ANY(%(names)s))
"""


class Accepted(NamedTuple):
    """What to publish once it is committed, the flags to raise (name -> seq), and the runs that are stopped: of these
    those that are `over`, each with what it is about; and the `subjects` that have moved.

    `stopped` is None where they are too many to be named.
    """

    events: list[Event]
    flags: dict[str, int]
    stopped: list[uuid.UUID] | None
    over: Sequence[tuple[uuid.UUID, uuid.UUID | None]] = ()
    subjects: Collection[uuid.UUID] = ()


def concerned(connection: Connection, events: Sequence[Event]) -> dict[str, list[Rule]] | None:
    """The rules by which these events may cancel runs, by the event's name; None if they cancel nothing and move no
    subject.
    """
    names = list({each.name for each in events})
    cancels = not {RUN_CANCELLED, SUBJECT_CANCELLED}.isdisjoint(names)
    if not cancels and not one(connection, _NAMED, {"names": names})[0]:
        return None
    found = rules.by_a_field(connection, names)
    return found if cancels or found or subject_kinds.asked_by(connection, names) else None


def accept_effects(
    connection: Connection, events: Sequence[Event], known: dict[str, list[Rule]], *, until: float = math.inf
) -> Accepted:
    """Record the events that are new, move subjects, and stop what they cancel by `known` or supersede, in the caller's
    transaction. Raises `TooLong` where there are expressions left to evaluate at the time `until`.
    """
    fresh = accept(connection, events)
    cancels = [each for event in fresh for each in keyed.cancels_by(known.get(event.name, ()), event).values()]
    keyed.hold(connection, [(each.event.tenant, each.key) for each in cancels])
    keyed.store(connection, cancels)
    flags = {each.flag: each.event.seq for each in cancels if each.flag}
    found = keyed.open_runs(connection, [each.key for each in cancels], limit=MOST_AT_ONCE + 1)
    many = len(found) > MOST_AT_ONCE
    if many:
        wide.store_keyed(connection, cancels)
    asked, named = subject_requests.asked_by(connection, fresh), subject_cancels.named_by(connection, fresh)
    keyed.lock_about(connection, [] if many else found, also={*asked, *named})
    met = Judged() if many else keyed.pairs(connection, runs=[], cancels=cancels, until=until)
    superseded = subject_requests.move(connection, asked)
    marks = [
        *keyed.runs_by_id(connection, fresh),
        *met.marks,
        *subject_cancels.marks(connection, named),
        *superseded,
    ]
    seqs = {each.run_id: each.event.seq for each in reversed(marks)}
    marked = mark(connection, marks)
    ended = [each.event for each in marked.settled if each.event]
    flags |= {run_flag(id): seqs[id] for id in marked.cancelling}
    stopped = [*marked.cancelling, *(each.run_id for each in marked.settled)]
    over = [(each.run_id, each.subject_id) for each in marked.settled]
    return Accepted([*fresh, *ended], flags, None if many else stopped, over, {*asked, *named})
