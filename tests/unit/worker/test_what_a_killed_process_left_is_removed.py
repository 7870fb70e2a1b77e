"""Scratch folders: each process has one, and removes those of such processes that were killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from andon.scratch import make_scratch, remove


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


def test_what_lies_deeper_than_python_and_a_path_can_go_is_removed_too(tmp_path: Path) -> None:
    deep = tmp_path / "deep"
    deep.mkdir()
    at = os.open(deep, os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("a-folder", dir_fd=at)
        below = os.open("a-folder", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(at)
    remove(deep)
    assert not deep.exists()


def test_what_was_protected_from_being_written_goes_too(tmp_path: Path) -> None:
    folder = tmp_path / "modules" / "package"
    folder.mkdir(parents=True)
    (folder / "file").write_text("text")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (folder / "link").symlink_to(elsewhere)
    elsewhere.chmod(0o500)
    for each in (folder.parent, folder, folder / "file"):
        os.chown(each, 65534, 65534) if os.geteuid() == 0 else None
        each.chmod(0o400 if each.is_file() else 0o000 if each == folder else 0o500)
    tmp_path.chmod(0o777)
    if (pid := os.fork()) == 0:  # to root nothing is protected
        os.chdir(tmp_path)
        os.setuid(65534) if os.geteuid() == 0 else None
        remove(Path("modules"))
        os._exit(0)
    assert os.waitpid(pid, 0) == (pid, 0)
    assert [each.name for each in tmp_path.iterdir()] == ["elsewhere"]
    assert elsewhere.stat().st_mode & 0o777 == 0o500
