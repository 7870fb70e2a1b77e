"""`python -m andon_worker.nursery.checking MODULE...`: can these be served? Says so as JSON, and imports none itself.

A line `{"slow": sentence}` while an import takes long, then the answer in another:
`{"declared": [...], "failed": {module: why}, "unready": why}`. What the modules print goes to stderr. Unready is what
isn't their fault: a table that a function's row is to follow, and that somebody has to make first.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import psycopg

from andon.adapters.cel import check_expression
from andon.adapters.cron import check_schedule
from andon.adapters.postgres.subjects import subject_kinds
from andon.engine.declared.declarations import Declaration, to_json
from andon.engine.declared.functions import Registry
from andon.engine.errors import RegistrationError
from andon.settings import Settings
from andon_worker.nursery.starting import load_apart


def check(modules: Sequence[str], on_slow: Callable[[str], object]) -> dict[str, Any]:
    """What each module declares, or why it can't be served; one without a function is a mistake here."""
    loading = load_apart(modules, on_slow)
    empty = {
        module: f"module {module!r} has no function: decorate one with `@function(id=..., trigger=...)`, from andon"
        for module in modules
        if module not in loading.failed and module not in loading.serving
    }
    failed = {**loading.failed, **empty}
    return {
        "declared": [to_json(each) for each in loading.declared],
        "failed": failed,
        "unready": None if failed else _unready(loading.declared),
    }


def _unready(declared: Sequence[Declaration]) -> str | None:
    if not any(each.subject is not None and each.subject.row is not None for each in declared):
        return None
    registry = Registry(declared, check_expression=check_expression, check_schedule=check_schedule)
    with psycopg.connect(Settings.from_env(os.environ).database_url, autocommit=True) as connection:
        try:
            subject_kinds.check(connection, registry)
        except RegistrationError as error:
            return str(error)
    return None


def main(modules: list[str]) -> None:
    """Check, and answer on what was the standard output."""
    answer = os.dup(1)
    os.dup2(2, 1)
    with os.fdopen(answer, "w") as out:
        say = partial(print, file=out, flush=True)
        say(json.dumps(check(modules, lambda text: say(json.dumps({"slow": text})))))


if __name__ == "__main__":
    main(sys.argv[1:])
