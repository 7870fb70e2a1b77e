"""Where a lane puts its runs' artifacts: each under a key that no other file has, so that nothing is overwritten."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from andon.engine.ids import new_id

if TYPE_CHECKING:
    from andon.adapters.storage import Storage

_ODD = re.compile(r"[^A-Za-z0-9._-]+")


class Artifacts:
    """The lane's storage, opened when a run first has a file for it."""

    def __init__(self, storage_url: str, limit: int) -> None:
        self._url = storage_url
        self.limit = limit

    @cached_property
    def storage(self) -> Storage:
        """What `ANDON_STORAGE_URL` names."""
        from andon.adapters.storage import Storage

        return Storage(self._url)

    def of(self, tenant: str, run_id: str) -> RunFiles:
        """Where this run's files go."""
        return RunFiles(self, f"{tenant}/runs/{run_id}", self.limit)


@dataclass(frozen=True)
class RunFiles:
    """`ports.Files` of one run."""

    artifacts: Artifacts
    prefix: str
    limit: int

    def store(self, path: str, name: str) -> tuple[str, int]:
        """Store a copy of the file; its key ends in its name, as far as every store can have that."""
        key = f"{self.prefix}/{new_id()}/{_ODD.sub('_', name)[-100:]}"
        return key, self.artifacts.storage.put_file(path, key)
