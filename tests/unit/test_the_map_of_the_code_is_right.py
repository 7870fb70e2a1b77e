"""CONTRIBUTING says where to change what; each place that it names is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BELOW = (ROOT, ROOT / "shared/andon", ROOT / "services/api/andon_api", ROOT / "services/worker/andon_worker")
ROWS = (ROOT / "CONTRIBUTING.md").read_text().partition("## Where do I change X?")[2].partition("## Tests")[0]
PLACE = re.compile(r"`([\w./<>-]+(?:\.py|\.html|\.md|/))`")


def missing() -> Iterator[str]:
    """The places that aren't: a name alone is in the folder of the one before; of `<what>` it takes the folder."""
    among = ROOT
    for place in PLACE.findall(ROWS):
        wanted = place.rpartition("/")[0] if "<" in place else place
        known = [base / wanted for base in (*BELOW, among) if (base / wanted).exists()]
        if not known:
            yield place
            continue
        among = known[-1] if known[-1].is_dir() else known[-1].parent


def test_every_place_on_the_map_is_there() -> None:
    assert PLACE.search(ROWS)
    assert list(missing()) == []
