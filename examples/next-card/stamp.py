"""Note which sources the bundle was made of: `npm run example` in clients/typescript does, and a test compares."""

from __future__ import annotations

import hashlib
from pathlib import Path

HERE = Path(__file__).parent
CLIENT = HERE.parents[1] / "clients" / "typescript" / "src"
STAMP = HERE / "bundle" / "sources.sha256"


def sources() -> str:
    """A digest of all that goes into the bundle, but for what npm brings."""
    files = sorted([*HERE.glob("*.tsx"), *CLIENT.glob("*.ts")], key=lambda path: path.name)
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


if __name__ == "__main__":
    STAMP.write_text(sources() + "\n")
