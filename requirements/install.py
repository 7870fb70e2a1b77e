"""Install what a file of requirements locks, for the interpreter that runs this: `python requirements/install.py FILE`.

By uv, which takes a tenth of the time that pip takes. Where it can't be had, or can't reach the index that pip is told
of in a way of pip's own, pip does it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

UV = Path(__file__).parent / "uv.txt"
PATIENCE = {"UV_HTTP_TIMEOUT": "20", "UV_HTTP_RETRIES": "1"}
"""Seconds, and tries: pip is there, too."""


def main(file: str) -> int:
    """Its exit code."""
    return 0 if by_uv(file) else pip(file)


def by_uv(file: str) -> bool:
    """Whether all is installed."""
    if pip(str(UV), "--only-binary", ":all:"):
        return False
    installed = run("uv", "pip", "install", "--python", sys.executable, "--require-hashes", "-r", file) == 0
    if not installed:
        print("uv could not install everything; pip tries", file=sys.stderr)
    return installed


def pip(file: str, *options: str) -> int:
    """Its exit code."""
    return run("pip", "--disable-pip-version-check", "install", "--require-hashes", *options, "-r", file)


def run(module: str, *words: str) -> int:
    """Run a module's command; it shows how far it is on a terminal, and what fails anywhere."""
    quiet = [] if sys.stdout.isatty() else ["--quiet"]
    return subprocess.run([sys.executable, "-m", module, *words, *quiet], env={**PATIENCE, **os.environ}).returncode


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1]))
    except KeyboardInterrupt:
        sys.exit(130)
