"""A report run's scratch folder: the dataset as Parquet, and files that are being written."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from andon.adapters.storage import Storage
from andon.reports import Control, PartOf, ReportOptions
from andon.reports.datasets import ensure_parquet
from andon.reports.tables.plan import Plan
from andon.settings import Settings

_FETCHED = 0.1  # of the time that it takes until the dataset is there as Parquet


@dataclass(frozen=True)
class Workspace:
    """Lost with its machine, and made again by whoever goes on with the run."""

    folder: Path
    settings: Settings

    def parquet(self, dataset: dict[str, Any], options: ReportOptions, control: Control) -> Path:
        """The dataset as typed Parquet, converted if it isn't here yet."""
        source = self.folder / "source"
        if not source.exists():
            self._fetch(dataset, source, PartOf(control, 0.0, _FETCHED))
            control = PartOf(control, _FETCHED, 1.0)
        return ensure_parquet(
            source,
            dataset["name"],
            self.folder,
            plan=Plan.from_json(dataset["plan"]) if dataset.get("plan") else None,
            choices=options.columns,
            unpacked_limit_bytes=self.settings.unpacked_limit_bytes,
            control=control,
        )

    def _fetch(self, dataset: dict[str, Any], target: Path, control: Control) -> None:
        draft = target.with_suffix(".draft")
        whole = max(1, dataset["bytes"])
        with Storage(self.settings.storage_url).open(dataset["storageKey"]) as stored, draft.open("wb") as copy:
            while chunk := stored.read(1 << 20):
                copy.write(chunk)
                control.check()
                control.progress(min(1.0, copy.tell() / whole), "fetching the dataset")
        draft.replace(target)


@contextmanager
def workspace() -> Iterator[Workspace]:
    """A workspace, removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="andon-report-"))
    try:
        yield Workspace(folder, Settings.from_env(os.environ))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
