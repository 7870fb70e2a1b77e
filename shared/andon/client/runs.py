"""Runs, functions, and the cancel of many runs at once."""

from __future__ import annotations

import builtins
import datetime as dt
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from .blocking import Blocking, blocking, iterating
from .decode import decode
from .live import Followed, last_of
from .models import Artifact, Asked, Cancellation, Function, Level, LogLine, Run, RunStatus, Step
from .pages import all_of, listed
from .saving import save
from .transport import Group, Manner, at

LOG_PAGE = 1_000


class AsyncRuns(Followed):
    """Executions of functions."""

    def list(
        self,
        *,
        status: RunStatus | Sequence[RunStatus] | None = None,
        function_id: str | None = None,
        event_id: str | None = None,
        report_id: str | None = None,
        queued_after: dt.datetime | None = None,
        queued_before: dt.datetime | None = None,
        tag: str | Sequence[str] | None = None,
        where: str | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[Run]:
        """Runs, newest first: those that have all of the tags, and what `where` says (`data.reportId = 7`)."""
        query: dict[str, Any] = {
            "status": status,
            "functionId": function_id,
            "eventId": event_id,
            "reportId": report_id,
            "queuedAfter": queued_after,
            "queuedBefore": queued_before,
            "tag": tag,
            "where": where,
        }
        return listed(self._transport, "/runs", Run, limit, **query)

    async def get(self, id: str) -> Run:
        """One run with its steps and its cleanup."""
        return await self._transport.show(Run, at("runs", id))

    def steps(self, id: str, *, limit: int | None = None) -> AsyncIterator[Step]:
        """All steps of a run, in their order; `get` has the newest 500."""
        return listed(self._transport, at("runs", id, "steps"), Step, limit)

    async def step(self, id: str, step: str) -> Step:
        """One step with all of its result; `get` has it only where it is short."""
        return await self._transport.show(Step, at("runs", id, "steps", step))

    async def output(self, id: str) -> Any:
        """All of what the function has returned."""
        return (await self._transport.get(at("runs", id, "output")))["output"]

    async def artifacts(self, id: str) -> builtins.list[Artifact]:
        """The files that the run has published: none, unless it has completed."""
        return [each async for each in all_of(self._transport, at("runs", id, "artifacts"), Artifact)]

    async def download(self, id: str, name: str, to: str | os.PathLike[str] = ".") -> Path:
        """Save the run's file `name` as `to`, or in the folder `to`; never half of it under that name."""
        return await save(self._transport, at("runs", id, "artifacts", name), name, to)

    def logs(
        self,
        id: str,
        *,
        step: str | None = None,
        attempt: int | None = None,
        level: Level | None = None,
        text: str | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[LogLine]:
        """What the run has printed and logged, oldest first: from a `level` up, with `text` in it."""
        query = {"step": step, "attempt": attempt, "level": level, "text": text}
        return listed(self._transport, at("runs", id, "logs"), LogLine, limit, page=LOG_PAGE, **query)

    async def follow_logs(
        self,
        id: str,
        *,
        step: str | None = None,
        attempt: int | None = None,
        level: Level | None = None,
        text: str | None = None,
    ) -> AsyncIterator[LogLine]:
        """What the run has said, and then what it says, until it has ended."""
        asked = {"step": step, "attempt": attempt, "level": level, "text": text}
        query = {name: value for name, value in asked.items() if value is not None}
        path = at("runs", id, "logs", "stream") + (f"?{urlencode(query)}" if query else "")
        async with aclosing(self._follower.lines(path)) as messages:
            async for message in messages:
                for each in message["items"]:
                    yield decode(LogLine, each)

    async def cancel(
        self,
        id: str,
        *,
        reason: str | None = None,
        prefer_wait: int | None = None,
        if_match: str | None = None,
        idempotency_key: str | None = None,
    ) -> Asked:
        """Cancel a run; wait up to so many seconds until its code has stopped. Raises `Conflict` if it has ended."""
        how: Manner = {"prefer_wait": prefer_wait, "if_match": if_match, "idempotency_key": idempotency_key}
        return decode(Asked, await self._transport.post(at("runs", id, "cancel"), {"reason": reason}, **how))

    def watch(self, id: str, *, timeout: float | None = None) -> AsyncIterator[Run]:
        """The run with its steps, again at each change, until it has ended; told by the API, as a report is."""
        return self._follower.watch(at("runs", id), Run, lambda run: run.ended, timeout)

    async def wait(self, id: str, *, timeout: float | None = None) -> Run:
        """Wait until the run has ended, and return it. Raises `WaitTimeout` after `timeout` seconds."""
        return await last_of(self.watch(id, timeout=timeout))

    async def rerun(
        self,
        id: str,
        *,
        from_step: str | None = None,
        data: Mapping[str, Any] | None = None,
        keep: bool = False,
        idempotency_key: str | None = None,
    ) -> Asked:
        """Repeat a run, whole or from a step on: what was done before that is recalled, and not repeated.

        `data` takes the place of the event's; together with `from_step` that takes `keep`, because what is recalled was
        done with the former data.
        """
        body = {"from": from_step, "data": None if data is None else dict(data), "keep": keep or None}
        return decode(Asked, await self._transport.post(at("runs", id, "rerun"), body, idempotency_key=idempotency_key))


class AsyncCancellations(Followed):
    """Cancels of many runs at once."""

    async def create(
        self,
        function_id: str | None = None,
        *,
        tag: str | None = None,
        started_after: dt.datetime | None = None,
        started_before: dt.datetime | None = None,
        where: str | None = None,
        reason: str | None = None,
        dry_run: bool = False,
        prefer_wait: int | None = None,
        idempotency_key: str | None = None,
    ) -> Cancellation:
        """Cancel the runs of a function, or with a tag, that were queued in a time and of which `where` (CEL) is true.

        A dry run only counts: `matched`. Otherwise `get(id)` shows how far it is; `prefer_wait` is for up to how many
        seconds to wait until it was applied.
        """
        body = {
            "functionId": function_id,
            "tag": tag,
            "startedAfter": started_after and started_after.isoformat(),
            "startedBefore": started_before and started_before.isoformat(),
            "if": where,
            "reason": reason,
            "dryRun": dry_run or None,
        }
        how: Manner = {"prefer_wait": prefer_wait, "idempotency_key": idempotency_key}
        return decode(Cancellation, await self._transport.post("/cancellations", body, **how))

    async def get(self, id: str) -> Cancellation:
        """One cancellation: how far it is, and how many runs it has matched."""
        return await self._transport.show(Cancellation, at("cancellations", id))

    async def wait(self, id: str, *, timeout: float | None = None) -> Cancellation:
        """Wait until it was applied to every run that it matches; their code may take longer to stop.

        Raises `WaitTimeout` after `timeout` seconds.
        """
        applied = self._follower.poll(at("cancellations", id), Cancellation, lambda it: it.status == "done", timeout)
        return await last_of(applied)


class AsyncFunctions(Group):
    """What is registered."""

    def list(self) -> AsyncIterator[Function]:
        """The functions, by id."""
        return all_of(self._transport, "/functions", Function)


class Runs(Blocking[AsyncRuns]):
    """Executions of functions."""

    list = iterating(AsyncRuns.list)
    get = blocking(AsyncRuns.get)
    steps = iterating(AsyncRuns.steps)
    step = blocking(AsyncRuns.step)
    output = blocking(AsyncRuns.output)
    artifacts = blocking(AsyncRuns.artifacts)
    download = blocking(AsyncRuns.download)
    logs = iterating(AsyncRuns.logs)
    follow_logs = iterating(AsyncRuns.follow_logs)
    cancel = blocking(AsyncRuns.cancel)
    watch = iterating(AsyncRuns.watch)
    wait = blocking(AsyncRuns.wait)
    rerun = blocking(AsyncRuns.rerun)


class Cancellations(Blocking[AsyncCancellations]):
    """Cancels of many runs at once."""

    create = blocking(AsyncCancellations.create)
    get = blocking(AsyncCancellations.get)
    wait = blocking(AsyncCancellations.wait)


class Functions(Blocking[AsyncFunctions]):
    """What is registered."""

    list = iterating(AsyncFunctions.list)
