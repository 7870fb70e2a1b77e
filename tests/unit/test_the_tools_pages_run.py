"""The examples of the pages about step tools do what the pages say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGES = sorted(Path(__file__).parents[2].glob("docs/tools/*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_example_of_a_page_runs(page: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    assert blocks
    code = "\n\n".join(blocks)
    assert "assert " in code
    exec(compile(code, str(page), "exec"), {"__name__": f"docs_tools_{page.stem.replace('-', '_')}"})
