"""Runs, functions, and the cancel of many runs at once."""

from __future__ import annotations

import builtins
import datetime as dt
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from andon.client.decode import decode
from andon.client.errors import WaitTimeout
from andon.client.live import Follower
from andon.client.models import Artifact, Asked, Cancellation, Function, LogLine, Run, Step
from andon.client.pages import listed
from andon.client.saving import save
from andon.client.transport import Transport

LOOK_SECONDS = 0.25
LOG_PAGE = 1_000


class Runs:
    """Executions of functions."""

    def __init__(self, transport: Transport, follower: Follower) -> None:
        self._transport = transport
        self._follower = follower

    def list(
        self,
        *,
        status: str | Sequence[str] | None = None,
        function_id: str | None = None,
        event_id: str | None = None,
        report_id: str | None = None,
        queued_after: dt.datetime | None = None,
        queued_before: dt.datetime | None = None,
        tag: str | Sequence[str] | None = None,
        where: str | None = None,
        limit: int | None = None,
    ) -> Iterator[Run]:
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

    def get(self, id: str) -> Run:
        """One run with its steps and its cleanup."""
        return decode(Run, self._transport.get(_path(id)))

    def steps(self, id: str, *, limit: int | None = None) -> Iterator[Step]:
        """All steps of a run, in their order; `get` has the newest 500."""
        return listed(self._transport, f"{_path(id)}/steps", Step, limit)

    def step(self, id: str, step: str) -> Step:
        """One step with all of its result; `get` has it only where it is short."""
        return decode(Step, self._transport.get(f"{_path(id)}/steps/{quote(step, safe='')}"))

    def output(self, id: str) -> Any:
        """All of what the function has returned."""
        return self._transport.get(f"{_path(id)}/output")["output"]

    def artifacts(self, id: str) -> builtins.list[Artifact]:
        """The files that the run has published: none, unless it has completed."""
        return [decode(Artifact, shown) for shown in self._transport.get(f"{_path(id)}/artifacts")["items"]]

    def download(self, id: str, name: str, to: str | os.PathLike[str] = ".") -> Path:
        """Save the run's file `name` as `to`, or in the folder `to`; never half of it under that name."""
        return save(self._transport, f"{_path(id)}/artifacts/{quote(name, safe='')}", name, to)

    def logs(
        self,
        id: str,
        *,
        step: str | None = None,
        attempt: int | None = None,
        level: str | None = None,
        text: str | None = None,
        limit: int | None = None,
    ) -> Iterator[LogLine]:
        """What the run has printed and logged, oldest first: from a `level` up, with `text` in it."""
        query = {"step": step, "attempt": attempt, "level": level, "text": text}
        return listed(self._transport, f"{_path(id)}/logs", LogLine, limit, page=LOG_PAGE, **query)

    def follow_logs(
        self,
        id: str,
        *,
        step: str | None = None,
        attempt: int | None = None,
        level: str | None = None,
        text: str | None = None,
    ) -> Iterator[LogLine]:
        """What the run has said, and then what it says, until it has ended."""
        asked = {"step": step, "attempt": attempt, "level": level, "text": text}
        query = {name: value for name, value in asked.items() if value is not None}
        for message in self._follower.lines(f"{_path(id)}/logs/stream{f'?{urlencode(query)}' if query else ''}"):
            yield from (decode(LogLine, each) for each in message["items"])

    def cancel(self, id: str, *, reason: str | None = None, idempotency_key: str | None = None) -> Asked:
        """Cancel a run. Raises `Conflict` if it has ended."""
        body = {} if reason is None else {"reason": reason}
        return decode(Asked, self._transport.post(f"{_path(id)}/cancel", body, idempotency_key=idempotency_key))

    def watch(self, id: str, *, timeout: float | None = None) -> Iterator[Run]:
        """The run with its steps, again at each change, until it has ended; told by the API, as a report is."""
        return self._follower.watch(_path(id), Run, lambda run: run.ended, timeout)

    def wait(self, id: str, *, timeout: float | None = None) -> Run:
        """Wait until the run has ended, and return it. Raises `WaitTimeout` after `timeout` seconds."""
        *_, last = self.watch(id, timeout=timeout)
        return last

    def rerun(
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
        given = {"from": from_step, "data": None if data is None else dict(data), "keep": keep or None}
        body = {name: value for name, value in given.items() if value is not None}
        return decode(Asked, self._transport.post(f"{_path(id)}/rerun", body, idempotency_key=idempotency_key))


class Cancellations:
    """Cancels of many runs at once."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(
        self,
        function_id: str | None = None,
        *,
        tag: str | None = None,
        started_after: dt.datetime | None = None,
        started_before: dt.datetime | None = None,
        where: str | None = None,
        reason: str | None = None,
        dry_run: bool = False,
        idempotency_key: str | None = None,
    ) -> Cancellation:
        """Cancel the runs of a function, or with a tag, that were queued in a time and of which `where` (CEL) is true.

        A dry run only counts: `matched`. Otherwise `get(id)` shows how far it is.
        """
        given = {
            "functionId": function_id,
            "tag": tag,
            "startedAfter": started_after and started_after.isoformat(),
            "startedBefore": started_before and started_before.isoformat(),
            "if": where,
            "reason": reason,
            "dryRun": dry_run or None,
        }
        body = {name: value for name, value in given.items() if value is not None}
        return decode(Cancellation, self._transport.post("/cancellations", body, idempotency_key=idempotency_key))

    def get(self, id: str) -> Cancellation:
        """One cancellation: how far it is, and how many runs it has matched."""
        return decode(Cancellation, self._transport.get(f"/cancellations/{quote(id, safe='')}"))

    def wait(self, id: str, *, timeout: float | None = None) -> Cancellation:
        """Wait until it was applied to every run that it matches; their code may take longer to stop.

        Raises `WaitTimeout` after `timeout` seconds.
        """
        began = time.monotonic()
        while (found := self.get(id)).status != "done":
            if timeout is not None and time.monotonic() - began >= timeout:
                raise WaitTimeout(f"Cancellation {id} is still being applied after {timeout:g} s")
            time.sleep(LOOK_SECONDS)
        return found


class Functions:
    """What is registered."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self) -> Iterator[Function]:
        """The functions, by id."""
        return (decode(Function, shown) for shown in self._transport.get("/functions")["items"])


def _path(id: str) -> str:
    return f"/runs/{quote(id, safe='')}"
