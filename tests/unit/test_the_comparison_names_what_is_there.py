"""docs/comparison.md: a *yes* of Andon's names a test or a page that is there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "comparison.md").read_text()
SHOWN = dict(re.findall(r"^\| (\d+) \| (.*) \|$", PAGE, re.MULTILINE))


def test_each_yes_is_shown_by_something() -> None:
    rows = [line.split(" | ") for line in PAGE.splitlines() if line.startswith("| ") and line.count(" | ") == 5]
    ours = [cells[1] for cells in rows if cells[1].startswith(("yes", "**yes"))]
    assert len(ours) > 10
    for each in ours:
        number = re.search(r"<sup>(\d+)</sup>", each)
        assert number is not None, each
        assert number[1] in SHOWN, each


def test_what_shows_it_is_there() -> None:
    for named in SHOWN.values():
        for test in re.findall(r"`(tests/[^`]+)`", named):
            path, _, name = test.partition("::")
            file = ROOT / path
            assert file.is_file(), test
            assert not name or f"def {name}(" in file.read_text(), test
        for page in re.findall(r"\]\(([a-z-]+\.md)\)", named):
            assert (ROOT / "docs" / page).is_file(), page
