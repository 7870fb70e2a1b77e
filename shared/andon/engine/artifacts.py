"""Artifacts: files that belong to a run. What they may be called, and what of a path can be stored at all.

Storing is the caller's part (`ports.Files`). The row that names the file is kept with the step's result, and it is the
run's completion that publishes it.
"""

from __future__ import annotations

import mimetypes
import os
import re
import stat
from collections.abc import Generator
from typing import Any, NamedTuple

from andon.engine.errors import NonRetriable
from andon.engine.memos import plain

LONGEST_NAME = 150
MOST_ARTIFACTS = 1_000
UNKNOWN_TYPE = "application/octet-stream"
_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+(; ?[\w.+-]+=[\w.+-]+)*", re.ASCII)


class Stored(NamedTuple):
    """A file in the storage, and how the run calls it."""

    name: str
    key: str
    bytes: int
    media_type: str


class Artifact(dict[str, Any]):
    """What `step.artifact` tells of a file: its `name`, `bytes` and `mediaType`. To await it is to have it."""

    def __await__(self) -> Generator[Any, Any, Artifact]:
        yield from ()
        return self

    @classmethod
    def of(cls, stored: Stored) -> Artifact:
        """Without its key, which is nobody's business."""
        return cls(name=stored.name, bytes=stored.bytes, mediaType=stored.media_type)


def named(path: Any, name: Any, media_type: Any) -> tuple[str, str, str]:
    """The path, the name and the media type that are meant; raises `NonRetriable` where none can be."""
    path = os.fspath(path) if isinstance(path, os.PathLike) else path
    if not isinstance(path, str) or not path or "\x00" in path:
        raise NonRetriable(f"step.artifact: path={path!r:.80}: expected the path of a file, a text or a Path")
    name = os.path.basename(path) if name is None else name
    if fault := _fault(name):
        raise NonRetriable(f"step.artifact: name={name!r:.80}: {fault}")
    if media_type is None:
        media_type = mimetypes.guess_type(name)[0] or UNKNOWN_TYPE
    if not isinstance(media_type, str) or len(media_type) > 200 or not _TYPE.fullmatch(media_type):
        raise NonRetriable(f"step.artifact: media_type={media_type!r:.80}: expected one such as 'text/csv'")
    return path, name, media_type


def _fault(name: Any) -> str | None:
    if not isinstance(name, str) or not 1 <= len(name) <= LONGEST_NAME or not name.isprintable() or name != plain(name):
        return f"expected a text of 1 to {LONGEST_NAME} printable characters"
    if name != name.strip() or name in {".", ".."} or "/" in name or "\\" in name:
        return "expected the name of a file, without a folder ('/', '\\') and without blanks at its ends"
    return None


def check_file(path: str, limit: int) -> None:
    """Raise `NonRetriable` unless there is a file of at most `limit` bytes at `path`."""
    try:
        found = os.stat(path)
    except OSError as error:
        raise NonRetriable(
            f"step.artifact: {path!r}: {error.strerror}. What another step wrote is lost with its process: "
            "call step.artifact in the function that writes the file"
        ) from None
    if stat.S_ISDIR(found.st_mode):
        raise NonRetriable(f"step.artifact: {path!r} is a directory: pack it into one file first")
    if not stat.S_ISREG(found.st_mode):
        raise NonRetriable(f"step.artifact: {path!r} is no file, but a device or a pipe")
    if found.st_size > limit:
        raise NonRetriable(
            f"step.artifact: {path!r} has {found.st_size:,} bytes, and an artifact has at most {limit:,} "
            "(ANDON_ARTIFACT_LIMIT_BYTES)"
        )
