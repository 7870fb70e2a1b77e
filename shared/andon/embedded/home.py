"""The folder that one embedded system keeps everything in (`ANDON_HOME`)."""

from __future__ import annotations

import fcntl
import os
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from andon.embedded.errors import EmbeddedError


@contextmanager
def locked_home(folder: Path) -> Iterator[Path]:
    """Own `folder`, made if need be, for the `with` block; yields its absolute path.

    Raises `EmbeddedError` when another live process owns it. The lock ends with its owner, however that ends.
    """
    home = folder.absolute()
    try:
        home.mkdir(parents=True, exist_ok=True)
        lock = (home / "lock").open("a+")
    except OSError as error:
        raise EmbeddedError(
            f"ANDON_HOME {home} can't be used ({error.strerror}): set it to a folder that can be written."
        ) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise EmbeddedError(
                f"Another `andon dev` (pid {lock.read().strip() or 'unknown'}) runs on {home}: stop it, or set"
                " ANDON_HOME to another folder."
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield home.resolve()


@contextmanager
def env_file(home: Path, values: Mapping[str, str], path: list[Path]) -> Iterator[Path]:
    """Keep `home/env`, for `. .andon/env` in a shell, while the `with` block lasts.

    `path` goes before PATH; the folder of the command `andon` goes after it, so that `python` stays the shell's own.
    It holds the database's password, so only its owner may read it.
    """
    file = home / "env"
    lines = [f"export {name}={shlex.quote(value)}" for name, value in values.items()]
    before = "".join(f"{shlex.quote(str(each))}:" for each in path)
    lines.append(f"export PATH={before}$PATH:{shlex.quote(str(Path(sys.executable).parent))}")
    write_private(file, "\n".join(lines) + "\n")
    try:
        yield file
    finally:
        file.unlink(missing_ok=True)


def write_private(file: Path, text: str) -> None:
    """Write this anew, for nobody but the owner to read."""
    file.unlink(missing_ok=True)
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        opened.write(text)


def remember_own(home: Path, urls: Iterable[str]) -> None:
    """Keep the URLs of the embedded stores: a shell that has sourced `home/env` still has them at the next start."""
    write_private(home / "own-stores", "".join(f"{url}\n" for url in urls))


def without_own(home: Path, env: Mapping[str, str]) -> dict[str, str]:
    """`env` without the URLs of this home's own embedded stores, which tell where those were, not where others are."""
    try:
        own = (home / "own-stores").read_text().splitlines()
    except FileNotFoundError:
        own = []
    return {name: value for name, value in env.items() if value not in own}


def read_env_file(home: Path) -> dict[str, str]:
    """What the system that runs on `home` exports; empty when none does."""
    try:
        words = shlex.split((home / "env").read_text())
    except FileNotFoundError:
        return {}
    return dict(word.split("=", 1) for word in words if "=" in word)
