"""`andon-client`: the client by itself."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[3]
LIGHT = ROOT / "clients" / "python"
# As where only httpx is installed.
ALONE = """
import sys
sys.modules["andon"] = None
from andon_client import Andon, AsyncAndon, AndonApiError, Unreachable
assert issubclass(Unreachable, AndonApiError)
Andon("http://127.0.0.1").close()
AsyncAndon("http://127.0.0.1")
print(*sorted({name.partition(".")[0] for name in sys.modules} & {"alembic", "sqlalchemy", "redis", "typer"}))
"""


def test_it_is_of_the_same_version_and_needs_httpx_alone() -> None:
    whole, light = (tomllib.loads((each / "pyproject.toml").read_text()) for each in (ROOT, LIGHT))
    for key in ("version", "requires-python", "license"):
        assert light["project"][key] == whole["project"][key]
    [needed] = light["project"]["dependencies"]
    assert needed.startswith("httpx")
    assert needed in whole["project"]["dependencies"]


def test_its_files_work_without_the_rest(tmp_path: Path) -> None:
    light = tomllib.loads((LIGHT / "pyproject.toml").read_text())
    for source, target in light["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"].items():
        copy = shutil.copytree if (LIGHT / source).is_dir() else shutil.copy
        copy(LIGHT / source, tmp_path / target)
    done = subprocess.run([sys.executable, "-c", ALONE], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "\n"), done.stderr
