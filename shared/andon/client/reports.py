"""Reports and datasets: make, generate, follow, cancel, download."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from andon.client.decode import decode
from andon.client.live import Follower
from andon.client.models import Asked, Dataset, Report
from andon.client.pages import listed
from andon.client.transport import Transport

UPLOAD_SECONDS = 600.0
CHUNK = 1024 * 1024


class Datasets:
    """The files that reports are made from."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def upload(self, file: str | os.PathLike[str], *, name: str | None = None) -> Dataset:
        """Upload a CSV, TSV, JSON Lines or Parquet file, which may be gzipped; it is read as it is sent."""
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


class Reports:
    """What a user asks for, and can cancel."""

    def __init__(self, transport: Transport, follower: Follower) -> None:
        self._transport = transport
        self._follower = follower

    def create(self, title: str, *, dataset_id: str | None = None, options: Mapping[str, Any] | None = None) -> Report:
        """Make a report; it is `idle` until it is generated."""
        body = {"title": title, "datasetId": dataset_id, "options": dict(options or {})}
        return decode(Report, self._transport.post("/reports", body))

    def list(self, *, status: str | None = None, limit: int | None = None) -> Iterator[Report]:
        """Reports, newest first."""
        return listed(self._transport, "/reports", Report, limit, status=status)

    def get(self, id: str) -> Report:
        """One report with its progress, its run and its files."""
        return decode(Report, self._transport.get(_path(id)))

    def update(self, id: str, **changes: Any) -> Report:
        """Change `title`, `dataset_id` or `options`; the latter two not while it is generating."""
        names = {"title": "title", "dataset_id": "datasetId", "options": "options"}
        body = {names[name]: value for name, value in changes.items()}
        return decode(Report, self._transport.patch(_path(id), body))

    def delete(self, id: str) -> None:
        """Delete a report that isn't generating; its files go with it."""
        self._transport.delete(_path(id))

    def generate(self, id: str, *, idempotency_key: str | None = None) -> Asked:
        """Ask for its generation. Raises `Conflict` while it is generating."""
        return decode(Asked, self._transport.post(f"{_path(id)}/generate", idempotency_key=idempotency_key))

    def cancel(self, id: str, *, reason: str | None = None, idempotency_key: str | None = None) -> Asked:
        """Cancel its generation: once this returns, it will not complete. Raises `Conflict` if it isn't generating."""
        body = {} if reason is None else {"reason": reason}
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
        target = Path(to)
        if target.is_dir():
            target = target / Path(name).name
        part = target.with_name(f"{target.name}.part")
        try:
            with (
                self._transport.stream(f"{_path(id)}/artifacts/{quote(name, safe='')}") as response,
                part.open("wb") as file,
            ):
                for chunk in response.iter_bytes(CHUNK):
                    file.write(chunk)
            os.replace(part, target)
        finally:
            part.unlink(missing_ok=True)
        return target


def _path(id: str) -> str:
    return f"/reports/{quote(id, safe='')}"


def _ended(report: Report) -> bool:
    return not report.generating
