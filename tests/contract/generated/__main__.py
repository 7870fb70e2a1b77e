"""The rest of `make spec`: clients that stock generators make do the main job, and type checkers find nothing.

openapi-python-client with mypy and pyright, openapi-typescript with tsc and openapi-fetch. They come from PyPI and npm,
into a folder of their own.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from andon.client import Andon
from andon.embedded.ports import free_port
from tests.contract.openapi import current
from tests.polling import wait_until

FOLDER = Path(".andon/spec")
HERE = Path(__file__).parent
PYTHON_TOOLS = ("openapi-python-client==0.*", "mypy", "pyright")
NODE_TOOLS = ("openapi-typescript@7", "openapi-fetch@0", "typescript@5", "esbuild@0", "@types/node@20")
STRICT = "--noEmit --strict --target es2022 --module nodenext --exactOptionalPropertyTypes --noUncheckedIndexedAccess"
ROWS = "day,region,amount\n" + "".join(f"2026-01-{n % 28 + 1:02d},north,{n * 7919 % 1000}\n" for n in range(500))


def do(*words: str | Path, cwd: Path) -> None:
    """Run a tool; what it finds ends this."""
    subprocess.run([str(word) for word in words], cwd=cwd, check=True)


def python_job(folder: Path) -> list[str]:
    """Generate, check; returns the words that do the job."""
    if not (folder / "venv").exists():
        venv.create(folder / "venv", with_pip=True)
        do(folder / "venv/bin/pip", "--quiet", "install", *PYTHON_TOOLS, cwd=folder)
    tools = folder / "venv/bin"
    made = ("--path", "openapi.json", "--output-path", "andon_generated", "--meta", "none", "--overwrite")
    do(tools / "openapi-python-client", "generate", *made, cwd=folder)
    shutil.copy(HERE / "main_job.py.txt", folder / "main_job.py")
    do(tools / "mypy", "--strict", "main_job.py", "andon_generated", cwd=folder)
    do(tools / "pyright", "--pythonpath", tools / "python", "main_job.py", "andon_generated", cwd=folder)
    return [str(tools / "python"), "main_job.py"]


def node_job(folder: Path) -> list[str]:
    """Generate, check; returns the words that do the job."""
    (folder / "package.json").write_text('{"private": true, "type": "module"}')
    do("npm", "install", "--no-audit", "--no-fund", "--silent", *NODE_TOOLS, cwd=folder)
    do("npx", "--no-install", "openapi-typescript", "openapi.json", "-o", "schema.ts", cwd=folder)
    shutil.copy(HERE / "main_job.ts", folder)
    do("npx", "--no-install", "tsc", *STRICT.split(), "main_job.ts", cwd=folder)
    built = ("--bundle", "--platform=node", "--format=esm", "--outfile=main_job.mjs")
    do("npx", "--no-install", "esbuild", "main_job.ts", *built, "--log-level=error", cwd=folder)
    return ["node", "main_job.mjs"]


def main() -> int:
    """0 when both clients have done the job."""
    jobs = []
    for name, make in (("python", python_job), ("node", node_job)):
        folder = (FOLDER / name).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "openapi.json").write_text(json.dumps(current()))
        (folder / "sales.csv").write_text(ROWS)
        jobs.append((make(folder), folder))
    port = free_port()
    with tempfile.TemporaryDirectory() as home:
        env = {**os.environ, "PORT": str(port), "ANDON_HOME": home}
        words = [sys.executable, "-m", "andon.cli", "dev", "-f", "andon_worker.functions"]
        url = f"http://127.0.0.1:{port}"
        with subprocess.Popen(words, env=env, stdout=subprocess.DEVNULL) as system, Andon(url) as andon:
            try:
                wait_until(andon.is_ready, 120, what=url)
                for job, folder in jobs:
                    do(*job, url, "none", "sales.csv", cwd=folder)
            finally:
                system.terminate()
    return 0


if __name__ == "__main__":
    sys.exit(main())
