"""Where a disk is full, processes end as they would, and runs that write nothing go on."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from andon_worker.lane.scratch import Scratch
from tests.support.needs import needed

LEAVING = """
import threading
from andon.process import leave
threading.Thread(target=threading.Event().wait).start()
print("said")
leave(3)
"""


def test_a_process_leaves_with_its_code_though_nobody_takes_what_it_said() -> None:
    needed(Path("/dev/full").exists(), "no /dev/full: the system's, not a package's")
    env = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with open("/dev/full", "w") as full:
        assert subprocess.run([sys.executable, "-c", LEAVING], stdout=full, env=env, timeout=60).returncode == 3


def test_a_run_whose_folder_cannot_be_made_begins_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", os.fspath(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    (tmp_path / "full").touch()
    scratch = Scratch()
    scratch.enter(str(tmp_path / "full" / "lane"))
    with pytest.raises(OSError):
        Path(os.environ["TMPDIR"], "needed").touch()
    assert scratch.leave() == 0  # another folder for the next run
    scratch.enter(str(tmp_path / "lane"))
    assert os.environ["TMPDIR"] == str(tmp_path / "lane" / "1")
    assert os.path.isdir(os.environ["TMPDIR"])
