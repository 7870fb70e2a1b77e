"""A small real dataset that ships with Andon; README.md beside it tells its origin and licence."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable

TITLE = "Flights from New York City, 2013"
FILENAME = "flights.csv.gz"


def sample_file() -> Traversable:
    """The dataset as an upload would bring it: gzipped CSV, named `FILENAME`."""
    return files(__name__) / FILENAME
