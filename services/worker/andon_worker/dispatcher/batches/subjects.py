"""What a batch asks of subjects: which requests count, which runs they replace, and who waits until another has
stopped.

A request supersedes the subject's former one: of a batch only the newest starts a run, and an open run of a former one
is marked. Where its code may still be running, the new run waits at the subject's door.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from andon.adapters.postgres.cancels import keyed, subject_cancels
from andon.adapters.postgres.cancels.causes import CancelCause
from andon.adapters.postgres.cancels.keyed import About
from andon.adapters.postgres.cancels.marks import Mark
from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.events import skips
from andon.adapters.postgres.events.skips import Reason, Skip
from andon.adapters.postgres.subjects import subjects
from andon.adapters.postgres.subjects.subjects import Attached, FormerRun, GivenBack, Named, State
from andon.engine.declared.functions import Registry
from andon.engine.declared.subjects import Subject, subject_id
from andon.engine.events import Event

if TYPE_CHECKING:
    from andon_worker.dispatcher.batches.batch import NewRun

UNSTARTED = "A rule of its function has refused the request"
Place = tuple[int, str]
"""The seq of an event, and the id of a function that it triggers."""


@dataclass(frozen=True)
class Request:
    """An event that asks for a subject's run. `known`: the subject was moved when it was accepted."""

    event: Event
    function_id: str
    subject: Named
    known: bool = False

    @property
    def place(self) -> Place:
        return self.event.seq, self.function_id


@dataclass
class Requests:
    """What the events of a batch ask of subjects."""

    named: list[Request] = field(default_factory=list)
    unmoved: list[GivenBack] = field(default_factory=list)
    """By events that no function listens to any more, or whose data aren't what it expects."""
    skips: list[Skip] = field(default_factory=list)
    starting: dict[Place, Request] = field(default_factory=dict)
    former: list[FormerRun] = field(default_factory=list)
    cancelled: dict[uuid.UUID, Event] = field(default_factory=dict)

    @property
    def ids(self) -> set[uuid.UUID]:
        """The subjects that they name."""
        unmoved = {each.subject_id for each in self.unmoved}
        return {each.subject.id for each in self.named} | unmoved | set(self.cancelled)

    def door(self, request: Request | None) -> uuid.UUID | None:
        """Where the request's run waits, if code of a former one may be running."""
        if request is None or not any(each.held and each.subject_id == request.subject.id for each in self.former):
            return None
        return request.subject.id

    def superseding(self) -> list[Mark]:
        """The marks of the runs that the requests replace."""
        by = {each.subject.id: each.event for each in self.starting.values()}
        return [
            Mark(each.id, by[each.subject_id], CancelCause.SUPERSEDED) for each in self.former if each.subject_id in by
        ]


def read(connection: Connection, registry: Registry, events: Sequence[Event]) -> Requests:
    """Which subjects the events name; before they are locked. Raises `RowAway` where some have to wait."""
    found = Requests()
    asking: list[tuple[Event, str, Subject, str]] = []
    futile: list[tuple[Event, Subject, str, bool]] = []
    for event in events:
        for function in (start.function for start in registry.started_by(event)):
            if (subject := function.subject) is None:
                continue
            id, fault = subject.named_in(event.data), function.unfit(event)
            if fault is not None:
                found.skips.append(Skip(event.seq, function.id, Reason.UNFIT, None, fault))
                why = f"Its function refuses the request: {fault['path']}: {fault['expected']}"
                futile.append((event, subject, why, False))
            elif id is None:
                detail = {"expected": f"an id at {subject.id}"}
                found.skips.append(Skip(event.seq, function.id, Reason.NO_SUBJECT, None, detail))
            else:
                asking.append((event, function.id, subject, id))
        why = f"No function is registered for {event.name}; see ANDON_FUNCTIONS"
        futile += [(event, subject, why, True) for subject in registry.unmoved_by(event.name)]
    found.unmoved = _given_back(connection, futile)
    _name(connection, asking, found)
    found.cancelled = subject_cancels.named_by(connection, events)
    return found


def _given_back(connection: Connection, futile: Sequence[tuple[Event, Subject, str, bool]]) -> list[GivenBack]:
    """Of events that start nothing, the subjects that they may have moved when they were accepted."""
    naming = [(*each, id) for each in futile if (id := each[1].named_in(each[0].data)) is not None]
    rows = subjects.find_named(connection, [(subject.kind, event, id) for event, subject, _, _, id in naming])
    return [
        GivenBack(subject_id(event.tenant, subject.kind, row.key or id), event.id, why, fatal)
        for (event, subject, why, fatal, id), row in zip(naming, rows, strict=True)
    ]


def _name(connection: Connection, asking: Sequence[tuple[Event, str, Subject, str]], found: Requests) -> None:
    """Find the rows that are meant, but for those of requests that were accepted before: these have found them."""
    ids = {subject_id(event.tenant, subject.kind, id) for event, _, subject, id in asking}
    known = subjects.known(connection, ids)
    sought = []
    for event, function_id, subject, id in asking:
        _, seq = known.get(subject_id(event.tenant, subject.kind, id), ("", 0))
        if seq >= event.seq:
            found.named.append(Request(event, function_id, Named(event.tenant, subject.kind, id)))
        else:
            sought.append((event, function_id, subject, id))
    rows = subjects.find_named(connection, [(subject.kind, event, id) for event, _, subject, id in sought])
    for (event, function_id, subject, id), row in zip(sought, rows, strict=True):
        if row.key is None:
            detail = {"kind": subject.kind, "id": id, **({"error": row.fault} if row.fault else {})}
            found.skips.append(Skip(event.seq, function_id, Reason.NO_ROW, None, detail))
        else:
            named = Named(event.tenant, subject.kind, row.key, row.before)
            found.named.append(Request(event, function_id, named))


def decide(requests: Sequence[Request], states: Mapping[uuid.UUID, State]) -> dict[Place, Request]:
    """The requests that start a run: of each subject the newest, unless a newer one was accepted meanwhile."""
    newest: dict[uuid.UUID, Request] = {}
    for each in sorted(requests, key=lambda each: each.place):
        newest[each.subject.id] = each
    started = {}
    for id, each in newest.items():
        state = states.get(id, State())
        if each.event.seq >= state.request_seq:
            started[each.place] = replace(each, known=state.request_event_id == each.event.id)
    return started


def lock(connection: Connection, found: Requests, matched: Sequence[About]) -> None:
    """Lock all subjects that the batch touches, and those of the runs that it may stop, in one order; then see which
    requests start a run, and the open runs that they replace.
    """
    subjects.make(connection, (each.subject for each in found.named))
    keyed.lock_about(connection, matched, also=found.ids)
    states = subjects.states(connection, {each.subject.id for each in found.named})
    found.starting = decide(found.named, states)
    found.former = subjects.former_runs(connection, {each.subject.id for each in found.starting.values()})


def attach(connection: Connection, found: Requests, runs: Sequence[NewRun]) -> list[Skip]:
    """Let subjects follow their new runs, and be what they were where a request has started none; return why."""
    made = {run.request.place: run for run in runs if run.request is not None}
    requests = [(found.starting[place], run.id) for place, run in made.items()]
    subjects.attach(connection, [Attached(each.subject, id, each.event, each.known) for each, id in requests])
    by_subject = {each.subject.id: id for each, id in requests}
    late = [
        Skip(each.event.seq, each.function_id, Reason.SUPERSEDED, by_subject.get(each.subject.id))
        for each in found.named
        if each.place not in found.starting
    ]
    unstarted = [*found.skips, *late]
    skips.record(connection, unstarted)
    refused = [each for place, each in found.starting.items() if place not in made]
    given_back = [GivenBack(each.subject.id, each.event.id, UNSTARTED) for each in refused]
    subjects.give_back(connection, [*found.unmoved, *given_back])
    found.starting = {place: each for place, each in found.starting.items() if place in made}  # these replace others
    return unstarted
