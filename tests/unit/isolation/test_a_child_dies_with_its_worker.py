"""However a worker goes, its children go too."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.polling import wait_until
from tests.unit.isolation.test_a_child_always_stops import is_gone


def test_a_worker_that_is_killed_leaves_no_child_behind_even_one_in_c_code(tmp_path: Path) -> None:
    started = tmp_path / "started"
    root = Path(__file__).parents[3]
    worker = subprocess.Popen([sys.executable, "-m", "tests.unit.isolation.host", str(started)], cwd=root)
    try:
        wait_until(started.exists)
        child = int(started.read_text())
        assert not is_gone(child)
    finally:
        worker.kill()
        worker.wait()
    wait_until(lambda: is_gone(child), timeout=5)
