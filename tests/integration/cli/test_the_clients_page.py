"""The examples of docs/client.md, run as they stand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import andon.client
from tests.support.system import System

PAGE = Path(__file__).parents[3] / "docs" / "client.md"


def ran(code: str, url: str, folder: Path) -> str:
    """What it has printed."""
    code = code.replace("http://127.0.0.1:8000", url).replace("report.json", "report.txt")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env={**os.environ}, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_examples_run_as_they_stand(running: System, sales: Path) -> None:
    blocking, awaited = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert ran(blocking, running.url, sales.parent) == "Report is not currently generating\n"
    assert (sales.parent / "report.txt").stat().st_size > 0
    # Nothing is before the end where the report was quick.
    *before, last = ran(awaited, running.url, sales.parent).splitlines()
    assert {line.split()[0] for line in before} <= {"generating"}
    assert last == "generated 1.0"


def test_each_error_is_on_the_page() -> None:
    page = PAGE.read_text()
    errors = [name for name in andon.client.__all__ if isinstance(getattr(andon.client, name), type)]
    raised = [name for name in errors if issubclass(getattr(andon.client, name), Exception)]
    assert raised
    assert [name for name in raised if f"| `{name}` |" not in page] == []
