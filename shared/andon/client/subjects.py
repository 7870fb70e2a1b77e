"""Subjects: ask for a run of one, follow its state, cancel it."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from .blocking import Blocking, blocking, iterating
from .decode import decode
from .live import Followed, last_of
from .models import Subject, SubjectAsked, SubjectStatus
from .pages import listed
from .transport import Manner, at

Id = str | int


class AsyncSubjects(Followed):
    """What runs are about; each follows its newest request."""

    def list(
        self,
        *,
        kind: str | None = None,
        status: SubjectStatus | Sequence[SubjectStatus] | None = None,
        requested_by: str | None = None,
        created_after: dt.datetime | None = None,
        created_before: dt.datetime | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[Subject]:
        """Subjects that were asked for, of this kind and of any of these statuses, newest first.

        They are created when they are asked for first; `requested_by` is the id of who asked last.
        """
        query: dict[str, Any] = {
            "kind": kind,
            "status": status,
            "requestedBy": requested_by,
            "createdAfter": created_after,
            "createdBefore": created_before,
        }
        return listed(self._transport, "/subjects", Subject, limit, **query)

    async def get(self, kind: str, id: Id) -> Subject:
        """One subject with its run."""
        return await self._transport.show(Subject, at("subjects", kind, id))

    async def request(
        self,
        kind: str,
        id: Id,
        data: Mapping[str, Any] | None = None,
        *,
        prefer_wait: int | None = None,
        if_match: str | None = None,
        idempotency_key: str | None = None,
    ) -> SubjectAsked:
        """Ask for a run with these data; wait up to so many seconds for its id. Raises `Conflict` while active.

        While its run is being cancelled, another is accepted: it begins once the former code has stopped.
        """
        how: Manner = {"prefer_wait": prefer_wait, "if_match": if_match, "idempotency_key": idempotency_key}
        body = {"data": dict(data or {})}
        return decode(SubjectAsked, await self._transport.post(at("subjects", kind, id, "request"), body, **how))

    async def cancel(
        self,
        kind: str,
        id: Id,
        *,
        reason: str | None = None,
        run_id: str | None = None,
        prefer_wait: int | None = None,
        if_match: str | None = None,
        idempotency_key: str | None = None,
    ) -> SubjectAsked:
        """Cancel its run: once this returns, it will not complete. Raises `Conflict` if the subject isn't active.

        With `run_id`, only if that is its run, else `AnotherRun`; with `if_match`, the `etag` of a subject that was
        read, only if it is still that, else `Changed`. `prefer_wait` is for up to how many seconds to wait until its
        code has stopped.
        """
        body = {"reason": reason, "runId": run_id}
        how: Manner = {"prefer_wait": prefer_wait, "if_match": if_match, "idempotency_key": idempotency_key}
        return decode(SubjectAsked, await self._transport.post(at("subjects", kind, id, "cancel"), body, **how))

    def follow(self, kind: str, id: Id, *, timeout: float | None = None) -> AsyncIterator[Subject]:
        """The subject, again at each change, until it isn't active; that last one is yielded too.

        Raises `WaitTimeout` after `timeout` seconds.
        """
        return self._follower.poll(at("subjects", kind, id), Subject, _ended, timeout)

    def watch(self, kind: str, id: Id, *, timeout: float | None = None) -> AsyncIterator[Subject]:
        """As `follow`, told by the API at once, as a report is."""
        return self._follower.watch(at("subjects", kind, id), Subject, _ended, timeout)

    async def wait(self, kind: str, id: Id, *, timeout: float | None = None) -> Subject:
        """Wait until it isn't active, and return it. Raises `WaitTimeout` after `timeout` seconds."""
        return await last_of(self.follow(kind, id, timeout=timeout))


class Subjects(Blocking[AsyncSubjects]):
    """What runs are about; each follows its newest request."""

    list = iterating(AsyncSubjects.list)
    get = blocking(AsyncSubjects.get)
    request = blocking(AsyncSubjects.request)
    cancel = blocking(AsyncSubjects.cancel)
    follow = iterating(AsyncSubjects.follow)
    watch = iterating(AsyncSubjects.watch)
    wait = blocking(AsyncSubjects.wait)


def _ended(subject: Subject) -> bool:
    return not subject.active
