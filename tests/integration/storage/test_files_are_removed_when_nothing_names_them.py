"""What retention does with files, in a folder and in an object store: unnamed ones go, and no other."""

from __future__ import annotations

import datetime as dt
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from andon.adapters.postgres.connect import Connection, connect
from andon.adapters.postgres.upkeep.files import Usage, forget_datasets, withdraw_artifacts
from andon.adapters.postgres.upkeep.retention import Pruning
from andon.adapters.storage import PARTIAL, Storage, StorageError
from andon.adapters.sweeping import MARK, Swept, owned, sweep
from andon.engine.ids import new_id
from tests.conftest import StartSystem
from tests.functions import FOLDER
from tests.integration.cli.conftest import Command
from tests.support.ledger import Ledger
from tests.support.polling import wait_until
from tests.support.s3 import BUCKET, S3Server, s3_server
from tests.support.scene import FUNCTIONS, QUICK, Scene

NOW = dt.timedelta(0)
DAY = dt.timedelta(days=1)


def removed(swept: Swept) -> Usage:
    """Of all tenants together."""
    return Usage(sum(each.files for each in swept.gone.values()), sum(each.bytes for each in swept.gone.values()))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("s3")) as started:
        yield started


@pytest.fixture(params=["folder", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Storage:
    if request.param == "folder":
        return Storage(f"file://{tmp_path / 'storage'}")
    for name, value in request.getfixturevalue("server").env.items():
        monkeypatch.setenv(name, value)
    return Storage(f"s3://{BUCKET}/{uuid.uuid4().hex}")


@pytest.fixture
def database(database_url: str) -> Iterator[Connection]:
    with connect(database_url, name="test") as connection:
        yield connection


class Rows:
    """Rows and files as the API and workers write them."""

    def __init__(self, database: Connection, storage: Storage, folder: Path) -> None:
        self.database = database
        self.storage = storage
        self.content = folder / "content"
        self.content.write_bytes(b"content")

    def file(self, key: str) -> str:
        self.storage.put_file(self.content, key)
        return key

    def dataset(self, *, age: dt.timedelta = NOW, named: bool = True) -> tuple[uuid.UUID, str]:
        id = new_id()
        key = self.file(f"acme/datasets/{id}/sales.csv")
        if named:
            self.database.execute(
                "INSERT INTO andon.datasets (id, tenant, name, format, media_type, bytes, rows, columns, storage_key,"
                " sha256, created_at) VALUES (%s, 'acme', 'sales.csv', 'csv', 'text/csv', 7, 1, '[]', %s, 'x',"
                " clock_timestamp() - %s)",
                [id, key, age],
            )
        return id, key

    def report(self, dataset: uuid.UUID | None = None) -> uuid.UUID:
        id = new_id()
        self.database.execute(
            "INSERT INTO andon.reports (id, tenant, title, dataset_id) VALUES (%s, 'acme', 'Sales', %s)", [id, dataset]
        )
        return id

    def artifact(
        self, report: uuid.UUID, *, status: str = "completed", named: bool = True, age: dt.timedelta = NOW
    ) -> str:
        run = new_id()
        key = self.file(f"acme/runs/{run}/{new_id()}/report.pdf")
        self.database.execute(
            "INSERT INTO andon.runs (id, tenant, function_id, event_seq, subject_id, status, ended_at)"
            " VALUES (%s, 'acme', %s, 1, %s, %s, clock_timestamp())",
            [run, str(run), report, status],
        )
        if named:
            self.database.execute(
                "INSERT INTO andon.run_artifacts (run_id, name, step, key, bytes, media_type, created_at)"
                " VALUES (%s, 'report.pdf', 's', %s, 7, 'application/pdf', clock_timestamp() - %s)",
                [run, key, age],
            )
        return key

    def left(self) -> set[str]:
        return {each.key for each in self.storage.list(partial=True)} - {MARK}


@pytest.fixture
def rows(database: Connection, storage: Storage, tmp_path: Path) -> Rows:
    return Rows(database, storage, tmp_path)


def test_what_a_report_a_dataset_or_an_open_run_may_name_stays_and_the_rest_goes(rows: Rows) -> None:
    report = rows.report()
    kept = {rows.dataset()[1], rows.artifact(report)}
    kept |= {rows.artifact(report, status=each, named=False) for each in ("queued", "running", "waiting", "cancelling")}
    kept |= {rows.file("acme/notes.txt"), rows.file("acme/backup/2026/dump"), rows.file(f"acme/{report}/readme/3/x")}
    gone = {rows.dataset(named=False)[1]}
    gone |= {rows.artifact(report, status=each, named=False) for each in ("completed", "failed", "cancelled")}
    gone |= {
        rows.file(f"acme/{report}/{new_id()}/1/{PARTIAL}0a"),
        rows.file(f"acme/runs/{new_id()}/{new_id()}/{PARTIAL}0a"),
        rows.file(f"acme/{new_id()}/{new_id()}/1/report.pdf"),
    }
    deleted = rows.report()
    gone.add(rows.artifact(deleted))
    rows.database.execute("DELETE FROM andon.runs WHERE subject_id = %s", [deleted])

    young = sweep(rows.storage, rows.database, grace=DAY)
    assert (removed(young).files, rows.left()) == (0, kept | gone), "an upload's file is there before its row is"
    swept = sweep(rows.storage, rows.database, grace=NOW)
    assert rows.left() == kept
    assert removed(swept) == (len(gone), 7 * len(gone))
    assert swept.kept["acme"] == (6, 42), "what Andon itself has stored"
    assert rows.database.execute("SELECT tenant, files, bytes FROM andon.storage_usage").fetchall() == [("acme", 6, 42)]


def test_a_storage_of_another_database_is_refused_untouched(rows: Rows, tmp_path: Path) -> None:
    key = rows.file(f"acme/{new_id()}/{new_id()}/1/report.pdf")
    sweep(rows.storage, rows.database, grace=DAY)
    sweep(rows.storage, rows.database, grace=DAY)
    rows.database.execute("DELETE FROM andon.maintenance")  # as a database has it that never pruned
    with pytest.raises(StorageError, match="is that of another database"):
        sweep(rows.storage, rows.database, grace=NOW)
    assert key in rows.left()


def test_datasets_that_no_report_names_go_when_they_are_old(rows: Rows) -> None:
    named, young, old = rows.dataset(age=100 * DAY)[0], rows.dataset(age=80 * DAY)[0], rows.dataset(age=100 * DAY)
    rows.report(named)
    assert forget_datasets(rows.database, 90 * DAY, batch=1).total() == 1
    left = {id for (id,) in rows.database.execute("SELECT id FROM andon.datasets")}
    assert left == {named, young}
    assert removed(sweep(rows.storage, rows.database, grace=NOW)).files == 1
    assert old[1] not in rows.left()


def test_a_dataset_that_a_report_takes_meanwhile_stays(rows: Rows, database_url: str) -> None:
    dataset, key = rows.dataset(age=100 * DAY)
    with connect(database_url, name="test") as other, other.transaction():
        other.execute(
            "INSERT INTO andon.reports (id, tenant, title, dataset_id) VALUES (%s, 'acme', 'Sales', %s)",
            [new_id(), dataset],
        )
        assert forget_datasets(rows.database, 90 * DAY, batch=10).total() == 0
    assert forget_datasets(rows.database, 90 * DAY, batch=10).total() == 0
    sweep(rows.storage, rows.database, grace=NOW)
    assert key in rows.left()


def test_files_of_reports_go_by_age_only_when_asked_and_the_report_stays(rows: Rows) -> None:
    report = rows.report()
    old, young = rows.artifact(report, age=100 * DAY), rows.artifact(report, age=DAY)
    assert withdraw_artifacts(rows.database, 90 * DAY, batch=1).total() == 1
    sweep(rows.storage, rows.database, grace=NOW)
    assert rows.left() == {young}
    assert old not in rows.left()
    assert rows.database.execute("SELECT count(*) FROM andon.reports").fetchone() == (1,)


@pytest.mark.parametrize(
    "key",
    [
        "notes.txt",
        "acme/datasets/sales.csv",
        "acme/datasets/7/sales.csv",
        f"acme/{new_id()}/{new_id()}/report.pdf",
        f"acme/{new_id()}/latest/1/report.pdf",
        f"acme/{new_id()}/{new_id()}/last/report.pdf",
        f"a/b/{new_id()}/{new_id()}/1/report.pdf",
    ],
)
def test_a_key_of_another_shape_is_nobody_of_ours(key: str) -> None:
    assert owned(key) is None


def test_pruning_and_sweeping_all_the_time_take_no_file_that_a_report_shows(
    system: StartSystem, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    started = system(functions=(FUNCTIONS,), env={**QUICK, FOLDER: str(tmp_path)})
    storage, over = Storage(f"file://{started.storage}"), threading.Event()
    gone: list[int] = []

    def keep_sweeping() -> None:
        with connect(database_url, name="test") as connection:
            while not over.is_set():
                Pruning(connection, batch=100, deleted=lambda *_: None).runs(NOW)
                gone.append(removed(sweep(storage, connection, grace=NOW)).files)

    with Scene(started, database_url, redis_url, Ledger(tmp_path)) as scene:
        reports = [scene.report() for _ in range(6)]  # their datasets: it is the grace that covers uploads
        sweeper = threading.Thread(target=keep_sweeping)
        sweeper.start()
        try:
            for _ in range(3):
                for report in reports:
                    scene.generate(report)
                for report in reports:
                    shown = wait_generated(scene, report)
                    [artifact] = shown["artifacts"]
                    file = scene.api.get(f"/reports/{report}/artifacts/{artifact['name']}")
                    assert file.status_code == 200, file.text
                    assert len(file.content) == artifact["bytes"]
        finally:
            over.set()
            sweeper.join()
        assert sum(gone) > 0, "runs that a newer one has replaced are forgotten with their files"


def wait_generated(scene: Scene, report: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        shown = scene.show_report(report)
        return shown if shown["status"] == "generated" else None

    return wait_until(look, what="the report")


def test_prune_says_what_it_removed_and_what_is_stored(
    rows: Rows, storage: Storage, database_url: str, redis_url: str
) -> None:
    rows.dataset()
    rows.dataset(age=100 * DAY)
    andon = Command(
        {"ANDON_DATABASE_URL": database_url, "ANDON_REDIS_URL": redis_url, "ANDON_STORAGE_URL": storage.url}
    )
    pruned = andon("prune", "--json")
    assert pruned.code == 0, pruned.err
    assert pruned.json["deleted"]["datasets"] == 1
    assert pruned.json["deleted"]["files"] == 0, "younger than a day"
    assert (pruned.json["stored"]["files"], pruned.json["stored"]["bytes"]) == (2, 14)
    assert pruned.json["stored"]["tenants"] == {"acme": {"files": 2, "bytes": 14}}
    assert "2 files, 14 bytes" in andon("prune").words
    refused = andon("prune", "--keep-orphans", "5m")
    assert (refused.code, "expected 1h or more" in refused.err) == (2, True)
    assert "not looked at: ANDON_STORAGE_URL is not set" in andon("prune", ANDON_STORAGE_URL="").words
