"""Which user PostgreSQL runs as: it refuses to be root."""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from andon.embedded.errors import EmbeddedError

CANDIDATES = ("postgres", "nobody", "daemon", "www-data")


@dataclass(frozen=True)
class Account:
    """An unprivileged user; `reach` says that folders on the way to its files are closed to it."""

    uid: int
    gid: int
    reach: bool = False


def postgres_account(folder: Path, programs: Path) -> Account | None:
    """The user to become for data in `folder`, or None where this process isn't root and stays who it is.

    Data keeps the owner that it has.
    """
    owner = folder.stat()
    if os.geteuid() != 0:
        if owner.st_uid != os.geteuid():
            raise EmbeddedError(
                f"{folder} belongs to another user (uid {owner.st_uid}): run as that user, or set ANDON_HOME"
                " to a folder of your own."
            )
        return None
    uid, gid = (owner.st_uid, owner.st_gid) if owner.st_uid else _unprivileged()
    closed = not all(_may_enter(place, uid, gid) for end in (folder, programs) for place in end.parents)
    return Account(uid, gid, reach=closed or not _may_enter(programs / "postgres", uid, gid))


def _unprivileged() -> tuple[int, int]:
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return entry.pw_uid, entry.pw_gid
    raise EmbeddedError(
        f"PostgreSQL does not run as root and none of the users {', '.join(CANDIDATES)} exists: run as"
        " another user, add one (`useradd --system postgres`), or set ANDON_DATABASE_URL to a running server."
    )


def _may_enter(path: Path, uid: int, gid: int) -> bool:
    """Whether the mode's execute bit for this user is set."""
    status = path.stat()
    if status.st_uid == uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)
