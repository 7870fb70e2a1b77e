"""The TypeScript client, its modules as they are written, in Node.js before an API that behaves as each test wants."""

from __future__ import annotations

import runpy

import pytest

from tests.contract.specification.tools import NODE, ROOT, run

CLIENT = ROOT / "clients" / "typescript"


@pytest.mark.parametrize("what", ["watching", "calling"])
def test_the_typescript_client(what: str) -> None:
    run(NODE, "--test", "--import", "./tests/sources.mjs", f"tests/{what}.test.mjs", cwd=CLIENT)


def test_the_examples_bundle_is_made_of_the_sources_that_are_here() -> None:
    stamp = runpy.run_path(str(ROOT / "examples" / "next-card" / "stamp.py"))
    assert stamp["STAMP"].read_text().strip() == stamp["sources"](), "run: npm run example, in clients/typescript"
