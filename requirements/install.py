"""Install what a file of requirements locks, and show how far that is: `python requirements/install.py FILE`.

For the interpreter that runs it. On a terminal one line tells of the package that pip is at; elsewhere nothing is
said. What pip has said is shown where it fails.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

LOCKED = re.compile(r"^[\w.-]+(\[.*])?==", re.MULTILINE)
LOOKED_AT = re.compile(r"(?:Collecting|Ignoring|Requirement already satisfied:) ([\w.-]+)")
LAST_WORDS = 25


def main(file: str) -> int:
    """Run pip; its exit code."""
    total = len(LOCKED.findall(Path(file).read_text()))
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--progress-bar", "off"]
    command += ["--require-hashes", "-r", file]
    said, looked_at = [], 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip:
        assert pip.stdout is not None
        for line in pip.stdout:
            said.append(line)
            if found := LOOKED_AT.match(line):
                looked_at += 1
                show(f"  {min(looked_at, total)} of {total}: {found[1]}")
            elif line.startswith("Installing"):
                show("  unpacking them")
    show("")
    if pip.returncode:
        sys.stderr.writelines(said[-LAST_WORDS:])
    return pip.returncode


def show(text: str) -> None:
    """Show this in the place of what was shown before."""
    if sys.stdout.isatty():
        print(f"\r\x1b[K{text}", end="", flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1]))
    except KeyboardInterrupt:
        sys.exit(130)
