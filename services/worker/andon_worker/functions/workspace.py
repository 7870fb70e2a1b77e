"""A report run's scratch folder: the dataset as Parquet, and files on their way to the storage."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from andon.adapters.storage import Storage
from andon.reports import Control, ReportOptions, ensure_parquet
from andon.reports.plan import Plan
from andon.settings import Settings

MEDIA_TYPES = {".html": "text/html", ".pdf": "application/pdf", ".json": "application/json"}


@dataclass(frozen=True)
class Workspace:
    """Lost with its machine, and made again by whoever goes on with the run."""

    folder: Path
    prefix: str
    settings: Settings

    def parquet(self, dataset: dict[str, Any], options: ReportOptions, control: Control) -> Path:
        """The dataset as typed Parquet, converted if it isn't here yet."""
        source = self.folder / "source"
        if not source.exists():
            self._fetch(dataset["storageKey"], source, control)
        return ensure_parquet(
            source,
            dataset["name"],
            self.folder,
            plan=Plan.from_json(dataset["plan"]) if dataset.get("plan") else None,
            choices=options.columns,
            unpacked_limit_bytes=self.settings.unpacked_limit_bytes,
            control=control,
        )

    def _fetch(self, key: str, target: Path, control: Control) -> None:
        draft = target.with_suffix(".draft")
        with self.storage().open(key) as stored, draft.open("wb") as copy:
            while chunk := stored.read(1 << 20):
                copy.write(chunk)
                control.check()
        draft.replace(target)

    def store(self, path: Path) -> dict[str, Any]:
        """Put a file into the storage under this run's prefix; returns what publishes it."""
        key = f"{self.prefix}/{path.name}"
        size = self.storage().put_file(path, key)
        return {"name": path.name, "key": key, "bytes": size, "mediaType": MEDIA_TYPES[path.suffix]}

    def storage(self) -> Storage:
        """The storage that this process is configured with."""
        return Storage(self.settings.storage_url)


@contextmanager
def workspace(prefix: str) -> Iterator[Workspace]:
    """A workspace whose files go to `prefix`, removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="andon-report-"))
    try:
        yield Workspace(folder, prefix, Settings.from_env(os.environ))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
