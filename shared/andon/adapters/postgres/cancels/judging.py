"""Which pairs of a run and a cancel event satisfy their rule's expression.

The events' data is loaded for a few pairs at a time: a cancel can meet very many runs, and each event may be large.
"""

import math
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from andon.adapters.cel import OWN_WORK, SHARED_WORK, Evaluations, TooLong
from andon.adapters.postgres.cancels.marks import Mark
from andon.adapters.postgres.connect import Connection
from andon.engine.events import Event

AT_A_TIME = 20

_LOAD = 'SELECT seq, name, data, "user" FROM andon.events WHERE seq = ANY(%s)'


@dataclass(frozen=True)
class Pair:
    """A run and a cancel event that meet, and what must be true of them too; `trigger` is its event's seq."""

    mark: Mark
    function_id: str
    trigger: int
    expression: str | None


def pair_of(
    run_id: uuid.UUID,
    function_id: str,
    trigger: int,
    expression: str | None,
    seq: int,
    event_id: str,
    user: Any,
    reason: str | None,
    cause: str | None = None,
) -> Pair:
    """A pair as a row tells it: the run's part, then what is told of the cancel."""
    data = {} if reason is None else {"reason": reason}
    mark = Mark(run_id, Event(name="", data=data, id=event_id, user=user, seq=seq), cause)
    return Pair(mark, function_id, trigger, expression)


@dataclass
class Judged:
    """The marks whose pairs hold, in their order, and how many expressions had no value, by function."""

    marks: list[Mark] = field(default_factory=list)
    failed: Counter[str] = field(default_factory=Counter)


def judge(connection: Connection, pairs: Sequence[Pair], *, until: float = math.inf) -> Judged:
    """Evaluate what there is to evaluate. Of a run, the first pair that holds counts; later ones aren't looked at.

    What costs more than little is done for a run as long as its part lasts, however many cancels meet it. Raises
    `TooLong` where there is more to do at the time `until`, by the monotonic clock.
    """
    judged, marked = Judged(), set[uuid.UUID]()
    parts: defaultdict[uuid.UUID, int] = defaultdict(lambda: SHARED_WORK)
    evaluations: defaultdict[int, Evaluations] = defaultdict(Evaluations)
    for pair, trigger, cancel in _loaded(connection, pairs, marked):
        if pair.expression is not None:
            if time.monotonic() > until:
                raise TooLong("many cancel events meet many runs")
            shared = evaluations[pair.mark.event.seq]
            failed, left = shared.failed, shared.shared
            holds = shared.hold(pair.expression, trigger, cancel, most=OWN_WORK + parts[pair.mark.run_id])
            parts[pair.mark.run_id] -= left - shared.shared
            judged.failed[pair.function_id] += shared.failed - failed
            if not holds:
                continue
        marked.add(pair.mark.run_id)
        judged.marks.append(pair.mark)
    judged.failed = +judged.failed
    return judged


def _loaded(
    connection: Connection, pairs: Sequence[Pair], marked: set[uuid.UUID]
) -> Iterator[tuple[Pair, Event, Event]]:
    """The pairs of runs that aren't marked yet, with both events where they are needed."""
    nothing = Event("")
    known: dict[int, Event] = {}
    for start in range(0, len(pairs), AT_A_TIME):
        piece = [each for each in pairs[start : start + AT_A_TIME] if each.mark.run_id not in marked]
        wanted = {seq for each in piece if each.expression is not None for seq in (each.trigger, each.mark.event.seq)}
        known = {seq: event for seq, event in known.items() if seq in wanted}
        known |= _load(connection, wanted - known.keys())
        for each in piece:
            if each.mark.run_id not in marked:
                yield each, known.get(each.trigger, nothing), known.get(each.mark.event.seq, nothing)


def _load(connection: Connection, seqs: Iterable[int]) -> dict[int, Event]:
    if not (wanted := list(seqs)):
        return {}
    rows = connection.execute(_LOAD, [wanted])
    return {seq: Event(name, data, user=user, seq=seq) for seq, name, data, user in rows}
