"""A virtual environment per peer under `.andon/bench`, installed from the registry at first use."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

FOLDER = Path(".andon/bench").resolve()


def python_of(name: str, packages: Sequence[str]) -> Path:
    """The interpreter of the environment `name`, which holds `packages`."""
    folder = FOLDER / name
    stamp = folder / "packages.txt"
    wanted = "\n".join(packages)
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"installing {', '.join(packages)} into {folder}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip: list[str | Path] = [
            folder / "bin" / "python",
            "-m",
            "pip",
            "--quiet",
            "--disable-pip-version-check",
            "install",
        ]
        subprocess.run([*pip, *packages], check=True)
        stamp.write_text(wanted)
    return folder / "bin" / "python"


def versions(python: Path, packages: Sequence[str]) -> dict[str, str]:
    """The versions that are installed of these requirements."""
    names = [requirement.split("[")[0].split("=")[0] for requirement in packages]
    code = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"
    shown = subprocess.run([python, "-c", code, *names], capture_output=True, text=True, check=True)
    return dict(zip(names, shown.stdout.split(), strict=True))
