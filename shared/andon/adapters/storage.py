"""Files in a folder or an object store, by an fsspec URL. A key appears whole or not at all."""

import datetime as dt
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

import fsspec  # type: ignore[import-untyped]
from fsspec.implementations.local import LocalFileSystem  # type: ignore[import-untyped]

from andon.engine.errors import AndonError

PARTIAL = ".partial-"


class StorageError(AndonError):
    """The storage can't do what was asked of it; the message names the key."""


class FileMissing(StorageError):
    """There is no file under this key."""


@dataclass(frozen=True)
class StoredFile:
    """A file in the storage; `modified_at` is None where the store doesn't tell."""

    key: str
    bytes: int
    modified_at: dt.datetime | None


class Storage:
    """The files under one URL, such as `file:///var/lib/andon` or `s3://bucket/prefix`. Opens nothing by itself."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._files, root = fsspec.core.url_to_fs(url)
        self._root = str(root).rstrip("/")

    def put_file(self, local_path: str | os.PathLike[str], key: str) -> int:
        """Store a copy of the file at `local_path` under `key`; returns the copy's size."""
        target = self._path(key)
        with _named(key):
            if isinstance(self._files, LocalFileSystem):
                _copy_durably(Path(local_path), Path(target))
            else:
                self._files.put_file(os.fspath(local_path), target)
        return self.size(key)  # the file may have grown meanwhile

    def open(self, key: str) -> IO[bytes]:
        """A binary stream of the file; it can seek."""
        path = self._path(key)
        with _named(key):
            return cast("IO[bytes]", self._files.open(path, "rb"))

    def size(self, key: str) -> int:
        """The file's size in bytes."""
        path = self._path(key)
        with _named(key):
            return int(self._files.size(path))

    def delete(self, key: str) -> None:
        """Remove the file; that it isn't there is no error."""
        path = self._path(key)
        try:
            with _named(key):
                self._files.rm_file(path)
        except FileMissing:
            return

    def remove_folder(self, key: str) -> None:
        """Remove a folder that holds nothing; one that does stays. Object stores have none."""
        path = self._path(key)
        if isinstance(self._files, LocalFileSystem):
            with suppress(OSError):
                os.rmdir(path)

    def room(self) -> tuple[int, int] | None:
        """Bytes that the storage can hold, and that are free; None where it has no end, as object stores."""
        if not isinstance(self._files, LocalFileSystem) or not os.path.isdir(self._root):
            return None
        usage = shutil.disk_usage(self._root)
        return usage.total, usage.free

    def folders(self, prefix: str = "") -> list[str]:
        """The keys of the folders right below the folder `prefix`."""
        path = self._path(prefix) if prefix else self._root
        try:
            with _named(prefix):
                self._files.invalidate_cache()
                found: list[dict[str, Any]] = self._files.ls(path, detail=True)
        except FileMissing:
            return []
        start = len(self._root) + 1
        return sorted(each["name"].rstrip("/")[start:] for each in found if each["type"] == "directory")

    def list(self, prefix: str = "", *, partial: bool = False) -> list[StoredFile]:
        """Every file whose key starts with the folder `prefix`, in the order of keys.

        Those that a broken copy has left half written are told of only if `partial`.
        """
        path = self._path(prefix) if prefix else self._root
        try:
            with _named(prefix):
                self._files.invalidate_cache()
                found: dict[str, dict[str, Any]] = self._files.find(path, detail=True)
        except FileMissing:
            return []
        start = len(self._root) + 1
        return [
            StoredFile(name[start:], int(info["size"]), _modified(info))
            for name, info in sorted(found.items())
            if partial or not PurePosixPath(name).name.startswith(PARTIAL)
        ]

    def _path(self, key: str) -> str:
        parts = PurePosixPath(key).parts
        if not parts or key.startswith("/") or ".." in parts or "\x00" in key:
            raise StorageError(f"{key!r} is not a key: expected a relative path such as 'tenant/report/name'")
        return f"{self._root}/{'/'.join(parts)}"


@contextmanager
def _named(key: str) -> Iterator[None]:
    """Turn whatever the store's library raises into a `StorageError` that names the key."""
    try:
        yield
    except StorageError:
        raise
    except FileNotFoundError as error:
        raise FileMissing(f"{key!r} is not in the storage") from error
    except Exception as error:  # each store's library has its own base class
        raise StorageError(f"{key!r}: {error}") from error


def _copy_durably(source: Path, target: Path) -> None:
    """Copy beside the target, flush to disk, rename: a reader or a crash never meets half a file."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{PARTIAL}{uuid.uuid4().hex}")
    try:
        with source.open("rb") as given, partial.open("wb") as copy:
            shutil.copyfileobj(given, copy, 1 << 20)
            copy.flush()
            os.fsync(copy.fileno())
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _modified(info: dict[str, Any]) -> dt.datetime | None:
    """The time of the last change as local folders (`mtime`) and S3 (`LastModified`) tell it."""
    at = info.get("mtime") or info.get("LastModified") or info.get("last_modified")
    if isinstance(at, (int, float)):
        return dt.datetime.fromtimestamp(at, dt.UTC)
    return at if isinstance(at, dt.datetime) else None
