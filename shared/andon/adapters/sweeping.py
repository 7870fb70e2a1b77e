"""Remove files that nothing names any more, and measure those that stay.

Only keys of Andon's own shapes are looked at, `{tenant}/datasets/{dataset}/{name}` and
`{tenant}/runs/{run}/{file}/{name}` (of the release before, `{tenant}/{report}/{run}/{fence}/{name}`): what else lies in
the storage is somebody else's. Files are listed first and asked about afterwards, so a file that a run stores meanwhile
is seen as named, or its run as open.
"""

import datetime as dt
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.upkeep.files import (
    Candidate,
    Usage,
    maintenance_facts,
    needed,
    record_maintenance,
    record_usage,
)
from andon.adapters.postgres.upkeep.keeping import Keeping, keepings
from andon.adapters.storage import FileMissing, Storage, StorageError, StoredFile
from andon.engine.ids import new_id, parse_id

DATASETS, RUNS = "datasets", "runs"
MARK = ".andon-installation"
CLAIM = "storage"


@dataclass
class Swept:
    """What was removed of each tenant, and what it has left."""

    gone: dict[str, Usage] = field(default_factory=lambda: defaultdict(lambda: Usage(0, 0)))
    kept: dict[str, Usage] = field(default_factory=lambda: defaultdict(lambda: Usage(0, 0)))


def sweep(storage: Storage, connection: Connection, *, grace: dt.timedelta) -> Swept:
    """Remove what nothing names and was written longer ago than `grace`, or its tenant's own: uploads are under way.

    Raises `StorageError` for a storage that belongs to another database's Andon: to that one all files are unnamed.
    """
    claim(storage, connection)
    now, own, swept = dt.datetime.now(dt.UTC), keepings(connection), Swept()
    for folder in _folders(storage):
        tenant = PurePosixPath(folder).parts[0]
        keep = own.get(tenant, Keeping()).orphans
        _sweep_folder(storage, connection, folder, now - (grace if keep is None else keep), swept)
    record_usage(connection, swept.kept)
    return swept


def claim(storage: Storage, connection: Connection) -> None:
    """Mark the storage as this database's, or raise `StorageError` if it is marked as another's."""
    ours = (maintenance_facts(connection, CLAIM) or {}).get("installation")
    found = _mark(storage)
    if found is None:
        ours = ours or str(new_id())
        record_maintenance(connection, CLAIM, {"installation": ours})
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(ours)
            file.flush()
            storage.put_file(file.name, MARK)
    elif found != ours:
        raise StorageError(
            f"the storage {storage.url} is that of another database (its {MARK} says {found}, this database "
            f"{ours or 'has none yet'}), and nothing in it was touched: set ANDON_STORAGE_URL to this database's own, "
            f"or remove {MARK} if it is"
        )


def _mark(storage: Storage) -> str | None:
    try:
        with storage.open(MARK) as file:
            return file.read().decode(errors="replace").strip()
    except FileMissing:
        return None


def _folders(storage: Storage) -> Iterator[str]:
    """Folders with few files each, so that a storage of any size takes little memory."""
    for tenant in storage.folders():
        for folder in storage.folders(tenant):
            if PurePosixPath(folder).name in {DATASETS, RUNS}:
                yield from storage.folders(folder)
            else:
                yield folder


def _sweep_folder(storage: Storage, connection: Connection, folder: str, before: dt.datetime, swept: Swept) -> None:
    tenant = PurePosixPath(folder).parts[0]
    ours = {each: candidate for each in storage.list(folder, partial=True) if (candidate := owned(each.key))}
    named = needed(connection, list(ours.values()))
    for file in ours:
        if file.key in named or file.modified_at is None or file.modified_at >= before:
            swept.kept[tenant] = _with(swept.kept[tenant], file)
            continue
        storage.delete(file.key)
        swept.gone[tenant] = _with(swept.gone[tenant], file)
        _tidy(storage, ours[file])


def _with(usage: Usage, file: StoredFile) -> Usage:
    return Usage(usage.files + 1, usage.bytes + file.bytes)


def _tidy(storage: Storage, removed: Candidate) -> None:
    """Remove the folders that only this file was in: its dataset's, or its run's, which nobody writes to any more."""
    folder = PurePosixPath(removed.key).parent
    storage.remove_folder(str(folder))
    if removed.run is not None:
        storage.remove_folder(str(folder.parent))


def owned(key: str) -> Candidate | None:
    """Whose file this is; None for a key of neither shape."""
    match PurePosixPath(key).parts:
        case (_, folder, dataset, _) if folder == DATASETS and (id := parse_id(dataset)):
            return Candidate(key, None, id)
        case (_, folder, run, file, _) if folder == RUNS and parse_id(file) and (id := parse_id(run)):
            return Candidate(key, id, None)
        case (_, report, run, fence, _) if parse_id(report) and (id := parse_id(run)) and fence.isdigit():
            return Candidate(key, id, None)
    return None
