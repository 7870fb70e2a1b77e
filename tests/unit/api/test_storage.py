"""Files under one URL: whole or not at all, and one class of error."""

from __future__ import annotations

from pathlib import Path

import pytest

from andon.adapters.storage import FileMissing, Storage, StorageError


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(f"file://{tmp_path / 'files'}")


@pytest.fixture
def local(tmp_path: Path) -> Path:
    path = tmp_path / "local"
    path.write_bytes(b"content")
    return path


def test_what_was_put_is_read_back(storage: Storage, local: Path) -> None:
    assert storage.put_file(local, "a/b/file.txt") == 7
    with storage.open("a/b/file.txt") as stream:
        stream.seek(3)
        assert stream.read() == b"tent"
    assert storage.size("a/b/file.txt") == 7


def test_files_are_listed_by_folder_with_size_and_time(storage: Storage, local: Path) -> None:
    for key in ("a/1", "a/b/2", "ab/3"):
        storage.put_file(local, key)
    assert [each.key for each in storage.list("a")] == ["a/1", "a/b/2"]
    assert [each.key for each in storage.list()] == ["a/1", "a/b/2", "ab/3"]
    found = storage.list("ab")[0]
    assert found.bytes == 7
    assert found.modified_at is not None
    assert storage.list("nothing") == []


def test_a_file_that_is_not_there_is_missing_and_deleting_it_is_no_error(storage: Storage, local: Path) -> None:
    storage.put_file(local, "a/1")
    storage.delete("a/1")
    storage.delete("a/1")
    with pytest.raises(FileMissing, match="a/1"):
        storage.open("a/1")
    with pytest.raises(FileMissing):
        storage.size("a/1")


def test_a_put_that_fails_leaves_nothing_behind(storage: Storage, local: Path, tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        storage.put_file(tmp_path, "a/1")  # a folder can't be copied
    assert [path for path in (tmp_path / "files").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("key", ["", "/etc/passwd", "a/../../b", "a\x00b"])
def test_a_key_that_leaves_the_storage_is_refused(storage: Storage, local: Path, key: str) -> None:
    with pytest.raises(StorageError, match="not a key"):
        storage.put_file(local, key)


def test_another_store_works_the_same(local: Path) -> None:
    storage = Storage("memory://andon-storage-test")
    storage.put_file(local, "a/1")
    with storage.open("a/1") as stream:
        assert stream.read() == b"content"
    assert [each.key for each in storage.list("a")] == ["a/1"]
    storage.delete("a/1")
    assert storage.list() == []
