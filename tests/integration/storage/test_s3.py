"""Files in an object store: a real S3 protocol over a real socket, spoken to by `s3://` URLs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from andon.adapters.storage import FileMissing, Storage, StorageError
from tests.conftest import StartSystem
from tests.functions import FOLDER
from tests.support.ledger import Ledger
from tests.support.s3 import BUCKET, S3Server, forget_clients, s3_server
from tests.support.scene import FUNCTIONS, QUICK, Scene

URL = f"s3://{BUCKET}/some/prefix"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("s3")) as started:
        yield started


@pytest.fixture
def s3_env(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What tells every AWS client where to go, in this process and in those that it starts."""
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)
    forget_clients()
    return server.env


@pytest.fixture
def local(tmp_path: Path) -> Path:
    path = tmp_path / "local"
    path.write_bytes(b"content")
    return path


def test_files_are_put_read_listed_and_deleted(s3_env: dict[str, str], local: Path) -> None:
    storage = Storage(URL)
    for key in ("a/1", "a/b/2", "ab/3"):
        assert storage.put_file(local, key) == 7
    with storage.open("a/b/2") as stream:
        stream.seek(3)
        assert stream.read() == b"tent"
    assert storage.size("a/1") == 7
    assert [each.key for each in storage.list("a")] == ["a/1", "a/b/2"]
    assert [each.key for each in storage.list()] == ["a/1", "a/b/2", "ab/3"]
    assert storage.list("ab")[0].modified_at is not None
    storage.delete("a/1")
    storage.delete("a/1")
    with pytest.raises(FileMissing, match="a/1"):
        storage.open("a/1")
    assert [each.key for each in storage.list()] == ["a/b/2", "ab/3"]


def test_a_file_of_several_parts_is_whole(s3_env: dict[str, str], local: Path) -> None:
    content = os.urandom(1 << 20) * 60  # s3fs sends parts of 50 MiB
    local.write_bytes(content)
    storage = Storage(URL)
    assert storage.put_file(local, "big") == len(content)
    with storage.open("big") as stream:
        assert stream.read() == content


def test_a_bucket_that_is_not_there_is_an_error_of_the_storage(s3_env: dict[str, str], local: Path) -> None:
    with pytest.raises(StorageError, match="a/1"):
        Storage("s3://nobody-made-this").put_file(local, "a/1")


def test_a_report_is_stored_by_the_worker_and_downloaded_in_ranges_by_the_api(
    system: StartSystem, s3_env: dict[str, str], database_url: str, redis_url: str, tmp_path: Path
) -> None:
    started = system(functions=(FUNCTIONS,), env={**QUICK, **s3_env, FOLDER: str(tmp_path), "ANDON_STORAGE_URL": URL})
    with Scene(started, database_url, redis_url, Ledger(tmp_path)) as scene:
        report = scene.report()
        scene.generate(report)
        run = scene.wait_run(report, "completed")
        path = f"/reports/{report}/artifacts/report.txt"
        whole = scene.api.get(path)
        assert whole.status_code == 200
        assert whole.content == f"{report}/{run['id']}/{run['fence']}\n".encode() * 50_000
        part = scene.api.get(path, headers={"Range": "bytes=100-199"})
        assert (part.status_code, part.content) == (206, whole.content[100:200])
    assert not started.storage.exists(), "nothing was kept in a folder"
