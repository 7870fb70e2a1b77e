"""Scratch folders: each process has one, and removes those of such processes that were killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from andon.scratch import make_scratch


def test_those_of_the_dead_and_of_its_own_id_go_and_all_others_stay(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    for name in (
        f"andon-api-{dead.pid}-abc",
        f"andon-api-{os.getpid()}-abc",  # a container's processes have the ids of those that it had before
        f"andon-api-{os.getppid()}-abc",
        f"andon-lanes-{dead.pid}-abc",
        "andon-api-mine-abc",
        "notes",
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("text")
    made = make_scratch("api", tmp_path)
    assert made.is_dir()
    left = {each.name for each in tmp_path.iterdir()} - {made.name}
    assert left == {f"andon-api-{os.getppid()}-abc", f"andon-lanes-{dead.pid}-abc", "andon-api-mine-abc", "notes"}
