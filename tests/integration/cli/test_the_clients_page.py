"""The example of docs/client.md, run as it stands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import andon.client
from tests.system import System

PAGE = Path(__file__).parents[3] / "docs" / "client.md"


def test_the_example_runs_as_it_stands(running: System, sales: Path) -> None:
    [code] = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    code = code.replace("http://127.0.0.1:8000", running.url).replace("report.json", "report.txt")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=sales.parent, env={**os.environ}, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, "Report is not currently generating\n"), done.stderr
    assert (sales.parent / "report.txt").stat().st_size > 0


def test_each_error_is_on_the_page() -> None:
    page = PAGE.read_text()
    errors = [name for name in andon.client.__all__ if isinstance(getattr(andon.client, name), type)]
    raised = [name for name in errors if issubclass(getattr(andon.client, name), Exception)]
    assert raised
    assert [name for name in raised if f"| `{name}` |" not in page] == []
