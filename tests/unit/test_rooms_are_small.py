"""A folder of code has at most a dozen modules, but for catalogues, where each is an entry (docs/decisions/0025)."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("shared/andon", "services/api/andon_api", "services/worker/andon_worker")
CATALOGUES = {
    "services/api/andon_api/asks",
    "services/api/andon_api/routes",
    "services/api/andon_api/reads",
    "services/api/andon_api/console",
    "shared/andon/cli/rest",
    "shared/andon/client",
    "shared/andon/migrations/versions",
}
A_DOZEN = 12


def test_a_folder_that_is_no_catalogue_has_at_most_a_dozen_modules() -> None:
    modules = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py") if path.name[0] != "_"]
    loose = Counter(str(path.parent.relative_to(ROOT)) for path in modules)
    assert {folder: count for folder, count in loose.items() if count > A_DOZEN and folder not in CATALOGUES} == {}
