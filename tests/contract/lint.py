"""`make spec`: the documents before the linters that their readers use, which come from npm, outside of the project."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from andon_api.routes import asyncapi
from tests.contract.openapi import current

FOLDER = Path(".andon/spec")
PACKAGES = ("@redocly/cli@2", "@stoplight/spectral-cli@6", "@asyncapi/parser@3")
RULES = 'extends: ["spectral:oas", "spectral:asyncapi"]\n'
PARSE = """
const { Parser } = require("@asyncapi/parser");
const text = require("fs").readFileSync("asyncapi.json", "utf8");
new Parser().parse(text).then(({ diagnostics }) => {
  const errors = diagnostics.filter((each) => each.severity === 0);
  for (const each of errors) console.log(each.path.join("."), each.message);
  process.exit(errors.length ? 1 : 0);
});
"""
LINTERS = (
    ("npx", "--no-install", "redocly", "lint", "openapi.json"),
    ("npx", "--no-install", "spectral", "lint", "--fail-severity=error", "openapi.json", "asyncapi.json"),
    ("node", "parse.js"),
)


def main() -> int:
    """The number of linters that found an error."""
    if shutil.which("npm") is None:
        print("make spec needs node and npm: install them, and try again", file=sys.stderr)
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "openapi.json").write_text(json.dumps(current(), indent=1))
    (FOLDER / "asyncapi.json").write_text(json.dumps(asyncapi.document(), indent=1))
    (FOLDER / "package.json").write_text('{"private": true}')
    (FOLDER / ".spectral.yaml").write_text(RULES)
    (FOLDER / "parse.js").write_text(PARSE)
    subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--silent", *PACKAGES], cwd=FOLDER, check=True)
    return sum(subprocess.run(command, cwd=FOLDER).returncode != 0 for command in LINTERS)


if __name__ == "__main__":
    sys.exit(main())
