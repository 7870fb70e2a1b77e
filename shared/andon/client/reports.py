"""Reports and datasets: make, generate, follow, cancel, download."""

from __future__ import annotations

import datetime as dt
import enum
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from .blocking import Blocking, blocking, iterating
from .decode import decode
from .live import Followed, last_of
from .models import Asked, Dataset, Report, ReportStatus
from .pages import listed
from .saving import save
from .transport import Group, Manner, at

UPLOAD_SECONDS = 600.0


class Kept(enum.Enum):
    """Says that a field is left as it is: None is a value."""

    KEPT = enum.auto()


KEPT = Kept.KEPT


class AsyncDatasets(Group):
    """The files that reports are made from."""

    async def upload(
        self, file: str | os.PathLike[str] | IO[bytes], *, name: str | None = None, timeout: float = UPLOAD_SECONDS
    ) -> Dataset:
        """Upload a CSV, TSV, JSON, JSON Lines or Parquet file, or an Excel workbook; it is read as it is sent.

        `file` is a path or an open binary file, which is sent from its beginning and stays open; one that can't be
        wound back, from where it is. `name` is what it is called, which a file without a path of its own needs.
        """
        if not isinstance(file, (str, os.PathLike)):
            return await self._send(file, name or _name_of(file), timeout)
        with Path(file).open("rb") as opened:
            return await self._send(opened, name or Path(file).name, timeout)

    async def get(self, id: str) -> Dataset:
        """One dataset."""
        return await self._transport.show(Dataset, at("datasets", id))

    def list(self, *, limit: int | None = None) -> AsyncIterator[Dataset]:
        """Datasets, newest first."""
        return listed(self._transport, "/datasets", Dataset, limit)

    async def delete(self, id: str, *, if_match: str | None = None) -> None:
        """Delete a dataset and its file. Raises `Conflict` while a report uses it."""
        await self._transport.delete(at("datasets", id), if_match=if_match)

    async def _send(self, file: IO[bytes], name: str, timeout: float) -> Dataset:
        return decode(Dataset, await self._transport.upload("/datasets", name, file, timeout=timeout))


class AsyncReports(Followed):
    """What a user asks for, and can cancel."""

    async def create(
        self, title: str, *, dataset_id: str | None = None, options: Mapping[str, Any] | None = None
    ) -> Report:
        """Make a report; it is `idle` until it is generated."""
        body = {"title": title, "datasetId": dataset_id, "options": dict(options or {})}
        return decode(Report, await self._transport.post("/reports", body))

    def list(
        self,
        *,
        status: ReportStatus | Sequence[ReportStatus] | None = None,
        dataset_id: str | None = None,
        requested_by: str | None = None,
        created_after: dt.datetime | None = None,
        created_before: dt.datetime | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[Report]:
        """Reports, of this status or of any of these, newest first; `requested_by` is the id of who asked last."""
        query: dict[str, Any] = {
            "status": status,
            "datasetId": dataset_id,
            "requestedBy": requested_by,
            "createdAfter": created_after,
            "createdBefore": created_before,
        }
        return listed(self._transport, "/reports", Report, limit, **query)

    async def get(self, id: str) -> Report:
        """One report with its progress, its run and its files."""
        return await self._transport.show(Report, at("reports", id))

    async def update(
        self,
        id: str,
        *,
        title: str | Kept = KEPT,
        dataset_id: str | Kept | None = KEPT,
        options: Mapping[str, Any] | Kept = KEPT,
        if_match: str | None = None,
    ) -> Report:
        """Change what is given, and keep the rest; the dataset and the options can't change while it is generating.

        With `if_match`, the `etag` of a report that was read, only if it is still that: else raises `Changed`.
        """
        given = {"title": title, "datasetId": dataset_id, "options": options}
        body = {name: value for name, value in given.items() if value is not KEPT}
        return await self._transport.patch(Report, at("reports", id), body, if_match=if_match)

    async def delete(self, id: str, *, if_match: str | None = None) -> None:
        """Delete a report that isn't generating; its files go with it."""
        await self._transport.delete(at("reports", id), if_match=if_match)

    async def generate(
        self,
        id: str,
        *,
        prefer_wait: int | None = None,
        if_match: str | None = None,
        idempotency_key: str | None = None,
    ) -> Asked:
        """Ask for its generation; wait up to so many seconds for the run's id. Raises `Conflict` while generating."""
        how: Manner = {"prefer_wait": prefer_wait, "if_match": if_match, "idempotency_key": idempotency_key}
        return decode(Asked, await self._transport.post(at("reports", id, "generate"), **how))

    async def cancel(
        self,
        id: str,
        *,
        reason: str | None = None,
        run_id: str | None = None,
        prefer_wait: int | None = None,
        if_match: str | None = None,
        idempotency_key: str | None = None,
    ) -> Asked:
        """Cancel its generation: once this returns, it will not complete. Raises `Conflict` if it isn't generating.

        With `run_id`, only if that is its run now: else raises `AnotherRun`. `prefer_wait` is for up to how many
        seconds to wait until its code has stopped.
        """
        body = {"reason": reason, "runId": run_id}
        how: Manner = {"prefer_wait": prefer_wait, "if_match": if_match, "idempotency_key": idempotency_key}
        return decode(Asked, await self._transport.post(at("reports", id, "cancel"), body, **how))

    def follow(self, id: str, *, timeout: float | None = None) -> AsyncIterator[Report]:
        """The report, again at each change, until it isn't generating; that last one is yielded too.

        An API that is away for up to a minute is waited for. Raises `WaitTimeout` after `timeout` seconds.
        """
        return self._follower.poll(at("reports", id), Report, _ended, timeout)

    def watch(self, id: str, *, timeout: float | None = None) -> AsyncIterator[Report]:
        """As `follow`, told by the API at once (Server-Sent Events). Resumes when cut off; polls where it must."""
        return self._follower.watch(at("reports", id), Report, _ended, timeout)

    async def wait(self, id: str, *, timeout: float | None = None) -> Report:
        """Wait until the report isn't generating, and return it. Raises `WaitTimeout` after `timeout` seconds."""
        return await last_of(self.follow(id, timeout=timeout))

    async def download(self, id: str, name: str, to: str | os.PathLike[str] = ".") -> Path:
        """Save the file `name` of the report as `to`, or in the folder `to`; never half of it under that name."""
        return await save(self._transport, at("reports", id, "artifacts", name), name, to)


class Datasets(Blocking[AsyncDatasets]):
    """The files that reports are made from."""

    upload = blocking(AsyncDatasets.upload)
    get = blocking(AsyncDatasets.get)
    list = iterating(AsyncDatasets.list)
    delete = blocking(AsyncDatasets.delete)


class Reports(Blocking[AsyncReports]):
    """What a user asks for, and can cancel."""

    create = blocking(AsyncReports.create)
    list = iterating(AsyncReports.list)
    get = blocking(AsyncReports.get)
    update = blocking(AsyncReports.update)
    delete = blocking(AsyncReports.delete)
    generate = blocking(AsyncReports.generate)
    cancel = blocking(AsyncReports.cancel)
    follow = iterating(AsyncReports.follow)
    watch = iterating(AsyncReports.watch)
    wait = blocking(AsyncReports.wait)
    download = blocking(AsyncReports.download)


def _name_of(file: IO[bytes]) -> str:
    """What an open file is called; one that was never in a folder, or has a number for a name, isn't."""
    name = getattr(file, "name", None)
    if not isinstance(name, str) or not name:
        raise ValueError("expected `name=` for a file that has none, such as name='sales.csv'")
    return Path(name).name


def _ended(report: Report) -> bool:
    return not report.generating
