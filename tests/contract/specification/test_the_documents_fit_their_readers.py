"""The OpenAPI and AsyncAPI documents before the tools of their readers: linters, generators, type checkers."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from andon_api.routes import asyncapi
from tests.conftest import StartSystem
from tests.contract.openapi import current
from tests.contract.specification import tools
from tests.contract.specification.tools import HERE, ROOT, run

ROWS = "day,region,amount\n" + "".join(f"2026-01-{n % 28 + 1:02d},north,{n * 7919 % 1000}\n" for n in range(500))
STRICT = (
    "--noEmit --strict --exactOptionalPropertyTypes --noUncheckedIndexedAccess "
    "--target es2022 --module nodenext --skipLibCheck --types node"
)
OURS = ROOT / "clients" / "typescript"
EXAMPLE = ROOT / "examples" / "next-card"
TYPES = {"react": "@types/react", "react/*": "@types/react/*", "react-dom/*": "@types/react-dom/*"}


@pytest.fixture(scope="module")
def folder() -> Path:
    """Where both documents are, and their readers' tools."""
    made = tools.installed()
    (made / "openapi.json").write_text(json.dumps(current(), indent=1))
    (made / "asyncapi.json").write_text(json.dumps(asyncapi.document(), indent=1))
    (made / ".spectral.yaml").write_text('extends: ["spectral:oas", "spectral:asyncapi"]\n')
    (made / "pyrightconfig.json").write_text('{"typeCheckingMode": "standard"}')
    (made / "sales.csv").write_text(ROWS)
    for each in ("parse.mjs", "main_job.ts"):
        shutil.copy(HERE / each, made)
    return made


@pytest.mark.parametrize(
    "linter",
    [
        "redocly lint openapi.json",
        "spectral lint --fail-severity=error openapi.json asyncapi.json",
        "node parse.mjs",
    ],
)
def test_linters_find_no_error(folder: Path, linter: str) -> None:
    run(*linter.split(), cwd=folder)


def test_our_own_client_fits_the_document_and_the_example_fits_the_client(folder: Path) -> None:
    ours = folder / "client"
    shutil.copytree(OURS / "src", ours, dirs_exist_ok=True)
    run("openapi-typescript", "openapi.json", "-o", ours / "schema.ts", cwd=folder)
    ways = {"@andon/client": ours / "index.ts", "@andon/client/react": ours / "react.ts"}
    ways |= {name: folder / "node_modules" / to for name, to in TYPES.items()}
    made = {
        "extends": str(OURS / "tsconfig.json"),
        "compilerOptions": {"paths": {name: [str(way)] for name, way in ways.items()}, "typeRoots": []},
        "include": [str(ours), *(str(EXAMPLE / each) for each in ("*.tsx", "*.d.ts", "app"))],
    }
    (folder / "ours.json").write_text(json.dumps(made))
    run("tsc", "-p", "ours.json", cwd=folder)


def test_generated_clients_do_the_main_job_and_type_checkers_find_nothing(folder: Path, system: StartSystem) -> None:
    made = ("--path", "openapi.json", "--output-path", "andon_generated", "--meta", "none", "--overwrite")
    run(sys.executable, "-m", "openapi_python_client", "generate", *made, cwd=folder)
    shutil.copy(HERE / "main_job.py.txt", folder / "main_job.py")
    run(
        sys.executable,
        "-m",
        "basedpyright",
        "--pythonpath",
        sys.executable,
        "main_job.py",
        "andon_generated",
        cwd=folder,
    )
    run("openapi-typescript", "openapi.json", "-o", "schema.ts", cwd=folder)
    run("tsc", *STRICT.split(), "main_job.ts", cwd=folder)
    run("esbuild", "main_job.ts", "--bundle", "--platform=node", "--format=esm", "--outfile=main_job.mjs", cwd=folder)
    started = system()
    for job in ([sys.executable, "main_job.py"], ["node", "main_job.mjs"]):
        assert "tokened" in run(*job, started.url, "none", "sales.csv", cwd=folder)
