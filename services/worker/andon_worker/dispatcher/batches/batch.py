"""One batch of events, one transaction: inbox rows, runs, cancellations, outbox rows closed.

`record_batch` reads as the list of what happens. Everything in it is harmless to repeat: an event that its tenant's
inbox has already (and whose outbox row is closed) has no second effect.
"""

import datetime as dt
import logging
import math
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from andon.adapters.cel import TooLong, any_holds, value_of
from andon.adapters.postgres.cancels import cascades, keyed, subject_cancels, wide
from andon.adapters.postgres.cancels.keyed import KeyedCancel, request_key
from andon.adapters.postgres.cancels.marks import mark
from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.doors import gate, turns
from andon.adapters.postgres.doors.pauses import Pauses
from andon.adapters.postgres.events import arrivals, inbox, skips, wait_paths
from andon.adapters.postgres.events.own_events import WideCancel, parse_bulk
from andon.adapters.postgres.events.skips import Reason, Skip
from andon.adapters.postgres.registered.schedules import run_key
from andon.adapters.postgres.runs import making
from andon.adapters.postgres.runs.settle import Settled, fail_queued
from andon.adapters.postgres.subjects.subjects import RowAway
from andon.engine.declared.declarations import Declaration
from andon.engine.declared.functions import Registry
from andon.engine.declared.gates import QUEUE, gates_for, schedule_of
from andon.engine.declared.rules import CancelOn, cancel_key, rule_id, run_flag
from andon.engine.declared.tags import tag_key, tags_of
from andon.engine.events import CRON, FANNED_HOPS, INVOKED, MOST_HOPS, OWN_CANCELS, RUNS_CANCELLED, Event, why_only_ours
from andon.engine.ids import new_id
from andon_worker.dispatcher.batches import ordering, sifting, subjects
from andon_worker.dispatcher.batches.family import Birth, adopt, ended, plan_births, rate_limited
from andon_worker.dispatcher.batches.subjects import Request, Requests

log = logging.getLogger(__name__)
Key = tuple[str, str]
Planned = tuple[list["NewRun"], list[Skip]]
"""The runs to be made, and what starts none and why."""
NO_DOOR = uuid.UUID(int=0)
NOTHING_PAUSED = Pauses()


@dataclass(frozen=True)
class NewRun:
    """A run to be made of an event."""

    id: uuid.UUID
    function: Declaration
    event: Event
    gate_keys: tuple[uuid.UUID, ...] = ()
    fault: str | None = None
    """Why it can't be known whether it may go: such a run fails before it starts."""
    request: Request | None = None
    """What asks for it, where it is about a subject."""
    subject_door: uuid.UUID | None = None
    """Where it waits first, until code of a former run has stopped."""
    paused_at: uuid.UUID | None = None
    """Where it waits for the end of a pause."""
    debounce_key: uuid.UUID | None = None
    """Of one that waits for it to be quiet."""
    replaces: bool = False
    """Whether the run is there already, and had an older event."""

    @property
    def gate_array(self) -> str:
        """Its gate keys, as PostgreSQL writes them."""
        return listed(self.gate_keys)

    @property
    def row(self) -> tuple[Any, ...]:
        """What both kinds of a new run have."""
        event, function = self.event, self.function
        return self.id, event.tenant, function.id, event.seq, self.subject_id, function.queue, self.rules

    @property
    def subject_id(self) -> uuid.UUID | None:
        """What it is about."""
        return self.request.subject.id if self.request else None

    @property
    def door(self) -> uuid.UUID | None:
        """Where it stands; None for one that stands in its queue's ordinary line."""
        return NO_DOOR if self.fault else self.subject_door or next(iter(self.gate_keys), self.paused_at)

    @property
    def hinted(self) -> bool:
        """Whether workers are told of it at once."""
        return self.door is None and self.debounce_key is None

    @property
    def singleton(self) -> uuid.UUID | None:
        """The key of which one run goes at a time: the first of all keys."""
        return self.gate_keys[0] if self.function.singleton and self.gate_keys else None

    @property
    def mode(self) -> str | None:
        """What becomes of others under the singleton's key."""
        return self.function.singleton.mode if self.function.singleton else None

    @property
    def stops_older(self) -> list[uuid.UUID]:
        """The keys of which older runs are cancelled for it: none for one that repeats another."""
        if self.event.again is not None:
            return []
        found = [self.singleton] if self.singleton and self.mode == "cancel" else []
        tick = schedule_of(self.function, self.event)
        if tick is not None and tick.overlap == "cancel":
            found.append(run_key(self.function.id, tick.expr, tick.tz))
        return found

    @property
    def start_within(self) -> dt.timedelta | None:
        """How soon it must have started."""
        return self.function.timeouts.start if self.function.timeouts else None

    @property
    def rules(self) -> str:
        """The wide rules that it is made with, as PostgreSQL writes an array; the others give it keys."""
        return listed(rule_id(self.function.id, each) for each in self.function.cancel_on if each.wide)


@dataclass
class Effects:
    """What to tell Redis once the batch is committed."""

    started: list[tuple[uuid.UUID, str]] = field(default_factory=list)
    flags: dict[str, int] = field(default_factory=dict)
    settled: list[Settled] = field(default_factory=list)
    subjects: set[uuid.UUID] = field(default_factory=set)
    """The subjects that its events named: what is shown of them has changed."""
    failed_evaluations: Counter[str] = field(default_factory=Counter)
    """How many expressions had no value, by function."""
    refused: dict[str, str] = field(default_factory=dict)
    """Entries that are dead although they can be events: why, by stream id."""
    passed: list[tuple[str, Skip]] = field(default_factory=list)
    """What started no run, by the event's name."""
    at_doors: bool = False
    """Whether a run was made that waits to be let in."""
    woken: bool = False
    """Whether runs that waited go on."""
    cascades: bool = False
    """Whether children of runs are to be cancelled."""
    repeatable: bool = False
    """Whether the batch recorded and settled nothing: then its events are in the outbox still if it is lost."""


def listed(ids: Iterable[uuid.UUID]) -> str:
    """An array, as PostgreSQL writes it."""
    return "{" + ",".join(map(str, ids)) + "}"


def record_batch(
    connection: Connection,
    registry: Registry,
    events: Sequence[Event],
    stream_ids: Sequence[str | None],
    *,
    awaited: bool = True,
    pauses: Pauses = NOTHING_PAUSED,
    until: float = math.inf,
) -> Effects:
    """Record the events in order and apply them. In the caller's transaction, which holds the leadership.

    Events are looked for in what runs wait for unless it is known that none is `awaited`. Raises `TooLong` where there
    are expressions left to evaluate at the time `until`, by the monotonic clock.
    """
    ours = inbox.close(connection, [(each.tenant, each.id) for each in events])
    forged = _forged(connection, ours, events)
    fresh = _with_new(connection, ours, events, stream_ids, forged)
    endless = {each.seq for each in fresh if each.hops >= MOST_HOPS and registry.triggered_by(each.name)}
    refused = _refused(events, stream_ids, forged, {(each.tenant, each.id) for each in fresh if each.seq in endless})
    fresh, requests, waiting = _asking(connection, registry, [each for each in fresh if each.seq not in endless])
    stoppable = {each.seq: list(_stoppable_by(registry, each)) for each in fresh}
    cancels = _plan_cancels(registry, fresh, stoppable)
    held = [(event.tenant, key) for event in fresh for key in stoppable[event.seq]]
    keyed.hold(connection, [*held, *((each.event.tenant, each.key) for each in cancels)])
    many = keyed.stopping_many(connection, cancels)
    few = [each for each in cancels if each.key not in many]
    matched = keyed.open_runs(connection, [*(each.key for each in few), *sifting.singletons_of(registry, fresh)])
    subjects.lock(connection, requests, matched)
    by_id = keyed.runs_by_id(connection, fresh)
    planned, skipped = _plan_runs(registry, fresh, requests, until)
    runs, dropped = sifting.sift(connection, registry, fresh, [_minding(pauses, run) for run in planned])
    singles = sifting.replacing(runs)
    few, cancels = [*few, *singles], [*cancels, *singles]
    _count_spread(connection, registry, fresh)
    _store_wide(connection, registry, fresh)
    wide.store_keyed(connection, [each for each in cancels if each.key in many and each.cause is None])
    keyed.store(connection, cancels)
    keyed.replace_singletons(connection, singles)
    births = plan_births(connection, registry, fresh)
    children, limited = sifting.within_rate_limits(connection, [_child(each) for each in births.made])
    runs += [_minding(pauses, each) for each in children]
    untagged = _insert_runs(connection, runs)
    adopt(connection, births)
    making.repeat(connection, [(run.id, run.event.again) for run in runs if run.event.again])
    skipped = [*skipped, *dropped, *births.skipped, *limited]
    skips.record(connection, skipped)
    unstarted = subjects.attach(connection, requests, runs)
    made = [run.id for run in runs]
    met = keyed.pairs(connection, runs=made, cancels=few, until=until)
    born = wide.marks_for(connection, made, until=until)
    marks = [
        *met.marks,
        *born.marks,
        *subject_cancels.marks(connection, requests.cancelled),
        *requests.superseding(),
    ]
    marks += sifting.overtaken(connection, runs)
    marked = mark(connection, [*by_id, *marks])
    if born.marks:
        wide.count_born(connection, made)
    faults = {run.id: run.fault for run in runs if run.fault}
    settled = [*marked.settled, *fail_queued(connection, faults)]
    wait_paths.index(connection, registry.awaited, fresh)
    came = [each for each in fresh if each.name != INVOKED] if awaited else []
    over, parents = ended(fresh)
    woken = [
        *arrivals.deliver(connection, [*births.refused, *rate_limited(births, limited)]),
        *arrivals.deliver_events(connection, came),
        *arrivals.deliver_ends(connection, over),
    ]
    stopped = [*marked.cancelling, *(each.run_id for each in marked.settled), *parents]
    cancelling = [each.seq for each in fresh if each.name in OWN_CANCELS or registry.cancelled_by(each.name)]
    gone = {each.run_id for each in settled}
    seqs = {each.run_id: each.event.seq for each in marks}
    names = {each.seq: each.name for each in fresh}
    return Effects(
        started=[(run.id, run.function.queue) for run in runs if run.id not in gone and run.hinted],
        flags={c.flag: c.event.seq for c in cancels if c.flag}
        | {run_flag(id): seqs.get(id, 2**53) for id in marked.cancelling},
        settled=settled,
        subjects=requests.ids,
        failed_evaluations=met.failed + born.failed + untagged,
        refused=refused,
        at_doors=any(run.door is not None for run in runs),
        woken=bool(woken),
        cascades=cascades.note(connection, stopped, cancelling),
        passed=[(names.get(each.event_seq, "an event"), each) for each in [*skipped, *unstarted]],
        repeatable=len(fresh) == len(ours) and not settled and not refused and not waiting,
    )


def _asking(connection: Connection, registry: Registry, events: Sequence[Event]) -> tuple[list[Event], Requests, bool]:
    """What the events ask of subjects; without those whose rows can't be looked for now, if there are such: these keep
    their place, and come again.
    """
    going = list(events)
    while True:
        try:
            return going, subjects.read(connection, registry, going), len(going) < len(events)
        except RowAway as away:
            log.warning("%d events wait: %s (%s)", len(away.seqs), away, away.fault)
            inbox.leave(connection, [each for each in going if each.seq in away.seqs])
            going = [each for each in going if each.seq not in away.seqs]


def _minding(pauses: Pauses, run: NewRun) -> NewRun:
    """The run, which waits at a pause's door where no other comes first."""
    if not pauses or run.door is not None:
        return run
    doors = pauses.doors(run.event.tenant, run.function.id, run.function.queue)
    return replace(run, paused_at=doors[0]) if doors else run


def _forged(connection: Connection, ours: Sequence[Event], events: Sequence[Event]) -> set[Key]:
    """The events that only Andon can send and aren't its own: neither open in the outbox nor recorded before."""
    told = {_key(each) for each in ours}
    others = [each for each in events if why_only_ours(each.name) and _key(each) not in told]
    return {_key(each) for each in others} - inbox.known(connection, others)


def _with_new(
    connection: Connection,
    ours: list[Event],
    events: Sequence[Event],
    stream_ids: Sequence[str | None],
    forged: set[Key],
) -> list[Event]:
    """The events that take effect now: ours whose outbox row was still open, and others that are new."""
    left_out = forged | {_key(each) for each in ours}
    others = [pair for pair in zip(events, stream_ids, strict=True) if _key(pair[0]) not in left_out]
    if not others:
        return ours
    return sorted([*ours, *inbox.record(connection, *zip(*others, strict=True))], key=lambda each: each.seq)


def _refused(
    events: Sequence[Event], stream_ids: Sequence[str | None], forged: set[Key], endless: set[Key]
) -> dict[str, str]:
    """Why entries are dead that can be events, by stream id."""
    found = {}
    for event, stream_id in zip(events, stream_ids, strict=True):
        if stream_id is None:
            continue
        if _key(event) in forged:
            found[stream_id] = f"name: {why_only_ours(event.name)}"
        elif _key(event) in endless:
            found[stream_id] = f"runs that start each other: this is hop {MOST_HOPS} and the last"
    return found


def _key(event: Event) -> Key:
    return event.tenant, event.id


def _count_spread(connection: Connection, registry: Registry, events: Sequence[Event]) -> None:
    """Where the end of a run starts several functions, let their chain be over sooner."""
    starts = {each.seq: len(registry.triggered_by(each.name)) for each in events if each.hops}
    inbox.spread(connection, {seq: FANNED_HOPS * (count - 1) for seq, count in starts.items() if count > 1})


def _plan_runs(registry: Registry, events: Sequence[Event], requests: Requests, until: float) -> Planned:
    """A run for each function that an event starts.

    Of a function whose runs are about a subject, a request that doesn't count starts none.
    """
    planned, skipped = [], []
    for event in events:
        if time.monotonic() > until:
            raise TooLong("many events meet many expressions")
        for start in registry.started_by(event):
            function = start.function
            holds, failure = any_holds(start.conditions, event)
            if failure is not None:
                skipped.append(Skip(event.seq, function.id, Reason.CONDITION_FAILED, detail={"error": failure}))
            if holds and function.subject is None and (unfit := function.unfit(event)) is not None:
                skipped.append(Skip(event.seq, function.id, Reason.UNFIT, detail=unfit))
                holds = False
            request = requests.starting.get((event.seq, function.id))
            if holds and (function.subject is None or request is not None):
                keys, fault = _gate_keys(function, event)
                planned.append(NewRun(new_id(), function, event, keys, fault, request, requests.door(request)))
    return planned, skipped


def _child(birth: Birth) -> NewRun:
    """Its limits are those of its function's other runs; no subject's state follows it."""
    return NewRun(birth.id, birth.function, birth.event, *_gate_keys(birth.function, birth.event))


def _gate_keys(function: Declaration, event: Event) -> tuple[tuple[uuid.UUID, ...], str | None]:
    """The keys under which a run of this event is counted, or why one of them can't be told."""
    keys = []
    for limit in gates_for(function, event):
        if event.again is not None and (limit.rate is not None or limit.kind == QUEUE):
            continue  # somebody wants it repeated: it waits for code that runs, and for nothing else
        try:
            keys.append(limit.key_of(event, value_of))
        except ValueError as error:
            return (), f"{limit.kind}: key={limit.key!r:.200} has no value: {error}"
    return tuple(keys), None


def _plan_cancels(
    registry: Registry, events: Sequence[Event], stoppable: Mapping[int, Sequence[uuid.UUID]]
) -> list[KeyedCancel]:
    """The events that satisfy a cancel rule by a field, with the key under which they meet runs.

    Of rules that differ in `remember` alone, what the function is registered with counts. Of cancels that are alike,
    and with no request between them that one of them would stop and another not, the first and the last are enough: a
    run before them is stopped by the first, and one made later by the last.
    """
    planned: dict[tuple[Any, ...], list[KeyedCancel]] = {}
    requests: Counter[uuid.UUID] = Counter()
    for event in sorted(events, key=lambda event: event.seq):
        requests.update(stoppable[event.seq])
        if event.again is not None:
            continue
        for key, cancel in keyed.cancels_by(registry.cancelled_by(event.name), event).items():
            # What an expression says of two cancels can differ.
            alike = (key, requests[key], event.seq if cancel.expression else None)
            planned.setdefault(alike, [cancel, cancel])[1] = cancel
    kept = {(each.event.seq, each.key): each for pair in planned.values() for each in pair}
    return [kept[place] for place in sorted(kept)]


def _stoppable_by(registry: Registry, event: Event) -> Iterator[uuid.UUID]:
    """The keys of the runs that this event starts."""
    for function in registry.triggered_by(event.name):
        for rule in function.cancel_on:
            if key := cancel_key(event.tenant, function.id, rule, event.data):
                yield key


def _store_wide(connection: Connection, registry: Registry, events: Sequence[Event]) -> None:
    """Events that satisfy a rule without a field: one row each, which the sweeper applies."""
    for event in (each for each in events if each.again is None):
        same: dict[tuple[str, str], list[CancelOn]] = {}
        for function_id, rule in registry.cancelled_by(event.name):
            if rule.wide:
                same.setdefault((function_id, rule.name), []).append(rule)
        for (function_id, _), rules in same.items():
            ids = tuple(rule_id(function_id, each) for each in rules)
            [first, *_] = rules
            cancel = WideCancel(function_id, expression=first.if_, remember=first.remember, rules=ids)
            wide.store(connection, event, cancel)
        if event.name == RUNS_CANCELLED:
            _store_bulk(connection, event)


def _store_bulk(connection: Connection, event: Event) -> None:
    """A bulk cancel that came over the bus; one of the API's is recorded already, and this changes nothing."""
    try:
        wide.store(connection, event, parse_bulk(event))
    except ValueError as error:
        log.error("event %s cancels nothing: %s", event.id, error)


def _insert_runs(connection: Connection, runs: Sequence[NewRun]) -> Counter[str]:
    """Make the runs; of how many functions' tags an expression had no value."""
    untagged: Counter[str] = Counter()
    if not runs:
        return untagged
    free = [run for run in runs if run.hinted]
    waiting = [run for run in runs if run.door is not None and run.debounce_key is None]
    places = ordering.places(connection, waiting)
    pending = [run for run in runs if run.debounce_key is not None and not run.replaces]
    given = turns.give(connection, [(run.function.queue, run.event.tenant) for run in free])
    keys = [(run.id, key, run.event.seq) for run in runs for key in _keys(run)]
    tagged = []
    for run in runs:
        if run.function.tags:
            found, failed = tags_of(run.function.tags, run.event, value_of)
            tagged += [(run.event.tenant, tag, run.id) for tag in found]
            keys += [(run.id, tag_key(run.event.tenant, tag), run.event.seq) for tag in found]
            untagged[run.function.id] += failed
    with connection.pipeline():
        making.make(
            connection,
            hinted=[(*run.row, turn) for run, turn in zip(free, given, strict=True)],
            at_doors=[(*run.row, run.door, run.gate_array, places.get(run.id)) for run in waiting],
            pending=[(*run.row, run.door, run.gate_array, run.debounce_key, *_quiet(run)) for run in pending],
            start_by=[(run.id, start.total_seconds()) for run in runs if (start := run.start_within)],
            keys=keys,
            tags=tagged,
        )
        gate.look_at(connection, {run.door for run in waiting if run.gate_keys and run.door == run.gate_keys[0]})
    return untagged


def _quiet(run: NewRun) -> tuple[float, float]:
    debounce = run.function.debounce
    assert debounce is not None
    return debounce.period.total_seconds(), debounce.longest.total_seconds()


def _keys(run: NewRun) -> list[uuid.UUID]:
    """What the run can be cancelled by."""
    event = run.event
    found = (cancel_key(event.tenant, run.function.id, rule, event.data) for rule in run.function.cancel_on)
    keys = [key for key in (*found, run.singleton) if key is not None]
    if event.name == CRON:
        keys.append(run_key(run.function.id, str(event.data.get("schedule")), str(event.data.get("tz"))))
    return [*keys, request_key(event.tenant, event.id)] if run.request is not None else keys
