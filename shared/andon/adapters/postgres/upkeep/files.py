"""Files as the tables know them: which are needed, which rows are old, and how much a tenant has stored."""

import datetime as dt
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import psycopg
from psycopg.types.json import Jsonb

from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.statuses import OPEN
from andon.adapters.postgres.upkeep.keeping import kept

# One statement, so one moment: a run is open, or its rows are all there that will ever name its files.
_NEEDED = f"""
SELECT f.key FROM unnest(%(keys)s::text[], %(runs)s::uuid[], %(datasets)s::uuid[]) f (key, run, dataset)
WHERE EXISTS (SELECT FROM andon.runs r WHERE r.id = f.run
        AND r.status IN {OPEN})
    OR EXISTS (SELECT FROM andon.run_artifacts a WHERE a.key = f.key)
    OR EXISTS (SELECT FROM andon.datasets d WHERE d.id = f.dataset AND d.storage_key = f.key)
"""
# A report that is being made of one holds its row, which is skipped; one that was made meanwhile breaks the batch.
_DELETE_DATASETS = f"""
DELETE FROM andon.datasets WHERE id IN (
    SELECT d.id FROM andon.datasets d
    WHERE d.created_at < clock_timestamp() - {kept("unused", "d.tenant", "%(keep)s")}
        AND NOT EXISTS (SELECT FROM andon.reports r WHERE r.dataset_id = d.id)
    ORDER BY d.created_at LIMIT %(batch)s FOR UPDATE SKIP LOCKED)
RETURNING tenant
"""
_DELETE_ARTIFACTS = f"""
DELETE FROM andon.run_artifacts WHERE (run_id, name) IN (
    SELECT a.run_id, a.name FROM andon.run_artifacts a JOIN andon.runs r ON r.id = a.run_id
    WHERE a.created_at < clock_timestamp() - {kept("artifacts", "r.tenant", "%(keep)s::interval")}
    LIMIT %(batch)s FOR UPDATE OF a SKIP LOCKED)
RETURNING (SELECT r.tenant FROM andon.runs r WHERE r.id = run_id)
"""
_MEASURED = """
WITH gone AS (DELETE FROM andon.storage_usage WHERE tenant <> ALL(%(tenants)s::text[]))
INSERT INTO andon.storage_usage (tenant, files, bytes)
SELECT * FROM unnest(%(tenants)s::text[], %(files)s::bigint[], %(bytes)s::bigint[])
ON CONFLICT (tenant) DO UPDATE SET files = excluded.files, bytes = excluded.bytes, measured_at = clock_timestamp()
"""
_DONE = """
INSERT INTO andon.maintenance (name, facts) VALUES (%(name)s, %(facts)s)
ON CONFLICT (name) DO UPDATE SET facts = excluded.facts, finished_at = clock_timestamp()
"""
_FACTS = "SELECT facts FROM andon.maintenance WHERE name = %s"


class Candidate(NamedTuple):
    """A file, and the run or the dataset that its key tells of."""

    key: str
    run: uuid.UUID | None
    dataset: uuid.UUID | None


class Usage(NamedTuple):
    """What a tenant has stored."""

    files: int
    bytes: int


def needed(connection: Connection, files: Sequence[Candidate]) -> set[str]:
    """The keys of those that an artifact or a dataset names, or that an open run may still publish."""
    keys, runs, datasets = zip(*files, strict=True) if files else ((), (), ())
    values = {"keys": list(keys), "runs": list(runs), "datasets": list(datasets)}
    return {key for (key,) in connection.execute(_NEEDED, values).fetchall()}


def forget_datasets(connection: Connection, keep: dt.timedelta, batch: int) -> Counter[str]:
    """Forget datasets that no report names and that were uploaded longer ago than `keep`, or than their tenant's own.

    Returns how many of each tenant.
    """
    gone: Counter[str] = Counter()
    while True:
        try:
            tenants = connection.execute(_DELETE_DATASETS, {"keep": keep, "batch": batch}).fetchall()
        except psycopg.errors.ForeignKeyViolation:
            continue  # a report has taken one of them since the statement began
        gone.update(tenant for (tenant,) in tenants)
        if not tenants:
            return gone


def withdraw_artifacts(connection: Connection, keep: dt.timedelta | None, batch: int) -> Counter[str]:
    """Withdraw artifacts that were stored longer ago than `keep`, or than their tenant's own; None is never.

    Returns how many of each tenant.
    """
    gone: Counter[str] = Counter()
    while tenants := connection.execute(_DELETE_ARTIFACTS, {"keep": keep, "batch": batch}).fetchall():
        gone.update(tenant for (tenant,) in tenants)
    return gone


def record_usage(connection: Connection, usage: Mapping[str, Usage]) -> None:
    """What every tenant has stored now; those that aren't named have nothing."""
    files, sizes = [each.files for each in usage.values()], [each.bytes for each in usage.values()]
    connection.execute(_MEASURED, {"tenants": list(usage), "files": files, "bytes": sizes})


def record_maintenance(connection: Connection, name: str, facts: Mapping[str, Any]) -> None:
    """That the maintenance of this name has ended well, now."""
    connection.execute(_DONE, {"name": name, "facts": Jsonb(facts)})


def maintenance_facts(connection: Connection, name: str) -> dict[str, Any] | None:
    """What was recorded of the maintenance of this name; None if it was never done."""
    row = connection.execute(_FACTS, [name]).fetchone()
    return None if row is None else dict(row[0])
