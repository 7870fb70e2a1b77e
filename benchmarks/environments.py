"""A virtual environment per peer under `.andon/bench`, installed from the registry at first use."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

FOLDER = Path(".andon/bench").resolve()


def python_of(name: str, packages: Sequence[str], npm_packages: Sequence[str] = ()) -> Path:
    """The interpreter of the environment `name`, which holds `packages`; those of npm are in its `node_modules`."""
    folder = FOLDER / name
    python = folder / "bin" / "python"
    stamp = folder / "packages.txt"
    wanted = "\n".join([*packages, *npm_packages])
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"installing {', '.join([*packages, *npm_packages])} into {folder}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run(
            [python, "-m", "pip", "--quiet", "--disable-pip-version-check", "install", *packages], check=True
        )
        if npm_packages:
            npm = ["npm", "install", "--silent", "--no-fund", "--no-audit", "--ignore-scripts", "--prefix", str(folder)]
            subprocess.run([*npm, *npm_packages], check=True)
        stamp.write_text(wanted)
    return python


def npm_versions(name: str, packages: Sequence[str]) -> dict[str, str]:
    """The versions of these npm packages in the environment `name`."""
    names = [requirement.rpartition("@")[0] for requirement in packages]
    folder = FOLDER / name / "node_modules"
    return {each: json.loads((folder / each / "package.json").read_text())["version"] for each in names}


def versions(python: Path, packages: Sequence[str]) -> dict[str, str]:
    """The versions that are installed of these requirements."""
    names = [requirement.split("[")[0].split("=")[0] for requirement in packages]
    code = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"
    shown = subprocess.run([python, "-c", code, *names], capture_output=True, text=True, check=True)
    return dict(zip(names, shown.stdout.split(), strict=True))
