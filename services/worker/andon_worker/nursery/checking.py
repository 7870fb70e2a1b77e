"""`python -m andon_worker.nursery.checking MODULE...`: can these be served? Says so as JSON, and imports none itself.

`{"declared": [...], "failed": {module: why}}`. What the modules print goes to stderr.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from andon.engine.declarations import to_json
from andon_worker.nursery.starting import load_apart


def check(modules: Sequence[str]) -> dict[str, Any]:
    """What each module declares, or why it can't be served; one without a function is a mistake here."""
    loading = load_apart(modules)
    empty = {
        module: f"module {module!r} has no function: decorate one with `@function(id=..., trigger=...)`, from andon"
        for module in modules
        if module not in loading.failed and module not in loading.serving
    }
    return {"declared": [to_json(each) for each in loading.declared], "failed": {**loading.failed, **empty}}


def main(modules: list[str]) -> None:
    """Check, and answer on what was the standard output."""
    answer = os.dup(1)
    os.dup2(2, 1)
    said = json.dumps(check(modules)).encode()
    with os.fdopen(answer, "wb") as out:
        out.write(said)


if __name__ == "__main__":
    main(sys.argv[1:])
