"""Reports and datasets: make, generate, follow, cancel, download."""

from __future__ import annotations

import datetime as dt
import enum
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from andon.client.decode import decode
from andon.client.live import Follower
from andon.client.models import Asked, Dataset, Report
from andon.client.pages import listed
from andon.client.saving import save
from andon.client.transport import Transport

UPLOAD_SECONDS = 600.0


class Kept(enum.Enum):
    """Says that a field is left as it is: None is a value."""

    KEPT = enum.auto()


KEPT = Kept.KEPT


class Datasets:
    """The files that reports are made from."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def upload(self, file: str | os.PathLike[str], *, name: str | None = None) -> Dataset:
        """Upload a CSV, TSV, JSON, JSON Lines or Parquet file, or an Excel workbook; it is read as it is sent."""
        path = Path(file)
        with path.open("rb") as opened:
            shown = self._transport.upload("/datasets", name or path.name, opened, timeout=UPLOAD_SECONDS)
        return decode(Dataset, shown)

    def get(self, id: str) -> Dataset:
        """One dataset."""
        return decode(Dataset, self._transport.get(f"/datasets/{quote(id, safe='')}"))

    def list(self, *, limit: int | None = None) -> Iterator[Dataset]:
        """Datasets, newest first."""
        return listed(self._transport, "/datasets", Dataset, limit)

    def delete(self, id: str) -> None:
        """Delete a dataset and its file. Raises `Conflict` while a report uses it."""
        self._transport.delete(f"/datasets/{quote(id, safe='')}")


class Reports:
    """What a user asks for, and can cancel."""

    def __init__(self, transport: Transport, follower: Follower) -> None:
        self._transport = transport
        self._follower = follower

    def create(self, title: str, *, dataset_id: str | None = None, options: Mapping[str, Any] | None = None) -> Report:
        """Make a report; it is `idle` until it is generated."""
        body = {"title": title, "datasetId": dataset_id, "options": dict(options or {})}
        return decode(Report, self._transport.post("/reports", body))

    def list(
        self,
        *,
        status: str | Sequence[str] | None = None,
        dataset_id: str | None = None,
        requested_by: str | None = None,
        created_after: dt.datetime | None = None,
        created_before: dt.datetime | None = None,
        limit: int | None = None,
    ) -> Iterator[Report]:
        """Reports, of this status or of any of these, newest first; `requested_by` is the id of who asked last."""
        query: dict[str, Any] = {
            "status": status,
            "datasetId": dataset_id,
            "requestedBy": requested_by,
            "createdAfter": created_after,
            "createdBefore": created_before,
        }
        return listed(self._transport, "/reports", Report, limit, **query)

    def get(self, id: str) -> Report:
        """One report with its progress, its run and its files."""
        return decode(Report, self._transport.get(_path(id)))

    def update(
        self,
        id: str,
        *,
        title: str | Kept = KEPT,
        dataset_id: str | Kept | None = KEPT,
        options: Mapping[str, Any] | Kept = KEPT,
    ) -> Report:
        """Change what is given, and keep the rest; the dataset and the options can't change while it is generating."""
        given = {"title": title, "datasetId": dataset_id, "options": options}
        body = {name: value for name, value in given.items() if value is not KEPT}
        return decode(Report, self._transport.patch(_path(id), body))

    def delete(self, id: str) -> None:
        """Delete a report that isn't generating; its files go with it."""
        self._transport.delete(_path(id))

    def generate(self, id: str, *, wait: int | None = None, idempotency_key: str | None = None) -> Asked:
        """Ask for its generation; `wait` up to so many seconds for the run's id. Raises `Conflict` while generating."""
        path = f"{_path(id)}/generate"
        return decode(Asked, self._transport.post(path, idempotency_key=idempotency_key, wait=wait))

    def cancel(
        self, id: str, *, reason: str | None = None, run_id: str | None = None, idempotency_key: str | None = None
    ) -> Asked:
        """Cancel its generation: once this returns, it will not complete.

        With `run_id`, only if that is its run now. Raises `Conflict` if it isn't, or isn't generating.
        """
        given = {"reason": reason, "runId": run_id}
        body = {name: value for name, value in given.items() if value is not None}
        return decode(Asked, self._transport.post(f"{_path(id)}/cancel", body, idempotency_key=idempotency_key))

    def follow(self, id: str, *, timeout: float | None = None) -> Iterator[Report]:
        """The report, again at each change, until it isn't generating; that last one is yielded too.

        An API that is away for up to a minute is waited for. Raises `WaitTimeout` after `timeout` seconds.
        """
        return self._follower.poll(_path(id), Report, _ended, timeout)

    def watch(self, id: str, *, timeout: float | None = None) -> Iterator[Report]:
        """As `follow`, told by the API at once (Server-Sent Events). Resumes when cut off; polls where it must."""
        return self._follower.watch(_path(id), Report, _ended, timeout)

    def wait(self, id: str, *, timeout: float | None = None) -> Report:
        """Wait until the report isn't generating, and return it. Raises `WaitTimeout` after `timeout` seconds."""
        *_, last = self.follow(id, timeout=timeout)
        return last

    def download(self, id: str, name: str, to: str | os.PathLike[str] = ".") -> Path:
        """Save the file `name` of the report as `to`, or in the folder `to`; never half of it under that name."""
        return save(self._transport, f"{_path(id)}/artifacts/{quote(name, safe='')}", name, to)


def _path(id: str) -> str:
    return f"/reports/{quote(id, safe='')}"


def _ended(report: Report) -> bool:
    return not report.generating
